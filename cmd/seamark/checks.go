package main

import (
	"context"
	"fmt"
	"net"

	"seamark/internal/control"
	"seamark/internal/healthcheck"
	"seamark/internal/world"
)

// checks are the health checks of Cloud Map's services, and those of Route 53.
func (d *daemon) checks() (*control.Checks, *control.HealthChecks, error) {
	dial, err := d.checkDialer()
	if err != nil {
		return nil, nil, err
	}
	o := healthcheck.Options{Dial: dial, Logger: d.logger}
	return control.NewChecks(d.changes, d.machine.dialVPC != nil, o), control.NewHealthChecks(d.changes, o), nil
}

// checkDialer connects to what a health check looks at: from a VPC's router, or
// from this host to everything but itself.
func (d *daemon) checkDialer() (healthcheck.Dial, error) {
	out, err := newOutbound(d.o.outbound)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, vpc world.VPCID, network, address string) (net.Conn, error) {
		if vpc == "" {
			return out.DialContext(ctx, network, address)
		}
		v := d.store.View().VPCs.Get(string(vpc))
		if v == nil || d.machine.dialVPC == nil {
			return nil, fmt.Errorf("VPC %s: %w", vpc, world.ErrNotFound)
		}
		return d.machine.dialVPC(ctx, v, network, address)
	}, nil
}
