package ec2

import (
	"context"
	"encoding/base64"
	"regexp"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// maxUserData is the most user data of an instance, in bytes before encoding.
const maxUserData = 16 << 10

// maxLaunch is the most instances that one request boots.
const maxLaunch = 100

var amiPattern = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)

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
			return l.token.same(d.World)
		}
		made, err = l.run(d)
		after = d.World
		return err
	})
	if err != nil {
		return nil, err
	}
	if id := made[0].ImageID; id != testMachine {
		wire.RequestFrom(ctx).Notice(id + " boots Seamark's test machine (relaxed fidelity); AWS boots an image of that id or answers InvalidAMIID.NotFound")
	}
	out := &RunInstancesOutput{ReservationId: &made[0].ReservationID, OwnerId: &s.cfg.Scope.Account, Groups: []GroupIdentifier{}, Instances: []Instance{}}
	for _, i := range made {
		out.Instances = append(out.Instances, s.showInstance(after, i))
	}
	return out, nil
}

// launch is a checked RunInstances request.
type launch struct {
	in          *RunInstancesInput
	token       clientToken
	subnet      string
	groups      []string
	address     *string
	ipv6        askedIPv6
	description string // of the interface
	userData    []byte
	min, max    int
	tags        map[string]world.Tags
}

func (s *Server) launch(in *RunInstancesInput) (*launch, error) {
	l := &launch{
		in: in, subnet: optional.Value(in.SubnetId), groups: in.SecurityGroupIds, address: in.PrivateIpAddress,
		ipv6: askedIPv6{in.Ipv6AddressCount, in.Ipv6Addresses},
		min:  int(optional.Or(in.MinCount, 1)), max: int(optional.Or(in.MaxCount, 1)),
	}
	for _, check := range []func() error{
		func() error { return unbuiltInstance(in) },
		func() error { return unknownToInstance(in) },
		func() error { return s.checkImage(in.ImageId) },
		l.checkCount, l.networkInterface, l.decodeUserData,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	var err error
	if l.tags, err = newTags(in.TagSpecifications, "instance", "network-interface", "volume"); err != nil {
		return nil, err
	}
	params := *in
	params.ClientToken, params.DryRun = nil, nil
	l.token, err = newClientToken(in.ClientToken, "RunInstances", params)
	return l, err
}

// unbuiltInstance refuses what would be ignored.
func unbuiltInstance(in *RunInstancesInput) error {
	placement := optional.Value(in.Placement)
	for name, given := range map[string]bool{
		"LaunchTemplate": in.LaunchTemplate != nil, "InstanceMarketOptions": in.InstanceMarketOptions != nil, "HibernationOptions": in.HibernationOptions != nil,
		"several IPv6 addresses of an instance": optional.Value(in.Ipv6AddressCount) > 1 || len(in.Ipv6Addresses) > 1, "BlockDeviceMapping": len(in.BlockDeviceMappings) > 0,
		"DisableApiTermination": optional.Value(in.DisableApiTermination), "DisableApiStop": optional.Value(in.DisableApiStop),
		"Monitoring": in.Monitoring != nil && optional.Value(in.Monitoring.Enabled), "CpuOptions": in.CpuOptions != nil, "EnclaveOptions": in.EnclaveOptions != nil,
		"Placement.Tenancy":   optional.Or(placement.Tenancy, TenancyDefault) != TenancyDefault,
		"Placement.GroupName": optional.Value(placement.GroupName) != "" || placement.GroupId != nil, "Placement.HostId": placement.HostId != nil || placement.HostResourceGroupArn != nil,
		"SecondaryInterface":                          len(in.SecondaryInterfaces) > 0,
		"InstanceInitiatedShutdownBehavior terminate": optional.Value(in.InstanceInitiatedShutdownBehavior) == ShutdownBehaviorTerminate,
	} {
		if given {
			return unbuilt(name)
		}
	}
	return nil
}

// unknownToInstance refuses names of what nobody can make here: key pairs,
// instance profiles, groups of a default VPC.
func unknownToInstance(in *RunInstancesInput) error {
	switch {
	case in.KeyName != nil:
		return fail("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", *in.KeyName)
	case in.IamInstanceProfile != nil && in.IamInstanceProfile.Arn != nil:
		return fail("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", *in.IamInstanceProfile.Arn)
	case in.IamInstanceProfile != nil:
		return fail("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", optional.Value(in.IamInstanceProfile.Name))
	case len(in.SecurityGroups) > 0 && in.SubnetId != nil:
		return fail("InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet")
	case len(in.SecurityGroups) > 0:
		return noDefaultVPC()
	}
	return nil
}

func (s *Server) checkImage(id *string) error {
	switch {
	case id == nil:
		return missing("ImageId")
	case !amiPattern.MatchString(*id):
		return fail("InvalidAMIID.Malformed", "Invalid id: %q (expecting %q)", *id, "ami-...")
	case !s.cfg.Changes.Fidelity.BootsAnyImage() && *id != testMachine:
		return noImage(*id)
	}
	return nil
}

func (l *launch) checkCount() error {
	switch {
	case l.min < 1:
		return fail("InvalidParameterValue", "Value (%d) for parameter minCount is invalid. Expecting a value greater than or equal to 1.", l.min)
	case l.max < l.min:
		return fail("InvalidParameterValue", "Value (%d) for parameter maxCount is invalid. Expecting a value greater than or equal to minCount, %d.", l.max, l.min)
	case l.min > maxLaunch:
		return fail("InstanceLimitExceeded", "You have requested more instances (%d) than your current instance limit of %d allows for the specified instance type.", l.min, maxLaunch)
	}
	l.max = min(l.max, maxLaunch)
	return nil
}

func (l *launch) decodeUserData() error {
	var err error
	if l.userData, err = base64.StdEncoding.DecodeString(optional.Value(l.in.UserData)); err != nil {
		return fail("InvalidParameterValue", "Invalid BASE64 encoding of user data.")
	}
	if len(l.userData) > maxUserData {
		return fail("InvalidParameterValue", "User data is limited to 16384 bytes")
	}
	return nil
}

// networkInterface reads the long form of subnet, groups and address.
func (l *launch) networkInterface() error {
	if len(l.in.NetworkInterfaces) > 0 {
		if err := l.longForm(l.in.NetworkInterfaces); err != nil {
			return err
		}
	}
	if l.max > 1 && (l.address != nil || len(l.ipv6.addresses) > 0) {
		return fail("InvalidParameterCombination", "A private IP address can be specified only when launching one instance.")
	}
	return nil
}

func (l *launch) longForm(list []InstanceNetworkInterfaceSpecification) error {
	n := list[0]
	for name, given := range map[string]bool{
		"several network interfaces of an instance": len(list) > 1, "an existing network interface": n.NetworkInterfaceId != nil,
		"AssociatePublicIpAddress": optional.Value(n.AssociatePublicIpAddress), "NetworkInterface.DeleteOnTermination false": !optional.Or(n.DeleteOnTermination, true),
		"several IPv6 addresses of an instance": len(n.Ipv6Addresses) > 1 || optional.Value(n.Ipv6AddressCount) > 1, "further addresses of an instance": len(n.PrivateIpAddresses) > 0 || n.SecondaryPrivateIpAddressCount != nil,
		"NetworkInterface.InterfaceType": optional.Or(n.InterfaceType, "interface") != "interface",
	} {
		if given {
			return unbuilt(name)
		}
	}
	switch {
	case l.in.SubnetId != nil || len(l.in.SecurityGroupIds) > 0 || l.in.PrivateIpAddress != nil || l.in.Ipv6AddressCount != nil || len(l.in.Ipv6Addresses) > 0:
		return fail("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
	case optional.Value(n.DeviceIndex) != 0:
		return fail("InvalidParameterValue", "The primary network interface must have the device index 0.")
	}
	l.ipv6 = askedIPv6{n.Ipv6AddressCount, n.Ipv6Addresses}
	l.subnet, l.groups, l.address, l.description = optional.Value(n.SubnetId), n.Groups, n.PrivateIpAddress, optional.Value(n.Description)
	return nil
}

// repeated are the instances that an earlier request with this token made, as
// long as one of them is known.
func (l *launch) repeated(w world.World) []*world.Instance {
	var made []*world.Instance
	for _, id := range l.token.made(w) {
		if i := w.Instances.Get(id); i != nil {
			made = append(made, i)
		}
	}
	return made
}

func (l *launch) run(d *plan.Draft) ([]*world.Instance, error) {
	if l.subnet == "" {
		return nil, noDefaultVPC()
	}
	subnet, err := findSubnet(d.World, l.subnet)
	if err != nil {
		return nil, err
	}
	if zone := optional.Value(l.in.Placement).AvailabilityZone; zone != nil && *zone != subnet.AvailabilityZone {
		return nil, fail("InvalidParameterValue", "The availability zone '%s' does not match the subnet's, '%s'.", *zone, subnet.AvailabilityZone)
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
	var ids []string
	for index := range count {
		i, err := l.instance(d, subnet, groups, reservation, int32(index))
		if err != nil {
			return nil, err
		}
		made, ids = append(made, i), append(ids, string(i.ID))
	}
	l.token.remember(d, ids)
	return made, nil
}

func (l *launch) instance(d *plan.Draft, subnet *world.Subnet, groups []world.SecurityGroupID, reservation string, index int32) (*world.Instance, error) {
	id := d.Draw.EC2("i")
	n, err := newInterface(d, subnet, groups, l.address, world.OwnedByInstance, id)
	if err != nil {
		return nil, err
	}
	if n, err = withIPv6(d, subnet, n, l.ipv6); err != nil {
		return nil, err
	}
	attached := *n
	attached.AttachmentID, attached.Tags, attached.Description = d.Draw.EC2("eni-attach"), l.tags["network-interface"], l.description
	d.Put(&attached)
	i := &world.Instance{
		ID: world.InstanceID(id), ReservationID: reservation, LaunchIndex: index, ImageID: *l.in.ImageId, Type: optional.Or(l.in.InstanceType, "m1.small"),
		VPC: subnet.VPC, Subnet: subnet.ID, AvailabilityZone: subnet.AvailabilityZone, Interface: n.ID, Address: n.Address, IPv6: n.IPv6, MAC: n.MAC,
		SecurityGroups: groups, UserData: l.userData, ClientToken: optional.Value(l.in.ClientToken), Tags: l.tags["instance"], LaunchTime: d.Now,
		Node: place.Node, State: world.InstancePending,
	}
	d.Put(i)
	return i, nil
}
