package ec2

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// AuthorizeSecurityGroupIngress adds rules for incoming connections: all or none.
func (s *Server) AuthorizeSecurityGroupIngress(ctx context.Context, in *AuthorizeSecurityGroupIngressInput) (*AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := s.authorize(ctx, permission{
		groupID: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, sourceOwner: in.SourceSecurityGroupOwnerId, tags: in.TagSpecifications, dryRun: in.DryRun,
	})
	return &AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

// AuthorizeSecurityGroupEgress adds rules for outgoing connections: all or none.
func (s *Server) AuthorizeSecurityGroupEgress(ctx context.Context, in *AuthorizeSecurityGroupEgressInput) (*AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := s.authorize(ctx, permission{
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, sourceOwner: in.SourceSecurityGroupOwnerId, tags: in.TagSpecifications, dryRun: in.DryRun, egress: true,
	})
	return &AuthorizeSecurityGroupEgressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

// maxRules is the quota of rules of a group and direction.
const maxRules = 60

func (s *Server) authorize(ctx context.Context, p permission) ([]SecurityGroupRule, error) {
	tags, err := newTags(p.tags, "security-group-rule")
	if err != nil {
		return nil, err
	}
	var shown []SecurityGroupRule
	err = s.changeGroup(ctx, p, func(d *plan.Draft, g *world.SecurityGroup) error {
		rules, err := s.rulesOf(d.World, g, p)
		if err != nil {
			return err
		}
		for _, r := range rules {
			if i := indexOf(g.Rules, r); i >= 0 {
				return fail("InvalidPermission.Duplicate", "the specified rule %q already exists", describeRule(r))
			}
			r.ID, r.Tags = d.Draw.EC2("sgr"), tags["security-group-rule"]
			g.Rules = append(g.Rules, r)
			shown = append(shown, s.showRule(g, r))
		}
		count := 0
		for _, r := range g.Rules {
			if r.Egress == p.egress {
				count++
			}
		}
		if count > maxRules {
			return fail("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
		return nil
	})
	return shown, err
}

// changeGroup runs f on a copy of the group and puts it.
func (s *Server) changeGroup(ctx context.Context, p permission, f func(*plan.Draft, *world.SecurityGroup) error) error {
	if p.groupID == nil {
		return noGroupID(p.groupName)
	}
	return s.change(ctx, p.dryRun, func(d *plan.Draft) error {
		g, err := findGroup(d.World, *p.groupID)
		if err != nil {
			return err
		}
		next := *g
		next.Rules = slices.Clone(g.Rules)
		if err := f(d, &next); err != nil {
			return err
		}
		d.Put(&next)
		return nil
	})
}

// RevokeSecurityGroupIngress removes rules. New connections are refused at once.
func (s *Server) RevokeSecurityGroupIngress(ctx context.Context, in *RevokeSecurityGroupIngressInput) (*RevokeSecurityGroupIngressOutput, error) {
	revoked, err := s.revoke(ctx, permission{
		groupID: in.GroupId, groupName: in.GroupName, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, sourceOwner: in.SourceSecurityGroupOwnerId, ruleIDs: in.SecurityGroupRuleIds, dryRun: in.DryRun,
	})
	return &RevokeSecurityGroupIngressOutput{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

// RevokeSecurityGroupEgress removes rules. New connections are refused at once.
func (s *Server) RevokeSecurityGroupEgress(ctx context.Context, in *RevokeSecurityGroupEgressInput) (*RevokeSecurityGroupEgressOutput, error) {
	revoked, err := s.revoke(ctx, permission{
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, sourceOwner: in.SourceSecurityGroupOwnerId, ruleIDs: in.SecurityGroupRuleIds, dryRun: in.DryRun, egress: true,
	})
	return &RevokeSecurityGroupEgressOutput{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

func (s *Server) revoke(ctx context.Context, p permission) ([]RevokedSecurityGroupRule, error) {
	var revoked []RevokedSecurityGroupRule
	err := s.changeGroup(ctx, p, func(d *plan.Draft, g *world.SecurityGroup) error {
		indexes, err := s.toRevoke(d.World, g, p)
		if err != nil {
			return err
		}
		for _, i := range indexes {
			revoked = append(revoked, showRevoked(s.showRule(g, g.Rules[i])))
		}
		var left []world.SecurityGroupRule
		for i, r := range g.Rules {
			if !slices.Contains(indexes, i) {
				left = append(left, r)
			}
		}
		g.Rules = left
		return nil
	})
	return revoked, err
}

// toRevoke are the places of the rules that a request names by id or by what
// they allow.
func (s *Server) toRevoke(w world.World, g *world.SecurityGroup, p permission) ([]int, error) {
	if len(p.ruleIDs) > 0 {
		return rulesByID(g, p)
	}
	rules, err := s.rulesOf(w, g, p)
	if err != nil {
		return nil, err
	}
	var indexes []int
	for _, r := range rules {
		i := indexOf(g.Rules, r)
		if i < 0 {
			return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		indexes = append(indexes, i)
	}
	return indexes, nil
}

func rulesByID(g *world.SecurityGroup, p permission) ([]int, error) {
	if p.flat() || len(p.permissions) > 0 {
		return nil, fail("InvalidParameterCombination", "The parameter securityGroupRuleIds may not be used in combination with permissions")
	}
	var indexes []int
	for _, id := range p.ruleIDs {
		if err := checkID(id, "sgr", "InvalidSecurityGroupRuleId.Malformed"); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(g.Rules, func(r world.SecurityGroupRule) bool { return r.ID == id && r.Egress == p.egress })
		if i < 0 {
			return nil, noRule(id)
		}
		if !slices.Contains(indexes, i) {
			indexes = append(indexes, i)
		}
	}
	return indexes, nil
}

// describeRule names a rule as AWS's error does.
func describeRule(r world.SecurityGroupRule) string {
	peer := r.CIDR.String()
	if r.Group != "" {
		peer = string(r.Group)
	}
	if r.Protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(r.Protocol), r.FromPort, r.ToPort)
}

// groupRule is a rule with its group, to be listed by itself.
type groupRule struct {
	group *world.SecurityGroup
	rule  world.SecurityGroupRule
}

// DescribeSecurityGroupRules lists rules one by one.
func (s *Server) DescribeSecurityGroupRules(_ context.Context, in *DescribeSecurityGroupRulesInput) (*DescribeSecurityGroupRulesOutput, error) {
	var rows []*groupRule
	for g := range s.view().SecurityGroups.All() {
		for _, r := range g.Rules {
			rows = append(rows, &groupRule{g, r})
		}
	}
	slices.SortFunc(rows, func(a, b *groupRule) int { return strings.Compare(a.rule.ID, b.rule.ID) })
	l := listing[groupRule]{
		rows: slices.Values(rows), id: func(r *groupRule) string { return r.rule.ID }, tags: func(r *groupRule) world.Tags { return r.rule.Tags },
		find: func(id string) (*groupRule, error) {
			i := slices.IndexFunc(rows, func(r *groupRule) bool { return r.rule.ID == id })
			if i < 0 {
				return nil, cmp.Or(checkID(id, "sgr", "InvalidSecurityGroupRuleId.Malformed"), noRule(id))
			}
			return rows[i], nil
		},
		names: []string{"group-id", "security-group-rule-id"},
		props: func(r *groupRule) map[string][]string {
			return map[string][]string{"group-id": {string(r.group.ID)}, "security-group-rule-id": {r.rule.ID}}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeSecurityGroupRulesOutput{NextToken: next, SecurityGroupRules: []SecurityGroupRule{}}
	for _, r := range cut {
		out.SecurityGroupRules = append(out.SecurityGroupRules, s.showRule(r.group, r.rule))
	}
	return out, nil
}
