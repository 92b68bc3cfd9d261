package ec2

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Console is what an instance printed.
type Console struct {
	Output []byte // the newest part, at most 64 KiB
	At     time.Time
}

// TerminateInstances ends instances: all of them or, if one is unknown, none.
func (s *Server) TerminateInstances(ctx context.Context, in *TerminateInstancesInput) (*TerminateInstancesOutput, error) {
	out := &TerminateInstancesOutput{TerminatingInstances: []InstanceStateChange{}}
	err := s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		if err := checkInstances(d.World, in.InstanceIds); err != nil {
			return err
		}
		for _, id := range in.InstanceIds {
			i, err := findInstance(d.World, id)
			if err != nil {
				return err
			}
			next := *i
			if i.State != world.InstanceTerminated && i.State != world.InstanceShuttingDown {
				next.State = world.InstanceShuttingDown
				next.StateReason, next.StateMessage = "Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"
				next.StateTransitionReason = "User initiated (" + d.Now.Format("2006-01-02 15:04:05") + " GMT)"
				d.Put(&next)
			}
			out.TerminatingInstances = append(out.TerminatingInstances, InstanceStateChange{
				InstanceId: new(id), PreviousState: showState(i.State), CurrentState: showState(next.State),
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeInstances lists instances by reservation.
func (s *Server) DescribeInstances(_ context.Context, in *DescribeInstancesInput) (*DescribeInstancesOutput, error) {
	w := s.view()
	cut, next, err := s.instances(w).describe(request{in.DryRun, in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstancesOutput{NextToken: next, Reservations: []Reservation{}}
	for _, i := range cut {
		at := slices.IndexFunc(out.Reservations, func(r Reservation) bool { return *r.ReservationId == i.ReservationID })
		if at < 0 {
			at = len(out.Reservations)
			out.Reservations = append(out.Reservations, Reservation{ReservationId: &i.ReservationID, OwnerId: &s.cfg.Scope.Account, Groups: []GroupIdentifier{}})
		}
		out.Reservations[at].Instances = append(out.Reservations[at].Instances, s.showInstance(w, i))
	}
	return out, nil
}

func (s *Server) instances(w world.World) listing[world.Instance] {
	return listing[world.Instance]{
		rows: w.Instances.All(), id: (*world.Instance).Key, tags: func(i *world.Instance) world.Tags { return i.Tags },
		find:    func(id string) (*world.Instance, error) { return findInstance(w, id) },
		findAll: func(ids []string) error { return checkInstances(w, ids) },
		names: []string{"architecture", "availability-zone", "client-token", "hypervisor", "image-id", "instance-id", "instance-state-code", "instance-state-name",
			"instance-type", "instance.group-id", "instance.group-name", "key-name", "launch-index", "network-interface.network-interface-id",
			"network-interface.subnet-id", "network-interface.vpc-id", "network-interface.addresses.private-ip-address", "owner-id", "private-dns-name",
			"private-ip-address", "reservation-id", "root-device-type", "source-dest-check", "state-reason-code", "subnet-id", "tenancy", "virtualization-type", "vpc-id"},
		props: func(i *world.Instance) map[string][]string { return s.instanceProps(w, i) },
	}
}

func (s *Server) instanceProps(w world.World, i *world.Instance) map[string][]string {
	p := map[string][]string{
		"architecture": {architecture()}, "availability-zone": {i.AvailabilityZone}, "client-token": {i.ClientToken}, "hypervisor": {"xen"}, "image-id": {i.ImageID},
		"instance-id": {string(i.ID)}, "instance-state-code": {strconv.Itoa(int(*showState(i.State).Code))}, "instance-state-name": {string(i.State)},
		"instance-type": {i.Type}, "launch-index": {strconv.Itoa(int(i.LaunchIndex))}, "owner-id": {s.cfg.Scope.Account}, "reservation-id": {i.ReservationID},
		"root-device-type": {"instance-store"}, "tenancy": {"default"}, "virtualization-type": {"hvm"},
	}
	if i.StateReason != "" {
		p["state-reason-code"] = []string{i.StateReason}
	}
	if i.State == world.InstanceTerminated {
		return p // its network is gone
	}
	address, subnet, vpc := []string{i.Address.String()}, []string{string(i.Subnet)}, []string{string(i.VPC)}
	p["private-dns-name"] = []string{world.PrivateDNSName(s.cfg.Scope.Region, i.Address)}
	p["private-ip-address"], p["network-interface.addresses.private-ip-address"] = address, address
	p["subnet-id"], p["network-interface.subnet-id"] = subnet, subnet
	p["vpc-id"], p["network-interface.vpc-id"] = vpc, vpc
	p["network-interface.network-interface-id"], p["source-dest-check"] = []string{string(i.Interface)}, []string{"true"}
	for _, g := range showGroups(w, i.SecurityGroups) {
		p["instance.group-id"] = append(p["instance.group-id"], *g.GroupId)
		p["instance.group-name"] = append(p["instance.group-name"], *g.GroupName)
	}
	return p
}

// DescribeInstanceStatus lists the status of running instances.
func (s *Server) DescribeInstanceStatus(_ context.Context, in *DescribeInstanceStatusInput) (*DescribeInstanceStatusOutput, error) {
	w := s.view()
	l := s.instances(w)
	l.names = []string{"availability-zone", "instance-state-code", "instance-state-name", "instance-status.status", "system-status.status"}
	l.props = func(i *world.Instance) map[string][]string {
		p := s.instanceProps(w, i)
		p["instance-status.status"], p["system-status.status"] = []string{*statusOf(i).Status}, []string{*statusOf(i).Status}
		return p
	}
	l.keep = func(i *world.Instance) bool {
		return i.State == world.InstanceRunning || optional.Value(in.IncludeAllInstances)
	}
	cut, next, err := l.describe(request{in.DryRun, in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstanceStatusOutput{NextToken: next, InstanceStatuses: []InstanceStatus{}}
	for _, i := range cut {
		out.InstanceStatuses = append(out.InstanceStatuses, InstanceStatus{
			InstanceId: new(string(i.ID)), AvailabilityZone: &i.AvailabilityZone, InstanceState: showState(i.State), InstanceStatus: statusOf(i), SystemStatus: statusOf(i),
		})
	}
	return out, nil
}

// statusOf is the status of an instance: Seamark sees that it runs, and makes no
// other checks of it.
func statusOf(i *world.Instance) *InstanceStatusSummary {
	if i.State == world.InstanceRunning {
		return &InstanceStatusSummary{Status: new("ok")}
	}
	return &InstanceStatusSummary{Status: new("not-applicable")}
}

// GetConsoleOutput shows what an instance printed.
func (s *Server) GetConsoleOutput(ctx context.Context, in *GetConsoleOutputInput) (*GetConsoleOutputOutput, error) {
	i, err := findInstance(s.view(), *in.InstanceId)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	c, err := s.cfg.Console(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	out := &GetConsoleOutputOutput{InstanceId: in.InstanceId, Timestamp: wire.At(c.At)}
	if len(c.Output) > 0 {
		out.Output = new(base64.StdEncoding.EncodeToString(c.Output))
	}
	return out, nil
}
