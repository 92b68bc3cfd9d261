//go:build linux

// Command discoverybench measures registration and discovery on this machine:
// how fresh DNS is, how many requests Cloud Map's API takes, what 100,000
// instances need, and what a crash costs. It runs the real binary on a scratch
// data directory with its real engine and VPC network, and asks DNS through a
// veth, as a task would. All requests are signed and verified.
//
// Goals are printed beside what was measured, also where they are missed. CPU
// time stands beside each rate: on a machine with other work the rate says
// little, the time still does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"seamark/bench/rig"
)

// options are the flags. Sizes below the defaults are for trying the benchmark out.
type options struct {
	binary    string
	rounds    int
	changes   int
	instances int
	restarts  int
	kills     int
	lasts     time.Duration
	calm      float64
	patience  time.Duration
	write     string
	keepLog   bool
}

func main() {
	var o options
	write := flag.Bool("write", false, "put the tables into docs/benchmarks.md")
	flag.StringVar(&o.binary, "bin", "bin/seamark", "the Seamark to measure")
	flag.IntVar(&o.rounds, "n", 3, "rounds of each rate")
	flag.IntVar(&o.changes, "changes", 1000, "changes whose way to DNS is measured")
	flag.IntVar(&o.instances, "instances", 100_000, "instances of the full registry")
	flag.IntVar(&o.restarts, "restarts", 5, "kills of the control plane with the full registry")
	flag.IntVar(&o.kills, "kills", 50, "kills amid registrations")
	flag.DurationVar(&o.lasts, "lasts", 3*time.Second, "how long each round of DiscoverInstances lasts")
	flag.Float64Var(&o.calm, "calm", 1.5, "load average to wait for before measuring")
	flag.DurationVar(&o.patience, "patience", 0, "how long to wait for that load average")
	flag.BoolVar(&o.keepLog, "log", false, "print the measured Seamark's log at the end")
	flag.Parse()
	if *write {
		o.write = filepath.Join("docs", "benchmarks.md")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/discovery:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("containers and network namespaces need root")
	}
	if o.instances < first {
		return fmt.Errorf("-instances: at least %d", first)
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	rig.WaitForCalm(ctx, o.calm, o.patience, out)
	r := &report{machine: rig.Describe(ctx, o.binary)}
	fmt.Fprintln(out, r.machine)
	if err := measureAll(ctx, o, r, out); err != nil {
		return err
	}
	r.machine.Over()
	text := r.markdown()
	fmt.Fprint(out, "\n", text)
	if o.write == "" {
		return nil
	}
	return rig.ReplaceSection(o.write, "discovery", text)
}

// step is one part of the measurement.
type step struct {
	name string
	do   func(context.Context, options, *stage, *report) error
}

func measureAll(ctx context.Context, o options, r *report, out io.Writer) error {
	err := onInstance(ctx, o, out, []step{
		{"registrations", measureBulk},
		{"freshness", measureFreshness},
		{"DiscoverInstances", measureDiscover},
		{"the full registry", measureSize},
		{"restarts with the full registry", measureRestarts},
	}, r)
	if err != nil {
		return err
	}
	return onInstance(ctx, o, out, []step{{"kills amid registrations", measureKills}}, r)
}

// onInstance takes the steps one after the other on a new instance.
func onInstance(ctx context.Context, o options, out io.Writer, steps []step, r *report) (err error) {
	s, err := rig.NewInstance(o.binary)
	if err != nil {
		return err
	}
	defer func() {
		if o.keepLog {
			fmt.Fprint(out, s.LogText())
		}
		err = errors.Join(err, s.Remove(context.WithoutCancel(ctx)))
	}()
	st, err := build(ctx, s)
	if err != nil {
		return fmt.Errorf("set the stage: %w", err)
	}
	for _, p := range steps {
		fmt.Fprintf(out, "measuring: %s\n", p.name)
		begin := time.Now()
		if err := p.do(ctx, o, st, r); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(out, "  took %s\n", rig.Short(time.Since(begin)))
	}
	return nil
}
