//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"time"
)

// course is what an asker is to do: one query after the other at even times.
type course struct {
	Server   netip.AddrPort
	Services int // names to draw from
	Rate     int // queries a second
	Count    int
}

// observed is what an asker has seen.
type observed struct {
	Times []time.Duration
	Lost  int
}

// askCommand is the argument by which the benchmark runs itself as an asker; the
// next one is its course.
const askCommand = "ask"

// probe takes the times of answers from inside a namespace. The asker is a
// process of its own, so that neither the clients that change the registry nor
// their garbage collection hold it up; it ends with this process.
func probe(inside *os.File, c course) (observed, error) {
	var out observed
	text, err := json.Marshal(c)
	if err != nil {
		return out, err
	}
	program, err := os.Executable()
	if err != nil {
		return out, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, askCommand, string(text))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	l := newLauncher()
	defer l.close()
	if err := l.start(inside, cmd); err != nil {
		return out, err
	}
	if err := cmd.Wait(); err != nil {
		return out, fmt.Errorf("asker: %w\n%s", err, stderr.Bytes())
	}
	return out, json.Unmarshal(stdout.Bytes(), &out)
}

// percentile is the time that a share of all does not exceed.
func percentile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
