package route53resolver

import (
	"context"
	"maps"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// maxTags is what TagList takes at most.
const maxTags = 200

func newTags(tags []Tag) (world.Tags, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	return merged(nil, tags)
}

// merged adds tags to those that a resource has.
func merged(have world.Tags, tags []Tag) (world.Tags, error) {
	added := world.Tags{}
	for _, t := range tags {
		if world.ReservedTag(*t.Key) {
			return nil, ErrInvalidTagException("Tag keys must not start with aws:.")
		}
		added[*t.Key] = *t.Value
	}
	all := have.With(added)
	if len(all) > maxTags {
		return nil, ErrLimitExceededException("A resource can have at most 200 tags.").With("ResourceType", "Tag")
	}
	return all, nil
}

// tagged is a copy of the resource of an ARN, to be put after its tags changed.
type tagged struct {
	tags *world.Tags
	put  world.Object
}

func copied[T any](row *T, of func(*T) (*world.Tags, world.Object)) (tagged, bool) {
	if row == nil {
		return tagged{}, false
	}
	c := *row
	tags, object := of(&c)
	return tagged{tags, object}, true
}

func (s *Server) tagged(w world.World, arn string) (tagged, error) {
	resource, _ := strings.CutPrefix(arn, s.cfg.Scope.ARN("route53resolver", ""))
	kind, id, _ := strings.Cut(resource, "/")
	var t tagged
	var ok bool
	switch kind {
	case "resolver-endpoint":
		t, ok = copied(w.ResolverEndpoints.Get(id), func(r *world.ResolverEndpoint) (*world.Tags, world.Object) { return &r.Tags, r })
	case "resolver-rule":
		t, ok = copied(w.ResolverRules.Get(id), func(r *world.ResolverRule) (*world.Tags, world.Object) { return &r.Tags, r })
	case "resolver-query-log-config":
		t, ok = copied(w.QueryLogConfigs.Get(id), func(r *world.QueryLogConfig) (*world.Tags, world.Object) { return &r.Tags, r })
	case "firewall-domain-list":
		t, ok = copied(w.FirewallDomainLists.Get(id), func(r *world.FirewallDomainList) (*world.Tags, world.Object) { return &r.Tags, r })
	case "firewall-rule-group":
		t, ok = copied(w.FirewallRuleGroups.Get(id), func(r *world.FirewallRuleGroup) (*world.Tags, world.Object) { return &r.Tags, r })
	case "firewall-rule-group-association":
		t, ok = copied(w.FirewallAssociations.Get(id), func(r *world.FirewallAssociation) (*world.Tags, world.Object) { return &r.Tags, r })
	}
	if !ok {
		return tagged{}, ErrResourceNotFoundException("The resource '" + arn + "' does not exist.")
	}
	return t, nil
}

// TagResource adds tags to a resource.
func (s *Server) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, s.change(ctx, func(d *plan.Draft) error {
		t, err := s.tagged(d.World, *in.ResourceArn)
		if err != nil {
			return err
		}
		if *t.tags, err = merged(*t.tags, in.Tags); err != nil {
			return err
		}
		d.Put(t.put)
		return nil
	})
}

// UntagResource removes tags; those that are not there are no error.
func (s *Server) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.change(ctx, func(d *plan.Draft) error {
		t, err := s.tagged(d.World, *in.ResourceArn)
		if err != nil {
			return err
		}
		*t.tags = t.tags.Without(in.TagKeys)
		d.Put(t.put)
		return nil
	})
}

// ListTagsForResource shows the tags of a resource.
func (s *Server) ListTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	t, err := s.tagged(s.view(), *in.ResourceArn)
	if err != nil {
		return nil, err
	}
	keys, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrInvalidNextTokenException}, slices.Sorted(maps.Keys(*t.tags)), func(k string) string { return k })
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}, NextToken: next}
	for _, k := range keys {
		out.Tags = append(out.Tags, Tag{Key: new(k), Value: new((*t.tags)[k])})
	}
	return out, nil
}
