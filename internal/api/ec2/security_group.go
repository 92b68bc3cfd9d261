package ec2

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// groupText is what names and descriptions of groups and rules may be.
var groupText = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

// CreateSecurityGroup makes a group that lets nothing in and everything out.
func (s *Server) CreateSecurityGroup(ctx context.Context, in *CreateSecurityGroupInput) (*CreateSecurityGroupOutput, error) {
	switch {
	case in.VpcId == nil:
		return nil, noDefaultVPC()
	case *in.GroupName == "default":
		return nil, fail("InvalidParameterValue", "Cannot use reserved security group name: default")
	case !groupText.MatchString(*in.GroupName) || strings.HasPrefix(*in.GroupName, "sg-"):
		return nil, fail("InvalidParameterValue", "Invalid security group name: %s", *in.GroupName)
	case !groupText.MatchString(*in.Description):
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
		if len(v.IPv6) > 0 {
			made.Rules = append(made.Rules, allowAllEgressIPv6(d))
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
		return nil, noGroupID(in.GroupName)
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

// noGroupID is the answer to a group that is not named by its id. Names alone
// name groups of the default VPC, and there is none.
func noGroupID(name *string) error {
	if name != nil {
		return noDefaultVPC()
	}
	return missing("groupId")
}

func noDefaultVPC() error {
	return fail("VPCIdNotSpecified", "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
}

// DescribeSecurityGroups lists groups with their rules.
func (s *Server) DescribeSecurityGroups(_ context.Context, in *DescribeSecurityGroupsInput) (*DescribeSecurityGroupsOutput, error) {
	w := s.view()
	rows, err := groupsNamed(w, in.GroupNames)
	if err != nil {
		return nil, err
	}
	l := listing[world.SecurityGroup]{
		rows: rows, id: (*world.SecurityGroup).Key, tags: func(g *world.SecurityGroup) world.Tags { return g.Tags },
		find:  func(id string) (*world.SecurityGroup, error) { return findGroup(w, id) },
		names: groupFilters(),
		props: func(g *world.SecurityGroup) map[string][]string { return s.groupProps(w, g) },
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

// groupsNamed are the groups of those names, of every VPC; no names: all.
func groupsNamed(w world.World, names []string) (iter.Seq[*world.SecurityGroup], error) {
	if len(names) == 0 {
		return w.SecurityGroups.All(), nil
	}
	found := map[string]bool{}
	var groups []*world.SecurityGroup
	for g := range w.SecurityGroups.All() {
		if slices.Contains(names, g.Name) {
			found[g.Name] = true
			groups = append(groups, g)
		}
	}
	for _, name := range names {
		if !found[name] {
			return nil, fail("InvalidGroup.NotFound", "The security group '%s' does not exist", name)
		}
	}
	return slices.Values(groups), nil
}

// ruleFilters are the filters by rule, behind "ip-permission." for incoming
// rules and "egress.ip-permission." for outgoing ones.
func ruleFilters() []string {
	return []string{"cidr", "from-port", "group-id", "group-name", "ipv6-cidr", "protocol", "to-port", "user-id"}
}

func groupFilters() []string {
	names := []string{"description", "group-id", "group-name", "owner-id", "vpc-id"}
	for _, name := range ruleFilters() {
		names = append(names, "ip-permission."+name, "egress.ip-permission."+name)
	}
	return names
}

func (s *Server) groupProps(w world.World, g *world.SecurityGroup) map[string][]string {
	p := map[string][]string{
		"description": {g.Description}, "group-id": {string(g.ID)}, "group-name": {g.Name}, "owner-id": {s.cfg.Scope.Account}, "vpc-id": {string(g.VPC)},
	}
	for _, r := range g.Rules {
		prefix := "ip-permission."
		if r.Egress {
			prefix = "egress." + prefix
		}
		add := func(name, value string) { p[prefix+name] = append(p[prefix+name], value) }
		add("protocol", r.Protocol)
		add("from-port", strconv.Itoa(int(r.FromPort)))
		add("to-port", strconv.Itoa(int(r.ToPort)))
		switch {
		case r.Group != "":
			add("group-id", string(r.Group))
			add("user-id", s.cfg.Scope.Account)
			if peer := w.SecurityGroups.Get(string(r.Group)); peer != nil {
				add("group-name", peer.Name)
			}
		case r.CIDR.Addr().Is4():
			add("cidr", r.CIDR.String())
		default:
			add("ipv6-cidr", r.CIDR.String())
		}
	}
	return p
}
