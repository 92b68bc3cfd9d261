//go:build linux

package main

import (
	"context"
	"fmt"

	"seamark/bench/registry"
)

// The goals for rates, per second.
const (
	goalRegister = 5000
	goalDiscover = 10_000
)

// How many calls are under way at once.
const (
	atOnceRegister = 32
	atOnceDiscover = 16
)

// scattered is the number-th of n instances in an order in which neighbours are
// of different services. 7919 is a prime that divides no n in use.
func scattered(number, n int) int { return number * 7919 % n }

// measureBulk registers the first 10,000 instances, each durable when it is
// acknowledged, deregisters them, and so on. In the end they are there.
func measureBulk(ctx context.Context, o options, st *stage, r *report) error {
	if err := st.makeServices(first / perService); err != nil {
		return err
	}
	in := r.rate(fmt.Sprintf("RegisterInstance, %d, %d at a time, durable", first, atOnceRegister), goalRegister)
	out := r.rate("DeregisterInstance, likewise", 0)
	for n := range o.rounds {
		one, err := st.register(ctx, 0, first)
		if err != nil {
			return err
		}
		in.rounds = append(in.rounds, one)
		if n == o.rounds-1 {
			break
		}
		one, err = st.count(ctx, first, atOnceRegister, func(c *registry.Client, number int) error {
			i := scattered(number, first)
			return c.Deregister(st.services[i/perService], instanceID(i))
		})
		if err != nil {
			return err
		}
		out.rounds = append(out.rounds, one)
	}
	return nil
}

// register enters the instances from one number to before another.
func (st *stage) register(ctx context.Context, from, to int) (round, error) {
	return st.count(ctx, to-from, atOnceRegister, func(c *registry.Client, number int) error {
		i := from + scattered(number, to-from)
		return c.Register(st.services[i/perService], instanceID(i), addressOf(i))
	})
}

// measureDiscover asks for services of several sizes, and moto for a small one.
func measureDiscover(ctx context.Context, o options, st *stage, r *report) error {
	for _, m := range []struct {
		size, most int
		goal       float64
	}{{10, 100, goalDiscover}, {1000, 100, 0}, {1000, 1000, 0}, {10_000, 100, 0}, {10_000, 1000, 0}} {
		name := fmt.Sprintf("of-%d", m.size)
		if err := st.crowd(ctx, name, m.size); err != nil {
			return err
		}
		one := r.rate(fmt.Sprintf("DiscoverInstances, %d instances in the service, MaxResults %d", m.size, m.most), m.goal)
		body := registry.DiscoverBody(domain, name, m.most)
		for range o.rounds {
			got, err := st.last(ctx, o.lasts, atOnceDiscover, func(c *registry.Client) error {
				_, err := c.Call("DiscoverInstances", body)
				return err
			})
			if err != nil {
				return err
			}
			one.rounds = append(one.rounds, got)
		}
	}
	return measureMoto(ctx, o, r)
}

// crowd makes a service of that many instances; one that exists already has them.
func (st *stage) crowd(ctx context.Context, name string, size int) error {
	var id string
	err := st.withClient(func(c *registry.Client) (err error) {
		if found, err := c.Discover(domain, name); err == nil && len(found) > 0 {
			return nil
		}
		id, err = c.Service(st.namespace, name, true)
		return err
	})
	if err != nil || id == "" {
		return err
	}
	_, err = st.count(ctx, size, atOnceRegister, func(c *registry.Client, n int) error {
		return c.Register(id, instanceID(n), addressOf(n))
	})
	return err
}
