//go:build linux

package rig

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
)

// Options are the flags that all benchmarks have.
type Options struct {
	Binary string // the Seamark to measure; an absolute path once Main has begun

	write    bool
	log      bool
	calm     float64
	patience time.Duration
}

// Main is the main function of the benchmark whose section of docs/benchmarks.md
// has that name: it reads the flags, which the benchmark may have added to, waits
// for a calm machine, measures, and prints the report, below what the machine is.
// SIGINT, SIGTERM and SIGHUP end the context of measure.
func Main(section string, o *Options, measure func(ctx context.Context, out io.Writer) (report string, err error)) {
	flag.StringVar(&o.Binary, "bin", "bin/seamark", "the Seamark to measure")
	flag.BoolVar(&o.log, "log", false, "print the measured Seamark's log at its end")
	flag.BoolVar(&o.write, "write", false, "put the report into docs/benchmarks.md")
	flag.Float64Var(&o.calm, "calm", 1.5, "load average to wait for before measuring")
	flag.DurationVar(&o.patience, "patience", 0, "how long to wait for that load average")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, section, o, os.Stdout, measure)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench/%s: %v\n", section, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, section string, o *Options, out io.Writer, measure func(context.Context, io.Writer) (string, error)) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("containers and network namespaces need root")
	}
	if o.Binary, err = filepath.Abs(o.Binary); err != nil {
		return err
	}
	waitForCalm(ctx, o.calm, o.patience, out)
	m := describe(ctx, o.Binary)
	fmt.Fprintln(out, m)
	report, err := measure(ctx, out)
	if err != nil {
		return err
	}
	m.loadAfter = load()
	report = m.markdown() + report
	fmt.Fprint(out, "\n", report)
	if !o.write {
		return nil
	}
	return replaceSection(filepath.Join("docs", "benchmarks.md"), section, report)
}

// OnInstance measures on a new instance, which does not run yet, and removes it.
func (o *Options) OnInstance(ctx context.Context, out io.Writer, measure func(*Instance) error) error {
	s, err := NewInstance(o.Binary)
	if err != nil {
		return err
	}
	err = measure(s)
	if o.log {
		fmt.Fprint(out, s.LogText())
	}
	return errors.Join(err, s.Remove(context.WithoutCancel(ctx)))
}
