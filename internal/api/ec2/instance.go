package ec2

import (
	"context"
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"time"

	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// maxUserData is the most user data of an instance, in bytes before encoding.
const maxUserData = 16 << 10

var (
	amiPattern  = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	typePattern = regexp.MustCompile(`^[a-z][a-z0-9-]*\.([a-z0-9-]+)$`)
)

// Console is what an instance printed.
type Console struct {
	Output []byte // the newest part, at most 64 KiB
	At     time.Time
}

// RunInstances boots instances: all that fit between MinCount and MaxCount.
func (s *Server) RunInstances(ctx context.Context, in *RunInstancesInput) (*RunInstancesOutput, error) {
	l, err := s.launch(in)
	if err != nil {
		return nil, err
	}
	var made []*world.Instance
	var after world.World
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		if made = l.repeated(d.World); made != nil {
			after = d.World
			return l.same(made)
		}
		made, err = l.run(d)
		after = d.World
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &RunInstancesOutput{ReservationId: &made[0].ReservationID, OwnerId: &s.cfg.Scope.Account, Groups: []GroupIdentifier{}, Instances: []Instance{}}
	for _, i := range made {
		out.Instances = append(out.Instances, s.showInstance(after, i))
	}
	return out, nil
}

// launch is a checked RunInstances request.
type launch struct {
	in       *RunInstancesInput
	subnet   string
	groups   []string
	address  *string
	userData []byte
	min, max int
	tags     map[string]world.Tags
}

func (s *Server) launch(in *RunInstancesInput) (*launch, error) {
	l := &launch{in: in, groups: in.SecurityGroupIds, address: in.PrivateIpAddress, min: int(or(in.MinCount, 1)), max: int(or(in.MaxCount, 1))}
	if err := unbuiltInstance(in); err != nil {
		return nil, err
	}
	switch {
	case in.ImageId == nil:
		return nil, missing("ImageId")
	case !amiPattern.MatchString(*in.ImageId):
		return nil, fail("InvalidAMIID.Malformed", "Invalid id: %q (expecting \"ami-...\")", *in.ImageId)
	case !s.cfg.Changes.Fidelity.BootsAnyImage() && *in.ImageId != testMachine:
		return nil, fail("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", *in.ImageId)
	case !typePattern.MatchString(or(in.InstanceType, "m1.small")):
		return nil, fail("InvalidParameterValue", "Invalid value '%s' for InstanceType.", *in.InstanceType)
	case l.min < 1 || l.max < l.min:
		return nil, fail("InvalidParameterValue", "Value (%d) for parameter maxCount is invalid: must be at least minCount (%d).", l.max, l.min)
	case l.max > 1 && l.address != nil:
		return nil, fail("InvalidParameterCombination", "A private IP address can be specified only when launching one instance.")
	}
	var err error
	if l.userData, err = base64.StdEncoding.DecodeString(or(in.UserData, "")); err != nil {
		return nil, fail("InvalidParameterValue", "Invalid BASE64 encoding of user data.")
	}
	if len(l.userData) > maxUserData {
		return nil, fail("InvalidParameterValue", "User data is limited to 16384 bytes")
	}
	l.subnet = or(in.SubnetId, "")
	if err := l.networkInterface(); err != nil {
		return nil, err
	}
	l.tags, err = newTags(in.TagSpecifications, "instance", "network-interface", "volume")
	return l, err
}

// testMachine is the AMI id of Seamark's own machine image, the one that boots
// in AWS's fidelity.
const testMachine = "ami-00000000000000000"

// unbuiltInstance refuses what would be ignored.
func unbuiltInstance(in *RunInstancesInput) error {
	for name, given := range map[string]bool{
		"IamInstanceProfile": in.IamInstanceProfile != nil, "LaunchTemplate": in.LaunchTemplate != nil,
		"InstanceMarketOptions": in.InstanceMarketOptions != nil, "HibernationOptions": in.HibernationOptions != nil,
		"Ipv6AddressCount": or(in.Ipv6AddressCount, 0) > 0, "Ipv6Addresses": len(in.Ipv6Addresses) > 0,
		"DisableApiTermination": or(in.DisableApiTermination, false), "SecurityGroups by name": len(in.SecurityGroups) > 0,
		"KeyName": in.KeyName != nil,
	} {
		if given {
			return unbuilt(name)
		}
	}
	return nil
}

// networkInterface reads the long form of subnet, groups and address.
func (l *launch) networkInterface() error {
	if len(l.in.NetworkInterfaces) == 0 {
		return nil
	}
	n := l.in.NetworkInterfaces[0]
	switch {
	case l.in.SubnetId != nil || len(l.in.SecurityGroupIds) > 0:
		return fail("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
	case len(l.in.NetworkInterfaces) > 1 || n.NetworkInterfaceId != nil:
		return unbuilt("several or existing network interfaces of an instance")
	}
	l.subnet, l.groups, l.address = or(n.SubnetId, ""), n.Groups, n.PrivateIpAddress
	return nil
}

// repeated are the instances that an earlier request with this token made.
func (l *launch) repeated(w world.World) []*world.Instance {
	var made []*world.Instance
	for i := range w.Instances.All() {
		if l.in.ClientToken != nil && *l.in.ClientToken != "" && i.ClientToken == *l.in.ClientToken {
			made = append(made, i)
		}
	}
	return made
}

// same refuses a token that comes again with other parameters.
func (l *launch) same(made []*world.Instance) error {
	i := made[0]
	if i.ImageID != *l.in.ImageId || string(i.Subnet) != l.subnet && l.subnet != "" || string(i.UserData) != string(l.userData) || len(made) > l.max {
		return fail("IdempotentParameterMismatch", "Client token already used with other parameters.")
	}
	return nil
}

func (l *launch) run(d *plan.Draft) ([]*world.Instance, error) {
	if l.subnet == "" {
		return nil, fail("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	subnet, err := findSubnet(d.World, l.subnet)
	if err != nil {
		return nil, err
	}
	groups, err := findGroups(d.World, d.World.VPCs.Get(string(subnet.VPC)), l.groups)
	if err != nil {
		return nil, err
	}
	count := min(l.max, place.Free(d.World, subnet))
	if count < l.min {
		return nil, fail("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", subnet.ID)
	}
	reservation := d.Draw.EC2("r")
	var made []*world.Instance
	for index := range count {
		i, err := l.instance(d, subnet, groups, reservation, int32(index))
		if err != nil {
			return nil, err
		}
		made = append(made, i)
	}
	return made, nil
}

func (l *launch) instance(d *plan.Draft, subnet *world.Subnet, groups []world.SecurityGroupID, reservation string, index int32) (*world.Instance, error) {
	id := d.Draw.EC2("i")
	n, err := newInterface(d, subnet, groups, l.address, world.OwnedByInstance, id)
	if err != nil {
		return nil, err
	}
	attached := *n
	attached.AttachmentID, attached.Tags = d.Draw.EC2("eni-attach"), l.tags["network-interface"]
	d.Put(&attached)
	i := &world.Instance{
		ID: world.InstanceID(id), ReservationID: reservation, LaunchIndex: index, ImageID: *l.in.ImageId, Type: or(l.in.InstanceType, "m1.small"),
		VPC: subnet.VPC, Subnet: subnet.ID, AvailabilityZone: subnet.AvailabilityZone, Interface: n.ID, Address: n.Address, MAC: n.MAC,
		SecurityGroups: groups, UserData: l.userData, ClientToken: or(l.in.ClientToken, ""), Tags: l.tags["instance"], LaunchTime: d.Now,
		Node: place.Node, State: world.InstancePending,
	}
	d.Put(i)
	return i, nil
}

// TerminateInstances ends instances: all of them or, if one is unknown, none.
func (s *Server) TerminateInstances(ctx context.Context, in *TerminateInstancesInput) (*TerminateInstancesOutput, error) {
	out := &TerminateInstancesOutput{TerminatingInstances: []InstanceStateChange{}}
	err := s.change(ctx, in.DryRun, func(d *plan.Draft) error {
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
		find: func(id string) (*world.Instance, error) { return findInstance(w, id) },
		names: []string{"availability-zone", "image-id", "instance-id", "instance-state-code", "instance-state-name", "instance-type", "private-dns-name",
			"private-ip-address", "reservation-id", "subnet-id", "vpc-id", "client-token", "instance.group-id", "network-interface.network-interface-id"},
		props: func(i *world.Instance) map[string][]string {
			p := map[string][]string{
				"availability-zone": {i.AvailabilityZone}, "image-id": {i.ImageID}, "instance-id": {string(i.ID)},
				"instance-state-code": {strconv.Itoa(int(*showState(i.State).Code))}, "instance-state-name": {string(i.State)}, "instance-type": {i.Type},
				"private-dns-name": {world.PrivateDNSName(s.cfg.Scope.Region, i.Address)}, "private-ip-address": {i.Address.String()},
				"reservation-id": {i.ReservationID}, "subnet-id": {string(i.Subnet)}, "vpc-id": {string(i.VPC)}, "client-token": {i.ClientToken},
				"network-interface.network-interface-id": {string(i.Interface)},
			}
			for _, g := range i.SecurityGroups {
				p["instance.group-id"] = append(p["instance.group-id"], string(g))
			}
			return p
		},
	}
}

// DescribeInstanceStatus lists the status of running instances.
func (s *Server) DescribeInstanceStatus(_ context.Context, in *DescribeInstanceStatusInput) (*DescribeInstanceStatusOutput, error) {
	w := s.view()
	cut, next, err := s.instances(w).describe(request{in.DryRun, in.InstanceIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstanceStatusOutput{NextToken: next, InstanceStatuses: []InstanceStatus{}}
	for _, i := range cut {
		if i.State != world.InstanceRunning && !or(in.IncludeAllInstances, false) {
			continue
		}
		summary := &InstanceStatusSummary{Status: new("not-applicable")}
		if i.State == world.InstanceRunning {
			summary.Status = new("ok")
		}
		out.InstanceStatuses = append(out.InstanceStatuses, InstanceStatus{
			InstanceId: new(string(i.ID)), AvailabilityZone: &i.AvailabilityZone, InstanceState: showState(i.State), InstanceStatus: summary, SystemStatus: summary,
		})
	}
	return out, nil
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

// stateCodes are the codes of the instance states (EC2 API reference, InstanceState).
func showState(state world.InstanceState) *InstanceState {
	codes := map[world.InstanceState]int32{
		world.InstancePending: 0, world.InstanceRunning: 16, world.InstanceShuttingDown: 32,
		world.InstanceTerminated: 48, world.InstanceStopping: 64, world.InstanceStopped: 80,
	}
	return &InstanceState{Code: new(codes[state]), Name: new(string(state))}
}

func (s *Server) showInstance(w world.World, i *world.Instance) Instance {
	out := Instance{
		InstanceId: new(string(i.ID)), ImageId: &i.ImageID, InstanceType: &i.Type, AmiLaunchIndex: &i.LaunchIndex, Architecture: new("x86_64"),
		LaunchTime: wire.At(i.LaunchTime), State: showState(i.State), StateTransitionReason: &i.StateTransitionReason, Tags: showTags(i.Tags),
		Placement: &Placement{AvailabilityZone: &i.AvailabilityZone, GroupName: new(""), Tenancy: new("default")}, Monitoring: &Monitoring{State: new("disabled")},
		Hypervisor: new("xen"), VirtualizationType: new("hvm"), RootDeviceType: new("instance-store"), BlockDeviceMappings: []InstanceBlockDeviceMapping{},
		ProductCodes: []ProductCode{}, EbsOptimized: new(false), EnaSupport: new(true), PublicDnsName: new(""), PrivateDnsName: new(""),
		NetworkInterfaces: []InstanceNetworkInterface{}, SecurityGroups: []GroupIdentifier{}, ClientToken: &i.ClientToken,
	}
	if i.StateReason != "" {
		out.StateReason = &StateReason{Code: &i.StateReason, Message: &i.StateMessage}
	}
	if i.State == world.InstanceTerminated {
		return out
	}
	address, name := i.Address.String(), world.PrivateDNSName(s.cfg.Scope.Region, i.Address)
	out.VpcId, out.SubnetId, out.SecurityGroups = new(string(i.VPC)), new(string(i.Subnet)), showGroups(w, i.SecurityGroups)
	out.PrivateIpAddress, out.PrivateDnsName, out.SourceDestCheck = &address, &name, new(true)
	if n := w.NetworkInterfaces.Get(string(i.Interface)); n != nil {
		out.NetworkInterfaces = append(out.NetworkInterfaces, s.showInstanceInterface(w, n))
	}
	return out
}

func (s *Server) showInstanceInterface(w world.World, n *world.NetworkInterface) InstanceNetworkInterface {
	shown := s.showInterface(w, n)
	return InstanceNetworkInterface{
		NetworkInterfaceId: shown.NetworkInterfaceId, VpcId: shown.VpcId, SubnetId: shown.SubnetId, Groups: shown.Groups, MacAddress: shown.MacAddress,
		OwnerId: shown.OwnerId, PrivateDnsName: shown.PrivateDnsName, PrivateIpAddress: shown.PrivateIpAddress, SourceDestCheck: shown.SourceDestCheck,
		Status: shown.Status, Description: shown.Description, InterfaceType: shown.InterfaceType, Ipv6Addresses: []InstanceIpv6Address{},
		PrivateIpAddresses: []InstancePrivateIpAddress{{Primary: new(true), PrivateDnsName: shown.PrivateDnsName, PrivateIpAddress: shown.PrivateIpAddress}},
		Attachment: &InstanceNetworkInterfaceAttachment{
			AttachmentId: shown.Attachment.AttachmentId, AttachTime: shown.Attachment.AttachTime, DeleteOnTermination: new(true), DeviceIndex: new(int32(0)), Status: new("attached"),
		},
	}
}
