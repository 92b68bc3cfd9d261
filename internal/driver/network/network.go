// Package network is the seam between Seamark and the kernel's network (or a
// model of it). Implementations: linux (namespaces, veth, nftables) and
// simulated. Package networktest is the contract that both keep.
//
// A driver makes one machine equal to a value. Set takes the whole network of
// one VPC and returns when the kernel is so; the same value twice changes
// nothing; a smaller value removes what is no longer in it. What the kernel
// lost in between (a namespace, an interface, a rule) comes back with the next
// Set. Changes of rules happen in one transaction: at no moment is an
// interface without its rules, and established connections go on.
package network

import (
	"context"
	"net/netip"

	"seamark/internal/world"
)

// Driver keeps the VPC networks of this machine.
type Driver interface {
	// Set makes the machine's part of one VPC equal to v.
	Set(ctx context.Context, v VPC) error

	// Remove removes a VPC's network and all its interfaces. Removing what is
	// not there is no error.
	Remove(ctx context.Context, id world.VPCID) error

	// List returns the ids of all VPCs of which anything exists in the kernel.
	List(ctx context.Context) ([]world.VPCID, error)

	// Paths says where the network namespaces are. They are valid after Set.
	Paths() Paths

	// Close releases handles; the kernel's objects stay.
	Close() error
}

// Paths maps ids to the network namespaces' paths. A simulated driver returns
// empty strings.
type Paths interface {
	// VPC is the namespace where the VPC's router, resolver and rules live.
	VPC(world.VPCID) string
	// Interface is the namespace that holds the interface as eth0: the task's.
	Interface(world.NetworkInterfaceID) string
}

// VPC is the whole network of one VPC on this machine. The slices are sorted
// by id or address, so equal networks are equal values.
type VPC struct {
	ID   world.VPCID
	CIDR netip.Prefix
	// Services are the addresses that the VPC's own services answer on inside
	// the VPC: the resolver at base+2 and 169.254.169.253. They are bound to
	// the VPC namespace, and only Ports on them are open.
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
	MAC     string
	// Ingress and Egress are the rules of all the interface's security groups,
	// sorted and without duplicates. What matches none is dropped; replies to
	// what was allowed pass.
	Ingress, Egress []Rule
	// UnprivilegedPorts sets net.ipv4.ip_unprivileged_port_start=0 inside.
	UnprivilegedPorts bool
}

// Rule allows packets.
type Rule struct {
	// Protocol is the IP protocol number, or -1 for all.
	Protocol int
	// From and To bound the destination port, both inclusive; for ICMP they
	// are type and code with -1 for all. Meaningless for other protocols.
	From, To int32
	// Peer is the other side: an IPv4 or IPv6 prefix, or, when Group is set, the
	// members of that group.
	Peer  netip.Prefix
	Group world.SecurityGroupID
}

// Group is a security group's members in this VPC, sorted.
type Group struct {
	ID      world.SecurityGroupID
	Members []netip.Addr
}
