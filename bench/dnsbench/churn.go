//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"seamark/bench/rig"
)

// churnOptions are the flags of the second part.
type churnOptions struct {
	services, each int
	changes        int // registrations and deregistrations a second
	probes         int // queries a second
	windows        int
	window         time.Duration
}

func (c *churnOptions) flags() {
	flag.IntVar(&c.services, "services", 5000, "services of the second part")
	flag.IntVar(&c.each, "each", 20, "instances of each of them")
	flag.IntVar(&c.changes, "changes", 1000, "registrations and deregistrations per second")
	flag.IntVar(&c.probes, "probes", 1000, "queries per second whose time is taken")
	flag.IntVar(&c.windows, "windows", 7, "windows without and with changes; 0: no second part")
	flag.DurationVar(&c.window, "window", 4*time.Second, "length of a window")
}

// goalChurn is how much the 99th percentile of answers may rise.
const goalChurn = 1.20

// window is what was seen in one window.
type window struct {
	observed
	changes int64
	plane   usage // CPU time of the data plane
	control usage
	took    time.Duration
}

// measureChurn fills a registry and asks while it changes, and while it does not.
func measureChurn(ctx context.Context, o options, text, out io.Writer) (err error) {
	c := o.churn
	fmt.Fprintf(out, "Seamark: registering %d instances of %d services\n", c.services*c.each, c.services)
	s, err := startSeamark(ctx, o.Binary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	began := time.Now()
	ids, err := s.fill(ctx, "web", c.services, c.each)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "registered in %v\n", time.Since(began).Round(time.Millisecond))
	if err := s.await(ctx); err != nil {
		return err
	}
	var quiet, busy []window
	for i := range c.windows {
		for _, changes := range []int{0, c.changes} {
			w, err := s.watch(ctx, c, ids, changes)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "window %d: %5.0f changes/s, p50 %v, p99 %v, %d lost, data plane %.1f %% of a core, control plane %.1f %%\n",
				i+1, float64(w.changes)/w.took.Seconds(), percentile(w.Times, 0.5), percentile(w.Times, 0.99), w.Lost,
				share(w.plane, w.took), share(w.control, w.took))
			if changes == 0 {
				quiet = append(quiet, w)
			} else {
				busy = append(busy, w)
			}
		}
	}
	_, err = io.WriteString(text, churnText(c, quiet, busy))
	return err
}

func share(u usage, of time.Duration) float64 { return 100 * u.total().Seconds() / of.Seconds() }

// watch takes the times of answers for a window, with so many changes a second.
func (s *seamark) watch(ctx context.Context, c churnOptions, ids []string, changes int) (w window, err error) {
	before, err := s.cpu()
	if err != nil {
		return w, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var changing sync.WaitGroup
	var done atomic.Int64
	failed := make(chan error, inFlight)
	if changes > 0 {
		every := time.Second * inFlight / time.Duration(changes)
		for i := range inFlight {
			changing.Go(func() { failed <- s.change(ctx, every, ids, i, &done) })
		}
	}
	began := time.Now()
	w.observed, err = probe(s.inside, course{Server: s.session.Resolver, Services: c.services, Rate: c.probes, Count: int(c.window.Seconds() * float64(c.probes))})
	w.took = time.Since(began)
	w.changes = done.Load()
	stop()
	changing.Wait()
	close(failed)
	for f := range failed {
		err = errors.Join(err, f)
	}
	if err != nil {
		return w, err
	}
	after, err := s.cpu()
	w.plane, w.control = after[0].minus(before[0]), after[1].minus(before[1])
	return w, err
}

// cpu is what the data plane and the control plane have used.
func (s *seamark) cpu() ([2]usage, error) {
	all, err := processes()
	if err != nil {
		return [2]usage{}, err
	}
	var out [2]usage
	for _, p := range all {
		switch p.pid {
		case s.pid:
			out[0] = p.used
		case s.control:
			out[1] = p.used
		}
	}
	return out, nil
}

// change registers an instance and takes it out again, one service after the
// other.
func (s *seamark) change(ctx context.Context, every time.Duration, ids []string, from int, done *atomic.Int64) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	name := fmt.Sprintf("extra-%d", from)
	for i := from; ; i += inFlight {
		service := ids[i%len(ids)]
		for _, step := range []func(context.Context) error{
			func(ctx context.Context) error { return s.register(ctx, service, name, address(from, 200)) },
			func(ctx context.Context) error { return s.deregister(ctx, service, name) },
		} {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil // the window is over
			}
			if err := step(context.WithoutCancel(ctx)); err != nil {
				return err
			}
			done.Add(1)
		}
	}
}

// churnText is the second part of the report.
func churnText(c churnOptions, quiet, busy []window) string {
	var table strings.Builder
	table.WriteString("\n| | changes per second | p50 | p99 | spread of p99 | lost | data plane, % of a core | control plane |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	var p99 [2][]float64
	for i, all := range [][]window{quiet, busy} {
		var p50, rates, plane, control []float64
		lost := 0
		for _, w := range all {
			p50 = append(p50, microseconds(percentile(w.Times, 0.5)))
			p99[i] = append(p99[i], microseconds(percentile(w.Times, 0.99)))
			rates = append(rates, float64(w.changes)/w.took.Seconds())
			plane, control = append(plane, share(w.plane, w.took)), append(control, share(w.control, w.took))
			lost += w.Lost
		}
		fmt.Fprintf(&table, "| %s | %.0f | %.0f µs | **%.0f µs** | %s | %d | %.1f | %.1f |\n", []string{"quiet", "changing"}[i],
			median(rates), median(p50), median(p99[i]), spread(p99[i], "%.0f"), lost, median(plane), median(control))
	}
	rise := median(p99[1]) / median(p99[0])
	return fmt.Sprintf("\nChanges of the registry: %d instances of %d services, %d queries a second one after the other; %d windows of %v without and with changes, through the API.\n"+
		"What is measured is the server, not how long the asker waits for a core beside the client that makes the changes: in both kinds of windows the asker is a process of its own with\n"+
		"nice -20, and a time runs from just before a query is sent until the kernel has the answer at the asker's socket (SO_TIMESTAMPNS).\n%s\n- The p99 with changes is %.2f times that without (goal < %.2f: %s).\n",
		c.services*c.each, c.services, c.probes, c.windows, c.window, table.String(), rise, goalChurn, rig.Verdict(rise < goalChurn))
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
