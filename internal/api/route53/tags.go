package route53

import (
	"context"
	"maps"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// maxTags is how many tags a resource may have (Route 53 quotas).
const maxTags = 50

// tagged finds the tags of a resource, and how to put it with others.
func (s *Server) tagged(w world.World, kind, id string) (world.Tags, func(world.Tags) world.Object, error) {
	if kind == TagResourceTypeHealthcheck {
		h, err := healthCheck(w, id)
		if err != nil {
			return nil, nil, err
		}
		return h.Tags, func(t world.Tags) world.Object { next := *h; next.Tags = t; return &next }, nil
	}
	z, err := s.zone(w, id)
	if err != nil {
		return nil, nil, err
	}
	return z.Tags, func(t world.Tags) world.Object { next := *z; next.Tags = t; return &next }, nil
}

// ChangeTagsForResource adds, replaces and removes tags.
func (s *Server) ChangeTagsForResource(ctx context.Context, in *ChangeTagsForResourceInput) (*ChangeTagsForResourceOutput, error) {
	if in.AddTags == nil && in.RemoveTagKeys == nil {
		return nil, invalid("Either AddTags or RemoveTagKeys must be specified.")
	}
	err := s.change(ctx, func(d *plan.Draft) error {
		have, put, err := s.tagged(d.World, *in.ResourceType, *in.ResourceId)
		if err != nil {
			return err
		}
		tags := have.Without(in.RemoveTagKeys)
		for _, t := range in.AddTags {
			key := optional.Value(t.Key)
			if key == "" || world.ReservedTag(key) {
				return invalid("The tag key %q is not valid.", key)
			}
			tags[key] = optional.Value(t.Value)
		}
		if len(tags) > maxTags {
			return invalid("The number of tags exceeds the limit of %d.", maxTags)
		}
		d.Put(put(tags))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ChangeTagsForResourceOutput{}, nil
}

// ListTagsForResource lists a resource's tags.
func (s *Server) ListTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	set, err := s.tagSet(s.cfg.Changes.View(), *in.ResourceType, *in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{ResourceTagSet: set}, nil
}

// ListTagsForResources lists the tags of several resources.
func (s *Server) ListTagsForResources(_ context.Context, in *ListTagsForResourcesInput) (*ListTagsForResourcesOutput, error) {
	w := s.cfg.Changes.View()
	out := &ListTagsForResourcesOutput{ResourceTagSets: []ResourceTagSet{}}
	for _, id := range in.ResourceIds {
		set, err := s.tagSet(w, *in.ResourceType, id)
		if err != nil {
			return nil, err
		}
		out.ResourceTagSets = append(out.ResourceTagSets, *set)
	}
	return out, nil
}

func (s *Server) tagSet(w world.World, kind, id string) (*ResourceTagSet, error) {
	tags, _, err := s.tagged(w, kind, id)
	if err != nil {
		return nil, err
	}
	set := &ResourceTagSet{ResourceType: new(kind), ResourceId: new(id)}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set.Tags = append(set.Tags, Tag{Key: new(key), Value: new(tags[key])})
	}
	return set, nil
}
