// Package admin is the local side door of a running Seamark: a unix socket, for
// its own command line and root alone, with what AWS has no API for: status,
// images, and network namespaces to run host programs in.
package admin

import (
	"context"
	"net/netip"
	"time"

	"seamark/internal/world"
)

// Status is what `seamark status` prints.
type Status struct {
	InstanceID string    `json:"instanceId"`
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	StartedAt  time.Time `json:"startedAt"`
	Endpoint   string    `json:"endpoint"`
	Runtime    string    `json:"runtime"`
	Fidelity   string    `json:"fidelity"`
	DataDir    string    `json:"dataDir"`
	RunDir     string    `json:"runDir"`
	Revision   int64     `json:"revision"`
	Applied    int64     `json:"applied"`
	Refusing   string    `json:"refusing,omitempty"` // why changes are refused now
	DataPlane  *Process  `json:"dataPlane,omitempty"`
	Engine     *Process  `json:"engine,omitempty"`
	Resolvers  []Resolver
	Tasks      []Task `json:"tasks"`
}

// Process is a process of this Seamark instance.
type Process struct {
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"startedAt,omitzero"`
}

// Resolver is one VPC's DNS resolver.
type Resolver struct {
	VPC     world.VPCID      `json:"vpc"`
	Bound   []netip.AddrPort `json:"bound"`
	Failed  string           `json:"failed,omitempty"`
	Queries uint64           `json:"queries"`
	// Inbound are the VPC's inbound Resolver endpoints, sorted.
	Inbound []Inbound `json:"inbound,omitempty"`
}

// Inbound is where an inbound Resolver endpoint listens: for tools on a machine
// whose VPCs have no network, the only place to learn it.
type Inbound struct {
	ID    world.ResolverEndpointID `json:"id"`
	Bound []netip.AddrPort         `json:"bound"`
}

// Task is one task that is not stopped.
type Task struct {
	ID      world.TaskID `json:"id"`
	Cluster string       `json:"cluster"`
	Service string       `json:"service,omitempty"`
	Status  string       `json:"status"`
	Address netip.Addr   `json:"address,omitzero"`
	PIDs    []int        `json:"pids"`
}

// Image is a local image.
type Image struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// SessionRequest asks for a place in a VPC network to run something in.
type SessionRequest struct {
	// Target is a VPC, a subnet, an instance or a task (id or ARN). A VPC or
	// subnet gets an interface of its own, which is gone with the session; an
	// instance's or a task's network is joined.
	Target         string   `json:"target"`
	Subnet         string   `json:"subnet,omitempty"`
	SecurityGroups []string `json:"securityGroups,omitempty"`
}

// Session is a network namespace with its resolver's configuration. It lasts as
// long as the connection on which it was asked for.
type Session struct {
	Namespace string         `json:"namespace"`
	Address   netip.Addr     `json:"address"`
	VPC       world.VPCID    `json:"vpc"`
	Resolver  netip.AddrPort `json:"resolver"`
	Resolv    string         `json:"resolvConf"`
	Hosts     string         `json:"hosts"`
}

// Backend is what the socket gives access to.
type Backend interface {
	Status(ctx context.Context) (Status, error)
	LoadImage(ctx context.Context, path string) ([]string, error)
	Images(ctx context.Context) ([]Image, error)
	// OpenSession makes a session; end must be called.
	OpenSession(ctx context.Context, r SessionRequest) (s Session, end func(), err error)
}
