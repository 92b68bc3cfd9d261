//go:build linux

package main

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"seamark/bench/registry"
	"seamark/bench/rig"
)

// round is one measurement of a rate.
type round struct {
	requests int
	took     time.Duration
	cpu      rig.CPU
}

func (r round) perSecond() float64 { return float64(r.requests) / r.took.Seconds() }

// count makes n calls, a number of them at a time, each of those on a
// connection of its own.
func (st *stage) count(ctx context.Context, n, atATime int, call func(c *registry.Client, number int) error) (round, error) {
	var next atomic.Int64
	return st.load(ctx, atATime, func(c *registry.Client) (int, error) {
		for made := 0; ; made++ {
			number := int(next.Add(1)) - 1
			if number >= n || ctx.Err() != nil {
				return made, ctx.Err()
			}
			if err := call(c, number); err != nil {
				return made, err
			}
		}
	})
}

// last calls without pause for a time.
func (st *stage) last(ctx context.Context, d time.Duration, atATime int, call func(c *registry.Client) error) (round, error) {
	end := time.Now().Add(d)
	return st.load(ctx, atATime, func(c *registry.Client) (int, error) {
		for made := 0; ; made++ {
			if !time.Now().Before(end) || ctx.Err() != nil {
				return made, ctx.Err()
			}
			if err := call(c); err != nil {
				return made, err
			}
		}
	})
}

// load runs work on a number of connections and adds up what it did.
func (st *stage) load(ctx context.Context, connections int, work func(c *registry.Client) (requests int, err error)) (round, error) {
	var r round
	// The client shares the cores with what it measures. One thread is enough for it,
	// and costs a quarter less for a request of DiscoverInstances than two, each of
	// which looks for work when it has none.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	before, err := st.instance.CPU(ctx)
	if err != nil {
		return r, err
	}
	var requests atomic.Int64
	begin := time.Now()
	var g errgroup.Group
	for range connections {
		g.Go(func() error {
			return st.withClient(func(c *registry.Client) error {
				n, err := work(c)
				requests.Add(int64(n))
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return r, err
	}
	r.took, r.requests = time.Since(begin), int(requests.Load())
	after, err := st.instance.CPU(ctx)
	if err != nil {
		return r, err
	}
	r.cpu = after.Since(before)
	return r, nil
}
