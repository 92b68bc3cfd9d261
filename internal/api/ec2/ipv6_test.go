package ec2

import (
	"net/netip"
	"strings"
	"testing"

	"seamark/internal/world"
)

// dual makes a VPC with a provided block and a subnet 10.0.1.0/24 with the first
// /64 of it, and returns their ids and that /64.
func (h *harness) dual() (vpc, subnet string, six netip.Prefix) {
	h.Helper()
	made := do[CreateVpcOutput](h, "CreateVpc", "CidrBlock=10.0.0.0/16", "AmazonProvidedIpv6CidrBlock=true").Vpc
	six = netip.PrefixFrom(netip.MustParsePrefix(*made.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock).Addr(), 64)
	s := do[CreateSubnetOutput](h, "CreateSubnet", "VpcId="+*made.VpcId, "CidrBlock=10.0.1.0/24", "Ipv6CidrBlock="+six.String()).Subnet
	return *made.VpcId, *s.SubnetId, six
}

func TestVpcIPv6(t *testing.T) {
	h := newHarness(t)
	made := do[CreateVpcOutput](h, "CreateVpc", "CidrBlock=10.0.0.0/16", "AmazonProvidedIpv6CidrBlock=true").Vpc
	if b := made.Ipv6CidrBlockAssociationSet; len(b) != 1 || *b[0].Ipv6CidrBlockState.State != "associating" {
		t.Fatalf("made %+v", made)
	}
	vpc := *made.VpcId
	shown := do[DescribeVpcsOutput](h, "DescribeVpcs", "VpcId.1="+vpc).Vpcs[0].Ipv6CidrBlockAssociationSet[0]
	p := netip.MustParsePrefix(*shown.Ipv6CidrBlock)
	if p.Bits() != 56 || !netip.MustParsePrefix("fd00::/8").Contains(p.Addr()) || p != p.Masked() || *shown.Ipv6Pool != "Amazon" || *shown.NetworkBorderGroup != "us-east-1" ||
		*shown.Ipv6CidrBlockState.State != "associated" || !strings.HasPrefix(*shown.AssociationId, "vpc-cidr-assoc-") {
		t.Errorf("shown %s %+v", p, shown)
	}
	other := do[CreateVpcOutput](h, "CreateVpc", "CidrBlock=10.0.0.0/16", "AmazonProvidedIpv6CidrBlock=true", "Ipv6CidrBlockNetworkBorderGroup=us-east-1").Vpc
	if *other.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock == p.String() {
		t.Error("two VPCs have one block")
	}
	mine := do[CreateVpcOutput](h, "CreateVpc", "CidrBlock=10.0.0.0/16", "Ipv6CidrBlock=2001:db8:1:ff::/56").Vpc
	if b := mine.Ipv6CidrBlockAssociationSet[0]; *b.Ipv6CidrBlock != "2001:db8:1::/56" || b.Ipv6Pool != nil {
		t.Errorf("of a user %+v", b)
	}
	for filter, value := range map[string]string{"ipv6-cidr-block": p.String(), "association-id": *shown.AssociationId} {
		found := do[DescribeVpcsOutput](h, "DescribeVpcs", "Filter.1.Name=ipv6-cidr-block-association."+filter, "Filter.1.Value.1="+value).Vpcs
		h.same(filter, texts(found, func(v Vpc) *string { return v.VpcId }), vpc)
	}
	h.same("pool", texts(do[DescribeVpcsOutput](h, "DescribeVpcs", "Filter.1.Name=ipv6-cidr-block-association.ipv6-pool", "Filter.1.Value.1=Amazon").Vpcs, func(v Vpc) *string { return v.VpcId }), vpc, *other.VpcId)
}

func TestVpcIPv6_Refused(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct {
		code, message string
		params        []string
	}{
		{"InvalidParameterCombination", "The parameter amazonProvidedIpv6CidrBlock cannot", []string{"AmazonProvidedIpv6CidrBlock=true", "Ipv6CidrBlock=fd01::/56"}},
		{"InvalidIpv6PoolID.NotFound", "The ipv6 pool ID 'ipv6pool-ec2-1' does not exist", []string{"Ipv6CidrBlock=fd01::/56", "Ipv6Pool=ipv6pool-ec2-1"}},
		{"InvalidParameterValue", "Value (10.0.0.0/16) for parameter ipv6CidrBlock is invalid. This is not a valid IPv6 CIDR block.", []string{"Ipv6CidrBlock=10.0.0.0/16"}},
		{"InvalidParameterValue", "Value (x) for parameter ipv6CidrBlock", []string{"Ipv6CidrBlock=x"}},
		{"InvalidParameterValue", "", []string{"Ipv6CidrBlock=::ffff:10.0.0.0/112"}},
		{"InvalidParameterValue", "Value (eu-west-1) for parameter ipv6CidrBlockNetworkBorderGroup", []string{"AmazonProvidedIpv6CidrBlock=true", "Ipv6CidrBlockNetworkBorderGroup=eu-west-1"}},
		{"InvalidParameterCombination", "", []string{"Ipv6CidrBlock=fd01::/56", "Ipv6CidrBlockNetworkBorderGroup=us-east-1"}},
		{"InvalidVpc.Range", "The CIDR 'fd01::/57' is invalid.", []string{"Ipv6CidrBlock=fd01::/57"}},
		{"InvalidVpc.Range", "", []string{"Ipv6CidrBlock=fd01::/64"}},
		{"InvalidVpc.Range", "", []string{"Ipv6CidrBlock=fd01::/40"}},
		{"InvalidVpc.Range", "", []string{"Ipv6CidrBlock=fe80::/56"}},
		{"InvalidVpc.Range", "", []string{"Ipv6CidrBlock=ff00::/56"}},
		{"InvalidVpc.Range", "", []string{"Ipv6CidrBlock=fd00:ec2::/56"}},
		{"UnsupportedOperation", "", []string{"Ipv6IpamPoolId=ipam-pool-1"}},
		{"DryRunOperation", "", []string{"AmazonProvidedIpv6CidrBlock=true", dryRun}},
	} {
		h.fails(c.code, c.message, "CreateVpc", append(c.params, "CidrBlock=10.0.0.0/16")...)
	}
	strict := harnessOf(t, world.AWS)
	strict.fails("MissingParameter", "The request must contain the parameter ipv6Pool", "CreateVpc", "CidrBlock=10.0.0.0/16", "Ipv6CidrBlock=fd01::/56")
	do[CreateVpcOutput](strict, "CreateVpc", "CidrBlock=10.0.0.0/16", "AmazonProvidedIpv6CidrBlock=true")
}

func TestVpcCidrBlock(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	web, own := h.group(vpc, "web"), h.group(vpc, "own")
	do[AuthorizeSecurityGroupEgressOutput](h, "AuthorizeSecurityGroupEgress", "GroupId="+own, "IpPermissions.1.IpProtocol=tcp", "IpPermissions.1.FromPort=1", "IpPermissions.1.ToPort=2", "IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8")
	made := do[AssociateVpcCidrBlockOutput](h, "AssociateVpcCidrBlock", "VpcId="+vpc, "AmazonProvidedIpv6CidrBlock=true")
	if *made.VpcId != vpc || *made.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State != "associating" {
		t.Fatalf("made %+v", made)
	}
	egress := func(id string) []string {
		var all []string
		for _, r := range h.changes.View().SecurityGroups.Get(id).Rules {
			if r.Egress {
				all = append(all, r.CIDR.String())
			}
		}
		return all
	}
	h.same("egress of a group as it was made", egress(web), "0.0.0.0/0", "::/0")
	h.same("egress of a group that was changed", egress(own), "0.0.0.0/0", "10.0.0.0/8")
	h.same("egress of a new group", egress(h.group(vpc, "new")), "0.0.0.0/0", "::/0")

	h.fails("InvalidVpcID.NotFound", "", "AssociateVpcCidrBlock", "VpcId="+noVPC, "AmazonProvidedIpv6CidrBlock=true")
	h.fails("MissingParameter", "Either", "AssociateVpcCidrBlock", "VpcId="+vpc)
	h.fails("UnsupportedOperation", "", "AssociateVpcCidrBlock", "VpcId="+vpc, "CidrBlock=10.1.0.0/16")
	h.fails("InvalidVpc.Range", "The CIDR '"+*made.Ipv6CidrBlockAssociation.Ipv6CidrBlock+"' conflicts", "AssociateVpcCidrBlock", "VpcId="+vpc, "Ipv6CidrBlock="+*made.Ipv6CidrBlockAssociation.Ipv6CidrBlock)
	for range maxIPv6Blocks - 1 {
		do[AssociateVpcCidrBlockOutput](h, "AssociateVpcCidrBlock", "VpcId="+vpc, "AmazonProvidedIpv6CidrBlock=true")
	}
	h.fails("CidrLimitExceeded", "", "AssociateVpcCidrBlock", "VpcId="+vpc, "AmazonProvidedIpv6CidrBlock=true")

	id := *made.Ipv6CidrBlockAssociation.AssociationId
	subnet := h.subnet(vpc, "10.0.1.0/24")
	six := netip.PrefixFrom(netip.MustParsePrefix(*made.Ipv6CidrBlockAssociation.Ipv6CidrBlock).Addr(), 64).String()
	do[AssociateSubnetCidrBlockOutput](h, "AssociateSubnetCidrBlock", "SubnetId="+subnet, "Ipv6CidrBlock="+six)
	h.fails("DependencyViolation", "", "DisassociateVpcCidrBlock", "AssociationId="+id)
	do[DeleteSubnetOutput](h, "DeleteSubnet", "SubnetId="+subnet)
	gone := do[DisassociateVpcCidrBlockOutput](h, "DisassociateVpcCidrBlock", "AssociationId="+id)
	if *gone.VpcId != vpc || *gone.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State != "disassociating" {
		t.Errorf("gone %+v", gone)
	}
	h.fails("InvalidVpcCidrBlockAssociationID.NotFound", "", "DisassociateVpcCidrBlock", "AssociationId="+id)
	h.fails("InvalidVpcCidrBlockAssociationID.Malformed", "", "DisassociateVpcCidrBlock", "AssociationId=x")
	primary := h.changes.View().VPCs.Get(vpc).CIDRAssociationID
	h.fails("OperationNotPermitted", "The vpc CIDR block with association ID "+primary, "DisassociateVpcCidrBlock", "AssociationId="+primary)
}

func TestSubnetIPv6(t *testing.T) {
	h := newHarness(t)
	vpc, subnet, six := h.dual()
	shown := do[DescribeSubnetsOutput](h, "DescribeSubnets", "Filter.1.Name=ipv6-cidr-block-association.ipv6-cidr-block", "Filter.1.Value.1="+six.String()).Subnets
	if len(shown) != 1 || *shown[0].SubnetId != subnet || *shown[0].AssignIpv6AddressOnCreation || *shown[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlockState.State != "associated" {
		t.Fatalf("shown %+v", shown)
	}
	another := netip.MustParsePrefix("fd0a:1::/64")
	second := netip.PrefixFrom(afterBlock(six), 64)
	for _, c := range []struct{ code, message, block string }{
		{"InvalidSubnet.Conflict", "The CIDR '" + six.String() + "' conflicts with another subnet", six.String()},
		{"InvalidSubnet.Range", "The CIDR 'fd0a:1::/64' is invalid.", another.String()},
		{"InvalidSubnet.Range", "", netip.PrefixFrom(six.Addr(), 65).String()},
		{"InvalidParameterValue", "", "10.0.0.0/24"},
	} {
		h.fails(c.code, c.message, "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/24", "Ipv6CidrBlock="+c.block)
	}
	plain := h.subnet(vpc, "10.0.2.0/24")
	on := []string{"SubnetId=" + plain, "AssignIpv6AddressOnCreation.Value=true"}
	h.fails("InvalidParameterValue", "Invalid value 'true' for assignIpv6AddressOnCreation.", "ModifySubnetAttribute", on...)
	made := do[AssociateSubnetCidrBlockOutput](h, "AssociateSubnetCidrBlock", "SubnetId="+plain, "Ipv6CidrBlock="+second.String())
	h.fails("CidrLimitExceeded", "", "AssociateSubnetCidrBlock", "SubnetId="+plain, "Ipv6CidrBlock="+second.String())
	h.fails("MissingParameter", "", "AssociateSubnetCidrBlock", "SubnetId="+plain)
	h.fails("InvalidSubnetID.NotFound", "", "AssociateSubnetCidrBlock", "SubnetId="+noSubnet, "Ipv6CidrBlock="+second.String())
	do[ModifySubnetAttributeOutput](h, "ModifySubnetAttribute", on...)
	eni := do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+plain).NetworkInterface
	a := netip.MustParseAddr(*eni.Ipv6Addresses[0].Ipv6Address)
	if !second.Contains(a) || *eni.Ipv6Address != a.String() {
		t.Errorf("address %s in %s", a, second)
	}
	found := do[DescribeNetworkInterfacesOutput](h, "DescribeNetworkInterfaces", "Filter.1.Name=ipv6-addresses.ipv6-address", "Filter.1.Value.1="+a.String()).NetworkInterfaces
	h.same("by address", texts(found, func(n NetworkInterface) *string { return n.NetworkInterfaceId }), *eni.NetworkInterfaceId)
	id := "AssociationId=" + *made.Ipv6CidrBlockAssociation.AssociationId
	h.fails("DependencyViolation", "", "DisassociateSubnetCidrBlock", id)
	do[DeleteNetworkInterfaceOutput](h, "DeleteNetworkInterface", "NetworkInterfaceId="+*eni.NetworkInterfaceId)
	if gone := do[DisassociateSubnetCidrBlockOutput](h, "DisassociateSubnetCidrBlock", id); *gone.SubnetId != plain || *gone.Ipv6CidrBlockAssociation.Ipv6CidrBlockState.State != "disassociating" {
		t.Errorf("gone %+v", gone)
	}
	h.fails("InvalidSubnetCidrBlockAssociationID.NotFound", "", "DisassociateSubnetCidrBlock", id)
	if s := h.changes.View().Subnets.Get(plain); s.IPv6.IsValid() || s.AssignIPv6OnCreation {
		t.Errorf("left %+v", s)
	}
}

// afterBlock is the start of the /64 after a /64.
func afterBlock(p netip.Prefix) netip.Addr {
	b := p.Addr().As16()
	b[7]++
	return netip.AddrFrom16(b)
}

func TestInterfaceIPv6(t *testing.T) {
	h := newHarness(t)
	vpc, subnet, six := h.dual()
	plain := h.subnet(vpc, "10.0.2.0/24")
	at := func(low byte) string {
		b := six.Addr().As16()
		b[15] = low
		return netip.AddrFrom16(b).String()
	}
	none := do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet).NetworkInterface
	if none.Ipv6Address != nil || len(none.Ipv6Addresses) != 0 {
		t.Errorf("nobody asked for %+v", none.Ipv6Addresses)
	}
	asked := do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet, "Ipv6Addresses.1.Ipv6Address="+at(9)).NetworkInterface
	if *asked.Ipv6Address != at(9) {
		t.Errorf("address %s", *asked.Ipv6Address)
	}
	for _, c := range []struct {
		code   string
		params []string
	}{
		{"InvalidIPAddress.InUse", []string{"SubnetId=" + subnet, "Ipv6Addresses.1.Ipv6Address=" + at(9)}},
		{"InvalidParameterValue", []string{"SubnetId=" + subnet, "Ipv6Addresses.1.Ipv6Address=" + at(3)}},
		{"InvalidParameterValue", []string{"SubnetId=" + subnet, "Ipv6Addresses.1.Ipv6Address=2001:db8::9"}},
		{"InvalidParameterValue", []string{"SubnetId=" + subnet, "Ipv6Addresses.1.Ipv6Address=10.0.1.9"}},
		{"InvalidParameterValue", []string{"SubnetId=" + plain, "Ipv6AddressCount=1"}},
		{"InvalidParameterCombination", []string{"SubnetId=" + subnet, "Ipv6AddressCount=1", "Ipv6Addresses.1.Ipv6Address=" + at(10)}},
		{"UnsupportedOperation", []string{"SubnetId=" + subnet, "Ipv6AddressCount=2"}},
	} {
		h.fails(c.code, "", "CreateNetworkInterface", c.params...)
	}
	run := []string{"ImageId=ami-12345678", "InstanceType=t3.micro", "MinCount=1", "MaxCount=1"}
	i := do[RunInstancesOutput](h, "RunInstances", append(run, "SubnetId="+subnet, "Ipv6AddressCount=1")...).Instances[0]
	if a := netip.MustParseAddr(*i.Ipv6Address); !six.Contains(a) || *i.NetworkInterfaces[0].Ipv6Addresses[0].Ipv6Address != a.String() {
		t.Errorf("instance %+v", i)
	}
	long := do[RunInstancesOutput](h, "RunInstances", append(run, "NetworkInterface.1.DeviceIndex=0", "NetworkInterface.1.SubnetId="+subnet, "NetworkInterface.1.Ipv6Addresses.1.Ipv6Address="+at(20))...).Instances[0]
	if *long.Ipv6Address != at(20) {
		t.Errorf("instance %s", *long.Ipv6Address)
	}
	h.fails("InvalidParameterValue", "The subnet '"+plain+"' does not have", "RunInstances", append(run, "SubnetId="+plain, "Ipv6AddressCount=1")...)
}

// What a VPC is made with speaks of IPv6 where the VPC has it.
func TestDefaultsIPv6(t *testing.T) {
	h := newHarness(t)
	vpc, _, six := h.dual()
	block := netip.PrefixFrom(six.Addr(), 56).String()
	tables := do[DescribeRouteTablesOutput](h, "DescribeRouteTables", "Filter.1.Name=route.destination-ipv6-cidr-block", "Filter.1.Value.1="+block).RouteTables
	if len(tables) != 1 || *tables[0].VpcId != vpc || len(tables[0].Routes) != 2 || *tables[0].Routes[1].DestinationIpv6CidrBlock != block || *tables[0].Routes[1].GatewayId != "local" {
		t.Errorf("route tables %+v", tables)
	}
	acl := do[DescribeNetworkAclsOutput](h, "DescribeNetworkAcls", "Filter.1.Name=entry.ipv6-cidr", "Filter.1.Value.1=::/0").NetworkAcls
	if len(acl) != 1 || len(acl[0].Entries) != 8 {
		t.Fatalf("network ACLs %+v", acl)
	}
	for i, want := range []int32{100, 101, 32767, 32768} {
		if e := acl[0].Entries[i]; *e.RuleNumber != want || (e.Ipv6CidrBlock != nil) != (i%2 == 1) {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
}
