package ec2

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

const maxTags = 50

// newTags are the tags of a resource that the request makes, out of its tag
// specifications. kind is its resource type.
func newTags(specs []TagSpecification, kinds ...string) (map[string]world.Tags, error) {
	out := map[string]world.Tags{}
	for _, spec := range specs {
		kind := optional.Value(spec.ResourceType)
		if kind == "" {
			return nil, fail("InvalidParameterValue", "Tag specification resource type must have a value")
		}
		if !slices.Contains(kinds, kind) {
			return nil, fail("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", kind)
		}
		tags, err := withTags(out[kind], spec.Tags)
		if err != nil {
			return nil, err
		}
		out[kind] = tags
	}
	return out, nil
}

// withTags adds tags to those that a resource has. Lengths are of characters
// (EC2 user guide, "Tag restrictions").
func withTags(have world.Tags, add []Tag) (world.Tags, error) {
	added := world.Tags{}
	for _, t := range add {
		key, value := optional.Value(t.Key), optional.Value(t.Value)
		_, twice := added[key]
		switch {
		case key == "" || utf8.RuneCountInString(key) > 128:
			return nil, fail("InvalidParameterValue", "Tag keys must be 1 to 128 characters long")
		case utf8.RuneCountInString(value) > 256:
			return nil, fail("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
		case world.ReservedTag(key):
			return nil, fail("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case twice:
			return nil, fail("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		}
		added[key] = value
	}
	tags := have.With(added)
	if len(tags) > maxTags {
		return nil, fail("TagLimitExceeded", "More than %d tags specified", maxTags)
	}
	return tags, nil
}

func showTags(tags world.Tags) []Tag {
	var out []Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, Tag{Key: new(k), Value: new(tags[k])})
	}
	return out
}

// resource is a copy of a resource whose tags may change before it is put.
type resource struct {
	id, kind string
	tags     *world.Tags
	object   world.Object
}

func copied[T any, P interface {
	*T
	world.Object
}](row *T, kind string, tags func(*T) *world.Tags) resource {
	c := *row
	return resource{P(&c).Key(), kind, tags(&c), P(&c)}
}

// findResource finds what an id names.
func findResource(w world.World, id string) (resource, error) {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "vpc":
		v, err := findVPC(w, id)
		if err != nil {
			return resource{}, err
		}
		return copied(v, "vpc", func(v *world.VPC) *world.Tags { return &v.Tags }), nil
	case "subnet":
		s, err := findSubnet(w, id)
		if err != nil {
			return resource{}, err
		}
		return copied(s, "subnet", func(s *world.Subnet) *world.Tags { return &s.Tags }), nil
	case "sg":
		g, err := findGroup(w, id)
		if err != nil {
			return resource{}, err
		}
		return copied(g, "security-group", func(g *world.SecurityGroup) *world.Tags { return &g.Tags }), nil
	case "eni":
		n, err := findInterface(w, id)
		if err != nil {
			return resource{}, err
		}
		return copied(n, "network-interface", func(n *world.NetworkInterface) *world.Tags { return &n.Tags }), nil
	case "sgr":
		return findRule(w, id)
	case "dopt":
		if o := w.DHCPOptions.Get(id); o != nil {
			return copied(o, "dhcp-options", func(o *world.DHCPOptions) *world.Tags { return &o.Tags }), nil
		}
		return resource{}, unbuilt("tags of " + id)
	case "rtb", "acl":
		return resource{}, unbuilt("tags of " + id)
	case "i":
		i, err := findInstance(w, id)
		if err != nil {
			return resource{}, err
		}
		return copied(i, "instance", func(i *world.Instance) *world.Tags { return &i.Tags }), nil
	}
	return resource{}, fail("InvalidID", "The ID '%s' is not valid", id)
}

// findRule finds a rule of a security group: it is tagged in a copy of its group.
func findRule(w world.World, id string) (resource, error) {
	if err := checkID(id, "sgr", "InvalidSecurityGroupRuleId.Malformed"); err != nil {
		return resource{}, err
	}
	for g := range w.SecurityGroups.All() {
		for i := range g.Rules {
			if g.Rules[i].ID != id {
				continue
			}
			next := *g
			next.Rules = slices.Clone(g.Rules)
			return resource{id, "security-group-rule", &next.Rules[i].Tags, &next}, nil
		}
	}
	return resource{}, noRule(id)
}

// noRule is the answer to a rule id that names nothing.
func noRule(id string) error {
	return fail("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}

// CreateTags adds or replaces tags, on all of the resources or on none.
func (s *Server) CreateTags(ctx context.Context, in *CreateTagsInput) (*CreateTagsOutput, error) {
	return &CreateTagsOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		for _, id := range in.Resources {
			r, err := findResource(d.World, id)
			if err != nil {
				return err
			}
			tags, err := withTags(*r.tags, in.Tags)
			if err != nil {
				return err
			}
			if maps.Equal(tags, *r.tags) {
				continue
			}
			*r.tags = tags
			d.Put(r.object)
		}
		return nil
	})
}

// DeleteTags removes tags: those with the given values, those of the keys given
// without a value, or all.
func (s *Server) DeleteTags(ctx context.Context, in *DeleteTagsInput) (*DeleteTagsOutput, error) {
	return &DeleteTagsOutput{}, s.change(ctx, in.DryRun, func(d *plan.Draft) error {
		for _, id := range in.Resources {
			r, err := findResource(d.World, id)
			if err != nil {
				return err
			}
			left := without(*r.tags, in.Tags)
			if len(left) == len(*r.tags) {
				continue
			}
			*r.tags = left
			d.Put(r.object)
		}
		return nil
	})
}

// without removes tags; nil removes all.
func without(have world.Tags, tags []Tag) world.Tags {
	left := world.Tags{}
	if tags == nil {
		return left
	}
	maps.Copy(left, have)
	for _, t := range tags {
		key := optional.Value(t.Key)
		if t.Value == nil || left[key] == *t.Value {
			delete(left, key)
		}
	}
	return left
}

// DescribeTags lists tags over all resources.
func (s *Server) DescribeTags(_ context.Context, in *DescribeTagsInput) (*DescribeTagsOutput, error) {
	rows := s.allTags(s.view())
	l := listing[TagDescription]{
		rows: slices.Values(rows), names: []string{"key", "resource-id", "resource-type", "value"},
		id:   func(t *TagDescription) string { return *t.ResourceId + "\x00" + *t.Key },
		tags: func(t *TagDescription) world.Tags { return world.Tags{*t.Key: *t.Value} },
		props: func(t *TagDescription) map[string][]string {
			return map[string][]string{"key": {*t.Key}, "resource-id": {*t.ResourceId}, "resource-type": {*t.ResourceType}, "value": {*t.Value}}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, nil, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeTagsOutput{NextToken: next, Tags: []TagDescription{}}
	for _, t := range cut {
		out.Tags = append(out.Tags, *t)
	}
	return out, nil
}

func (s *Server) allTags(w world.World) []*TagDescription {
	var rows []*TagDescription
	add := func(id, kind string, tags world.Tags) {
		for k, v := range tags {
			rows = append(rows, &TagDescription{Key: new(k), Value: new(v), ResourceId: new(id), ResourceType: new(kind)})
		}
	}
	for v := range w.VPCs.All() {
		add(string(v.ID), "vpc", v.Tags)
	}
	for n := range w.Subnets.All() {
		add(string(n.ID), "subnet", n.Tags)
	}
	for g := range w.SecurityGroups.All() {
		add(string(g.ID), "security-group", g.Tags)
		for _, r := range g.Rules {
			add(r.ID, "security-group-rule", r.Tags)
		}
	}
	for n := range w.NetworkInterfaces.All() {
		add(string(n.ID), "network-interface", n.Tags)
	}
	for o := range w.DHCPOptions.All() {
		add(o.ID, "dhcp-options", o.Tags)
	}
	for i := range w.Instances.All() {
		add(string(i.ID), "instance", i.Tags)
	}
	slices.SortFunc(rows, func(a, b *TagDescription) int {
		return cmp.Or(cmp.Compare(*a.ResourceId, *b.ResourceId), cmp.Compare(*a.Key, *b.Key))
	})
	return rows
}
