package world

import (
	"net/netip"
	"time"
)

// ResolverEndpointID is the id of a Resolver endpoint, rslvr-in-… or
// rslvr-out-….
type ResolverEndpointID string

// Directions of Resolver endpoints.
const (
	Inbound  = "INBOUND"  // answers on its addresses
	Outbound = "OUTBOUND" // Resolver rules ask from its addresses
)

// ResolverRequest says how a Resolver resource came about. It is part of each.
type ResolverRequest struct {
	CreatorRequestID string
	// Fingerprint is of the parameters of the request that made it: the same
	// request again is answered with what it made.
	Fingerprint           string
	CreatedAt, ModifiedAt time.Time
	// Revision of the newest change that DNS answers depend on.
	Revision int64
}

// ResolverEndpoint is a Resolver endpoint: network interfaces by which a VPC's
// resolver is asked from elsewhere, or asks elsewhere.
type ResolverEndpoint struct {
	ID             ResolverEndpointID
	Name           string
	Direction      string // Inbound, Outbound
	VPC            VPCID
	SecurityGroups []SecurityGroupID
	Addresses      []EndpointAddress // in the order in which they were added
	// InterfaceMetrics: queries are also counted by address (RniEnhancedMetricsEnabled).
	InterfaceMetrics bool
	Tags             Tags
	Observed         EndpointObserved
	ResolverRequest
}

// EndpointAddress is one of an endpoint's addresses.
type EndpointAddress struct {
	ID                    string // rni-…
	Subnet                SubnetID
	Address               netip.Addr
	Interface             NetworkInterfaceID
	CreatedAt, ModifiedAt time.Time
}

// EndpointObserved is what this machine has made of an endpoint. Package
// control alone writes it.
type EndpointObserved struct {
	// Serving are the interfaces by which the data plane answers or asks; Served
	// those by which it ever did. Both are sorted and name no interface that the
	// endpoint lacks.
	Serving, Served []NetworkInterfaceID
	// Operational: once, it served by all of its interfaces.
	Operational bool
}

func (e *ResolverEndpoint) Kind() Kind  { return KindResolverEndpoint }
func (e *ResolverEndpoint) Key() string { return string(e.ID) }

func endpointVPC(e *ResolverEndpoint) []string { return []string{string(e.VPC)} }

// EndpointsIn yields the Resolver endpoints whose addresses are in a VPC.
func (w World) EndpointsIn(id VPCID) Rows[ResolverEndpoint] {
	return by(w.ResolverEndpoints, 0, string(id))
}
