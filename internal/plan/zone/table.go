// Package zone compiles the world into what the DNS resolver of each VPC
// answers. It is pure: the same world gives the same table.
package zone

import (
	"net/netip"

	"seamark/internal/world"
)

// VPC is all that the resolver of one VPC serves.
type VPC struct {
	ID world.VPCID
	// Enabled is enableDnsSupport; when false nothing is answered.
	Enabled bool
	CIDR    netip.Prefix
	// Domain of the names that the resolver makes up for addresses: ec2.internal
	// in us-east-1, REGION.compute.internal elsewhere. No final dot.
	Domain string
	Zones  []Zone // sorted by Origin
}

// Zone is a private hosted zone as this VPC sees it. Names outside the zone's
// origin are never in it.
type Zone struct {
	Origin string // lower case, with the final dot
	SOA    SOA
	NS     []string
	NSTTL  uint32
	Names  []Name // sorted by Owner
}

// SOA is the zone's start of authority (RFC 1035 section 3.3.13).
type SOA struct {
	MName, RName                            string
	Serial, Refresh, Retry, Expire, Minimum uint32
	TTL                                     uint32
}

// Name is one owner name and all its record sets: the unit of change.
type Name struct {
	Owner string // lower case, with the final dot, zone-file escapes
	Sets  []Set  // sorted by Type
}

// Set is a record set with the way to choose from it.
type Set struct {
	Type   uint16 // RFC 1035 and later numbers
	TTL    uint32
	Policy Policy
	// Records are those to answer with: the healthy ones, or, where none is,
	// those that the policy falls back to. Sorted, in zone-file form (RDATA only).
	Records []string
}

// Policy says how many of a set's records an answer holds.
type Policy int

// The policies.
const (
	Simple     Policy = iota // all, in random order
	MultiValue               // up to eight, at random
	Weighted                 // one, at random with equal weights
)
