package ec2

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/world"
)

// permission is what a request allows or no longer allows: IpPermissions, or
// the flat parameters from before there were VPCs.
type permission struct {
	groupID, groupName *string
	permissions        []IpPermission
	protocol           *string
	from, to           *int32
	cidr               *string
	sourceGroup        *string
	sourceOwner        *string
	tags               []TagSpecification
	ruleIDs            []string
	dryRun             *bool
	egress             bool
}

// flat says whether one of the flat parameters is given.
func (p permission) flat() bool {
	return p.protocol != nil || p.from != nil || p.to != nil || p.cidr != nil || p.sourceGroup != nil
}

// all is what the request names, in the one form.
func (p permission) all() ([]IpPermission, error) {
	switch {
	case p.flat() && len(p.permissions) > 0:
		return nil, fail("InvalidParameterCombination", "The parameter ipPermissions may not be used in combination with cidrIp, ipProtocol, fromPort, toPort or sourceSecurityGroupName")
	case len(p.permissions) > 0:
		return p.permissions, nil
	case !p.flat():
		return nil, missing("ipPermissions")
	}
	flat := IpPermission{IpProtocol: p.protocol, FromPort: p.from, ToPort: p.to}
	if p.cidr != nil {
		flat.IpRanges = []IpRange{{CidrIp: p.cidr}}
	}
	if p.sourceGroup != nil {
		flat.UserIdGroupPairs = []UserIdGroupPair{{GroupName: p.sourceGroup, UserId: p.sourceOwner}}
	}
	return []IpPermission{flat}, nil
}

// rulesOf reads the rules that a request names: one for each peer. None may be
// named twice.
func (s *Server) rulesOf(w world.World, g *world.SecurityGroup, p permission) ([]world.SecurityGroupRule, error) {
	permissions, err := p.all()
	if err != nil {
		return nil, err
	}
	var rules []world.SecurityGroupRule
	for _, perm := range permissions {
		base, err := ruleOf(perm)
		if err != nil {
			return nil, err
		}
		base.Egress = p.egress
		peers, err := s.peersOf(w, g, base, perm)
		if err != nil {
			return nil, err
		}
		for _, r := range peers {
			if indexOf(rules, r) >= 0 {
				return nil, fail("InvalidParameterValue", "The same permission must not appear multiple times")
			}
			rules = append(rules, r)
		}
	}
	return rules, nil
}

// protocolName is how rules are kept: names for the protocols that have one.
func protocolName(proto string) string {
	switch strings.ToLower(proto) {
	case "-1", "all":
		return "-1"
	case "tcp", "6":
		return "tcp"
	case "udp", "17":
		return "udp"
	case "icmp", "1":
		return "icmp"
	case "icmpv6", "58":
		return "icmpv6"
	}
	return proto
}

// ruleOf reads protocol and ports. A protocol without ports is allowed as a
// whole, whatever ports are given (EC2 API reference, IpPermission).
func ruleOf(p IpPermission) (world.SecurityGroupRule, error) {
	r := world.SecurityGroupRule{FromPort: -1, ToPort: -1}
	if optional.Value(p.IpProtocol) == "" {
		return r, missing("ipProtocol")
	}
	r.Protocol = protocolName(*p.IpProtocol)
	switch r.Protocol {
	case "-1":
		return r, nil
	case "icmp", "icmpv6":
		return r, setType(&r, p)
	case "tcp", "udp":
		return r, setPorts(&r, p)
	}
	if n, err := strconv.ParseUint(r.Protocol, 10, 8); err != nil || strconv.FormatUint(n, 10) != r.Protocol {
		return r, fail("InvalidPermission.Malformed", "Invalid value '%s' for IP protocol. Unknown protocol.", *p.IpProtocol)
	}
	return r, nil
}

func setPorts(r *world.SecurityGroupRule, p IpPermission) error {
	if p.FromPort == nil || p.ToPort == nil {
		return fail("InvalidParameterValue", "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
	}
	r.FromPort, r.ToPort = *p.FromPort, *p.ToPort
	switch {
	case r.FromPort < 0 || r.FromPort > 65535 || r.ToPort < 0 || r.ToPort > 65535:
		return fail("InvalidParameterValue", "TCP/UDP port (%d, %d) out of range", r.FromPort, r.ToPort)
	case r.FromPort > r.ToPort:
		return fail("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", r.FromPort, r.ToPort)
	}
	return nil
}

// setType reads ICMP type and code; -1 is all of them, and all types have all
// codes. ICMPv6 without either means all.
func setType(r *world.SecurityGroupRule, p IpPermission) error {
	if p.FromPort == nil && p.ToPort == nil && r.Protocol == "icmpv6" {
		return nil
	}
	if p.FromPort == nil || p.ToPort == nil {
		return fail("InvalidParameterValue", "Invalid value for ICMP type or code. Must specify both type and code.")
	}
	r.FromPort, r.ToPort = *p.FromPort, *p.ToPort
	if r.FromPort < -1 || r.FromPort > 255 || r.ToPort < -1 || r.ToPort > 255 || r.FromPort == -1 && r.ToPort != -1 {
		return fail("InvalidParameterValue", "ICMP type (%d) or code (%d) out of range", r.FromPort, r.ToPort)
	}
	return nil
}

// peersOf makes one rule for each source or destination.
func (s *Server) peersOf(w world.World, g *world.SecurityGroup, base world.SecurityGroupRule, p IpPermission) ([]world.SecurityGroupRule, error) {
	var rules []world.SecurityGroupRule
	for _, r := range p.IpRanges {
		rule, err := withCIDR(base, optional.Value(r.CidrIp), r.Description, true)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, r := range p.Ipv6Ranges {
		rule, err := withCIDR(base, optional.Value(r.CidrIpv6), r.Description, false)
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, pair := range p.UserIdGroupPairs {
		peer, err := s.peerGroup(w, g, pair)
		if err != nil {
			return nil, err
		}
		rule := base
		rule.Group, rule.Description = peer.ID, optional.Value(pair.Description)
		rules = append(rules, rule)
	}
	if len(p.PrefixListIds) > 0 {
		return nil, unbuilt("prefixListIds")
	}
	if len(rules) == 0 {
		return nil, missing("ipRanges")
	}
	return rules, checkDescriptions(rules)
}

// checkDescriptions checks the texts of rules, which are like a group's own.
func checkDescriptions(rules []world.SecurityGroupRule) error {
	for _, r := range rules {
		if r.Description != "" && !groupText.MatchString(r.Description) {
			return fail("InvalidParameterValue", "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
		}
	}
	return nil
}

func withCIDR(r world.SecurityGroupRule, cidr string, description *string, v4 bool) (world.SecurityGroupRule, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p.Addr().Is4() != v4 {
		return r, fail("InvalidParameterValue", "CIDR block %s is malformed", cidr)
	}
	r.CIDR, r.Description = p.Masked(), optional.Value(description)
	return r, nil
}

// peerGroup finds the group of a pair, by id or by name in the same VPC.
func (s *Server) peerGroup(w world.World, g *world.SecurityGroup, pair UserIdGroupPair) (*world.SecurityGroup, error) {
	name := optional.Or(pair.GroupId, optional.Value(pair.GroupName))
	if optional.Or(pair.UserId, s.cfg.Scope.Account) != s.cfg.Scope.Account {
		return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", name)
	}
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
		if peer.Name == name {
			return peer, nil
		}
	}
	return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", name)
}

// indexOf finds a rule that allows the same.
func indexOf(rules []world.SecurityGroupRule, r world.SecurityGroupRule) int {
	return slices.IndexFunc(rules, func(o world.SecurityGroupRule) bool {
		return o.Egress == r.Egress && o.Protocol == r.Protocol && o.FromPort == r.FromPort && o.ToPort == r.ToPort && o.CIDR == r.CIDR && o.Group == r.Group
	})
}
