//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/netns"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

var _ network.Driver = (*Driver)(nil)

// Options are what a Driver needs. All are required.
type Options struct {
	// InstanceID is the short hexadecimal id of this Seamark. The namespaces
	// carry it, so that two instances on one machine can be told apart.
	InstanceID string
	// RunDir is the instance's directory on a tmpfs, /run/seamark/<id>. The
	// namespaces are mounted below RunDir/netns.
	RunDir string
	Logger *slog.Logger
}

// Driver implements network.Driver on the kernel of this machine.
type Driver struct {
	instance string
	dir      string // RunDir/netns
	log      *slog.Logger
	// slots bounds how many VPCs are worked on at the same time: each may
	// occupy threads in foreign namespaces.
	slots chan struct{}

	mu         sync.Mutex
	closed     bool
	routers    map[world.VPCID]*router
	interfaces map[world.NetworkInterfaceID]string // paths
}

// parallel is how many VPCs are worked on at the same time. Most of the work
// is under one kernel lock (RTNL), so more would only wait there.
const parallel = 8

// New checks that this process and kernel can do what the driver needs and
// prepares RunDir/netns. Nothing of an earlier process is touched.
func New(o Options) (*Driver, error) {
	if o.InstanceID == "" || o.RunDir == "" || o.Logger == nil {
		return nil, errors.New("linux network: InstanceID, RunDir and Logger are required")
	}
	dir := filepath.Join(o.RunDir, "netns")
	if err := netns.MakeDirectory(dir); err != nil {
		return nil, fmt.Errorf("linux network: %w", err)
	}
	if err := probe(dir); err != nil {
		_, undone := netns.RemoveDirectory(dir)
		return nil, errors.Join(fmt.Errorf("linux network: %w", err), undone)
	}
	return &Driver{
		instance: o.InstanceID, dir: dir, log: o.Logger,
		slots:   make(chan struct{}, parallel),
		routers: map[world.VPCID]*router{}, interfaces: map[world.NetworkInterfaceID]string{},
	}, nil
}

// Set makes the kernel's part of one VPC equal to v.
func (d *Driver) Set(ctx context.Context, v netcfg.VPC) error {
	plan, err := newLayout(v)
	if err != nil {
		return fmt.Errorf("set network of %s: %w", v.ID, err)
	}
	r, release, err := d.acquire(ctx, v.ID)
	if err != nil {
		return fmt.Errorf("set network of %s: %w", v.ID, err)
	}
	defer release()
	err = r.set(ctx, plan)
	d.remember(r)
	if err != nil {
		return fmt.Errorf("set network of %s: %w", v.ID, err)
	}
	return nil
}

// Remove removes a VPC's namespaces and everything in them.
func (d *Driver) Remove(ctx context.Context, id world.VPCID) error {
	if !safeName(string(id)) {
		return fmt.Errorf("remove network: %q is no VPC id", id)
	}
	r, release, err := d.acquire(ctx, id)
	if err != nil {
		return fmt.Errorf("remove network of %s: %w", id, err)
	}
	defer release()
	err = r.remove()
	d.remember(r)
	if err != nil {
		return fmt.Errorf("remove network of %s: %w", id, err)
	}
	return nil
}

// List returns the VPCs that have a directory below RunDir/netns.
func (d *Driver) List(context.Context) ([]world.VPCID, error) {
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	var ids []world.VPCID
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "vpc-") {
			ids = append(ids, world.VPCID(e.Name()))
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Paths says where the namespaces are.
func (d *Driver) Paths() network.Paths { return paths{d} }

// Close waits for what is under way and closes all handles. Namespaces stay;
// when there is none, RunDir/netns is unmounted and removed as well.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	routers := make([]*router, 0, len(d.routers))
	for _, r := range d.routers {
		routers = append(routers, r)
	}
	d.mu.Unlock()
	var errs []error
	for _, r := range routers {
		r.turn <- struct{}{}
		errs = append(errs, r.close())
		<-r.turn
	}
	_, err := netns.RemoveDirectory(d.dir)
	return errors.Join(append(errs, err)...)
}

var errClosed = errors.New("the network driver is closed")

// acquire waits for the caller's turn at a VPC. A channel and not a mutex
// keeps the turn: waiting ends with ctx, and the turn is held while the kernel
// works.
func (d *Driver) acquire(ctx context.Context, id world.VPCID) (*router, func(), error) {
	r, err := d.router(id)
	if err != nil {
		return nil, nil, err
	}
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		<-r.turn
		return nil, nil, ctx.Err()
	}
	release := func() {
		<-d.slots
		<-r.turn
	}
	// Close may have come while we waited.
	if _, err := d.router(id); err != nil {
		release()
		return nil, nil, err
	}
	return r, release, nil
}

func (d *Driver) router(id world.VPCID) (*router, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errClosed
	}
	r := d.routers[id]
	if r == nil {
		r = newRouter(id, filepath.Join(d.dir, string(id)), d.instance, d.log)
		d.routers[id] = r
	}
	return r, nil
}

// remember publishes the paths of a router's interfaces. The caller has the
// router's turn.
func (d *Driver) remember(r *router) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, path := range d.interfaces {
		if _, ok := r.known[id]; !ok && filepath.Dir(path) == r.dir {
			delete(d.interfaces, id)
		}
	}
	for id := range r.known {
		d.interfaces[id] = r.interfacePath(id)
	}
}

type paths struct{ d *Driver }

// VPC is the path of the router's namespace: of one that Set made, and of one
// that an earlier process left. What serves in it need not wait for its adoption.
func (p paths) VPC(id world.VPCID) string {
	path := filepath.Join(p.d.dir, string(id), routerName)
	p.d.mu.Lock()
	known := p.d.routers[id] != nil
	p.d.mu.Unlock()
	if known {
		return path
	}
	if _, err := netns.Identify(path); err != nil {
		return "" // none is there
	}
	return path
}

// Interface is the path of the interface's namespace: of one that Set made, and
// of one that an earlier process left, by which the data plane may still answer.
func (p paths) Interface(id world.NetworkInterfaceID) string {
	p.d.mu.Lock()
	path, known := p.d.interfaces[id]
	p.d.mu.Unlock()
	if known || !safeName(string(id)) {
		return path
	}
	left, err := filepath.Glob(filepath.Join(p.d.dir, "vpc-*", string(id)))
	if err != nil || len(left) != 1 {
		return ""
	}
	if _, err := netns.Identify(left[0]); err != nil {
		return ""
	}
	return left[0]
}
