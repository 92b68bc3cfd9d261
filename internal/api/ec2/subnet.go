package ec2

import (
	"context"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// CreateSubnet makes a subnet in a VPC.
func (s *Server) CreateSubnet(ctx context.Context, in *CreateSubnetInput) (*CreateSubnetOutput, error) {
	if err := unbuiltSubnet(in); err != nil {
		return nil, err
	}
	tags, err := newTags(in.TagSpecifications, "subnet")
	if err != nil {
		return nil, err
	}
	var made *world.Subnet
	var after world.World
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		cidr, err := parseCIDR(in.CidrBlock)
		if err != nil {
			return err
		}
		if cidr.Bits() < largestPrefix || cidr.Bits() > smallestPrefix || cidr.Bits() < v.CIDR.Bits() || !v.CIDR.Contains(cidr.Addr()) {
			return fail("InvalidSubnet.Range", "The CIDR '%s' is invalid.", *in.CidrBlock)
		}
		for o := range d.World.SubnetsOf(v.ID) {
			if o.CIDR.Overlaps(cidr) {
				return fail("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", *in.CidrBlock)
			}
		}
		zone, err := s.zoneFor(d.World, v, in)
		if err != nil {
			return err
		}
		made = &world.Subnet{
			ID: world.SubnetID(d.Draw.EC2("subnet")), VPC: v.ID, CIDR: cidr, AvailabilityZone: zone, Tags: tags["subnet"], CreatedAt: d.Now,
		}
		if in.Ipv6CidrBlock != nil {
			if made.IPv6, err = subnetIPv6(d.World, v, *in.Ipv6CidrBlock); err != nil {
				return err
			}
			made.IPv6AssociationID = d.Draw.EC2("subnet-cidr-assoc")
		}
		d.Put(made)
		after = d.World
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateSubnetOutput{Subnet: new(s.showSubnet(after, made))}, nil
}

// unbuiltSubnet refuses what would be ignored.
func unbuiltSubnet(in *CreateSubnetInput) error {
	for name, given := range map[string]bool{
		"ipv4IpamPoolId": in.Ipv4IpamPoolId != nil, "ipv6IpamPoolId": in.Ipv6IpamPoolId != nil,
		"ipv4NetmaskLength": in.Ipv4NetmaskLength != nil, "ipv6NetmaskLength": in.Ipv6NetmaskLength != nil, "ipv6Native": optional.Value(in.Ipv6Native), "outpostArn": in.OutpostArn != nil,
	} {
		if given {
			return unbuilt(name)
		}
	}
	return nil
}

// zoneFor is the zone asked for by name or id, or the one with the fewest subnets.
func (s *Server) zoneFor(w world.World, v *world.VPC, in *CreateSubnetInput) (string, error) {
	zones := s.zones()
	asked := optional.Or(in.AvailabilityZone, optional.Value(in.AvailabilityZoneId))
	if asked == "" {
		count := map[string]int{}
		for o := range w.SubnetsOf(v.ID) {
			count[o.AvailabilityZone]++
		}
		best := zones[0]
		for _, z := range zones {
			if count[z] < count[best] {
				best = z
			}
		}
		return best, nil
	}
	for _, z := range zones {
		if z == asked || s.zoneID(z) == asked {
			return z, nil
		}
	}
	return "", fail("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.", asked, strings.Join(zones, ", "))
}

// DeleteSubnet removes a subnet without interfaces.
func (s *Server) DeleteSubnet(ctx context.Context, in *DeleteSubnetInput) (*DeleteSubnetOutput, error) {
	return &DeleteSubnetOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		n, err := findSubnet(d.World, *in.SubnetId)
		if err != nil {
			return err
		}
		for range d.World.InterfacesIn(n.ID) {
			return fail("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", n.ID)
		}
		for r := range d.World.AddressRests.Prefix(string(n.ID) + "/") {
			d.Delete(r)
		}
		d.Delete(n)
		return nil
	})
}

// DescribeSubnets lists subnets.
func (s *Server) DescribeSubnets(_ context.Context, in *DescribeSubnetsInput) (*DescribeSubnetsOutput, error) {
	w := s.view()
	l := listing[world.Subnet]{
		rows: w.Subnets.All(), id: (*world.Subnet).Key, tags: func(n *world.Subnet) world.Tags { return n.Tags },
		find: func(id string) (*world.Subnet, error) { return findSubnet(w, id) },
		names: []string{"availability-zone", "availabilityZone", "availability-zone-id", "availabilityZoneId", "available-ip-address-count", "cidr", "cidr-block", "cidrBlock",
			"default-for-az", "defaultForAz", "ipv6-cidr-block-association.association-id", "ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.state", "ipv6-native", "map-public-ip-on-launch", "owner-id", "state", "subnet-arn", "subnet-id", "vpc-id"},
		props: func(n *world.Subnet) map[string][]string {
			cidr, zone, id := []string{n.CIDR.String()}, []string{n.AvailabilityZone}, []string{s.zoneID(n.AvailabilityZone)}
			p := map[string][]string{
				"ipv6-native": {"false"}, "availability-zone": zone, "availabilityZone": zone, "availability-zone-id": id, "availabilityZoneId": id,
				"available-ip-address-count": {strconv.Itoa(place.Free(w, n))}, "cidr": cidr, "cidr-block": cidr, "cidrBlock": cidr,
				"default-for-az": {"false"}, "defaultForAz": {"false"}, "map-public-ip-on-launch": {strconv.FormatBool(n.MapPublicIPOnLaunch)},
				"owner-id": {s.cfg.Scope.Account}, "state": {"available"}, "subnet-arn": {s.arn("subnet/" + string(n.ID))},
				"subnet-id": {string(n.ID)}, "vpc-id": {string(n.VPC)},
			}
			if n.IPv6.IsValid() {
				p["ipv6-cidr-block-association.association-id"] = []string{n.IPv6AssociationID}
				p["ipv6-cidr-block-association.ipv6-cidr-block"] = []string{n.IPv6.String()}
				p["ipv6-cidr-block-association.state"] = []string{SubnetCidrBlockStateCodeAssociated}
			}
			return p
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.SubnetIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeSubnetsOutput{NextToken: next, Subnets: []Subnet{}}
	for _, n := range cut {
		out.Subnets = append(out.Subnets, s.showSubnet(w, n))
	}
	return out, nil
}

func (s *Server) showSubnet(w world.World, n *world.Subnet) Subnet {
	return Subnet{
		SubnetId: new(string(n.ID)), SubnetArn: new(s.arn("subnet/" + string(n.ID))), VpcId: new(string(n.VPC)), CidrBlock: new(n.CIDR.String()),
		AvailabilityZone: &n.AvailabilityZone, AvailabilityZoneId: new(s.zoneID(n.AvailabilityZone)),
		AvailableIpAddressCount: new(int32(place.Free(w, n))), DefaultForAz: new(false), MapPublicIpOnLaunch: &n.MapPublicIPOnLaunch,
		AssignIpv6AddressOnCreation: &n.AssignIPv6OnCreation, Ipv6CidrBlockAssociationSet: showSubnetIPv6(n, SubnetCidrBlockStateCodeAssociated), Ipv6Native: new(false),
		EnableDns64: new(false), MapCustomerOwnedIpOnLaunch: new(false), OwnerId: &s.cfg.Scope.Account, State: new("available"), Tags: showTags(n.Tags),
		PrivateDnsNameOptionsOnLaunch: &PrivateDnsNameOptionsOnLaunch{
			HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false),
		},
	}
}

// ModifySubnetAttribute changes one attribute of a subnet. MapPublicIpOnLaunch is
// kept and shown; Seamark has no public addresses that it could map.
func (s *Server) ModifySubnetAttribute(ctx context.Context, in *ModifySubnetAttributeInput) (*ModifySubnetAttributeOutput, error) {
	if err := unbuiltSubnetAttribute(in); err != nil {
		return nil, err
	}
	return &ModifySubnetAttributeOutput{}, s.change(ctx, nil, func(d *plan.Draft) error {
		n, err := findSubnet(d.World, *in.SubnetId)
		if err != nil {
			return err
		}
		next := *n
		if in.MapPublicIpOnLaunch != nil {
			next.MapPublicIPOnLaunch = optional.Value(in.MapPublicIpOnLaunch.Value)
		}
		if in.AssignIpv6AddressOnCreation != nil {
			next.AssignIPv6OnCreation = optional.Value(in.AssignIpv6AddressOnCreation.Value)
		}
		switch {
		case next.AssignIPv6OnCreation && !n.IPv6.IsValid():
			return fail("InvalidParameterValue", "Invalid value 'true' for assignIpv6AddressOnCreation. Subnet doesn't have an associated IPv6 CIDR block.")
		case next.MapPublicIPOnLaunch != n.MapPublicIPOnLaunch, next.AssignIPv6OnCreation != n.AssignIPv6OnCreation:
			d.Put(&next)
		}
		return nil
	})
}

// unbuiltSubnetAttribute refuses to switch on what would be ignored.
func unbuiltSubnetAttribute(in *ModifySubnetAttributeInput) error {
	on := func(v *AttributeBooleanValue) bool { return v != nil && optional.Value(v.Value) }
	for name, given := range map[string]bool{
		"customerOwnedIpv4Pool": in.CustomerOwnedIpv4Pool != nil,
		"enableDns64":           on(in.EnableDns64), "enableLniAtDeviceIndex": in.EnableLniAtDeviceIndex != nil,
		"enableResourceNameDnsARecordOnLaunch":         on(in.EnableResourceNameDnsARecordOnLaunch),
		"enableResourceNameDnsAAAARecordOnLaunch":      on(in.EnableResourceNameDnsAAAARecordOnLaunch),
		"mapCustomerOwnedIpOnLaunch":                   on(in.MapCustomerOwnedIpOnLaunch),
		"privateDnsHostnameTypeOnLaunch resource-name": optional.Value(in.PrivateDnsHostnameTypeOnLaunch) == HostnameTypeResourceName,
	} {
		if given {
			return unbuilt(name)
		}
	}
	return nil
}
