// Package zone compiles the world into what the DNS resolver of each VPC
// answers. It is pure: the same world gives the same table.
//
// Compile makes the whole table of one VPC. Changed says how the tables differ
// between two worlds and looks only at what belongs to the objects that were
// touched: the cost of registering one instance grows with its own service,
// never with the zone. Applying what Changed returns gives what Compile would.
//
// The package does not parse record data beyond what it makes itself; names
// that cannot be DNS names are left out of the table, and so are instances that
// are aliases of a load balancer (AWS_ALIAS_DNS_NAME).
package zone

import (
	"net/netip"

	"seamark/internal/world"
)

// Options are the inputs that are not in the world.
type Options struct {
	Fidelity world.Fidelity
	Region   string
}

// VPC is all that the resolver of one VPC serves.
type VPC struct {
	Head
	Zones []Zone // sorted by ID
}

// Head is a VPC's table without its zones.
type Head struct {
	ID world.VPCID
	// Enabled is enableDnsSupport; when false nothing is answered.
	Enabled bool
	// Hostnames: names that the resolver makes up for addresses are answered.
	Hostnames bool
	CIDR      netip.Prefix
	// Domain of the names that the resolver makes up for addresses: ec2.internal
	// in us-east-1, REGION.compute.internal elsewhere. No final dot.
	Domain string
}

// Zone is a private hosted zone as this VPC sees it. Names outside the zone's
// origin are never in it.
type Zone struct {
	ZoneHead
	Names []Name // sorted by Owner, then Source
}

// ZoneHead is a zone without its names.
type ZoneHead struct {
	ID     world.HostedZoneID
	Origin string // lower case, with the final dot
	SOA    SOA
	NS     []string
	NSTTL  uint32 // seconds
}

// SOA is the zone's start of authority (RFC 1035 section 3.3.13). Times are in
// seconds.
type SOA struct {
	MName, RName                            string
	Serial, Refresh, Retry, Expire, Minimum uint32
	TTL                                     uint32
}

// NameKey identifies what one source says about one owner name: the unit of
// change.
type NameKey struct {
	Owner string // lower case, with the final dot, zone-file escapes
	// Source is the Cloud Map service that the records come from; empty for the
	// zone's own record sets. Two sources may speak about one owner (a service
	// called "i1.web" and the SRV target of web's instance i1): see Merge.
	Source world.DiscoveryServiceID
}

// Name is what one source says about one owner name.
type Name struct {
	NameKey
	Sets []Set // sorted by Type, never empty
}

// Set is a record set with the way to choose from it.
type Set struct {
	Type   uint16 // RFC 1035 and later numbers
	TTL    uint32 // seconds
	Policy Policy
	// Records are those to answer with: the healthy ones, or, where none is,
	// those that the policy falls back to. Sorted, never empty, in zone-file
	// form (RDATA only). Where the policy is Weighted one may be in it twice.
	Records []string
}

// Policy says how many of a set's records an answer holds.
type Policy uint8

// The policies.
const (
	Simple     Policy = iota // all, in random order
	MultiValue               // up to eight, at random
	Weighted                 // one, at random with equal weights
)

// Record types that the compiler itself makes (RFC 1035, 3596, 2782).
const (
	TypeA     uint16 = 1
	TypeNS    uint16 = 2
	TypeCNAME uint16 = 5
	TypeSOA   uint16 = 6
	TypeAAAA  uint16 = 28
	TypeSRV   uint16 = 33
)
