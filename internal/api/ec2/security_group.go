package ec2

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

var groupName = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

// CreateSecurityGroup makes a group that lets nothing in and everything out.
func (s *Server) CreateSecurityGroup(ctx context.Context, in *CreateSecurityGroupInput) (*CreateSecurityGroupOutput, error) {
	switch {
	case in.VpcId == nil:
		return nil, fail("VPCIdNotSpecified", "No default VPC for this user")
	case !groupName.MatchString(*in.GroupName) || strings.HasPrefix(*in.GroupName, "sg-"):
		return nil, fail("InvalidParameterValue", "Invalid security group name: %s", *in.GroupName)
	case !groupName.MatchString(*in.Description):
		return nil, fail("InvalidParameterValue", "Invalid security group description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	tags, err := newTags(in.TagSpecifications, "security-group")
	if err != nil {
		return nil, err
	}
	var made *world.SecurityGroup
	err = s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		v, err := findVPC(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		for g := range d.World.SecurityGroupsOf(v.ID) {
			if g.Name == *in.GroupName {
				return fail("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", g.Name, v.ID)
			}
		}
		made = &world.SecurityGroup{
			ID: world.SecurityGroupID(d.Draw.EC2("sg")), VPC: v.ID, Name: *in.GroupName, Description: *in.Description,
			Rules: []world.SecurityGroupRule{allowAllEgress(d)}, Tags: tags["security-group"], CreatedAt: d.Now,
		}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateSecurityGroupOutput{GroupId: new(string(made.ID)), SecurityGroupArn: new(s.arn("security-group/" + string(made.ID))), Tags: showTags(made.Tags)}, nil
}

// DeleteSecurityGroup removes a group that no interface and no other group names.
func (s *Server) DeleteSecurityGroup(ctx context.Context, in *DeleteSecurityGroupInput) (*DeleteSecurityGroupOutput, error) {
	if in.GroupId == nil {
		return nil, missing("groupId")
	}
	return &DeleteSecurityGroupOutput{GroupId: in.GroupId, Return: new(true)}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		g, err := findGroup(d.World, *in.GroupId)
		if err != nil {
			return err
		}
		if g.Name == "default" {
			return fail("CannotDelete", "the specified group: %q name: %q cannot be deleted by a user", g.ID, g.Name)
		}
		if named(d.World, g) {
			return fail("DependencyViolation", "resource %s has a dependent object", g.ID)
		}
		d.Delete(g)
		return nil
	})
}

// named says whether an interface or a rule of another group names g.
func named(w world.World, g *world.SecurityGroup) bool {
	for range w.InterfacesWith(g.ID) {
		return true
	}
	for o := range w.SecurityGroupsOf(g.VPC) {
		if o.ID != g.ID && slices.ContainsFunc(o.Rules, func(r world.SecurityGroupRule) bool { return r.Group == g.ID }) {
			return true
		}
	}
	return false
}

// permission is one rule of a request: the old flat parameters or one of IpPermissions.
type permission struct {
	groupID     *string
	permissions []IpPermission
	protocol    *string
	from, to    *int32
	cidr        *string
	sourceGroup *string
	tags        []TagSpecification
	ruleIDs     []string
	dryRun      *bool
	egress      bool
}

// AuthorizeSecurityGroupIngress adds rules for incoming connections: all or none.
func (s *Server) AuthorizeSecurityGroupIngress(ctx context.Context, in *AuthorizeSecurityGroupIngressInput) (*AuthorizeSecurityGroupIngressOutput, error) {
	rules, err := s.authorize(ctx, permission{
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, tags: in.TagSpecifications, dryRun: in.DryRun,
	})
	return &AuthorizeSecurityGroupIngressOutput{Return: new(true), SecurityGroupRules: rules}, err
}

// AuthorizeSecurityGroupEgress adds rules for outgoing connections: all or none.
func (s *Server) AuthorizeSecurityGroupEgress(ctx context.Context, in *AuthorizeSecurityGroupEgressInput) (*AuthorizeSecurityGroupEgressOutput, error) {
	rules, err := s.authorize(ctx, permission{
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, tags: in.TagSpecifications, dryRun: in.DryRun, egress: true,
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
		rules, err := rulesOf(d.World, g, p)
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
		return missing("groupId")
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
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, ruleIDs: in.SecurityGroupRuleIds, dryRun: in.DryRun,
	})
	return &RevokeSecurityGroupIngressOutput{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

// RevokeSecurityGroupEgress removes rules. New connections are refused at once.
func (s *Server) RevokeSecurityGroupEgress(ctx context.Context, in *RevokeSecurityGroupEgressInput) (*RevokeSecurityGroupEgressOutput, error) {
	revoked, err := s.revoke(ctx, permission{
		groupID: in.GroupId, permissions: in.IpPermissions, protocol: in.IpProtocol, from: in.FromPort, to: in.ToPort,
		cidr: in.CidrIp, sourceGroup: in.SourceSecurityGroupName, ruleIDs: in.SecurityGroupRuleIds, dryRun: in.DryRun, egress: true,
	})
	return &RevokeSecurityGroupEgressOutput{Return: new(true), RevokedSecurityGroupRules: revoked}, err
}

func (s *Server) revoke(ctx context.Context, p permission) ([]RevokedSecurityGroupRule, error) {
	var revoked []RevokedSecurityGroupRule
	err := s.changeGroup(ctx, p, func(d *plan.Draft, g *world.SecurityGroup) error {
		indexes, err := toRevoke(d.World, g, p)
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

func toRevoke(w world.World, g *world.SecurityGroup, p permission) ([]int, error) {
	var indexes []int
	for _, id := range p.ruleIDs {
		i := slices.IndexFunc(g.Rules, func(r world.SecurityGroupRule) bool { return r.ID == id && r.Egress == p.egress })
		if i < 0 {
			return nil, fail("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
		}
		indexes = append(indexes, i)
	}
	if len(p.ruleIDs) > 0 {
		return indexes, nil
	}
	rules, err := rulesOf(w, g, p)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		i := indexOf(g.Rules, r)
		if i < 0 {
			return nil, fail("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		indexes = append(indexes, i)
	}
	return indexes, nil
}

// indexOf finds a rule that allows the same.
func indexOf(rules []world.SecurityGroupRule, r world.SecurityGroupRule) int {
	return slices.IndexFunc(rules, func(o world.SecurityGroupRule) bool {
		return o.Egress == r.Egress && o.Protocol == r.Protocol && o.FromPort == r.FromPort && o.ToPort == r.ToPort && o.CIDR == r.CIDR && o.Group == r.Group
	})
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

// DescribeSecurityGroups lists groups with their rules.
func (s *Server) DescribeSecurityGroups(_ context.Context, in *DescribeSecurityGroupsInput) (*DescribeSecurityGroupsOutput, error) {
	w := s.view()
	l := listing[world.SecurityGroup]{
		rows: w.SecurityGroups.All(), id: (*world.SecurityGroup).Key, tags: func(g *world.SecurityGroup) world.Tags { return g.Tags },
		find:  func(id string) (*world.SecurityGroup, error) { return findGroup(w, id) },
		names: []string{"description", "group-id", "group-name", "owner-id", "vpc-id", "ip-permission.cidr", "ip-permission.group-id", "ip-permission.protocol", "ip-permission.from-port", "ip-permission.to-port"},
		props: s.groupProps,
	}
	if len(in.GroupNames) > 0 {
		in.Filters = append(slices.Clone(in.Filters), Filter{Name: new("group-name"), Values: in.GroupNames})
	}
	cut, next, err := l.describe(request{in.DryRun, in.GroupIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeSecurityGroupsOutput{NextToken: next, SecurityGroups: []SecurityGroup{}}
	for _, g := range cut {
		out.SecurityGroups = append(out.SecurityGroups, s.showGroup(g))
	}
	return out, nil
}

func (s *Server) groupProps(g *world.SecurityGroup) map[string][]string {
	p := map[string][]string{
		"description": {g.Description}, "group-id": {string(g.ID)}, "group-name": {g.Name}, "owner-id": {s.cfg.Scope.Account}, "vpc-id": {string(g.VPC)},
	}
	for _, r := range g.Rules {
		if r.Egress {
			continue
		}
		p["ip-permission.protocol"] = append(p["ip-permission.protocol"], r.Protocol)
		p["ip-permission.from-port"] = append(p["ip-permission.from-port"], strconv.Itoa(int(r.FromPort)))
		p["ip-permission.to-port"] = append(p["ip-permission.to-port"], strconv.Itoa(int(r.ToPort)))
		if r.Group != "" {
			p["ip-permission.group-id"] = append(p["ip-permission.group-id"], string(r.Group))
		} else {
			p["ip-permission.cidr"] = append(p["ip-permission.cidr"], r.CIDR.String())
		}
	}
	return p
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
				return nil, fail("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
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
