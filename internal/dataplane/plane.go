// Package dataplane is the process that keeps answering: it owns the DNS
// sockets of every VPC and serves the last snapshot it was given, whether or
// not a control plane is there to talk to.
//
// A control plane holds a Plane. Server is one in this process (the simulated
// runtime); Client speaks to one in another process over a unix socket;
// Supervisor starts, adopts and restarts that process:
//
//	sup := dataplane.NewSupervisor(dataplane.SupervisorOptions{…})
//	client, err := sup.Start(ctx)              // adopts a live process
//	ack, err := client.Replace(ctx, revision, snapshot)
//	ack, err = client.Sync(ctx, revision, changes)
//
// An acknowledgement means that this machine already answers so: tables are
// swapped and sockets are bound when Replace and Sync return. Sockets of a VPC
// that did not change are kept, so replacing everything causes no gap.
//
// The process never reads the store. It refuses changes until the connection
// that sends them has sent a whole snapshot.
package dataplane

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// Plane is a data plane as its control plane sees it. Calls may be made from
// several goroutines; they take effect in the order in which they were made.
type Plane interface {
	// Replace makes s all that is served: VPCs that are not in it are closed.
	// Call it first, and after every reconnect.
	Replace(ctx context.Context, revision int64, s Snapshot) (Ack, error)

	// Sync applies changes in order. ErrNeedSnapshot: nothing was applied; call Replace.
	Sync(ctx context.Context, revision int64, changes []Change) (Ack, error)

	// Status is what is served now, with counters that are at most a second old.
	Status(ctx context.Context) (Status, error)

	// Close ends this handle. A Server stops answering; a Client's process goes on.
	Close() error
}

// ErrNeedSnapshot says that the data plane lacks what a change builds on.
var ErrNeedSnapshot = errors.New("data plane needs a whole snapshot first")

// ErrClosed says that the connection to the data plane, or the Server, has ended.
var ErrClosed = errors.New("data plane connection closed")

// Snapshot is everything that a data plane serves.
type Snapshot struct {
	Config Config
	VPCs   []VPC
}

// VPC is one VPC's table and where it is served.
type VPC struct {
	Table     zone.VPC
	Listen    Listen
	Endpoints []Endpoint
}

// Endpoint is a Resolver endpoint: an inbound one also answers the VPC's table
// on its addresses, from an outbound one the VPC's forwarding rules ask.
type Endpoint struct {
	ID        world.ResolverEndpointID
	Inbound   bool
	Addresses []EndpointAddress
}

// EndpointAddress is one of an endpoint's network interfaces.
type EndpointAddress struct {
	Interface world.NetworkInterfaceID
	Namespace string // path of the interface's network namespace
	Address   netip.Addr
}

// Listen says where a VPC's resolver listens, each address over UDP and TCP.
type Listen struct {
	// Namespace is the path of the network namespace to listen in; empty for the
	// process's own.
	Namespace string
	// Addresses with their ports. Port 0 takes a free one, the same for UDP and
	// TCP, and keeps it as long as the data plane's snapshot lasts.
	Addresses []netip.AddrPort
}

// Config concerns all VPCs.
type Config struct {
	// Upstreams are asked, in this order, for names that no private zone has;
	// from the data plane's own network. None: such names are SERVFAIL.
	Upstreams []netip.AddrPort
}

// Change is one step. Exactly one field is set.
type Change struct {
	Set    *VPC        // a VPC as a whole, new or not
	Delta  *zone.Delta // part of a VPC that was set before
	Remove world.VPCID // close and forget a VPC; one that is not there is no error
	Config *Config
}

// Ack answers Replace and Sync: from now on, Revision is what is answered.
type Ack struct {
	Revision int64
	// Bound are the addresses on which the VPCs named in the call listen, in the
	// order of Listen.Addresses, with port 0 resolved; the zero AddrPort stands
	// for one that could not be bound.
	Bound map[world.VPCID][]netip.AddrPort
	// Failed are the VPCs named in the call that do not listen on all their
	// addresses, with the reason. The others are served all the same. The data
	// plane tries again by itself every second, and at each Set.
	Failed map[world.VPCID]string
}

// Status is what a data plane does now.
type Status struct {
	Revision  int64
	PID       int
	StartedAt time.Time
	VPCs      map[world.VPCID]VPCStatus
}

// VPCStatus is one VPC's part of Status.
type VPCStatus struct {
	Bound    []netip.AddrPort
	Failed   string // why not all addresses are bound; empty when they are
	Counters Counters
}

// Counters count since the data plane's process started serving the VPC.
type Counters struct {
	Queries   uint64            // well-formed queries, over UDP and TCP
	TCP       uint64            // of them over TCP
	Rcodes    map[uint16]uint64 // answers by response code (IANA "DNS RCODEs")
	Forwarded uint64            // queries sent upstream
	Truncated uint64            // answers cut to the client's UDP size
	Malformed uint64            // packets that are no DNS query: FORMERR or dropped
}
