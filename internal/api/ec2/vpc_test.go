package ec2

import (
	"fmt"
	"regexp"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestCreateVpc(t *testing.T) {
	h := newHarness(t)
	out := do[CreateVpcOutput](h, "CreateVpc", "CidrBlock=10.0.0.77/16", "TagSpecification.1.ResourceType=vpc", "TagSpecification.1.Tag.1.Key=Name", "TagSpecification.1.Tag.1.Value=ecs-vpc")
	made := out.Vpc
	if *made.State != "pending" {
		t.Errorf("state %s", *made.State)
	}
	shown := do[DescribeVpcsOutput](h, "DescribeVpcs", "VpcId.1="+*made.VpcId).Vpcs
	if len(shown) != 1 {
		t.Fatalf("%d VPCs", len(shown))
	}
	v := shown[0]
	for pattern, id := range map[string]*string{
		`^vpc-[0-9a-f]{17}$`: v.VpcId, `^dopt-[0-9a-f]{17}$`: v.DhcpOptionsId, `^vpc-cidr-assoc-[0-9a-f]{17}$`: v.CidrBlockAssociationSet[0].AssociationId,
		`^10\.0\.0\.0/16$`: v.CidrBlock, `^available$`: v.State, `^default$`: v.InstanceTenancy, `^associated$`: v.CidrBlockAssociationSet[0].CidrBlockState.State, `^123456789012$`: v.OwnerId,
	} {
		if !regexp.MustCompile(pattern).MatchString(*id) {
			t.Errorf("%q is not %s", *id, pattern)
		}
	}
	if *v.IsDefault || len(v.Tags) != 1 || *v.Tags[0].Key != "Name" || *v.Tags[0].Value != "ecs-vpc" {
		t.Errorf("VPC %+v", v)
	}
	other := do[DescribeVpcsOutput](h, "DescribeVpcs", "VpcId.1="+h.vpc("10.0.0.0/16")).Vpcs[0]
	if *other.DhcpOptionsId != *v.DhcpOptionsId {
		t.Error("the default DHCP options are not one set")
	}
	groups := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "Filter.1.Name=vpc-id", "Filter.1.Value.1="+*v.VpcId).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupName != "default" || *groups[0].Description != "default VPC security group" {
		t.Fatalf("groups %+v", groups)
	}
	in, out2 := groups[0].IpPermissions, groups[0].IpPermissionsEgress
	if len(in) != 1 || *in[0].IpProtocol != "-1" || in[0].FromPort != nil || *in[0].UserIdGroupPairs[0].GroupId != *groups[0].GroupId {
		t.Errorf("incoming %+v", in)
	}
	if len(out2) != 1 || *out2[0].IpProtocol != "-1" || *out2[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("outgoing %+v", out2)
	}
}

func TestCreateVpc_Refused(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct{ cidr, code, message string }{
		{"10.0.0.0/8", "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."},
		{"10.0.0.0/15", "InvalidVpc.Range", ""},
		{"10.0.0.0/29", "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid."},
		{"127.0.0.0/16", "InvalidVpc.Range", ""},
		{"169.254.0.0/16", "InvalidVpc.Range", ""},
		{"224.0.0.0/16", "InvalidVpc.Range", ""},
		{"0.0.0.0/16", "InvalidVpc.Range", ""},
		{"10.0.0.0/33", "InvalidParameterValue", "Value (10.0.0.0/33) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"10.0.0.0", "InvalidParameterValue", "Value (10.0.0.0) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
		{"10.0.0/16", "InvalidParameterValue", ""},
		{"010.0.0.0/16", "InvalidParameterValue", ""},
		{"2001:db8::/32", "InvalidParameterValue", ""},
		{"", "InvalidParameterValue", ""},
	} {
		h.fails(c.code, c.message, "CreateVpc", "CidrBlock="+c.cidr)
	}
	h.fails("MissingParameter", "The request must contain the parameter cidrBlock", "CreateVpc")
	h.fails("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", "CreateVpc", "CidrBlock=10.0.0.0/16", dryRun)
	h.fails("InvalidVpc.Range", "", "CreateVpc", "CidrBlock=10.0.0.0/8", dryRun)
	for _, given := range []string{"Ipv4IpamPoolId=ipam-pool-1", "InstanceTenancy=dedicated", "Ipv4NetmaskLength=24"} {
		h.fails("UnsupportedOperation", "Seamark does not build ", "CreateVpc", "CidrBlock=10.0.0.0/16", given)
	}
	h.vpc("10.0.0.0/28")
	h.vpc("198.18.0.0/16")
}

func TestDeleteVpc(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	h.fails("InvalidVpcID.NotFound", "The vpc ID 'vpc-12345678' does not exist", "DeleteVpc", "VpcId="+noVPC)
	h.fails("InvalidVpcID.Malformed", `Invalid id: "vpc-x" (expecting "vpc-...")`, "DeleteVpc", "VpcId=vpc-x")
	h.fails("InvalidVpcID.Malformed", `Invalid id: "sg-12345678"`, "DeleteVpc", "VpcId=sg-12345678")
	h.fails("MissingParameter", "The request must contain the parameter VpcId", "DeleteVpc")
	violation := "The vpc '" + vpc + "' has dependencies and cannot be deleted."
	subnet := h.subnet(vpc, "10.0.1.0/24")
	h.fails("DependencyViolation", violation, "DeleteVpc", "VpcId="+vpc)
	do[DeleteSubnetOutput](h, "DeleteSubnet", "SubnetId="+subnet)
	group := h.group(vpc, "web")
	h.fails("DependencyViolation", violation, "DeleteVpc", "VpcId="+vpc)
	do[DeleteSecurityGroupOutput](h, "DeleteSecurityGroup", "GroupId="+group)
	h.fails("DryRunOperation", "", "DeleteVpc", "VpcId="+vpc, dryRun)
	do[DeleteVpcOutput](h, "DeleteVpc", "VpcId="+vpc)
	h.fails("InvalidVpcID.NotFound", "", "DescribeVpcs", "VpcId.1="+vpc)
	w := h.changes.View()
	if w.SecurityGroups.Len() != 0 {
		t.Error("the default group is still there")
	}
}

func TestVpcAttributes(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	want := func(support, hostnames, metrics bool) {
		t.Helper()
		for name, want := range map[string]bool{"enableDnsSupport": support, "enableDnsHostnames": hostnames, "enableNetworkAddressUsageMetrics": metrics} {
			out := do[DescribeVpcAttributeOutput](h, "DescribeVpcAttribute", "VpcId="+vpc, "Attribute="+name)
			got := map[string]*AttributeBooleanValue{"enableDnsSupport": out.EnableDnsSupport, "enableDnsHostnames": out.EnableDnsHostnames, "enableNetworkAddressUsageMetrics": out.EnableNetworkAddressUsageMetrics}
			if got[name] == nil || *got[name].Value != want || *out.VpcId != vpc {
				t.Errorf("%s: %+v, expected %t", name, out, want)
			}
		}
	}
	set := func(what string) {
		t.Helper()
		do[ModifyVpcAttributeOutput](h, "ModifyVpcAttribute", "VpcId="+vpc, what)
	}
	want(true, false, false)
	set("EnableDnsHostnames.Value=true")
	set("EnableNetworkAddressUsageMetrics.Value=true")
	want(true, true, true)
	set("EnableDnsSupport.Value=false")
	want(false, true, true)
	set("EnableDnsHostnames.Value=false")
	h.fails("InvalidParameterCombination", "enableDnsHostnames can be set to true only while enableDnsSupport is true.", "ModifyVpcAttribute", "VpcId="+vpc, "EnableDnsHostnames.Value=true")
	set("EnableDnsSupport.Value=true")
	want(true, false, true)
	revision := h.changes.View().Revision
	set("EnableDnsSupport.Value=true")
	if h.changes.View().Revision != revision {
		t.Error("what was so already was written")
	}
	h.fails("InvalidParameterCombination", "No attributes specified.", "ModifyVpcAttribute", "VpcId="+vpc)
	h.fails("InvalidParameterCombination", "Fields for multiple attribute types specified", "ModifyVpcAttribute", "VpcId="+vpc, "EnableDnsSupport.Value=true", "EnableDnsHostnames.Value=true")
	h.fails("InvalidVpcID.NotFound", "", "ModifyVpcAttribute", "VpcId="+noVPC, "EnableDnsSupport.Value=true")
	h.fails("InvalidVpcID.NotFound", "", "DescribeVpcAttribute", "VpcId="+noVPC, "Attribute=enableDnsSupport")
	h.fails("InvalidParameterValue", "Value (dns) for parameter attribute is invalid.", "DescribeVpcAttribute", "VpcId="+vpc, "Attribute=dns")
	h.fails("MissingParameter", "", "DescribeVpcAttribute", "VpcId="+vpc)
	h.fails("DryRunOperation", "", "DescribeVpcAttribute", "VpcId="+vpc, "Attribute=enableDnsSupport", dryRun)
}

func TestCreateSubnet(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	made := do[CreateSubnetOutput](h, "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.1.99/24", "AvailabilityZone=us-east-1b",
		"TagSpecification.1.ResourceType=subnet", "TagSpecification.1.Tag.1.Key=k", "TagSpecification.1.Tag.1.Value=v").Subnet
	s := do[DescribeSubnetsOutput](h, "DescribeSubnets", "SubnetId.1="+*made.SubnetId).Subnets[0]
	for name, got := range map[string][2]string{
		"cidr": {*s.CidrBlock, "10.0.1.0/24"}, "zone": {*s.AvailabilityZone, "us-east-1b"}, "zone id": {*s.AvailabilityZoneId, "use1-az2"}, "state": {*s.State, "available"},
		"arn": {*s.SubnetArn, "arn:aws:ec2:us-east-1:123456789012:subnet/" + *s.SubnetId}, "free": {fmt.Sprint(*s.AvailableIpAddressCount), "251"}, "VPC": {*s.VpcId, vpc},
		"public": {fmt.Sprint(*s.MapPublicIpOnLaunch), "false"}, "tags": {fmt.Sprint(len(s.Tags)), "1"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %s, expected %s", name, got[0], got[1])
		}
	}
	small := do[CreateSubnetOutput](h, "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/28", "AvailabilityZoneId=use1-az3").Subnet
	if *small.AvailableIpAddressCount != 11 || *small.AvailabilityZone != "us-east-1c" {
		t.Errorf("subnet %+v", small)
	}
	// Without a zone, the one with the fewest subnets.
	if z := *do[CreateSubnetOutput](h, "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.3.0/24").Subnet.AvailabilityZone; z != "us-east-1a" {
		t.Errorf("zone %s", z)
	}
}

func TestCreateSubnet_Refused(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/20")
	h.subnet(vpc, "10.0.1.0/24")
	for _, c := range []struct{ cidr, code, message string }{
		{"10.1.0.0/24", "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."},
		{"10.0.16.0/24", "InvalidSubnet.Range", ""},
		{"10.0.0.0/19", "InvalidSubnet.Range", "The CIDR '10.0.0.0/19' is invalid."},
		{"10.0.2.0/29", "InvalidSubnet.Range", ""},
		{"10.0.0.0/15", "InvalidSubnet.Range", ""},
		{"10.0.1.0/24", "InvalidSubnet.Conflict", "The CIDR '10.0.1.0/24' conflicts with another subnet"},
		{"10.0.1.128/25", "InvalidSubnet.Conflict", ""},
		{"10.0.0.0/20", "InvalidSubnet.Conflict", ""},
		{"x", "InvalidParameterValue", "Value (x) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
	} {
		h.fails(c.code, c.message, "CreateSubnet", "VpcId="+vpc, "CidrBlock="+c.cidr)
	}
	h.fails("InvalidVpcID.NotFound", "The vpc ID 'vpc-12345678' does not exist", "CreateSubnet", "VpcId="+noVPC, "CidrBlock=10.0.2.0/24")
	h.fails("InvalidVpcID.Malformed", "", "CreateSubnet", "VpcId=x", "CidrBlock=10.0.2.0/24")
	h.fails("MissingParameter", "The request must contain the parameter cidrBlock", "CreateSubnet", "VpcId="+vpc)
	h.fails("MissingParameter", "The request must contain the parameter VpcId", "CreateSubnet", "CidrBlock=10.0.2.0/24")
	h.fails("InvalidParameterValue", "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, ",
		"CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/24", "AvailabilityZone=us-east-1z")
	h.fails("DryRunOperation", "", "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/24", dryRun)
	h.fails("InvalidParameterValue", "'vpc' is not a valid taggable resource type for this operation.", "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/24",
		"TagSpecification.1.ResourceType=vpc", "TagSpecification.1.Tag.1.Key=k", "TagSpecification.1.Tag.1.Value=v")
	for _, given := range []string{"Ipv6Native=true", "OutpostArn=arn:x"} {
		h.fails("UnsupportedOperation", "", "CreateSubnet", "VpcId="+vpc, "CidrBlock=10.0.2.0/24", given)
	}
}

func TestDeleteSubnet(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet := h.subnet(vpc, "10.0.1.0/24")
	eni := *do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet).NetworkInterface.NetworkInterfaceId
	h.fails("DependencyViolation", "The subnet '"+subnet+"' has dependencies and cannot be deleted.", "DeleteSubnet", "SubnetId="+subnet)
	h.fails("InvalidSubnetID.NotFound", "The subnet ID 'subnet-12345678' does not exist", "DeleteSubnet", "SubnetId="+noSubnet)
	h.fails("InvalidSubnetID.Malformed", `Invalid id: "subnet-x"`, "DeleteSubnet", "SubnetId=subnet-x")
	do[DeleteNetworkInterfaceOutput](h, "DeleteNetworkInterface", "NetworkInterfaceId="+eni)
	h.fails("DryRunOperation", "", "DeleteSubnet", "SubnetId="+subnet, dryRun)
	do[DeleteSubnetOutput](h, "DeleteSubnet", "SubnetId="+subnet)
	if n := h.changes.View().AddressRests.Len(); n != 0 {
		t.Errorf("%d addresses rest in a subnet that is gone", n)
	}
}

func TestModifySubnetAttribute(t *testing.T) {
	h := newHarness(t)
	subnet := h.subnet(h.vpc("10.0.0.0/16"), "10.0.1.0/24")
	do[ModifySubnetAttributeOutput](h, "ModifySubnetAttribute", "SubnetId="+subnet, "MapPublicIpOnLaunch.Value=true")
	if s := do[DescribeSubnetsOutput](h, "DescribeSubnets", "Filter.1.Name=map-public-ip-on-launch", "Filter.1.Value.1=true").Subnets; len(s) != 1 || !*s[0].MapPublicIpOnLaunch {
		t.Errorf("subnets %+v", s)
	}
	do[ModifySubnetAttributeOutput](h, "ModifySubnetAttribute", "SubnetId="+subnet, "EnableDns64.Value=false")
	h.fails("UnsupportedOperation", "Seamark does not build enableDns64 yet.", "ModifySubnetAttribute", "SubnetId="+subnet, "EnableDns64.Value=true")
	h.fails("InvalidSubnetID.NotFound", "", "ModifySubnetAttribute", "SubnetId="+noSubnet, "MapPublicIpOnLaunch.Value=true")
}

func TestDescribeVpcDefaults(t *testing.T) {
	h := newHarness(t)
	vpc, other := h.vpc("10.0.0.0/16"), h.vpc("10.1.0.0/16")
	subnet := h.subnet(vpc, "10.0.1.0/24")
	of := []string{"Filter.1.Name=vpc-id", "Filter.1.Value.1=" + vpc}

	tables := do[DescribeRouteTablesOutput](h, "DescribeRouteTables", append(of, "Filter.2.Name=association.main", "Filter.2.Value.1=true")...).RouteTables
	if len(tables) != 1 || *tables[0].VpcId != vpc || len(tables[0].Routes) != 1 || *tables[0].Routes[0].GatewayId != "local" || *tables[0].Routes[0].DestinationCidrBlock != "10.0.0.0/16" ||
		!*tables[0].Associations[0].Main || *tables[0].Associations[0].AssociationState.State != "associated" {
		t.Fatalf("route tables %+v", tables)
	}
	id := *tables[0].RouteTableId
	if again := do[DescribeRouteTablesOutput](h, "DescribeRouteTables", "RouteTableId.1="+id).RouteTables; len(again) != 1 || *again[0].Associations[0].RouteTableAssociationId != *tables[0].Associations[0].RouteTableAssociationId {
		t.Errorf("route tables %+v", again)
	}
	if none := do[DescribeRouteTablesOutput](h, "DescribeRouteTables", "Filter.1.Name=association.subnet-id", "Filter.1.Value.1="+subnet).RouteTables; len(none) != 0 {
		t.Errorf("a subnet has its own route table: %+v", none)
	}
	h.fails("InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-12345678' does not exist", "DescribeRouteTables", "RouteTableId.1=rtb-12345678")
	h.fails("InvalidRouteTableId.Malformed", "", "DescribeRouteTables", "RouteTableId.1=x")

	acls := do[DescribeNetworkAclsOutput](h, "DescribeNetworkAcls", append(of, "Filter.2.Name=default", "Filter.2.Value.1=true")...).NetworkAcls
	if len(acls) != 1 || !*acls[0].IsDefault || len(acls[0].Entries) != 4 || len(acls[0].Associations) != 1 || *acls[0].Associations[0].SubnetId != subnet {
		t.Fatalf("network ACLs %+v", acls)
	}
	for i, want := range []string{"true 100 allow", "true 32767 deny", "false 100 allow", "false 32767 deny"} {
		if e := acls[0].Entries[i]; fmt.Sprintf("%t %d %s", *e.Egress, *e.RuleNumber, *e.RuleAction) != want || *e.Protocol != "-1" || *e.CidrBlock != "0.0.0.0/0" {
			t.Errorf("entry %d is %+v, expected %s", i, e, want)
		}
	}
	if all := do[DescribeNetworkAclsOutput](h, "DescribeNetworkAcls").NetworkAcls; len(all) != 2 {
		t.Errorf("%d network ACLs", len(all))
	}
	h.fails("InvalidNetworkAclID.NotFound", "The networkAcl ID 'acl-12345678' does not exist", "DescribeNetworkAcls", "NetworkAclId.1=acl-12345678")

	dopt := *do[DescribeVpcsOutput](h, "DescribeVpcs", "VpcId.1="+other).Vpcs[0].DhcpOptionsId
	options := do[DescribeDhcpOptionsOutput](h, "DescribeDhcpOptions", "DhcpOptionsId.1="+dopt).DhcpOptions
	if len(options) != 1 || *options[0].DhcpConfigurations[0].Values[0].Value != "ec2.internal" || *options[0].DhcpConfigurations[1].Values[0].Value != "AmazonProvidedDNS" {
		t.Errorf("DHCP options %+v", options)
	}
	h.fails("InvalidDhcpOptionsID.NotFound", "", "DescribeDhcpOptions", "DhcpOptionsId.1=dopt-12345678")

	if got := do[DescribeInternetGatewaysOutput](h, "DescribeInternetGateways", "Filter.1.Name=attachment.vpc-id", "Filter.1.Value.1="+vpc).InternetGateways; len(got) != 0 {
		t.Errorf("internet gateways %+v", got)
	}
	h.fails("InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-12345678' does not exist", "DescribeInternetGateways", "InternetGatewayId.1=igw-12345678")
	h.fails("InvalidParameterValue", "The filter 'x' is invalid", "DescribeInternetGateways", "Filter.1.Name=x", "Filter.1.Value.1=y")
	h.fails("UnsupportedOperation", "", "CreateTags", "ResourceId.1="+id, "Tag.1.Key=k", "Tag.1.Value=v")
}

func TestDescribeAccountAttributes(t *testing.T) {
	h := newHarness(t)
	values := map[string]string{}
	for _, a := range do[DescribeAccountAttributesOutput](h, "DescribeAccountAttributes").AccountAttributes {
		values[*a.AttributeName] = *a.AttributeValues[0].AttributeValue
	}
	if values["supported-platforms"] != "VPC" || values["default-vpc"] != "none" || values["vpc-max-security-groups-per-interface"] != "5" {
		t.Errorf("attributes %v", values)
	}
	if one := do[DescribeAccountAttributesOutput](h, "DescribeAccountAttributes", "AttributeName.1=default-vpc").AccountAttributes; len(one) != 1 || *one[0].AttributeName != "default-vpc" {
		t.Errorf("attributes %+v", one)
	}
}

func TestDescribeZonesAndRegions(t *testing.T) {
	h := newHarness(t)
	names := func(params ...string) []string {
		t.Helper()
		return texts(do[DescribeAvailabilityZonesOutput](h, "DescribeAvailabilityZones", params...).AvailabilityZones, func(z AvailabilityZone) *string { return z.ZoneName })
	}
	h.same("all", names(), "us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f")
	h.same("by name", names("ZoneName.1=us-east-1b"), "us-east-1b")
	h.same("by id", names("ZoneId.1=use1-az3"), "us-east-1c")
	h.same("by filter", names("Filter.1.Name=zone-name", "Filter.1.Value.1=*[ab]", "Filter.1.Value.2=*a"), "us-east-1a")
	h.same("by state", names("Filter.1.Name=state", "Filter.1.Value.1=impaired"))
	h.fails("InvalidParameterValue", "Invalid availability zone: [us-east-1z]", "DescribeAvailabilityZones", "ZoneName.1=us-east-1z")
	h.fails("InvalidParameterValue", "Invalid availability zone-id: [x]", "DescribeAvailabilityZones", "ZoneId.1=x")
	h.fails("DryRunOperation", "", "DescribeAvailabilityZones", dryRun)
	regions := do[DescribeRegionsOutput](h, "DescribeRegions", "RegionName.1=us-east-1").Regions
	if len(regions) != 1 || *regions[0].RegionName != "us-east-1" || *regions[0].OptInStatus != "opt-in-not-required" {
		t.Errorf("regions %+v", regions)
	}
	if none := do[DescribeRegionsOutput](h, "DescribeRegions", "Filter.1.Name=region-name", "Filter.1.Value.1=eu-*").Regions; len(none) != 0 {
		t.Errorf("regions %+v", none)
	}
	h.fails("InvalidParameterValue", "Invalid region: [eu-west-1]", "DescribeRegions", "RegionName.1=eu-west-1")
}

func TestZoneIDs(t *testing.T) {
	for zone, want := range map[string]string{"us-east-1a": "use1-az1", "eu-central-1b": "euc1-az2", "ap-southeast-2c": "apse2-az3"} {
		s := New(Config{Scope: world.Scope{Region: zone[:len(zone)-1]}})
		if got := s.zoneID(zone); got != want {
			t.Errorf("%s: %s, expected %s", zone, got, want)
		}
	}
}

// TestDescribe_vpcWithoutDefaults: VPCs that something else put have no defaults.
func TestDescribe_vpcWithoutDefaults(t *testing.T) {
	h := newHarness(t)
	h.change(func(d *plan.Draft) { d.Put(&world.VPC{ID: "vpc-0000000000000000a"}) })
	if got := do[DescribeRouteTablesOutput](h, "DescribeRouteTables").RouteTables; len(got) != 0 {
		t.Errorf("route tables %+v", got)
	}
	if got := do[DescribeNetworkAclsOutput](h, "DescribeNetworkAcls").NetworkAcls; len(got) != 0 {
		t.Errorf("network ACLs %+v", got)
	}
}
