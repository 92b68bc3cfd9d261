//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// goalMemory is the goal for Seamark's own processes, idle: the sum of RSS in bytes, the strictest reading.
const goalMemory = 180_000_000

// process is the memory of processes of one kind.
type process struct {
	kind  string
	count int
	// In bytes. dirty is what the processes have written to and share with
	// nobody: what one more of them costs.
	rss, pss, dirty int64
}

func (p *process) add(o process) {
	p.count, p.rss, p.pss, p.dirty = p.count+o.count, p.rss+o.rss, p.pss+o.pss, p.dirty+o.dirty
}

// memory is one look at all of them.
type memory struct {
	when      string
	processes []process
	goal      bool
}

// settle is how long memory is left alone before it is read: two of Go's
// forced collections would take longer, and an idle Seamark has to do without.
const settle = 10 * time.Second

// memoryOf reads the memory of the instance's own processes: not of the
// containers'.
func (r *report) memoryOf(ctx context.Context, s *instance, when string) error {
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	st, err := s.status(ctx)
	if err != nil {
		return err
	}
	kinds := map[int]string{st.PID: "control plane"}
	if st.DataPlane != nil {
		kinds[st.DataPlane.PID] = "data plane"
	}
	if st.Engine != nil {
		kinds[st.Engine.PID] = "containerd"
	}
	if err := addHelpers(kinds, "seamark-"+st.InstanceID); err != nil {
		return err
	}
	m := memory{when: when, goal: len(r.memory) == 0}
	for _, kind := range []string{"control plane", "data plane", "containerd", "shim", "logger"} {
		p := process{kind: kind}
		for pid, k := range kinds {
			if k != kind {
				continue
			}
			one, err := rollup(pid)
			if err != nil {
				return err
			}
			p.add(one)
		}
		m.processes = append(m.processes, p)
	}
	r.memory = append(r.memory, m)
	return nil
}

// addHelpers finds the shims and loggers of an instance: the containerd
// namespace is on their command lines or in their environment.
func addHelpers(kinds map[int]string, namespace string) error {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || err != nil && len(b) == 0 {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(bytes.TrimRight(b, "\x00")), "\x00")
		ours := slices.Contains(args, namespace) || bytes.Contains(env, []byte("="+namespace+"\x00"))
		switch {
		case !ours || kinds[pid] != "":
		case strings.HasSuffix(args[0], "containerd-shim-runc-v2"):
			kinds[pid] = "shim"
		case slices.Contains(args, "logger"):
			kinds[pid] = "logger"
		}
	}
	return nil
}

// rollup reads a process's memory.
func rollup(pid int) (process, error) {
	p := process{count: 1}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		switch {
		case err != nil:
		case f[0] == "Rss:":
			p.rss = n << 10
		case f[0] == "Pss:":
			p.pss = n << 10
		case f[0] == "Private_Dirty:":
			p.dirty = n << 10
		}
	}
	return p, nil
}
