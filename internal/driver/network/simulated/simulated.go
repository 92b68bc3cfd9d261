// Package simulated is a network driver that keeps what it was told and
// changes nothing on the machine. It prints itself as text, so that tests
// compare the whole of it, and it answers who may talk to whom.
package simulated

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"seamark/internal/driver/network"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

var _ network.Driver = (*Driver)(nil)

// Driver implements network.Driver in memory. Make it with New.
type Driver struct {
	mu     sync.Mutex
	closed bool
	vpcs   map[world.VPCID]netcfg.VPC
}

// New returns a driver without any network.
func New() *Driver { return &Driver{vpcs: map[world.VPCID]netcfg.VPC{}} }

var errClosed = errors.New("the network driver is closed")

// Set keeps v.
func (d *Driver) Set(ctx context.Context, v netcfg.VPC) error {
	return d.change(ctx, func() { d.vpcs[v.ID] = v })
}

// Remove forgets a VPC.
func (d *Driver) Remove(ctx context.Context, id world.VPCID) error {
	return d.change(ctx, func() { delete(d.vpcs, id) })
}

func (d *Driver) change(ctx context.Context, f func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	f()
	return nil
}

// List returns the ids of the VPCs that were set.
func (d *Driver) List(context.Context) ([]world.VPCID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.vpcs)), nil
}

// VPC returns what was last set.
func (d *Driver) VPC(id world.VPCID) (netcfg.VPC, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.vpcs[id]
	return v, ok
}

// String is all VPCs as text, sorted.
func (d *Driver) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(d.vpcs)) {
		b.WriteString(d.vpcs[id].String())
	}
	return b.String()
}

// Paths has no path for anything.
func (d *Driver) Paths() network.Paths { return paths{} }

// Close makes the driver refuse changes.
func (d *Driver) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

type paths struct{}

// VPC returns "".
func (paths) VPC(world.VPCID) string { return "" }

// Interface returns "".
func (paths) Interface(world.NetworkInterfaceID) string { return "" }
