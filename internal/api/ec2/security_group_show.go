package ec2

import (
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/world"
)

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
	switch r.Protocol {
	case "tcp", "udp", "icmp", "icmpv6":
		p.FromPort, p.ToPort = new(r.FromPort), new(r.ToPort)
	}
	return p
}

func (s *Server) addPeer(p *IpPermission, r world.SecurityGroupRule) {
	description := optional.Text(r.Description)
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
		GroupOwnerId: &s.cfg.Scope.Account, IsEgress: new(r.Egress), IpProtocol: new(r.Protocol), FromPort: new(r.FromPort), ToPort: new(r.ToPort),
		Tags: showTags(r.Tags), Description: optional.Text(r.Description),
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
