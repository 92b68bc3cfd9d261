package main

import (
	"context"
	"net"
	"net/netip"

	"seamark/internal/dataplane"
	"seamark/internal/driver/network"
	networksim "seamark/internal/driver/network/simulated"
	"seamark/internal/driver/runtime"
	runtimesim "seamark/internal/driver/runtime/simulated"
	"seamark/internal/world"
)

// machine is what this host is made of: the drivers and the data plane.
type machine struct {
	runtime runtime.Driver
	network network.Driver
	plane   plane
	// listen says where a VPC's resolver listens, once it can.
	listen func(*world.VPC) (dataplane.Listen, bool)
	// endpoint says by what the data plane reaches an interface of a Resolver
	// endpoint, once it exists.
	endpoint func(*world.ResolverEndpoint, *world.NetworkInterface) (dataplane.EndpointAddress, bool)
	// dialVPC connects from a VPC's router; nil: there are no VPC networks.
	dialVPC func(ctx context.Context, v *world.VPC, network, address string) (net.Conn, error)
	// run watches over processes of the machine's own; nil: there are none.
	run func(context.Context) error
	// enginePID is containerd's process id; nil: no engine of our own.
	enginePID func() int
	closers   []func() error
}

func openMachine(ctx context.Context, d *daemon) (*machine, error) {
	if d.o.runtime == "simulated" {
		return simulatedMachine(d)
	}
	return realMachine(ctx, d)
}

func (m *machine) close() error {
	var first error
	for _, c := range m.closers {
		if err := c(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// simulatedMachine runs nothing: tasks "run", and each VPC's DNS answers on a
// loopback port of its own, which `seamark status` shows.
func simulatedMachine(d *daemon) (*machine, error) {
	server, err := dataplane.New(dataplane.Options{Logger: d.logger})
	if err != nil {
		return nil, err
	}
	r := runtimesim.New(runtimesim.Options{})
	n := networksim.New()
	return &machine{
		runtime: r, network: n, plane: &ownPlane{server},
		listen: func(*world.VPC) (dataplane.Listen, bool) {
			loopback := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
			return dataplane.Listen{Addresses: []netip.AddrPort{loopback}}, true
		},
		endpoint: func(e *world.ResolverEndpoint, n *world.NetworkInterface) (dataplane.EndpointAddress, bool) {
			at := dataplane.EndpointAddress{Interface: n.ID}
			if e.Direction == world.Inbound {
				at.Address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
			}
			return at, true
		},
		closers: []func() error{server.Close, r.Close, n.Close},
	}, nil
}

// ownPlane is a data plane in this process.
type ownPlane struct{ server *dataplane.Server }

func (p *ownPlane) run(ctx context.Context, use func(dataplane.Plane)) error {
	use(p.server)
	<-ctx.Done()
	return ctx.Err()
}

func (p *ownPlane) status(ctx context.Context) (dataplane.Status, error) { return p.server.Status(ctx) }

func (p *ownPlane) takeQueries(ctx context.Context) ([]dataplane.Query, uint64, error) {
	return p.server.TakeQueries(ctx)
}
