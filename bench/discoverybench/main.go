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
	"flag"
	"fmt"
	"io"
	"time"

	"seamark/bench/rig"
)

// options are the flags. Sizes below the defaults are for trying the benchmark out.
type options struct {
	rig.Options
	rounds    int
	changes   int
	instances int
	restarts  int
	kills     int
	lasts     time.Duration
	only      string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "n", 3, "rounds of each rate")
	flag.IntVar(&o.changes, "changes", 1000, "changes whose way to DNS is measured")
	flag.IntVar(&o.instances, "instances", 100_000, "instances of the full registry")
	flag.IntVar(&o.restarts, "restarts", 5, "kills of the control plane with the full registry")
	flag.IntVar(&o.kills, "kills", 50, "kills amid registrations")
	flag.DurationVar(&o.lasts, "lasts", 3*time.Second, "how long each round of DiscoverInstances lasts")
	flag.StringVar(&o.only, "only", "", "measure the steps of this name alone, as \"registrations\"")
	rig.Main("discovery", &o.Options, func(ctx context.Context, out io.Writer) (string, error) {
		if o.instances < first {
			return "", fmt.Errorf("-instances: at least %d", first)
		}
		r := &report{}
		if err := measureAll(ctx, o, r, out); err != nil {
			return "", err
		}
		return r.markdown(), nil
	})
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
func onInstance(ctx context.Context, o options, out io.Writer, steps []step, r *report) error {
	return o.OnInstance(ctx, out, func(s *rig.Instance) error {
		st, err := build(ctx, s)
		if err != nil {
			return fmt.Errorf("set the stage: %w", err)
		}
		for _, p := range steps {
			if o.only != "" && o.only != p.name {
				continue
			}
			fmt.Fprintf(out, "measuring: %s\n", p.name)
			begin := time.Now()
			if err := p.do(ctx, o, st, r); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			fmt.Fprintf(out, "  took %s\n", rig.Short(time.Since(begin)))
		}
		return nil
	})
}
