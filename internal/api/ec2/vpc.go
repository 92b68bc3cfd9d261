package ec2

import (
	"context"
	"net/netip"
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// The sizes of VPCs and subnets (VPC user guide, "VPC CIDR blocks").
const largestPrefix, smallestPrefix = 16, 28

// special says whether a block contains addresses that a VPC cannot have: those
// of this network, loopback, link-local and multicast, and the one that AWS keeps
// for itself (VPC user guide, "VPC CIDR blocks").
func special(cidr netip.Prefix) bool {
	for _, s := range []string{"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "198.19.0.0/16", "224.0.0.0/3"} {
		if netip.MustParsePrefix(s).Overlaps(cidr) {
			return true
		}
	}
	return false
}

// CreateVpc makes a VPC with its default security group, main route table and
// network ACL.
func (s *Server) CreateVpc(ctx context.Context, in *CreateVpcInput) (*CreateVpcOutput, error) {
	if err := unbuiltVPC(in); err != nil {
		return nil, err
	}
	cidr, err := parseCIDR(in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < largestPrefix || cidr.Bits() > smallestPrefix || special(cidr) {
		return nil, fail("InvalidVpc.Range", "The CIDR '%s' is invalid.", *in.CidrBlock)
	}
	six := ipv6Request{in.AmazonProvidedIpv6CidrBlock, in.Ipv6CidrBlock, in.Ipv6Pool, in.Ipv6CidrBlockNetworkBorderGroup}
	block, err := s.checkIPv6(six)
	if err != nil {
		return nil, err
	}
	tags, err := newTags(in.TagSpecifications, "vpc")
	if err != nil {
		return nil, err
	}
	var made *world.VPC
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		made = &world.VPC{
			ID: world.VPCID(d.Draw.EC2("vpc")), CIDR: cidr, CIDRAssociationID: d.Draw.EC2("vpc-cidr-assoc"), DHCPOptionsID: s.defaultDHCPOptions(),
			EnableDNSSupport: true, DefaultSecurityGroup: world.SecurityGroupID(d.Draw.EC2("sg")), MainRouteTableID: d.Draw.EC2("rtb"),
			DefaultNetworkACLID: d.Draw.EC2("acl"), Tags: tags["vpc"], CreatedAt: d.Now,
		}
		d.Put(made)
		d.Put(defaultGroup(d, made))
		if six.given() {
			made, err = addIPv6(d, made, block)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	shown := s.showVPC(made)
	shown.State = new("pending")
	for i := range shown.Ipv6CidrBlockAssociationSet {
		shown.Ipv6CidrBlockAssociationSet[i].Ipv6CidrBlockState.State = new(VpcCidrBlockStateCodeAssociating)
	}
	return &CreateVpcOutput{Vpc: &shown}, nil
}

// unbuiltVPC refuses what would be ignored.
func unbuiltVPC(in *CreateVpcInput) error {
	for name, given := range map[string]bool{
		"ipv4IpamPoolId": in.Ipv4IpamPoolId != nil, "ipv6IpamPoolId": in.Ipv6IpamPoolId != nil,
		"instanceTenancy dedicated": optional.Or(in.InstanceTenancy, "default") != "default",
		"ipv4NetmaskLength":         in.Ipv4NetmaskLength != nil, "ipv6NetmaskLength": in.Ipv6NetmaskLength != nil,
		"vpcEncryptionControl": in.VpcEncryptionControl != nil,
	} {
		if given {
			return unbuilt(name)
		}
	}
	if in.CidrBlock == nil {
		return missing("cidrBlock")
	}
	return nil
}

// unbuilt refuses a parameter that Seamark would otherwise ignore.
func unbuilt(parameter string) error {
	return fail("UnsupportedOperation", "Seamark does not build %s yet.", parameter)
}

// parseCIDR reads an IPv4 block and, as AWS does, takes the network of it.
func parseCIDR(s *string) (netip.Prefix, error) {
	if s == nil {
		return netip.Prefix{}, missing("cidrBlock")
	}
	p, err := netip.ParsePrefix(*s)
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, fail("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *s)
	}
	return p.Masked(), nil
}

// defaultGroup allows everything among its members and all outgoing traffic
// (VPC user guide, "Default security groups").
func defaultGroup(d *plan.Draft, v *world.VPC) *world.SecurityGroup {
	return &world.SecurityGroup{
		ID: v.DefaultSecurityGroup, VPC: v.ID, Name: "default", Description: "default VPC security group", CreatedAt: d.Now,
		Rules: []world.SecurityGroupRule{
			{ID: d.Draw.EC2("sgr"), Protocol: "-1", FromPort: -1, ToPort: -1, Group: v.DefaultSecurityGroup},
			allowAllEgress(d),
		},
	}
}

func allowAllEgress(d *plan.Draft) world.SecurityGroupRule {
	return world.SecurityGroupRule{
		ID: d.Draw.EC2("sgr"), Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: netip.PrefixFrom(netip.IPv4Unspecified(), 0),
	}
}

// DeleteVpc removes a VPC that nothing is in any more, with its default group.
func (s *Server) DeleteVpc(ctx context.Context, in *DeleteVpcInput) (*DeleteVpcOutput, error) {
	return &DeleteVpcOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		if inUse(d.World, v) {
			return fail("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", v.ID)
		}
		if g := d.World.SecurityGroups.Get(string(v.DefaultSecurityGroup)); g != nil {
			d.Delete(g)
		}
		if c := d.World.ResolverConfigs.Get(string(v.ID)); c != nil {
			d.Delete(c)
		}
		d.Delete(v)
		return nil
	})
}

func inUse(w world.World, v *world.VPC) bool {
	for range w.SubnetsOf(v.ID) {
		return true
	}
	for range w.InterfacesOf(v.ID) {
		return true
	}
	for g := range w.SecurityGroupsOf(v.ID) {
		if g.ID != v.DefaultSecurityGroup {
			return true
		}
	}
	return resolves(w, v.ID)
}

// resolves says whether anything of the Resolver API is associated with a VPC.
func resolves(w world.World, id world.VPCID) bool {
	for range w.RuleAssociationsIn(id) {
		return true
	}
	for range w.FirewallAssociationsIn(id) {
		return true
	}
	for range w.QueryLogsIn(id) {
		return true
	}
	return false
}

// DescribeVpcs lists VPCs.
func (s *Server) DescribeVpcs(_ context.Context, in *DescribeVpcsInput) (*DescribeVpcsOutput, error) {
	w := s.view()
	l := listing[world.VPC]{
		rows: w.VPCs.All(), id: (*world.VPC).Key, tags: func(v *world.VPC) world.Tags { return v.Tags },
		find: func(id string) (*world.VPC, error) { return findVPC(w, id) },
		names: []string{
			"cidr", "cidr-block-association.association-id", "cidr-block-association.cidr-block", "cidr-block-association.state", "dhcp-options-id",
			"ipv6-cidr-block-association.association-id", "ipv6-cidr-block-association.ipv6-cidr-block", "ipv6-cidr-block-association.ipv6-pool",
			"ipv6-cidr-block-association.state", "is-default", "owner-id", "state", "vpc-id",
		},
		props: func(v *world.VPC) map[string][]string {
			p := map[string][]string{
				"cidr": {v.CIDR.String()}, "cidr-block-association.association-id": {v.CIDRAssociationID},
				"cidr-block-association.cidr-block": {v.CIDR.String()}, "cidr-block-association.state": {"associated"},
				"dhcp-options-id": {v.DHCPOptionsID}, "is-default": {strconv.FormatBool(v.IsDefault)},
				"owner-id": {s.cfg.Scope.Account}, "state": {"available"}, "vpc-id": {string(v.ID)},
			}
			for _, b := range v.IPv6 {
				shown := s.showIPv6Block(b, VpcCidrBlockStateCodeAssociated)
				for name, value := range map[string]*string{
					"association-id": shown.AssociationId, "ipv6-cidr-block": shown.Ipv6CidrBlock, "ipv6-pool": shown.Ipv6Pool, "state": shown.Ipv6CidrBlockState.State,
				} {
					if name = "ipv6-cidr-block-association." + name; value != nil {
						p[name] = append(p[name], *value)
					}
				}
			}
			return p
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.VpcIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeVpcsOutput{NextToken: next, Vpcs: []Vpc{}}
	for _, v := range cut {
		out.Vpcs = append(out.Vpcs, s.showVPC(v))
	}
	return out, nil
}

func (s *Server) showVPC(v *world.VPC) Vpc {
	six := []VpcIpv6CidrBlockAssociation{}
	for _, b := range v.IPv6 {
		six = append(six, s.showIPv6Block(b, VpcCidrBlockStateCodeAssociated))
	}
	return Vpc{
		VpcId: new(string(v.ID)), CidrBlock: new(v.CIDR.String()), DhcpOptionsId: &v.DHCPOptionsID, InstanceTenancy: new("default"),
		IsDefault: &v.IsDefault, OwnerId: &s.cfg.Scope.Account, State: new("available"), Tags: showTags(v.Tags),
		Ipv6CidrBlockAssociationSet: six,
		CidrBlockAssociationSet: []VpcCidrBlockAssociation{{
			AssociationId: &v.CIDRAssociationID, CidrBlock: new(v.CIDR.String()), CidrBlockState: &VpcCidrBlockState{State: new("associated")},
		}},
	}
}

// DescribeVpcAttribute shows one attribute of a VPC.
func (s *Server) DescribeVpcAttribute(_ context.Context, in *DescribeVpcAttributeInput) (*DescribeVpcAttributeOutput, error) {
	v, err := findVPC(s.view(), *in.VpcId)
	if err != nil {
		return nil, err
	}
	if err := dry(in.DryRun); err != nil {
		return nil, err
	}
	out := &DescribeVpcAttributeOutput{VpcId: in.VpcId}
	switch optional.Value(in.Attribute) {
	case "enableDnsSupport":
		out.EnableDnsSupport = &AttributeBooleanValue{&v.EnableDNSSupport}
	case "enableDnsHostnames":
		out.EnableDnsHostnames = &AttributeBooleanValue{&v.EnableDNSHostnames}
	case "enableNetworkAddressUsageMetrics":
		out.EnableNetworkAddressUsageMetrics = &AttributeBooleanValue{&v.EnableNetworkAddressUsageMetrics}
	default:
		return nil, fail("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", optional.Value(in.Attribute))
	}
	return out, nil
}

// ModifyVpcAttribute changes one attribute of a VPC.
func (s *Server) ModifyVpcAttribute(ctx context.Context, in *ModifyVpcAttributeInput) (*ModifyVpcAttributeOutput, error) {
	return &ModifyVpcAttributeOutput{}, s.change(ctx, nil, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		next := *v
		given, changed := 0, false
		for _, a := range []struct {
			to  *bool
			set *AttributeBooleanValue
		}{
			{&next.EnableDNSSupport, in.EnableDnsSupport}, {&next.EnableDNSHostnames, in.EnableDnsHostnames},
			{&next.EnableNetworkAddressUsageMetrics, in.EnableNetworkAddressUsageMetrics},
		} {
			if a.set != nil && a.set.Value != nil {
				given++
				changed = changed || *a.to != *a.set.Value
				*a.to = *a.set.Value
			}
		}
		switch {
		case given == 0:
			return fail("InvalidParameterCombination", "No attributes specified.")
		case given > 1:
			return fail("InvalidParameterCombination", "Fields for multiple attribute types specified")
		case next.EnableDNSHostnames && !v.EnableDNSHostnames && !v.EnableDNSSupport:
			return fail("InvalidParameterCombination", "enableDnsHostnames can be set to true only while enableDnsSupport is true.")
		case changed:
			d.Put(&next)
		}
		return nil
	})
}
