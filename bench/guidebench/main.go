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
	"flag"
	"fmt"
	"io"

	"seamark/bench/rig"
)

// options are the flags.
type options struct {
	rig.Options
	runs    int
	changes int
}

func main() {
	var o options
	flag.IntVar(&o.runs, "n", 20, "runs of each measurement")
	flag.IntVar(&o.changes, "changes", 200, "changes of the registry to measure")
	rig.Main("guide", &o.Options, func(ctx context.Context, out io.Writer) (string, error) {
		r := &report{}
		if err := measureAll(ctx, o, r, out); err != nil {
			return "", err
		}
		return r.markdown(), nil
	})
}

// measureAll runs every measurement, on one data directory but for the first
// starts.
func measureAll(ctx context.Context, o options, r *report, out io.Writer) error {
	step := func(name string) { fmt.Fprintf(out, "measuring: %s\n", name) }
	step("first starts")
	if err := measureFirstStarts(ctx, o, r); err != nil {
		return fmt.Errorf("first starts: %w", err)
	}
	return o.OnInstance(ctx, out, func(s *rig.Instance) error { return measureOn(ctx, o, s, r, step) })
}

// measureOn runs the measurements on one instance.
func measureOn(ctx context.Context, o options, s *rig.Instance, r *report, step func(name string)) error {
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
