package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

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
		"ipv6CidrBlock": in.Ipv6CidrBlock != nil, "ipv4IpamPoolId": in.Ipv4IpamPoolId != nil, "ipv6IpamPoolId": in.Ipv6IpamPoolId != nil,
		"ipv6Native": or(in.Ipv6Native, false), "outpostArn": in.OutpostArn != nil,
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
	asked := or(in.AvailabilityZone, or(in.AvailabilityZoneId, ""))
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
			"default-for-az", "defaultForAz", "map-public-ip-on-launch", "owner-id", "state", "subnet-arn", "subnet-id", "vpc-id"},
		props: func(n *world.Subnet) map[string][]string {
			cidr, zone, id := []string{n.CIDR.String()}, []string{n.AvailabilityZone}, []string{s.zoneID(n.AvailabilityZone)}
			return map[string][]string{
				"availability-zone": zone, "availabilityZone": zone, "availability-zone-id": id, "availabilityZoneId": id,
				"available-ip-address-count": {strconv.Itoa(place.Free(w, n))}, "cidr": cidr, "cidr-block": cidr, "cidrBlock": cidr,
				"default-for-az": {"false"}, "defaultForAz": {"false"}, "map-public-ip-on-launch": {strconv.FormatBool(n.MapPublicIPOnLaunch)},
				"owner-id": {s.cfg.Scope.Account}, "state": {"available"}, "subnet-arn": {s.arn("subnet/" + string(n.ID))},
				"subnet-id": {string(n.ID)}, "vpc-id": {string(n.VPC)},
			}
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
		AssignIpv6AddressOnCreation: new(false), Ipv6CidrBlockAssociationSet: []SubnetIpv6CidrBlockAssociation{}, Ipv6Native: new(false),
		EnableDns64: new(false), MapCustomerOwnedIpOnLaunch: new(false), OwnerId: &s.cfg.Scope.Account, State: new("available"), Tags: showTags(n.Tags),
		PrivateDnsNameOptionsOnLaunch: &PrivateDnsNameOptionsOnLaunch{
			HostnameType: new("ip-name"), EnableResourceNameDnsARecord: new(false), EnableResourceNameDnsAAAARecord: new(false),
		},
	}
}

// zones are the availability zones of the Region. us-east-1 has six; others
// have three here.
func (s *Server) zones() []string {
	letters := "abc"
	if s.cfg.Scope.Region == "us-east-1" {
		letters = "abcdef"
	}
	var zones []string
	for _, l := range letters {
		zones = append(zones, s.cfg.Scope.Region+string(l))
	}
	return zones
}

// zoneID is the id of a zone: use1-az1 for us-east-1a.
func (s *Server) zoneID(zone string) string {
	parts := strings.Split(s.cfg.Scope.Region, "-")
	if len(parts) != 3 || len(zone) == 0 {
		return zone
	}
	direction := map[string]string{
		"east": "e", "west": "w", "north": "n", "south": "s", "central": "c",
		"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
	}[parts[1]]
	number := int(zone[len(zone)-1]-'a') + 1
	return parts[0] + direction + parts[2] + "-az" + strconv.Itoa(number)
}

// DescribeAvailabilityZones lists the zones of the Region.
func (s *Server) DescribeAvailabilityZones(_ context.Context, in *DescribeAvailabilityZonesInput) (*DescribeAvailabilityZonesOutput, error) {
	zones := s.zones()
	for _, name := range in.ZoneNames {
		if !slices.Contains(zones, name) {
			return nil, fail("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	l := listing[string]{
		rows: func(yield func(*string) bool) {
			for i := range zones {
				if !yield(&zones[i]) {
					return
				}
			}
		},
		id: func(z *string) string { return *z }, tags: func(*string) world.Tags { return nil },
		names: []string{"group-name", "opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"},
		props: func(z *string) map[string][]string {
			return map[string][]string{
				"group-name": {s.cfg.Scope.Region + "-zg-1"}, "opt-in-status": {"opt-in-not-required"}, "region-name": {s.cfg.Scope.Region},
				"state": {"available"}, "zone-id": {s.zoneID(*z)}, "zone-name": {*z}, "zone-type": {"availability-zone"},
			}
		},
	}
	cut, _, err := l.describe(request{dryRun: in.DryRun, filters: in.Filters})
	if err != nil {
		return nil, err
	}
	out := &DescribeAvailabilityZonesOutput{AvailabilityZones: []AvailabilityZone{}}
	for _, z := range cut {
		if len(in.ZoneNames) > 0 && !slices.Contains(in.ZoneNames, *z) || len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, s.zoneID(*z)) {
			continue
		}
		out.AvailabilityZones = append(out.AvailabilityZones, AvailabilityZone{
			ZoneName: z, ZoneId: new(s.zoneID(*z)), RegionName: &s.cfg.Scope.Region, State: new("available"), ZoneType: new("availability-zone"),
			OptInStatus: new("opt-in-not-required"), GroupName: new(s.cfg.Scope.Region + "-zg-1"), NetworkBorderGroup: &s.cfg.Scope.Region,
		})
	}
	return out, nil
}

// DescribeRegions lists the one Region that Seamark is.
func (s *Server) DescribeRegions(_ context.Context, in *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	for _, name := range in.RegionNames {
		if name != s.cfg.Scope.Region {
			return nil, fail("InvalidParameterValue", "Invalid region: [%s]", name)
		}
	}
	return &DescribeRegionsOutput{Regions: []Region{{
		RegionName: &s.cfg.Scope.Region, Endpoint: new("ec2." + s.cfg.Scope.Region + ".amazonaws.com"), OptInStatus: new("opt-in-not-required"),
	}}}, dry(in.DryRun)
}
