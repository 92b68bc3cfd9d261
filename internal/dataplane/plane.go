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
	"seamark/internal/resolver"
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

	// TakeQueries returns the records of the query log that have come together
	// since it was called last, in order for each VPC, and how many had no room.
	// A record is handed out once and kept nowhere: those of the last moments are
	// lost with the data plane, and those of a response that does not arrive.
	TakeQueries(ctx context.Context) ([]Query, uint64, error)

	// Close ends this handle. A Server stops answering; a Client's process goes on.
	Close() error
}

// Query is a record of the query log, of a VPC whose table says LogQueries.
type Query = resolver.LoggedQuery

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
	// Namespace is the path of the interface's network namespace; empty for the
	// process's own network.
	Namespace string
	// Address is where an inbound endpoint listens, over UDP and TCP; port 0 takes
	// a free one, as in Listen. Queries of an outbound endpoint leave its
	// namespace from whatever address the network there chooses; in the process's
	// own network from this one, if it is valid. Its port does not matter then.
	Address netip.AddrPort
}

// Listen says where a VPC's resolver listens, each address over UDP and TCP.
type Listen struct {
	// Namespace is the path of the network namespace to listen in; empty for the
	// process's own.
	Namespace string
	// Addresses with their ports. Port 0 takes a free one, the same for UDP and
	// TCP, and keeps it as long as the data plane's snapshot lasts.
	Addresses []netip.AddrPort
	// Mark is the packet mark (SO_MARK) of answers over UDP; 0: none.
	Mark int
}

// Config concerns all VPCs.
type Config struct {
	// Upstreams are asked, in this order, for names that no private zone has;
	// from the data plane's own network. None: such names are SERVFAIL.
	Upstreams []netip.AddrPort
	// PacketLimit is how many packets a second a VPC's resolver takes from one
	// source address; 0: any number. What is more is dropped in silence. It does
	// not count for inbound endpoints, nor for the public zones.
	PacketLimit int
}

// Change is one step. Exactly one field is set.
type Change struct {
	Set       *VPC          // a VPC as a whole, new or not
	Delta     *zone.Delta   // part of a VPC that was set before
	Endpoints *VPCEndpoints // the endpoints of a VPC that was set before
	Remove    world.VPCID   // close and forget a VPC; one that is not there is no error
	Config    *Config
}

// VPCEndpoints replaces the endpoints of a VPC.
type VPCEndpoints struct {
	VPC       world.VPCID
	Endpoints []Endpoint
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
	// Endpoints and Rules are those that the VPC has now.
	Endpoints map[world.ResolverEndpointID]EndpointStatus
	Rules     map[world.ResolverRuleID]RuleStatus
}

// EndpointStatus is what an endpoint does for one VPC.
type EndpointStatus struct {
	Addresses []AddressStatus // in the order of Endpoint.Addresses
}

// AddressStatus is one network interface of an endpoint.
type AddressStatus struct {
	Interface world.NetworkInterfaceID
	Bound     netip.AddrPort // of an inbound endpoint; the zero AddrPort: not bound
	Failed    string         // why it does not work; empty when it does
	// Queries that came in by an inbound endpoint, or were sent from an outbound
	// one: for what the cache answers, and for what many wait, none is.
	Queries uint64
}

// RuleStatus is what a forwarding rule does for one VPC.
type RuleStatus struct {
	Queries uint64 // that the rule was for, whatever became of them
	Failed  uint64 // of them those that no target answered
}

// Counters count since the data plane's process started serving the VPC.
type Counters struct {
	Queries   uint64            // well-formed queries, over UDP and TCP
	TCP       uint64            // of them over TCP
	Rcodes    map[uint16]uint64 // answers by response code (IANA "DNS RCODEs")
	Forwarded uint64            // queries sent upstream
	Truncated uint64            // answers cut to the client's UDP size
	Malformed uint64            // packets that are no DNS query: FORMERR or dropped
	Limited   uint64            // packets dropped because of Config.PacketLimit
	Filtered  uint64            // queries that a firewall rule blocked or alerted to
}
