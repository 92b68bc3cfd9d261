package servicediscovery

import (
	"context"
	"maps"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

const maxTags = 50

func newTags(tags []Tag) (world.Tags, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	return merged(nil, tags, "")
}

// merged adds tags to those that a resource has.
func merged(have world.Tags, tags []Tag, resource string) (world.Tags, error) {
	added := world.Tags{}
	for _, t := range tags {
		if world.ReservedTag(*t.Key) {
			return nil, invalid("Tag keys must not start with aws:.")
		}
		added[*t.Key] = *t.Value
	}
	all := have.With(added)
	if len(all) > maxTags {
		return nil, ErrTooManyTagsException("A resource can have at most 50 tags.").With("ResourceName", resource)
	}
	return all, nil
}

// checkExtensions refuses tags of a service that promise what is not there.
func checkExtensions(tags world.Tags) error {
	if err := world.CheckDiscoveryExtensions(tags); err != nil {
		return invalid("The tags are not valid: %v.", err)
	}
	return nil
}

// tagged is a copy of the resource of an ARN, to be put after its tags changed.
type tagged struct {
	tags *world.Tags
	put  world.Object
}

func (s *Server) tagged(w world.World, arn string) (tagged, error) {
	if id, ok := strings.CutPrefix(arn, s.namespaceARN("")); ok {
		if n := w.Namespaces.Get(id); n != nil {
			c := *n
			return tagged{&c.Tags, &c}, nil
		}
	}
	if id, ok := strings.CutPrefix(arn, s.serviceARN("")); ok {
		if ds := w.DiscoveryServices.Get(id); ds != nil {
			c := *ds
			return tagged{&c.Tags, &c}, nil
		}
	}
	return tagged{}, ErrResourceNotFoundException("The resource " + arn + " was not found.")
}

// TagResource adds tags to a namespace or a service.
func (s *Server) TagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	return &TagResourceOutput{}, s.change(ctx, func(d *plan.Draft) error {
		t, err := s.tagged(d.World, *in.ResourceARN)
		if err != nil {
			return err
		}
		if *t.tags, err = merged(*t.tags, in.Tags, *in.ResourceARN); err != nil {
			return err
		}
		if _, ok := t.put.(*world.DiscoveryService); ok {
			if err := checkExtensions(*t.tags); err != nil {
				return err
			}
		}
		d.Put(t.put)
		return nil
	})
}

// UntagResource removes tags; those that are not there are no error.
func (s *Server) UntagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.change(ctx, func(d *plan.Draft) error {
		t, err := s.tagged(d.World, *in.ResourceARN)
		if err != nil {
			return err
		}
		*t.tags = t.tags.Without(in.TagKeys)
		d.Put(t.put)
		return nil
	})
}

// ListTagsForResource shows the tags of a namespace or a service.
func (s *Server) ListTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	t, err := s.tagged(s.cfg.Changes.View(), *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(*t.tags)) {
		out.Tags = append(out.Tags, Tag{Key: new(k), Value: new((*t.tags)[k])})
	}
	return out, nil
}
