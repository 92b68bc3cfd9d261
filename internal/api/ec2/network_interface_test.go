package ec2

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

func TestNetworkInterface(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet, group := h.subnet(vpc, "10.0.1.0/24"), h.group(vpc, "web")
	made := do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet, "SecurityGroupId.1="+group, "Description=mine", "PrivateIpAddress=10.0.1.77").NetworkInterface
	if *made.Status != "pending" || !regexp.MustCompile(`^eni-[0-9a-f]{17}$`).MatchString(*made.NetworkInterfaceId) {
		t.Errorf("made %+v", made)
	}
	n := do[DescribeNetworkInterfacesOutput](h, "DescribeNetworkInterfaces", "NetworkInterfaceId.1="+*made.NetworkInterfaceId).NetworkInterfaces[0]
	for name, got := range map[string][2]string{
		"status": {*n.Status, "available"}, "address": {*n.PrivateIpAddress, "10.0.1.77"}, "name": {*n.PrivateDnsName, "ip-10-0-1-77.ec2.internal"}, "description": {*n.Description, "mine"},
		"group": {*n.Groups[0].GroupId + *n.Groups[0].GroupName, group + "web"}, "VPC": {*n.VpcId, vpc}, "subnet": {*n.SubnetId, subnet}, "requester": {fmt.Sprint(*n.RequesterManaged), "false"},
		"attachment": {fmt.Sprint(n.Attachment == nil), "true"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %s, expected %s", name, got[0], got[1])
		}
	}
	if !regexp.MustCompile(`^0[26ae](:[0-9a-f]{2}){5}$`).MatchString(*n.MacAddress) {
		t.Errorf("MAC %s", *n.MacAddress)
	}
	if s := do[DescribeSubnetsOutput](h, "DescribeSubnets", "SubnetId.1="+subnet).Subnets[0]; *s.AvailableIpAddressCount != 250 {
		t.Errorf("%d free addresses", *s.AvailableIpAddressCount)
	}
	// Without a group, the VPC's default one.
	byDefault := do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet).NetworkInterface
	if *byDefault.Groups[0].GroupName != "default" || *byDefault.PrivateIpAddress != "10.0.1.4" {
		t.Errorf("made %+v", byDefault)
	}
	do[DeleteNetworkInterfaceOutput](h, "DeleteNetworkInterface", "NetworkInterfaceId="+*made.NetworkInterfaceId)
	h.fails("InvalidNetworkInterfaceID.NotFound", "", "DescribeNetworkInterfaces", "NetworkInterfaceId.1="+*made.NetworkInterfaceId)
}

func TestNetworkInterface_Refused(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet, group := h.subnet(vpc, "10.0.1.0/24"), h.group(vpc, "web")
	foreign := h.group(h.vpc("10.0.0.0/16"), "foreign")
	do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+subnet, "PrivateIpAddress=10.0.1.10")
	const op = "CreateNetworkInterface"
	h.fails("InvalidSubnetID.NotFound", "", op, "SubnetId="+noSubnet)
	h.fails("InvalidSubnetID.Malformed", "", op, "SubnetId=x")
	h.fails("MissingParameter", "", op)
	h.fails("InvalidGroup.NotFound", "", op, "SubnetId="+subnet, "SecurityGroupId.1="+noGroup)
	h.fails("InvalidParameterValue", "You have specified two resources that belong to different networks.", op, "SubnetId="+subnet, "SecurityGroupId.1="+foreign)
	h.fails("InvalidParameterValue", "The same security group must not appear multiple times", op, "SubnetId="+subnet, "SecurityGroupId.1="+group, "SecurityGroupId.2="+group)
	many := []string{"SubnetId=" + subnet}
	for i := range 6 {
		many = append(many, fmt.Sprintf("SecurityGroupId.%d=%s", i+1, h.group(vpc, fmt.Sprintf("g%d", i))))
	}
	h.fails("SecurityGroupsPerInterfaceLimitExceeded", "", op, many...)
	for address, code := range map[string]string{
		"10.0.1.10": "InvalidIPAddress.InUse", "10.0.2.10": "InvalidParameterValue", "10.0.1.0": "InvalidParameterValue", "10.0.1.1": "InvalidParameterValue", "10.0.1.2": "InvalidParameterValue",
		"10.0.1.3": "InvalidParameterValue", "10.0.1.255": "InvalidParameterValue", "x": "InvalidParameterValue", "2001:db8::1": "InvalidParameterValue",
	} {
		h.fails(code, "", op, "SubnetId="+subnet, "PrivateIpAddress="+address)
	}
	h.fails("DryRunOperation", "", op, "SubnetId="+subnet, dryRun)
	for _, given := range []string{"SecondaryPrivateIpAddressCount=1", "Ipv6AddressCount=2", "InterfaceType=efa", "Ipv4PrefixCount=1"} {
		h.fails("UnsupportedOperation", "", op, "SubnetId="+subnet, given)
	}
	h.fails("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID 'eni-12345678' does not exist", "DeleteNetworkInterface", "NetworkInterfaceId="+noInterface)
	h.fails("InvalidNetworkInterfaceId.Malformed", "", "DeleteNetworkInterface", "NetworkInterfaceId=x")

	tiny := h.subnet(vpc, "10.0.2.0/28")
	for range 11 {
		do[CreateNetworkInterfaceOutput](h, op, "SubnetId="+tiny)
	}
	h.fails("InsufficientFreeAddressesInSubnet", "", op, "SubnetId="+tiny)
}

func TestCreateNetworkInterface_Token(t *testing.T) {
	h := newHarness(t)
	subnet := h.subnet(h.vpc("10.0.0.0/16"), "10.0.1.0/24")
	create := func(params ...string) string {
		t.Helper()
		return *do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", append(params, "SubnetId="+subnet)...).NetworkInterface.NetworkInterfaceId
	}
	first := create("ClientToken=one")
	if again := create("ClientToken=one"); again != first {
		t.Error("the repeated request made another")
	}
	if other := create("ClientToken=two"); other == first {
		t.Error("another token made nothing")
	}
	if a, b := create(), create(); a == b {
		t.Error("without a token the second made nothing")
	}
	h.fails("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).", "CreateNetworkInterface", "SubnetId="+subnet, "ClientToken=one", "Description=x")
	h.fails("InvalidParameterValue", "Value (", "CreateNetworkInterface", "SubnetId="+subnet, "ClientToken="+strings.Repeat("a", 65))
	do[DeleteNetworkInterfaceOutput](h, "DeleteNetworkInterface", "NetworkInterfaceId="+first)
	if again := create("ClientToken=one"); again == first {
		t.Error("the token of a deleted interface makes nothing")
	}
}

// TestNetworkInterface_OfATask: what ECS attached can be seen, not deleted.
func TestNetworkInterface_OfATask(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet := h.subnet(vpc, "10.0.1.0/24")
	var id string
	h.change(func(d *plan.Draft) {
		n, _, err := place.Interface(d, d.World.Subnets.Get(subnet), nil, world.OwnedByTask, "task-1")
		if err != nil {
			t.Fatal(err)
		}
		id = string(n.ID)
	})
	h.fails("InvalidParameterValue", "Network interface '"+id+"' is currently in use.", "DeleteNetworkInterface", "NetworkInterfaceId="+id)
	h.fails("DependencyViolation", "", "DeleteSubnet", "SubnetId="+subnet)
	for f, want := range map[string]int{
		"requester-managed=true": 1, "status=in-use": 1, "status=available": 0, "attachment.status=attached": 1, "attachment.device-index=1": 1, "attachment.instance-id=*": 0,
		"vpc-id=" + vpc: 1, "subnet-id=" + subnet: 1, "group-name=default": 1, "private-ip-address=10.0.1.4": 1, "addresses.private-ip-address=10.0.1.?": 1, "availability-zone-id=use1-az1": 1,
		"mac-address=*": 1, "private-dns-name=ip-10-0-1-4.*": 1, "interface-type=interface": 1,
	} {
		name, value, _ := strings.Cut(f, "=")
		if got := do[DescribeNetworkInterfacesOutput](h, "DescribeNetworkInterfaces", "Filter.1.Name="+name, "Filter.1.Value.1="+value).NetworkInterfaces; len(got) != want {
			t.Errorf("%s: %d interfaces, expected %d", f, len(got), want)
		}
	}
}

// TestNetworkInterface_OfAResolverEndpoint: what Resolver made can be seen, not
// deleted, and keeps its subnet and group.
func TestNetworkInterface_OfAResolverEndpoint(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	subnet, group := h.subnet(vpc, "10.0.1.0/24"), h.group(vpc, "dns")
	var id string
	h.change(func(d *plan.Draft) {
		n, _, err := place.Interface(d, d.World.Subnets.Get(subnet), []world.SecurityGroupID{world.SecurityGroupID(group)}, world.OwnedByResolverEndpoint, "rslvr-in-1")
		if err != nil {
			t.Fatal(err)
		}
		id = string(n.ID)
	})
	n := do[DescribeNetworkInterfacesOutput](h, "DescribeNetworkInterfaces", "Filter.1.Name=requester-managed", "Filter.1.Value.1=true").NetworkInterfaces
	if len(n) != 1 || *n[0].NetworkInterfaceId != id || *n[0].Status != "in-use" || n[0].Attachment.InstanceId != nil {
		t.Errorf("interfaces %+v", n)
	}
	h.fails("InvalidParameterValue", "Network interface '"+id+"' is currently in use.", "DeleteNetworkInterface", "NetworkInterfaceId="+id)
	h.fails("DependencyViolation", "The subnet '"+subnet+"' has dependencies and cannot be deleted.", "DeleteSubnet", "SubnetId="+subnet)
	h.fails("DependencyViolation", "resource "+group+" has a dependent object", "DeleteSecurityGroup", "GroupId="+group)
	h.fails("DependencyViolation", "The vpc '"+vpc+"' has dependencies and cannot be deleted.", "DeleteVpc", "VpcId="+vpc)
}

// TestDeleteVpc_WithResolver: what the Resolver API associated with a VPC keeps
// it; what it configured goes with it.
func TestDeleteVpc_WithResolver(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	h.change(func(d *plan.Draft) { d.Put(&world.ResolverConfig{VPC: world.VPCID(vpc), NoReverse: true}) })
	for _, o := range []world.Object{
		&world.ResolverRuleAssociation{ID: "rslvr-rrassoc-1", VPC: world.VPCID(vpc)}, &world.FirewallAssociation{ID: "rslvr-frgassoc-1", VPC: world.VPCID(vpc)},
		&world.QueryLogAssociation{ID: "rqlca-1", VPC: world.VPCID(vpc)},
	} {
		h.change(func(d *plan.Draft) { d.Put(o) })
		h.fails("DependencyViolation", "The vpc '"+vpc+"' has dependencies and cannot be deleted.", "DeleteVpc", "VpcId="+vpc)
		h.change(func(d *plan.Draft) { d.Delete(o) })
	}
	do[DeleteVpcOutput](h, "DeleteVpc", "VpcId="+vpc)
	if c := h.changes.View().ResolverConfigs.Get(vpc); c != nil {
		t.Errorf("left %+v", c)
	}
}
