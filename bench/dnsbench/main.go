//go:build linux

// Command dnsbench compares Seamark's resolver with CoreDNS, Knot, NSD, BIND
// and Unbound on this machine: the same zone and the same queries, each server
// in a network namespace of its own, asked by dnsperf through a veth as a task
// would ask. Seamark is the real binary with its shipped defaults; its zone
// comes about through its API. Then it measures what changes of the registry
// cost those who ask.
//
// A server that is not installed is reported as absent. What the benchmark
// makes has no names and ends with it, also when it is killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"seamark/bench/rig"
)

// options are the flags.
type options struct {
	rig.Options
	dnsperf, peers       string
	rounds               int
	duration             time.Duration
	clients, outstanding int
	only, also           string
	churn                churnOptions
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == askCommand {
		if err := ask(os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.peers, "peers", "bin/peers", "directory of servers that are not installed in the system")
	flag.IntVar(&o.rounds, "n", 7, "rounds of the comparison; 0: none")
	flag.DurationVar(&o.duration, "time", 2*time.Second, "how long dnsperf asks a server in one round")
	flag.IntVar(&o.clients, "clients", 8, "sockets that dnsperf asks from")
	flag.IntVar(&o.outstanding, "outstanding", 200, "queries that dnsperf has under way")
	flag.StringVar(&o.only, "only", "", "comma-separated names of the servers to compare with (default: all)")
	flag.StringVar(&o.also, "also", "", "comma-separated other builds of Seamark, compared in the same rounds by their files' names")
	o.churn.flags()
	rig.Main("dns", &o.Options, func(ctx context.Context, out io.Writer) (string, error) { return bench(ctx, o, out) })
}

func bench(ctx context.Context, o options, out io.Writer) (report string, err error) {
	if o.dnsperf, err = exec.LookPath("dnsperf"); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "seamark-bench-dns-")
	if err != nil {
		return "", err
	}
	l := newLauncher()
	defer func() {
		l.close()
		err = errors.Join(err, os.RemoveAll(scratch))
	}()
	var text strings.Builder
	if o.rounds > 0 {
		if err := measureServers(ctx, l, o, scratch, &text, out); err != nil {
			return "", err
		}
	}
	if o.churn.windows > 0 {
		if err := measureChurn(ctx, o, &text, out); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}

// measureServers starts all servers, compares them, and ends them.
func measureServers(ctx context.Context, l *launcher, o options, scratch string, text io.Writer, out io.Writer) (err error) {
	queryFile := filepath.Join(scratch, "queries")
	f, err := os.Create(queryFile)
	if err != nil {
		return err
	}
	if err := errors.Join(writeQueries(f), f.Close()); err != nil {
		return err
	}
	var servers []*server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.close())
		}
	}()
	for _, binary := range append([]string{o.Binary}, split(o.also)...) {
		fmt.Fprintf(out, "%s: registering %d instances of %d services\n", binary, names*instances, names)
		s, err := filledSeamark(ctx, binary)
		if err != nil {
			return err
		}
		if len(servers) > 0 {
			s.name = filepath.Base(binary)
		}
		servers = append(servers, s)
	}
	notes, err := startPeers(ctx, l, o, scratch, &servers, out)
	if err != nil {
		return err
	}
	results, err := compare(ctx, l, o, servers, queryFile, out)
	if err != nil {
		return err
	}
	_, err = io.WriteString(text, comparison(o, notes, results))
	return err
}

// filledSeamark starts a build of Seamark with the zone.
func filledSeamark(ctx context.Context, binary string) (_ *server, err error) {
	s, err := startSeamark(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if _, err := s.fill(ctx, "web", names, instances); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	out := s.server()
	out.close = func() error { return s.close(ctx) }
	return out, nil
}

// split is strings.Split, but nothing for an empty list.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// startPeers adds to servers each peer twice, once for each size of answers,
// and returns their versions, or that they are absent.
func startPeers(ctx context.Context, l *launcher, o options, scratch string, servers *[]*server, out io.Writer) ([]string, error) {
	var notes []string
	for _, p := range peers() {
		if o.only != "" && !slices.Contains(split(o.only), p.name) {
			continue
		}
		path, err := find(p.program, o.peers)
		if err != nil {
			notes = append(notes, p.name+": absent")
			fmt.Fprintf(out, "%s is absent: %v\n", p.name, err)
			continue
		}
		notes = append(notes, versionOf(ctx, path, p.version))
		fmt.Fprintf(out, "starting %s\n", notes[len(notes)-1])
		for _, perName := range []int{answered, instances} {
			s, err := p.start(ctx, l, path, scratch, perName)
			if err != nil {
				return nil, err
			}
			*servers = append(*servers, s)
		}
	}
	return notes, nil
}

// comparison is the first part of the report.
func comparison(o options, notes []string, results []*result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d names of %d instances; %d rounds of %v for each server, on %d cores that dnsperf shares (%d sockets, %d queries under way, EDNS0).\n",
		names, instances, o.rounds, o.duration, runtime.NumCPU(), o.clients, o.outstanding)
	fmt.Fprintf(&b, "Others: %s.\n\n%s\n", strings.Join(notes, "; "), table(results))
	for _, records := range []int{answered, instances} {
		r, ok := compareAt(results, records)
		if !ok {
			continue
		}
		fmt.Fprintf(&b, "- Against %d records: %.2f times the CPU of %s, the best server in C (goal ≤ %.2f: %s)", records, r.toBest, r.best, goalBest, rig.Verdict(r.toBest <= goalBest))
		if r.coreDNS > 0 {
			fmt.Fprintf(&b, "; %.2f times CoreDNS's queries per CPU second (goal ≥ %.1f: %s)", r.coreDNS, goalCoreDNS, rig.Verdict(r.coreDNS >= goalCoreDNS))
		}
		fmt.Fprintln(&b, ".")
	}
	return b.String()
}
