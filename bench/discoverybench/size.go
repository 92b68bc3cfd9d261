//go:build linux

package main

import (
	"context"
	"fmt"
)

// goalMemory is the goal for all of Seamark's processes: the sum of RSS in bytes.
const goalMemory = 500_000_000

// measureSize registers all instances and reads the memory of all processes.
func measureSize(ctx context.Context, o options, st *stage, r *report) error {
	if err := st.makeServices(o.instances / perService); err != nil {
		return err
	}
	one, err := st.register(ctx, first, o.instances)
	if err != nil {
		return err
	}
	rest := r.rate(fmt.Sprintf("RegisterInstance, from %d to %d instances", first, o.instances), 0)
	rest.rounds = append(rest.rounds, one)
	when := fmt.Sprintf("with %d instances in %d services, just registered, and the %d of DiscoverInstances' large services", o.instances, len(st.services), 11_000)
	m, err := st.instance.Memory(ctx, when, goalMemory)
	r.memory = append(r.memory, m)
	return err
}
