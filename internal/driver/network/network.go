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
//
// The values are those of package netcfg, which compiles them from the world.
package network

import (
	"context"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// Driver keeps the VPC networks of this machine. Its methods may be called
// from any goroutine; calls for one VPC run one after the other, those for
// different VPCs at the same time.
type Driver interface {
	// Set makes the machine's part of one VPC equal to v. After an error the
	// kernel may hold part of v; the next Set repairs it.
	Set(ctx context.Context, v netcfg.VPC) error

	// Remove removes a VPC's network and all its interfaces. Removing what is
	// not there is no error.
	Remove(ctx context.Context, id world.VPCID) error

	// List returns the ids of all VPCs of which anything exists in the kernel,
	// sorted.
	List(ctx context.Context) ([]world.VPCID, error)

	// Paths says where the network namespaces are. They are valid after Set.
	Paths() Paths

	// Close releases handles; the kernel's objects stay.
	Close() error
}

// Paths maps ids to the network namespaces' paths. An unknown id, and every
// id in a simulated driver, is the empty string.
type Paths interface {
	// VPC is the namespace where the VPC's router, resolver and rules live. One
	// that an earlier process left is known before Set.
	VPC(world.VPCID) string
	// Interface is the namespace that holds the interface as eth0: the task's.
	// One that an earlier process left is known before Set.
	Interface(world.NetworkInterfaceID) string
}
