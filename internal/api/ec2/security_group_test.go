package ec2

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

func TestSecurityGroup(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	made := do[CreateSecurityGroupOutput](h, "CreateSecurityGroup", "VpcId="+vpc, "GroupName=web", "GroupDescription=of the guide", "TagSpecification.1.ResourceType=security-group", "TagSpecification.1.Tag.1.Key=k", "TagSpecification.1.Tag.1.Value=v")
	if !regexp.MustCompile(`^sg-[0-9a-f]{17}$`).MatchString(*made.GroupId) || *made.SecurityGroupArn != "arn:aws:ec2:us-east-1:123456789012:security-group/"+*made.GroupId || len(made.Tags) != 1 {
		t.Errorf("answer %+v", made)
	}
	g := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "GroupId.1="+*made.GroupId).SecurityGroups[0]
	if *g.Description != "of the guide" || *g.VpcId != vpc || len(g.IpPermissions) != 0 || len(g.IpPermissionsEgress) != 1 || *g.IpPermissionsEgress[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("group %+v", g)
	}
	h.fails("InvalidGroup.Duplicate", "The security group 'web' already exists for VPC '"+vpc+"'", "CreateSecurityGroup", "VpcId="+vpc, "GroupName=web", "GroupDescription=x")
	h.group(h.vpc("10.0.0.0/16"), "web") // another VPC may have the name
}

func TestSecurityGroup_Refused(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	of := func(name, description string) []string {
		return []string{"VpcId=" + vpc, "GroupName=" + name, "GroupDescription=" + description}
	}
	long := strings.Repeat("a", 256)
	for _, c := range []struct{ name, description, message string }{
		{"sg-x", "d", "Invalid security group name: sg-x"}, {"ä", "d", "Invalid security group name: ä"}, {long, "d", "Invalid security group name: a"}, {"a\"b", "d", "Invalid security group name"},
		{"default", "d", "Cannot use reserved security group name: default"}, {"x", "ä", "Invalid security group description. Valid descriptions are strings less than 256 characters"}, {"x", long, "Invalid security group description."},
	} {
		h.fails("InvalidParameterValue", c.message, "CreateSecurityGroup", of(c.name, c.description)...)
	}
	h.fails("InvalidVpcID.NotFound", "", "CreateSecurityGroup", "VpcId="+noVPC, "GroupName=x", "GroupDescription=d")
	h.fails("VPCIdNotSpecified", "No default VPC for this user", "CreateSecurityGroup", "GroupName=x", "GroupDescription=d")
	h.fails("MissingParameter", "The request must contain the parameter GroupDescription", "CreateSecurityGroup", "VpcId="+vpc, "GroupName=x")
	h.fails("DryRunOperation", "", "CreateSecurityGroup", append(of("x", "d"), dryRun)...)

	group, peer := h.group(vpc, "web"), h.group(vpc, "peer")
	def := *do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "Filter.1.Name=group-name", "Filter.1.Value.1=default").SecurityGroups[0].GroupId
	h.fails("CannotDelete", `the specified group: "`+def+`" name: "default" cannot be deleted by a user`, "DeleteSecurityGroup", "GroupId="+def)
	h.fails("InvalidGroup.NotFound", "The security group 'sg-12345678' does not exist", "DeleteSecurityGroup", "GroupId="+noGroup)
	h.fails("InvalidGroupId.Malformed", `Invalid id: "web" (expecting "sg-...")`, "DeleteSecurityGroup", "GroupId=web")
	h.fails("MissingParameter", "The request must contain the parameter groupId", "DeleteSecurityGroup")
	h.fails("VPCIdNotSpecified", "", "DeleteSecurityGroup", "GroupName=web")
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+peer, "IpPermissions.1.IpProtocol=-1", "IpPermissions.1.Groups.1.GroupId="+group)
	h.fails("DependencyViolation", "resource "+group+" has a dependent object", "DeleteSecurityGroup", "GroupId="+group)
	do[DeleteSecurityGroupOutput](h, "DeleteSecurityGroup", "GroupId="+peer)
	eni := *do[CreateNetworkInterfaceOutput](h, "CreateNetworkInterface", "SubnetId="+h.subnet(vpc, "10.0.1.0/24"), "SecurityGroupId.1="+group).NetworkInterface.NetworkInterfaceId
	h.fails("DependencyViolation", "", "DeleteSecurityGroup", "GroupId="+group)
	do[DeleteNetworkInterfaceOutput](h, "DeleteNetworkInterface", "NetworkInterfaceId="+eni)
	h.fails("DryRunOperation", "", "DeleteSecurityGroup", "GroupId="+group, dryRun)
	do[DeleteSecurityGroupOutput](h, "DeleteSecurityGroup", "GroupId="+group)
	h.fails("InvalidGroup.NotFound", "", "DescribeSecurityGroups", "GroupId.1="+group)
	h.fails("InvalidGroup.NotFound", "The security group 'web' does not exist", "DescribeSecurityGroups", "GroupName.1=web")
	if got := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "Filter.1.Name=group-name", "Filter.1.Value.1=web").SecurityGroups; len(got) != 0 {
		t.Errorf("groups %+v", got)
	}
}

// perm is the n-th permission of a request.
func perm(n int, parts ...string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, fmt.Sprintf("IpPermissions.%d.%s", n, p))
	}
	return out
}

// rules shows the rules of a group: "in tcp 80-80 10.0.0.0/16".
func (h *harness) rules(group string) []string {
	h.Helper()
	var out []string
	for _, r := range do[DescribeSecurityGroupRulesOutput](h, "DescribeSecurityGroupRules", "Filter.1.Name=group-id", "Filter.1.Value.1="+group).SecurityGroupRules {
		direction := map[bool]string{true: "out", false: "in"}[*r.IsEgress]
		peer := ""
		switch {
		case r.CidrIpv4 != nil:
			peer = *r.CidrIpv4
		case r.CidrIpv6 != nil:
			peer = *r.CidrIpv6
		default:
			peer = *r.ReferencedGroupInfo.GroupId
		}
		out = append(out, fmt.Sprintf("%s %s %d:%d %s", direction, *r.IpProtocol, *r.FromPort, *r.ToPort, peer))
	}
	return out
}

func TestAuthorize_Protocols(t *testing.T) {
	for _, c := range []struct {
		parts []string
		want  string // the rule, or the refusal's code and message
	}{
		{[]string{"IpProtocol=tcp", "FromPort=80", "ToPort=80"}, "in tcp 80:80"},
		{[]string{"IpProtocol=TCP", "FromPort=0", "ToPort=65535"}, "in tcp 0:65535"},
		{[]string{"IpProtocol=6", "FromPort=1", "ToPort=2"}, "in tcp 1:2"},
		{[]string{"IpProtocol=udp", "FromPort=53", "ToPort=53"}, "in udp 53:53"},
		{[]string{"IpProtocol=17", "FromPort=53", "ToPort=53"}, "in udp 53:53"},
		{[]string{"IpProtocol=icmp", "FromPort=8", "ToPort=0"}, "in icmp 8:0"},
		{[]string{"IpProtocol=icmp", "FromPort=8", "ToPort=-1"}, "in icmp 8:-1"},
		{[]string{"IpProtocol=1", "FromPort=-1", "ToPort=-1"}, "in icmp -1:-1"},
		{[]string{"IpProtocol=icmpv6"}, "in icmpv6 -1:-1"},
		{[]string{"IpProtocol=58", "FromPort=128", "ToPort=0"}, "in icmpv6 128:0"},
		{[]string{"IpProtocol=-1"}, "in -1 -1:-1"},
		{[]string{"IpProtocol=-1", "FromPort=80", "ToPort=80"}, "in -1 -1:-1"},
		{[]string{"IpProtocol=all"}, "in -1 -1:-1"},
		{[]string{"IpProtocol=50"}, "in 50 -1:-1"},
		{[]string{"IpProtocol=255", "FromPort=1", "ToPort=2"}, "in 255 -1:-1"},
		{[]string{"IpProtocol=256"}, "InvalidPermission.Malformed Invalid value '256' for IP protocol. Unknown protocol."},
		{[]string{"IpProtocol=050"}, "InvalidPermission.Malformed Invalid value '050'"},
		{[]string{"IpProtocol=esp"}, "InvalidPermission.Malformed Invalid value 'esp'"},
		{[]string{"FromPort=1", "ToPort=2"}, "MissingParameter The request must contain the parameter ipProtocol"},
		{[]string{"IpProtocol=tcp"}, "InvalidParameterValue Invalid value for portRange. Must specify both from and to ports with TCP/UDP."},
		{[]string{"IpProtocol=tcp", "FromPort=80"}, "InvalidParameterValue Invalid value for portRange."},
		{[]string{"IpProtocol=udp", "ToPort=80"}, "InvalidParameterValue Invalid value for portRange."},
		{[]string{"IpProtocol=tcp", "FromPort=81", "ToPort=80"}, "InvalidParameterValue Invalid TCP/UDP port range (81:80)"},
		{[]string{"IpProtocol=tcp", "FromPort=-1", "ToPort=-1"}, "InvalidParameterValue TCP/UDP port (-1, -1) out of range"},
		{[]string{"IpProtocol=tcp", "FromPort=80", "ToPort=65536"}, "InvalidParameterValue TCP/UDP port (80, 65536) out of range"},
		{[]string{"IpProtocol=icmp"}, "InvalidParameterValue Invalid value for ICMP type or code."},
		{[]string{"IpProtocol=icmp", "FromPort=256", "ToPort=0"}, "InvalidParameterValue ICMP type (256) or code (0) out of range"},
		{[]string{"IpProtocol=icmp", "FromPort=-1", "ToPort=0"}, "InvalidParameterValue ICMP type (-1) or code (0) out of range"},
	} {
		t.Run(strings.Join(c.parts, " "), func(t *testing.T) {
			h := newHarness(t)
			group := h.group(h.vpc("10.0.0.0/16"), "web")
			params := append(perm(1, append(c.parts, "IpRanges.1.CidrIp=10.0.0.0/16")...), "GroupId="+group)
			if !strings.HasPrefix(c.want, "in ") {
				code, message, _ := strings.Cut(c.want, " ")
				h.fails(code, message, "AuthorizeSecurityGroupIngress", params...)
				return
			}
			do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", params...)
			h.same("rules", h.rules(group), c.want+" 10.0.0.0/16", "out -1 -1:-1 0.0.0.0/0")
			h.fails("InvalidPermission.Duplicate", "the specified rule", "AuthorizeSecurityGroupIngress", params...)
			do[RevokeSecurityGroupIngressOutput](h, "RevokeSecurityGroupIngress", params...)
			h.same("rules", h.rules(group), "out -1 -1:-1 0.0.0.0/0")
			h.fails("InvalidPermission.NotFound", "The specified rule does not exist in this security group.", "RevokeSecurityGroupIngress", params...)
		})
	}
}

func TestAuthorize_Peers(t *testing.T) {
	h := newHarness(t)
	vpc, elsewhere := h.vpc("10.0.0.0/16"), h.vpc("10.0.0.0/16")
	group, peer, foreign := h.group(vpc, "web"), h.group(vpc, "peer"), h.group(elsewhere, "foreign")
	in := func(parts ...string) []string {
		return append(perm(1, append(parts, "IpProtocol=tcp", "FromPort=80", "ToPort=80")...), "GroupId="+group)
	}
	out := do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", append(in("IpRanges.1.CidrIp=10.0.0.9/24", "IpRanges.1.Description=from there", "IpRanges.2.CidrIp=0.0.0.0/0", "Ipv6Ranges.1.CidrIpv6=2001:db8::9/64", "Groups.1.GroupId="+peer),
		"TagSpecification.1.ResourceType=security-group-rule", "TagSpecification.1.Tag.1.Key=k", "TagSpecification.1.Tag.1.Value=v")...)
	if !*out.Return || len(out.SecurityGroupRules) != 4 {
		t.Fatalf("answer %+v", out)
	}
	first := out.SecurityGroupRules[0]
	if !regexp.MustCompile(`^sgr-[0-9a-f]{17}$`).MatchString(*first.SecurityGroupRuleId) || *first.Description != "from there" || *first.CidrIpv4 != "10.0.0.0/24" || *first.IsEgress || len(first.Tags) != 1 {
		t.Errorf("rule %+v", first)
	}
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", in("Groups.1.GroupName=web")...) // itself, by name
	h.same("rules", h.rules(group), "in tcp 80:80 10.0.0.0/24", "in tcp 80:80 0.0.0.0/0", "in tcp 80:80 2001:db8::/64", "in tcp 80:80 "+peer, "in tcp 80:80 "+group, "out -1 -1:-1 0.0.0.0/0")
	shown := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "GroupId.1="+group).SecurityGroups[0].IpPermissions
	if len(shown) != 1 || len(shown[0].IpRanges) != 2 || len(shown[0].Ipv6Ranges) != 1 || len(shown[0].UserIdGroupPairs) != 2 || *shown[0].FromPort != 80 {
		t.Errorf("permissions %+v", shown)
	}

	h.fails("InvalidPermission.Duplicate", `the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists`, "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=0.0.0.0/0")...)
	h.fails("InvalidPermission.Duplicate", `the specified rule "peer: `+peer+`, TCP`, "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=10.9.0.0/16", "Groups.1.GroupId="+peer)...)
	h.fails("InvalidParameterValue", "The same permission must not appear multiple times", "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=10.9.0.0/16", "IpRanges.2.CidrIp=10.9.0.1/16")...)
	h.fails("InvalidGroup.NotFound", "The security group 'sg-12345678' does not exist", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupId="+noGroup)...)
	h.fails("InvalidGroup.NotFound", "The security group 'none' does not exist", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupName=none")...)
	h.fails("InvalidGroup.NotFound", "The security group 'foreign' does not exist", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupName=foreign")...)
	h.fails("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupId="+foreign)...)
	h.fails("InvalidGroup.NotFound", "", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupId="+peer, "Groups.1.UserId=999999999999")...)
	h.fails("InvalidGroupId.Malformed", "", "AuthorizeSecurityGroupIngress", in("Groups.1.GroupId=x")...)
	h.fails("InvalidParameterValue", "CIDR block 10.0.0.0 is malformed", "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=10.0.0.0")...)
	h.fails("InvalidParameterValue", "CIDR block 2001:db8::/64 is malformed", "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=2001:db8::/64")...)
	h.fails("InvalidParameterValue", "CIDR block 10.0.0.0/8 is malformed", "AuthorizeSecurityGroupIngress", in("Ipv6Ranges.1.CidrIpv6=10.0.0.0/8")...)
	h.fails("InvalidParameterValue", "Invalid rule description.", "AuthorizeSecurityGroupIngress", in("IpRanges.1.CidrIp=10.9.0.0/16", "IpRanges.1.Description=ä")...)
	h.fails("MissingParameter", "", "AuthorizeSecurityGroupIngress", in()...)
	h.fails("UnsupportedOperation", "", "AuthorizeSecurityGroupIngress", in("PrefixListIds.1.PrefixListId=pl-12345678")...)
	h.fails("MissingParameter", "The request must contain the parameter ipPermissions", "AuthorizeSecurityGroupIngress", "GroupId="+group)
	h.fails("InvalidGroup.NotFound", "", "AuthorizeSecurityGroupIngress", "GroupId="+noGroup, "IpProtocol=-1", "CidrIp=0.0.0.0/0")
	h.fails("VPCIdNotSpecified", "", "AuthorizeSecurityGroupIngress", "GroupName=web", "IpProtocol=-1", "CidrIp=0.0.0.0/0")
	h.fails("MissingParameter", "", "AuthorizeSecurityGroupIngress", "IpProtocol=-1", "CidrIp=0.0.0.0/0")
	h.fails("DryRunOperation", "", "AuthorizeSecurityGroupIngress", append(in("IpRanges.1.CidrIp=10.9.0.0/16"), dryRun)...)
}

// TestAuthorize_Flat: the parameters from before there were lists, which the CLI
// still sends for --protocol, --port and --cidr.
func TestAuthorize_Flat(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	group, peer := h.group(vpc, "web"), h.group(vpc, "peer")
	flat := []string{"GroupId=" + group, "IpProtocol=tcp", "FromPort=80", "ToPort=80", "CidrIp=10.0.0.0/16"}
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", flat...)
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+group, "IpProtocol=udp", "FromPort=1", "ToPort=2", "SourceSecurityGroupName=peer")
	do[AuthorizeSecurityGroupEgressOutput](h, "AuthorizeSecurityGroupEgress", "GroupId="+group, "IpProtocol=tcp", "FromPort=443", "ToPort=443", "CidrIp=10.0.0.0/16")
	h.same("rules", h.rules(group), "in tcp 80:80 10.0.0.0/16", "in udp 1:2 "+peer, "out -1 -1:-1 0.0.0.0/0", "out tcp 443:443 10.0.0.0/16")
	h.fails("InvalidPermission.Duplicate", "", "AuthorizeSecurityGroupIngress", flat...)
	h.fails("InvalidParameterCombination", "", "AuthorizeSecurityGroupIngress", append(perm(1, "IpProtocol=-1", "IpRanges.1.CidrIp=0.0.0.0/0"), flat...)...)
	h.fails("MissingParameter", "The request must contain the parameter ipProtocol", "AuthorizeSecurityGroupIngress", "GroupId="+group, "CidrIp=10.0.0.0/16")
	h.fails("InvalidGroup.NotFound", "", "AuthorizeSecurityGroupIngress", "GroupId="+group, "IpProtocol=-1", "SourceSecurityGroupName=peer", "SourceSecurityGroupOwnerId=999999999999")
	do[RevokeSecurityGroupIngressOutput](h, "RevokeSecurityGroupIngress", flat...)
	do[RevokeSecurityGroupEgressOutput](h, "RevokeSecurityGroupEgress", "GroupId="+group, "IpProtocol=tcp", "FromPort=443", "ToPort=443", "CidrIp=10.0.0.0/16")
	h.same("rules", h.rules(group), "in udp 1:2 "+peer, "out -1 -1:-1 0.0.0.0/0")
}

func TestRevoke(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	group, other := h.group(vpc, "web"), h.group(vpc, "other")
	rule := func(port int) string {
		t.Helper()
		out := do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+group, "IpProtocol=tcp", fmt.Sprintf("FromPort=%d", port), fmt.Sprintf("ToPort=%d", port), "CidrIp=0.0.0.0/0")
		return *out.SecurityGroupRules[0].SecurityGroupRuleId
	}
	a, b := rule(80), rule(81)
	foreign := *do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+other, "IpProtocol=-1", "CidrIp=0.0.0.0/0").SecurityGroupRules[0].SecurityGroupRuleId
	for id, code := range map[string]string{"sgr-12345678": "InvalidSecurityGroupRuleId.NotFound", "x": "InvalidSecurityGroupRuleId.Malformed", foreign: "InvalidSecurityGroupRuleId.NotFound"} {
		h.fails(code, "", "RevokeSecurityGroupIngress", "GroupId="+group, "SecurityGroupRuleId.1="+a, "SecurityGroupRuleId.2="+id)
	}
	h.fails("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '"+a+"' does not exist", "RevokeSecurityGroupEgress", "GroupId="+group, "SecurityGroupRuleId.1="+a)
	h.fails("InvalidParameterCombination", "", "RevokeSecurityGroupIngress", "GroupId="+group, "SecurityGroupRuleId.1="+a, "IpProtocol=tcp")
	h.fails("InvalidGroup.NotFound", "", "RevokeSecurityGroupIngress", "GroupId="+noGroup, "SecurityGroupRuleId.1="+a)
	h.fails("MissingParameter", "", "RevokeSecurityGroupIngress", "GroupId="+group)
	h.fails("InvalidPermission.NotFound", "", "RevokeSecurityGroupIngress", "GroupId="+group, "IpProtocol=tcp", "FromPort=80", "ToPort=81", "CidrIp=0.0.0.0/0")
	h.fails("DryRunOperation", "", "RevokeSecurityGroupIngress", "GroupId="+group, "SecurityGroupRuleId.1="+a, dryRun)
	out := do[RevokeSecurityGroupIngressOutput](h, "RevokeSecurityGroupIngress", "GroupId="+group, "SecurityGroupRuleId.1="+a, "SecurityGroupRuleId.2="+b, "SecurityGroupRuleId.3="+a)
	if !*out.Return || len(out.RevokedSecurityGroupRules) != 2 || *out.RevokedSecurityGroupRules[0].FromPort != 80 {
		t.Errorf("answer %+v", out)
	}
	h.same("rules", h.rules(group), "out -1 -1:-1 0.0.0.0/0")
	// Descriptions do not matter.
	do[RevokeSecurityGroupEgressOutput](h, "RevokeSecurityGroupEgress", append(perm(1, "IpProtocol=-1", "IpRanges.1.CidrIp=0.0.0.0/0", "IpRanges.1.Description=x"), "GroupId="+group)...)
	h.same("rules", h.rules(group))
	h.fails("InvalidSecurityGroupRuleId.NotFound", "", "DescribeSecurityGroupRules", "SecurityGroupRuleId.1="+a)
	h.fails("InvalidSecurityGroupRuleId.Malformed", "", "DescribeSecurityGroupRules", "SecurityGroupRuleId.1=x")
}

func TestAuthorize_Limit(t *testing.T) {
	h := newHarness(t)
	group := h.group(h.vpc("10.0.0.0/16"), "web")
	ports := func(from, n int) []string {
		params := []string{"GroupId=" + group}
		for i := range n {
			params = append(params, perm(i+1, "IpProtocol=tcp", fmt.Sprintf("FromPort=%d", from+i), fmt.Sprintf("ToPort=%d", from+i), "IpRanges.1.CidrIp=0.0.0.0/0")...)
		}
		return params
	}
	h.fails("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.", "AuthorizeSecurityGroupIngress", ports(1, 61)...)
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", ports(1, 60)...)
	h.fails("RulesPerSecurityGroupLimitExceeded", "", "AuthorizeSecurityGroupIngress", ports(100, 1)...)
	do[AuthorizeSecurityGroupEgressOutput](h, "AuthorizeSecurityGroupEgress", ports(1, 59)...) // each direction has its own
	h.fails("RulesPerSecurityGroupLimitExceeded", "", "AuthorizeSecurityGroupEgress", ports(100, 1)...)
}

func TestDescribeSecurityGroups_Filters(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	web, star := h.group(vpc, "web"), h.group(vpc, "w*")
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", "GroupId="+web, "IpProtocol=tcp", "FromPort=80", "ToPort=81", "CidrIp=10.0.0.0/16")
	do[AuthorizeSecurityGroupIngressOutput](h, "AuthorizeSecurityGroupIngress", append(perm(1, "IpProtocol=-1", "Groups.1.GroupId="+web, "Ipv6Ranges.1.CidrIpv6=::/0"), "GroupId="+star)...)
	for f, want := range map[string][]string{
		"ip-permission.cidr=10.0.0.0/16": {web}, "ip-permission.from-port=80": {web}, "ip-permission.to-port=81": {web}, "ip-permission.protocol=tcp": {web},
		"ip-permission.group-id=" + web: {star}, "ip-permission.group-name=web": {star}, "ip-permission.ipv6-cidr=::/0": {star}, "ip-permission.cidr=0.0.0.0/0": nil,
		"egress.ip-permission.cidr=10.0.0.0/16": nil, "description=test": {web, star}, "group-name=w*": {web, star}, `group-name=w\*`: {star},
	} {
		name, value, _ := strings.Cut(f, "=")
		got := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "Filter.1.Name="+name, "Filter.1.Value.1="+value).SecurityGroups
		h.same(f, texts(got, func(g SecurityGroup) *string { return g.GroupId }), want...)
	}
	// A name is a name, not a pattern.
	got := do[DescribeSecurityGroupsOutput](h, "DescribeSecurityGroups", "GroupName.1=w*").SecurityGroups
	h.same("by name", texts(got, func(g SecurityGroup) *string { return g.GroupId }), star)
}
