package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"

	"seamark/internal/cgroup"
	"seamark/internal/dataplane"
	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/runtime/containerd"
	"seamark/internal/engine"
	"seamark/internal/world"
)

// realMachine runs containers with containerd and VPCs in the kernel.
func realMachine(ctx context.Context, d *daemon) (*machine, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m := &machine{}
	socket, snapshotter := d.o.containerd, ""
	if socket == "" {
		e, err := engine.Start(ctx, engineOptions(d))
		if err != nil {
			return nil, err
		}
		socket, snapshotter = e.Socket(), e.Snapshotter()
		m.run, m.enginePID = e.Run, e.PID
	}
	out, err := newOutbound(d.o.outbound)
	if err != nil {
		return nil, err
	}
	options := containerdOptions(d, socket, snapshotter, exe)
	options.DialContext = out.DialContext
	r, err := containerd.New(ctx, options)
	if err != nil {
		return nil, err
	}
	n, err := linux.New(linux.Options{InstanceID: d.dir.InstanceID(), RunDir: d.runDir, Logger: d.logger})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	m.runtime, m.network = r, n
	m.plane = &supervisedPlane{options: planeOptions(d, exe)}
	m.listen = func(v *world.VPC) (dataplane.Listen, bool) {
		path := n.Paths().VPC(v.ID)
		l := dataplane.Listen{Namespace: path, Mark: linux.AnswerMark}
		for _, a := range v.Resolvers() {
			l.Addresses = append(l.Addresses, netip.AddrPortFrom(a, 53))
		}
		return l, path != ""
	}
	m.dialVPC = func(ctx context.Context, v *world.VPC, network, address string) (net.Conn, error) {
		from := netns.Origin{Mark: linux.CheckMark}
		if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().Is4() {
			from.Address = v.Resolver()
		}
		return netns.DialFrom(ctx, n.Paths().VPC(v.ID), from, network, address)
	}
	m.endpoint = func(_ *world.ResolverEndpoint, i *world.NetworkInterface) (dataplane.EndpointAddress, bool) {
		path := n.Paths().Interface(i.ID)
		return dataplane.EndpointAddress{Interface: i.ID, Namespace: path, Address: netip.AddrPortFrom(i.Address, 53)}, path != ""
	}
	m.closers = []func() error{r.Close, n.Close}
	return m, nil
}

func engineOptions(d *daemon) engine.Options {
	return engine.Options{
		BinDir: d.o.engineDir(), DataDir: d.dir.Path("engine"), RunDir: filepath.Join(d.runDir, "engine"),
		InstanceID: d.dir.InstanceID(), Logger: d.logger,
	}
}

func cgroupOf(instanceID string) string { return "/seamark-" + instanceID }

func containerdOptions(d *daemon, socket, snapshotter, exe string) containerd.Options {
	return containerd.Options{
		Socket: socket, Namespace: "seamark-" + d.dir.InstanceID(),
		CgroupParent: cgroupOf(d.dir.InstanceID()), SeamarkBinary: exe, Snapshotter: snapshotter,
		RunDir: d.runDir, Logger: d.logger,
	}
}

func planeOptions(d *daemon, exe string) dataplane.SupervisorOptions {
	socket := filepath.Join(d.runDir, "dataplane.sock")
	return dataplane.SupervisorOptions{
		// Whoever ends the control plane by its cgroup, as a service manager
		// does, must not end the data plane with it.
		Adopt: func(pid int) error {
			fs, err := cgroup.Host()
			if err != nil {
				return err
			}
			return fs.AddUrgentProcess(cgroupOf(d.dir.InstanceID())+"/_plane", pid)
		},
		Command: []string{exe, "dataplane", "--socket", socket, "--run-dir", d.runDir},
		Socket:  socket, RunDir: d.runDir, Logger: d.logger,
	}
}

// supervisedPlane is a data plane in a process of its own.
type supervisedPlane struct {
	options dataplane.SupervisorOptions
	client  atomic.Pointer[dataplane.Client]
}

func (p *supervisedPlane) run(ctx context.Context, use func(dataplane.Plane)) error {
	hand := func(c *dataplane.Client) {
		p.client.Store(c)
		use(c)
	}
	p.options.OnRestart = hand
	supervisor := dataplane.NewSupervisor(p.options)
	c, err := supervisor.Start(ctx)
	if err != nil {
		return fmt.Errorf("start the data plane: %w", err)
	}
	hand(c)
	return supervisor.Run(ctx)
}

func (p *supervisedPlane) status(ctx context.Context) (dataplane.Status, error) {
	c := p.client.Load()
	if c == nil {
		return dataplane.Status{}, errors.New("no data plane yet")
	}
	return c.Status(ctx)
}

func (p *supervisedPlane) takeQueries(ctx context.Context) ([]dataplane.Query, uint64, error) {
	c := p.client.Load()
	if c == nil {
		return nil, 0, errors.New("no data plane yet")
	}
	return c.TakeQueries(ctx)
}
