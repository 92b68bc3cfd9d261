//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"
)

// run is one server asked once for a while.
type run struct {
	load   load
	server usage         // CPU time of the server's processes
	client time.Duration // and of dnsperf
}

// dnsperf asks a server with the query file.
func (s *server) dnsperf(ctx context.Context, l *launcher, o options, queryFile string) (run, error) {
	before, err := used(s.pid)
	if err != nil {
		return run{}, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, o.dnsperf,
		"-s", s.address.Addr().String(), "-p", strconv.Itoa(int(s.address.Port())), "-d", queryFile, "-e",
		"-c", strconv.Itoa(o.clients), "-q", strconv.Itoa(o.outstanding), "-l", strconv.FormatFloat(o.duration.Seconds(), 'f', -1, 64))
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := l.start(s.client, cmd); err != nil {
		return run{}, err
	}
	if err := cmd.Wait(); err != nil {
		return run{}, fmt.Errorf("dnsperf: %w\n%s", err, out.Bytes())
	}
	after, err := used(s.pid)
	if err != nil {
		return run{}, err
	}
	r := run{server: after.minus(before), client: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if r.load, err = parseLoad(out.String()); err != nil {
		return run{}, err
	}
	return r, r.load.check()
}

// compare runs all servers one after the other, again and again. Each round
// begins with another one, so that none always follows the same.
func compare(ctx context.Context, l *launcher, o options, servers []*server, queryFile string, out io.Writer) ([]*result, error) {
	results := make([]*result, len(servers))
	for i, s := range servers {
		results[i] = &result{name: s.name, records: s.records, inC: s.inC}
	}
	for round := range o.rounds {
		for k := range servers {
			i := (k + round) % len(servers)
			r, err := servers[i].dnsperf(ctx, l, o, queryFile)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", servers[i].name, err), ctx.Err())
			}
			results[i].add(r)
			fmt.Fprintf(out, "round %d: %-8s %2d records: %5.2f µs CPU per query (user %.2f), %7.0f queries/s\n",
				round+1, servers[i].name, servers[i].records, results[i].last(), micros(r.server.user, r.load.completed), r.load.perSecond)
		}
	}
	return results, nil
}

func micros(d time.Duration, queries int64) float64 {
	return float64(d) / float64(time.Microsecond) / float64(queries)
}
