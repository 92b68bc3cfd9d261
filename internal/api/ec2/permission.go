package ec2

import (
	"net/netip"
	"strconv"

	"seamark/internal/world"
)

// rulesOf reads the rules that a request names: one for each peer.
func rulesOf(w world.World, g *world.SecurityGroup, p permission) ([]world.SecurityGroupRule, error) {
	permissions := p.permissions
	if p.protocol != nil {
		flat := IpPermission{IpProtocol: p.protocol, FromPort: p.from, ToPort: p.to}
		if p.cidr != nil {
			flat.IpRanges = []IpRange{{CidrIp: p.cidr}}
		}
		if p.sourceGroup != nil {
			flat.UserIdGroupPairs = []UserIdGroupPair{{GroupName: p.sourceGroup}}
		}
		permissions = append([]IpPermission{flat}, permissions...)
	}
	if len(permissions) == 0 {
		return nil, missing("ipPermissions")
	}
	var rules []world.SecurityGroupRule
	for _, perm := range permissions {
		base, err := ruleOf(perm)
		if err != nil {
			return nil, err
		}
		base.Egress = p.egress
		peers, err := peersOf(w, g, base, perm)
		if err != nil {
			return nil, err
		}
		rules = append(rules, peers...)
	}
	return rules, nil
}

// ruleOf reads protocol and ports.
func ruleOf(p IpPermission) (world.SecurityGroupRule, error) {
	r := world.SecurityGroupRule{FromPort: -1, ToPort: -1}
	switch proto := or(p.IpProtocol, ""); proto {
	case "":
		return r, missing("ipProtocol")
	case "-1", "all":
		r.Protocol = "-1"
		return r, nil
	case "tcp", "6":
		r.Protocol = "tcp"
	case "udp", "17":
		r.Protocol = "udp"
	case "icmp", "1":
		r.Protocol = "icmp"
	case "icmpv6", "58":
		r.Protocol = "icmpv6"
	default:
		n, err := strconv.Atoi(proto)
		if err != nil || n < 0 || n > 255 {
			return r, fail("InvalidPermission.Malformed", "Invalid value '%s' for IP protocol. Unknown protocol.", proto)
		}
		r.Protocol = proto
		return r, nil
	}
	return r, setPorts(&r, p)
}

func setPorts(r *world.SecurityGroupRule, p IpPermission) error {
	if r.Protocol == "icmpv6" && p.FromPort == nil && p.ToPort == nil {
		return nil
	}
	if p.FromPort == nil || p.ToPort == nil {
		return fail("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
	}
	r.FromPort, r.ToPort = *p.FromPort, *p.ToPort
	if r.Protocol == "icmp" || r.Protocol == "icmpv6" {
		if r.FromPort < -1 || r.FromPort > 255 || r.ToPort < -1 || r.ToPort > 255 {
			return fail("InvalidParameterValue", "ICMP type (%d) or code (%d) out of range", r.FromPort, r.ToPort)
		}
		return nil
	}
	switch {
	case r.FromPort < 0 || r.FromPort > 65535 || r.ToPort < 0 || r.ToPort > 65535:
		return fail("InvalidParameterValue", "TCP/UDP port (%d, %d) out of range", r.FromPort, r.ToPort)
	case r.FromPort > r.ToPort:
		return fail("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", r.FromPort, r.ToPort)
	}
	return nil
}

// peersOf makes one rule for each source or destination.
func peersOf(w world.World, g *world.SecurityGroup, base world.SecurityGroupRule, p IpPermission) ([]world.SecurityGroupRule, error) {
	var rules []world.SecurityGroupRule
	for _, r := range p.IpRanges {
		rule, err := withCIDR(base, or(r.CidrIp, ""), r.Description, true)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, r := range p.Ipv6Ranges {
		rule, err := withCIDR(base, or(r.CidrIpv6, ""), r.Description, false)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, pair := range p.UserIdGroupPairs {
		peer, err := peerGroup(w, g, pair)
		if err != nil {
			return nil, err
		}
		rule := base
		rule.Group, rule.Description = peer.ID, or(pair.Description, "")
		rules = append(rules, rule)
	}
	if len(p.PrefixListIds) > 0 {
		return nil, unbuilt("prefixListIds")
	}
	if len(rules) == 0 {
		return nil, missing("ipRanges")
	}
	return rules, nil
}

func withCIDR(r world.SecurityGroupRule, cidr string, description *string, v4 bool) (world.SecurityGroupRule, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is4() != v4 {
		return r, fail("InvalidParameterValue", "CIDR block %s is malformed", cidr)
	}
	r.CIDR, r.Description = p.Masked(), or(description, "")
	return r, nil
}

// peerGroup finds the group of a pair, by id or by name in the same VPC.
func peerGroup(w world.World, g *world.SecurityGroup, pair UserIdGroupPair) (*world.SecurityGroup, error) {
	if pair.GroupId != nil {
		peer, err := findGroup(w, *pair.GroupId)
		if err != nil {
			return nil, err
		}
		if peer.VPC != g.VPC {
			return nil, fail("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
		}
		return peer, nil
	}
	for peer := range w.SecurityGroupsOf(g.VPC) {
		if peer.Name == or(pair.GroupName, "") {
			return peer, nil
		}
	}
	return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", or(pair.GroupName, ""))
}

// showGroup shows a group with its rules gathered by protocol and ports.
func (s *Server) showGroup(g *world.SecurityGroup) SecurityGroup {
	return SecurityGroup{
		GroupId: new(string(g.ID)), GroupName: &g.Name, Description: &g.Description, OwnerId: &s.cfg.Scope.Account, VpcId: new(string(g.VPC)),
		SecurityGroupArn: new(s.arn("security-group/" + string(g.ID))), Tags: showTags(g.Tags),
		IpPermissions: s.gather(g, false), IpPermissionsEgress: s.gather(g, true),
	}
}

func (s *Server) gather(g *world.SecurityGroup, egress bool) []IpPermission {
	out := []IpPermission{}
	at := map[string]int{}
	for _, r := range g.Rules {
		if r.Egress != egress {
			continue
		}
		key := r.Protocol + " " + strconv.Itoa(int(r.FromPort)) + " " + strconv.Itoa(int(r.ToPort))
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, emptyPermission(r))
		}
		s.addPeer(&out[i], r)
	}
	return out
}

func emptyPermission(r world.SecurityGroupRule) IpPermission {
	p := IpPermission{
		IpProtocol: new(r.Protocol), IpRanges: []IpRange{}, Ipv6Ranges: []Ipv6Range{}, PrefixListIds: []PrefixListId{}, UserIdGroupPairs: []UserIdGroupPair{},
	}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = new(r.FromPort), new(r.ToPort)
	}
	return p
}

func (s *Server) addPeer(p *IpPermission, r world.SecurityGroupRule) {
	var description *string
	if r.Description != "" {
		description = new(r.Description)
	}
	switch {
	case r.Group != "":
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, UserIdGroupPair{GroupId: new(string(r.Group)), UserId: &s.cfg.Scope.Account, Description: description})
	case r.CIDR.Addr().Is4():
		p.IpRanges = append(p.IpRanges, IpRange{CidrIp: new(r.CIDR.String()), Description: description})
	default:
		p.Ipv6Ranges = append(p.Ipv6Ranges, Ipv6Range{CidrIpv6: new(r.CIDR.String()), Description: description})
	}
}

func (s *Server) showRule(g *world.SecurityGroup, r world.SecurityGroupRule) SecurityGroupRule {
	out := SecurityGroupRule{
		SecurityGroupRuleId: new(r.ID), SecurityGroupRuleArn: new(s.arn("security-group-rule/" + r.ID)), GroupId: new(string(g.ID)),
		GroupOwnerId: &s.cfg.Scope.Account, IsEgress: new(r.Egress), IpProtocol: new(r.Protocol), FromPort: new(r.FromPort), ToPort: new(r.ToPort), Tags: showTags(r.Tags),
	}
	if r.Description != "" {
		out.Description = new(r.Description)
	}
	switch {
	case r.Group != "":
		out.ReferencedGroupInfo = &ReferencedSecurityGroup{GroupId: new(string(r.Group)), UserId: &s.cfg.Scope.Account, VpcId: new(string(g.VPC))}
	case r.CIDR.Addr().Is4():
		out.CidrIpv4 = new(r.CIDR.String())
	default:
		out.CidrIpv6 = new(r.CIDR.String())
	}
	return out
}

func showRevoked(r SecurityGroupRule) RevokedSecurityGroupRule {
	out := RevokedSecurityGroupRule{
		SecurityGroupRuleId: r.SecurityGroupRuleId, GroupId: r.GroupId, IsEgress: r.IsEgress, IpProtocol: r.IpProtocol, FromPort: r.FromPort,
		ToPort: r.ToPort, CidrIpv4: r.CidrIpv4, CidrIpv6: r.CidrIpv6, Description: r.Description,
	}
	if r.ReferencedGroupInfo != nil {
		out.ReferencedGroupId = r.ReferencedGroupInfo.GroupId
	}
	return out
}
