package ec2

import (
	"context"
	"net/netip"
	"slices"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// AssociateVpcCidrBlock gives a VPC an IPv6 block. Further IPv4 blocks are not
// built.
func (s *Server) AssociateVpcCidrBlock(ctx context.Context, in *AssociateVpcCidrBlockInput) (*AssociateVpcCidrBlockOutput, error) {
	for name, given := range map[string]bool{
		"cidrBlock of AssociateVpcCidrBlock": in.CidrBlock != nil, "ipv4IpamPoolId": in.Ipv4IpamPoolId != nil, "ipv6IpamPoolId": in.Ipv6IpamPoolId != nil,
		"ipv4NetmaskLength": in.Ipv4NetmaskLength != nil, "ipv6NetmaskLength": in.Ipv6NetmaskLength != nil,
	} {
		if given {
			return nil, unbuilt(name)
		}
	}
	r := ipv6Request{in.AmazonProvidedIpv6CidrBlock, in.Ipv6CidrBlock, in.Ipv6Pool, in.Ipv6CidrBlockNetworkBorderGroup}
	if !r.given() {
		return nil, fail("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.")
	}
	p, err := s.checkIPv6(r)
	if err != nil {
		return nil, err
	}
	var made world.IPv6Block
	err = s.change(ctx, nil, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		next, err := addIPv6(d, v, p)
		if err != nil {
			return err
		}
		made = next.IPv6[len(next.IPv6)-1]
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &AssociateVpcCidrBlockOutput{VpcId: in.VpcId, Ipv6CidrBlockAssociation: new(s.showIPv6Block(made, VpcCidrBlockStateCodeAssociating))}, nil
}

// DisassociateVpcCidrBlock takes an IPv6 block from a VPC.
func (s *Server) DisassociateVpcCidrBlock(ctx context.Context, in *DisassociateVpcCidrBlockInput) (*DisassociateVpcCidrBlockOutput, error) {
	out := &DisassociateVpcCidrBlockOutput{}
	return out, s.change(ctx, nil, func(d *plan.Draft) error {
		for v := range d.World.VPCs.All() {
			if v.CIDRAssociationID == *in.AssociationId {
				return fail("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", *in.AssociationId)
			}
			at := slices.IndexFunc(v.IPv6, func(b world.IPv6Block) bool { return b.AssociationID == *in.AssociationId })
			if at < 0 {
				continue
			}
			block := v.IPv6[at]
			for n := range d.World.SubnetsOf(v.ID) {
				if n.IPv6.IsValid() && block.CIDR.Contains(n.IPv6.Addr()) {
					return fail("DependencyViolation", "The vpc CIDR block with association ID %s has dependencies and cannot be disassociated.", *in.AssociationId)
				}
			}
			next := *v
			next.IPv6 = slices.Delete(slices.Clone(v.IPv6), at, at+1)
			d.Put(&next)
			out.VpcId, out.Ipv6CidrBlockAssociation = new(string(v.ID)), new(s.showIPv6Block(block, VpcCidrBlockStateCodeDisassociating))
			return nil
		}
		if err := checkID(*in.AssociationId, "vpc-cidr-assoc", "InvalidVpcCidrBlockAssociationID.Malformed"); err != nil {
			return err
		}
		return fail("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", *in.AssociationId)
	})
}

// AssociateSubnetCidrBlock gives a subnet its IPv6 block: it has one at most.
func (s *Server) AssociateSubnetCidrBlock(ctx context.Context, in *AssociateSubnetCidrBlockInput) (*AssociateSubnetCidrBlockOutput, error) {
	switch {
	case in.Ipv6IpamPoolId != nil:
		return nil, unbuilt("ipv6IpamPoolId")
	case in.Ipv6NetmaskLength != nil:
		return nil, unbuilt("ipv6NetmaskLength")
	case in.Ipv6CidrBlock == nil:
		return nil, missing("ipv6CidrBlock")
	}
	out := &AssociateSubnetCidrBlockOutput{SubnetId: in.SubnetId}
	return out, s.change(ctx, nil, func(d *plan.Draft) error {
		n, err := findSubnet(d.World, *in.SubnetId)
		if err != nil {
			return err
		}
		if n.IPv6.IsValid() {
			return fail("CidrLimitExceeded", "This subnet '%s' has met its maximum number of allowed IPv6 CIDRs: 1", n.ID)
		}
		next := *n
		if next.IPv6, err = subnetIPv6(d.World, d.World.VPCs.Get(string(n.VPC)), *in.Ipv6CidrBlock); err != nil {
			return err
		}
		next.IPv6AssociationID = d.Draw.EC2("subnet-cidr-assoc")
		d.Put(&next)
		out.Ipv6CidrBlockAssociation = &showSubnetIPv6(&next, SubnetCidrBlockStateCodeAssociating)[0]
		return nil
	})
}

// DisassociateSubnetCidrBlock takes the IPv6 block from a subnet in which nobody
// has an address of it.
func (s *Server) DisassociateSubnetCidrBlock(ctx context.Context, in *DisassociateSubnetCidrBlockInput) (*DisassociateSubnetCidrBlockOutput, error) {
	out := &DisassociateSubnetCidrBlockOutput{}
	return out, s.change(ctx, nil, func(d *plan.Draft) error {
		n, err := findSubnetAssociation(d.World, *in.AssociationId)
		if err != nil {
			return err
		}
		for i := range d.World.InterfacesIn(n.ID) {
			if i.IPv6.IsValid() {
				return fail("DependencyViolation", "The subnet CIDR block with association ID %s has dependencies and cannot be disassociated.", *in.AssociationId)
			}
		}
		out.SubnetId, out.Ipv6CidrBlockAssociation = new(string(n.ID)), &showSubnetIPv6(n, SubnetCidrBlockStateCodeDisassociating)[0]
		next := *n
		next.IPv6, next.IPv6AssociationID, next.AssignIPv6OnCreation = netip.Prefix{}, "", false
		d.Put(&next)
		return nil
	})
}

func findSubnetAssociation(w world.World, id string) (*world.Subnet, error) {
	if err := checkID(id, "subnet-cidr-assoc", "InvalidSubnetCidrBlockAssociationID.Malformed"); err != nil {
		return nil, err
	}
	for n := range w.Subnets.All() {
		if n.IPv6AssociationID == id {
			return n, nil
		}
	}
	return nil, fail("InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '%s' does not exist", id)
}
