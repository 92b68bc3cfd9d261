// Package netcfg compiles the world into the network of one machine: which
// interfaces exist, what each security group allows them, which of the VPC's
// own addresses answer on which ports.
//
// Compile is a pure function. Equal worlds give equal values, whatever the
// order in which they came about; a driver of package network makes the
// kernel equal to the value. Nothing here knows about Linux.
package netcfg

import (
	"net/netip"
	"slices"

	"seamark/internal/world"
)

// VPC is the whole network of one VPC on this machine. The slices are sorted
// by id or address, so equal networks are equal values.
type VPC struct {
	ID   world.VPCID
	CIDR netip.Prefix
	// Services are the addresses that the VPC's own services answer on inside
	// the VPC: the resolver at base+2, at 169.254.169.253 and, where the VPC has
	// IPv6, at fd00:ec2::253. They are bound to
	// the VPC namespace, and only the ports listed on them are open. Every
	// interface of the VPC reaches them, whatever its security groups say, as
	// in AWS (VPC user guide, "Security groups": traffic to and from the
	// Amazon DNS server is not filtered).
	Services   []Service
	Interfaces []Interface
	// Groups are the members of each security group that a rule refers to.
	Groups []Group
}

// Service is an address of the VPC namespace with the ports open on it.
type Service struct {
	Address netip.Addr
	UDP     []uint16
	TCP     []uint16
}

// Interface is one ENI.
type Interface struct {
	ID      world.NetworkInterfaceID
	Address netip.Addr
	Subnet  netip.Prefix // the subnet's CIDR
	// IPv6 is the interface's IPv6 address. The zero value: IPv6 is off on it.
	IPv6 netip.Addr
	MAC  string
	// Ingress and Egress are the rules of all the interface's security groups,
	// sorted and without duplicates. What matches none is dropped; replies to
	// what was allowed pass.
	Ingress, Egress []Rule
	// UnprivilegedPorts sets net.ipv4.ip_unprivileged_port_start=0 inside.
	UnprivilegedPorts bool
}

// Gateway is the address of the subnet's router, base + 1: the interface's
// default route.
func (i Interface) Gateway() netip.Addr { return i.Subnet.Addr().Next() }

// Rule allows packets.
type Rule struct {
	// Protocol is the IP protocol number, or ProtocolAll.
	Protocol int
	// From and To bound the destination port of TCP and UDP, both inclusive;
	// for ICMP they are type and code with -1 for all. For other protocols
	// both are -1.
	From, To int32
	// Peer is the other side: an IPv4 or IPv6 prefix, or, when Group is set, the
	// members of that group.
	Peer  netip.Prefix
	Group world.SecurityGroupID
}

// Protocol numbers with a meaning of their own in security group rules (IANA
// "Protocol Numbers"; EC2 API reference, IpPermission).
const (
	ProtocolAll    = -1
	ProtocolICMP   = 1
	ProtocolTCP    = 6
	ProtocolUDP    = 17
	ProtocolICMPv6 = 58
)

// Group is a security group's members in this VPC, of both families, sorted.
type Group struct {
	ID      world.SecurityGroupID
	Members []netip.Addr
}

// Equal says whether v and o are the same network. A nil slice equals an
// empty one.
func (v VPC) Equal(o VPC) bool {
	return v.ID == o.ID && v.CIDR == o.CIDR &&
		slices.EqualFunc(v.Services, o.Services, Service.Equal) &&
		slices.EqualFunc(v.Interfaces, o.Interfaces, Interface.Equal) &&
		slices.EqualFunc(v.Groups, o.Groups, Group.Equal)
}

// Equal says whether s and o are the same.
func (s Service) Equal(o Service) bool {
	return s.Address == o.Address && slices.Equal(s.UDP, o.UDP) && slices.Equal(s.TCP, o.TCP)
}

// Equal says whether i and o are the same.
func (i Interface) Equal(o Interface) bool {
	return i.ID == o.ID && i.Address == o.Address && i.Subnet == o.Subnet && i.IPv6 == o.IPv6 && i.MAC == o.MAC &&
		i.UnprivilegedPorts == o.UnprivilegedPorts &&
		slices.Equal(i.Ingress, o.Ingress) && slices.Equal(i.Egress, o.Egress)
}

// Equal says whether g and o are the same.
func (g Group) Equal(o Group) bool {
	return g.ID == o.ID && slices.Equal(g.Members, o.Members)
}
