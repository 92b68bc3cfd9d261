package ec2

import (
	"net/netip"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// The sizes of IPv6 blocks of VPCs and subnets, in steps of four bits (VPC user
// guide, "VPC CIDR blocks", "Subnet sizing for IPv6"), and how many a VPC has.
const (
	largestIPv6                     = 44
	smallestIPv6VPC, smallestSubnet = 60, 64
	stepIPv6                        = 4
	maxIPv6Blocks                   = 5
)

// parseIPv6 reads an IPv6 block and takes the network of it.
func parseIPv6(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() {
		return netip.Prefix{}, fail("InvalidParameterValue", "Value (%s) for parameter ipv6CidrBlock is invalid. This is not a valid IPv6 CIDR block.", s)
	}
	return p.Masked(), nil
}

// ipv6Request is what CreateVpc and AssociateVpcCidrBlock ask for.
type ipv6Request struct {
	provided *bool
	block    *string
	pool     *string
	border   *string
}

func (r ipv6Request) given() bool {
	return optional.Value(r.provided) || r.block != nil || r.pool != nil || r.border != nil
}

// checkIPv6 reads the block asked for; the zero value stands for one to be drawn.
func (s *Server) checkIPv6(r ipv6Request) (netip.Prefix, error) {
	switch {
	case optional.Value(r.provided) && (r.block != nil || r.pool != nil):
		return netip.Prefix{}, fail("InvalidParameterCombination", "The parameter amazonProvidedIpv6CidrBlock cannot be used with the parameters ipv6CidrBlock and ipv6Pool")
	case r.pool != nil:
		return netip.Prefix{}, fail("InvalidIpv6PoolID.NotFound", "The ipv6 pool ID '%s' does not exist", *r.pool)
	case r.border != nil && !optional.Value(r.provided):
		return netip.Prefix{}, fail("InvalidParameterCombination", "The parameter ipv6CidrBlockNetworkBorderGroup can be used only with the parameter amazonProvidedIpv6CidrBlock")
	case r.border != nil && *r.border != s.cfg.Scope.Region:
		return netip.Prefix{}, fail("InvalidParameterValue", "Value (%s) for parameter ipv6CidrBlockNetworkBorderGroup is invalid.", *r.border)
	case r.block == nil:
		return netip.Prefix{}, nil
	case !s.cfg.Changes.Fidelity.TakesAnyIPv6Block():
		return netip.Prefix{}, missing("ipv6Pool")
	}
	p, err := parseIPv6(*r.block)
	if err != nil {
		return p, err
	}
	unicast := netip.MustParsePrefix("2000::/3").Contains(p.Addr()) || netip.MustParsePrefix("fc00::/7").Contains(p.Addr())
	if !unicast || !sized(p, largestIPv6, smallestIPv6VPC) || place.ServiceIPv6().Overlaps(p) {
		return p, fail("InvalidVpc.Range", "The CIDR '%s' is invalid.", *r.block)
	}
	return p, nil
}

func sized(p netip.Prefix, largest, smallest int) bool {
	return p.Bits() >= largest && p.Bits() <= smallest && p.Bits()%stepIPv6 == 0
}

// addIPv6 gives a VPC one more block, and its groups the rule for it.
func addIPv6(d *plan.Draft, v *world.VPC, p netip.Prefix) (*world.VPC, error) {
	b := world.IPv6Block{AssociationID: d.Draw.EC2("vpc-cidr-assoc"), CIDR: p}
	if !p.IsValid() {
		var err error
		if b.CIDR, err = place.IPv6Block(d); err != nil {
			return nil, err
		}
		b.Provided = true
	}
	if len(v.IPv6) >= maxIPv6Blocks {
		return nil, fail("CidrLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", v.ID, maxIPv6Blocks)
	}
	if slices.ContainsFunc(v.IPv6, func(o world.IPv6Block) bool { return o.CIDR.Overlaps(b.CIDR) }) {
		return nil, fail("InvalidVpc.Range", "The CIDR '%s' conflicts with another CIDR of the VPC.", b.CIDR)
	}
	next := *v
	next.IPv6 = append(slices.Clone(v.IPv6), b)
	d.Put(&next)
	allowIPv6Egress(d, &next)
	return &next, nil
}

// allowIPv6Egress adds the rule for IPv6 to the groups of a VPC whose outgoing
// rules are still those of the beginning (VPC user guide, "Security group rules").
func allowIPv6Egress(d *plan.Draft, v *world.VPC) {
	var changed []*world.SecurityGroup
	for g := range d.World.SecurityGroupsOf(v.ID) {
		var egress []world.SecurityGroupRule
		for _, r := range g.Rules {
			if r.Egress {
				egress = append(egress, r)
			}
		}
		if len(egress) != 1 || egress[0].Protocol != "-1" || egress[0].CIDR != netip.PrefixFrom(netip.IPv4Unspecified(), 0) {
			continue
		}
		next := *g
		next.Rules = append(slices.Clone(g.Rules), allowAllEgressIPv6(d))
		changed = append(changed, &next)
	}
	for _, g := range changed {
		d.Put(g)
	}
}

func allowAllEgressIPv6(d *plan.Draft) world.SecurityGroupRule {
	r := allowAllEgress(d)
	r.CIDR = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	return r
}

// subnetIPv6 checks a block for a subnet: inside one of the VPC's, and apart from
// those of the other subnets.
func subnetIPv6(w world.World, v *world.VPC, block string) (netip.Prefix, error) {
	p, err := parseIPv6(block)
	if err != nil {
		return p, err
	}
	inside := slices.ContainsFunc(v.IPv6, func(b world.IPv6Block) bool { return b.CIDR.Bits() <= p.Bits() && b.CIDR.Contains(p.Addr()) })
	if !inside || !sized(p, largestIPv6, smallestSubnet) {
		return p, fail("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
	}
	for o := range w.SubnetsOf(v.ID) {
		if o.IPv6.IsValid() && o.IPv6.Overlaps(p) {
			return p, fail("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
		}
	}
	return p, nil
}

func (s *Server) showIPv6Block(b world.IPv6Block, state string) VpcIpv6CidrBlockAssociation {
	out := VpcIpv6CidrBlockAssociation{
		AssociationId: new(b.AssociationID), Ipv6CidrBlock: new(b.CIDR.String()), Ipv6CidrBlockState: &VpcCidrBlockState{State: &state},
		NetworkBorderGroup: new(s.cfg.Scope.Region),
	}
	if b.Provided {
		out.Ipv6Pool, out.IpSource, out.Ipv6AddressAttribute = new("Amazon"), new(IpSourceAmazon), new(Ipv6AddressAttributePublic)
	}
	return out
}

func showSubnetIPv6(n *world.Subnet, state string) []SubnetIpv6CidrBlockAssociation {
	if !n.IPv6.IsValid() {
		return []SubnetIpv6CidrBlockAssociation{}
	}
	return []SubnetIpv6CidrBlockAssociation{{
		AssociationId: &n.IPv6AssociationID, Ipv6CidrBlock: new(n.IPv6.String()), Ipv6CidrBlockState: &SubnetCidrBlockState{State: &state},
	}}
}
