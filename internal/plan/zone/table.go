// Package zone compiles the world into what the DNS resolver of each VPC
// answers. It is pure: the same world gives the same table.
//
// Compile makes the whole table of one VPC. Changed says how the tables differ
// between two worlds and looks only at what belongs to the objects that were
// touched: the cost of registering one instance grows with its own service,
// never with the zone. Applying what Changed returns gives what Compile would.
//
// The package does not parse record data beyond what it makes itself; names
// that cannot be DNS names are left out of the table.
package zone

import (
	"fmt"
	"net/netip"

	"seamark/internal/world"
)

// Options are the inputs that are not in the world.
type Options struct {
	Fidelity world.Fidelity
	Region   string
	// Public: the public zones are also answered outside of all VPCs, from a
	// table of their own (PublicID).
	Public bool
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
	// NoReverse: the names of addresses that end in in-addr.arpa and ip6.arpa are
	// not made up but asked for like others (AutodefinedReverse).
	NoReverse bool
	// Authoritative: the table is that of the public zones, not of a VPC. They
	// are answered as a name server answers its zones, with AA and referrals;
	// nothing is made up, and nothing asked elsewhere.
	Authoritative bool
	Rules         []Rule         // sorted by Domain; one rule for a domain
	Firewall      []FirewallRule // in the order in which they are tried
	// LogQueries: a record of each query is kept for the query log.
	LogQueries bool
}

// Rule is a Resolver rule that is associated with the VPC. It counts for its
// domain and all names below; the most specific of rules and private zones
// wins, and a rule wins over a zone of the same name (Route 53 developer guide,
// "Considerations when working with private hosted zones").
type Rule struct {
	ID     world.ResolverRuleID
	Domain string // lower case, with the final dot
	// System: names are answered as if there were no rule for a domain above.
	System bool
	// Targets are asked through the outbound Endpoint's interfaces.
	Targets  []netip.AddrPort
	Endpoint world.ResolverEndpointID
}

// FirewallRule is a DNS Firewall rule of a group that is associated with the
// VPC (Route 53 Resolver API reference, FirewallRule).
type FirewallRule struct {
	Group  world.FirewallRuleGroupID
	List   world.FirewallDomainListID
	Action string // ALLOW, ALERT, BLOCK
	// Response of a BLOCK: NODATA, NXDOMAIN, OVERRIDE.
	Response      string
	OverrideName  string // CNAME that an OVERRIDE answers; lower case, with the final dot
	OverrideTTL   uint32 // seconds
	Qtype         uint16 // 0: all types
	TrustRedirect bool   // TRUST_REDIRECTION_DOMAIN: names that a CNAME leads to are not looked at
	// Domains are lower case, with the final dot; "*." in front stands for all
	// names below. Sorted.
	Domains []string
	// Known, in a Delta's head only: Domains are left out, since a rule of the table
	// that is changed, or one before this in the head, has the same List with them.
	// See Complete.
	Known bool
}

// Zone is a hosted zone as this VPC sees it. Names outside the zone's
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

// String is the SOA in zone-file form.
func (s SOA) String() string {
	return fmt.Sprintf("%s %s %d %d %d %d %d", s.MName, s.RName, s.Serial, s.Refresh, s.Retry, s.Expire, s.Minimum)
}

// TypeOf is the number of a record type that Route 53 knows, or 0.
func TypeOf(name string) uint16 { return recordType(name) }

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
	// Sets are sorted by Type. There may be none: the name exists, but nothing is
	// answered (geolocation, where no record set is for this place).
	Sets []Set
}

// Set is a record set with the way to choose from it.
type Set struct {
	Type   uint16 // RFC 1035 and later numbers
	TTL    uint32 // seconds
	Policy Policy
	// Records are those to answer with: the healthy ones, or, where none is,
	// those that the policy falls back to. Sorted, never empty, in zone-file
	// form (RDATA only). Where the policy is Weighted one may be in it twice.
	// Empty where Alias or Choices is set.
	Records []string
	// Alias: the answer is what this name has of the same type, under the set's
	// own owner name (Route 53 developer guide, "Choosing between alias and
	// non-alias records"). Lower case, with the final dot.
	Alias string
	// Choices: one of them is drawn for each answer (policy Choose).
	Choices []Choice
}

// Choice is one record set among those that share a name and type under
// weighted routing. Only sets that may be answered are choices.
type Choice struct {
	Weight  uint32 // of the sum of all; at least 1
	TTL     uint32 // seconds
	Records []string
	Alias   string
}

// Policy says how many of a set's records an answer holds.
type Policy uint8

// The policies.
const (
	Simple     Policy = iota // all, in random order
	MultiValue               // up to eight, at random
	Weighted                 // one, at random with equal weights
	Choose                   // one of Choices, at random by weight
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
