package world

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// InstanceState is the state of an EC2 instance.
type InstanceState string

// The states of an instance (EC2 user guide, "Instance lifecycle").
const (
	InstancePending      InstanceState = "pending"
	InstanceRunning      InstanceState = "running"
	InstanceShuttingDown InstanceState = "shutting-down"
	InstanceTerminated   InstanceState = "terminated"
	InstanceStopping     InstanceState = "stopping"
	InstanceStopped      InstanceState = "stopped"
)

var instanceMoves = map[InstanceState][]InstanceState{
	InstancePending:      {InstanceRunning, InstanceShuttingDown, InstanceTerminated},
	InstanceRunning:      {InstanceShuttingDown, InstanceStopping, InstanceTerminated},
	InstanceStopping:     {InstanceStopped, InstanceShuttingDown},
	InstanceStopped:      {InstancePending, InstanceTerminated},
	InstanceShuttingDown: {InstanceTerminated},
}

// Move returns t, or ErrIllegalMove.
func (s InstanceState) Move(t InstanceState) (InstanceState, error) {
	if slices.Contains(instanceMoves[s], t) {
		return t, nil
	}
	return s, fmt.Errorf("instance %s to %s: %w", s, t, ErrIllegalMove)
}

// TestMachineImage is the AMI id of Seamark's own machine image. In relaxed
// fidelity every other well-formed id boots the same.
const TestMachineImage = "ami-00000000000000000"

// Instance is an EC2 instance: a container with an init, made to behave like a
// small machine. The API writes the wish (State shutting-down), the node Observed.
type Instance struct {
	ID               InstanceID
	ReservationID    string
	LaunchIndex      int32
	ImageID          string // ami-…
	Type             string // t3.micro
	VPC              VPCID
	Subnet           SubnetID
	AvailabilityZone string
	Interface        NetworkInterfaceID
	Address          netip.Addr
	IPv6             netip.Addr // the zero value without one
	MAC              string
	SecurityGroups   []SecurityGroupID
	KeyName          string
	UserData         []byte
	ClientToken      string
	Tags             Tags
	LaunchTime       time.Time
	Node             string // the machine that runs it

	State                     InstanceState
	StateReason, StateMessage string
	StateTransitionReason     string
	TerminatedAt              time.Time

	Observed InstanceObserved
}

func (i *Instance) Kind() Kind  { return KindInstance }
func (i *Instance) Key() string { return string(i.ID) }

// InstanceObserved is what the node saw; the node alone writes it.
type InstanceObserved struct {
	Running  bool
	Stopped  bool   // it does not run and will not again
	Released bool   // container and interface are gone
	Failure  string // it could not boot
	ExitCode *int32
	PID      int
}
