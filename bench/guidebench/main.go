//go:build linux

// Command guidebench measures the times of the guide on this machine: start,
// service to DNS answer, crash to DNS answer, memory. It runs the real binary on
// a scratch data directory, with real containers, and asks DNS from an
// interface inside the VPC, as a task would.
//
// Every figure is the median of -n runs with its least and its largest; goals
// are printed beside what was measured, also where they are missed.
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

// options are the flags.
type options struct {
	binary   string
	runs     int
	changes  int
	write    string
	calm     float64
	patience time.Duration
	keepLog  bool
}

func main() {
	var o options
	write := flag.Bool("write", false, "put the table into docs/benchmarks.md")
	flag.StringVar(&o.binary, "bin", "bin/seamark", "the Seamark to measure")
	flag.IntVar(&o.runs, "n", 20, "runs of each measurement")
	flag.IntVar(&o.changes, "changes", 200, "changes of the registry to measure")
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
		fmt.Fprintln(os.Stderr, "bench/guide:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("containers and network namespaces need root")
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	rig.WaitForCalm(ctx, o.calm, o.patience, out)
	r := &report{machine: rig.Describe(ctx, o.binary), runs: o.runs}
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
	return rig.ReplaceSection(o.write, "guide", text)
}

// measureAll runs every measurement, on one data directory but for the first
// starts.
func measureAll(ctx context.Context, o options, r *report, out io.Writer) (err error) {
	step := func(name string) { fmt.Fprintf(out, "measuring: %s\n", name) }
	step("first starts")
	if err := measureFirstStarts(ctx, o, r); err != nil {
		return fmt.Errorf("first starts: %w", err)
	}
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
	if _, err := s.Up(ctx); err != nil {
		return err
	}
	if err := s.AwaitImage(ctx, "nginx"); err != nil {
		return err
	}
	step("starts")
	if err := measureColdStarts(ctx, o, s, r); err != nil {
		return fmt.Errorf("starts: %w", err)
	}
	step("idle memory")
	if err := r.memoryOf(ctx, s, "idle, no VPC, no task"); err != nil {
		return err
	}
	st, err := build(ctx, s)
	if err != nil {
		return fmt.Errorf("set the stage: %w", err)
	}
	step("services and crashes")
	if err := measureServices(ctx, o, st, r); err != nil {
		return fmt.Errorf("services: %w", err)
	}
	step("the registry")
	if err := measureRegistry(ctx, o, st, r); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	step("restarts of the data plane and of the control plane under a running service")
	if err := measureRestarts(ctx, o, st, r); err != nil {
		return fmt.Errorf("restarts: %w", err)
	}
	return nil
}
