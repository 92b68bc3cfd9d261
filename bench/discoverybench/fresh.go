//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"seamark/bench/registry"
	"seamark/bench/rig"
)

// The goals for freshness, from the response.
const (
	goalFresh     = 300 * time.Microsecond
	goalFreshTail = time.Millisecond
)

// freshness is the way of changes to DNS.
type freshness struct {
	st                                        *stage
	client                                    *registry.Client
	service                                   string // its id
	registered, fresh, unhealthy, freshHealth *rig.Series
}

// measureFreshness registers instances one by one and makes them unhealthy,
// beside one that stays healthy, while DNS is asked without pause.
func measureFreshness(ctx context.Context, o options, st *stage, r *report) error {
	fresh := func(name string) *rig.Series {
		s := &rig.Series{Name: name, Goal: goalFresh, Tail: goalFreshTail}
		r.fresh = append(r.fresh, s)
		return s
	}
	plain := func(name string) *rig.Series {
		s := &rig.Series{Name: name}
		r.fresh = append(r.fresh, s)
		return s
	}
	f := freshness{
		st:          st,
		registered:  plain("RegisterInstance sent → its response"),
		fresh:       fresh("RegisterInstance's response → answered by DNS"),
		unhealthy:   plain("UpdateInstanceCustomHealthStatus sent → its response"),
		freshHealth: fresh("UpdateInstanceCustomHealthStatus's response → gone from DNS"),
	}
	return st.withClient(func(c *registry.Client) (err error) {
		f.client = c
		if f.service, err = c.Service(st.namespace, "fresh", true); err != nil {
			return err
		}
		if err := c.Register(f.service, "base", netip.MustParseAddr("10.255.0.1")); err != nil {
			return err
		}
		for i := range o.changes {
			if err := f.measure(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *freshness) measure(ctx context.Context, i int) error {
	id, address := fmt.Sprintf("i-%d", i), netip.AddrFrom4([4]byte{10, 254, byte(i >> 8), byte(i)})
	has := func(a registry.Answer) bool { return slices.Contains(a.Addresses, address) }
	hasNot := func(a registry.Answer) bool { return len(a.Addresses) > 0 && !has(a) }
	err := f.change(ctx, f.registered, f.fresh, has, func() error { return f.client.Register(f.service, id, address) })
	if err != nil {
		return err
	}
	err = f.change(ctx, f.unhealthy, f.freshHealth, hasNot, func() error { return f.client.SetHealth(f.service, id, "UNHEALTHY") })
	if err != nil {
		return err
	}
	return f.client.Deregister(f.service, id)
}

// change makes a call and files how long it took and how long after its
// response DNS answered so; 0 where that was before.
func (f *freshness) change(ctx context.Context, took, fresh *rig.Series, ok func(registry.Answer) bool, call func() error) error {
	type outcome struct {
		at  time.Time
		err error
	}
	seen := make(chan outcome, 1)
	go func() {
		at, err := f.until(ctx, ok)
		seen <- outcome{at, err}
	}()
	begin := time.Now()
	err := call()
	answered := time.Now()
	o := <-seen
	if err != nil {
		return err
	}
	took.Add(answered.Sub(begin))
	fresh.Add(max(0, o.at.Sub(answered)))
	return o.err
}

// until asks until the answer is as expected, and returns when it came.
func (f *freshness) until(ctx context.Context, ok func(registry.Answer) bool) (time.Time, error) {
	begin := time.Now()
	for {
		a, err := f.st.resolver.Ask("fresh." + domain + ".")
		at := time.Now()
		switch {
		case err != nil || ctx.Err() != nil || ok(a):
			return at, errors.Join(err, ctx.Err())
		case at.Sub(begin) > 10*time.Second:
			return at, fmt.Errorf("DNS still answers %v", a.Addresses)
		}
	}
}
