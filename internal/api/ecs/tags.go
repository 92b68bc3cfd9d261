package ecs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

const maxTags = 50

// newTags reads tags. Keys and values already satisfy the model.
func newTags(in []Tag) (world.Tags, error) {
	tags := world.Tags{}
	for _, t := range in {
		key := val(t.Key)
		switch _, twice := tags[key]; {
		case key == "":
			return nil, invalid("Tag key should not be null or empty.")
		case twice:
			return nil, invalid("Duplicate tag key: %s", key)
		case world.ReservedTag(key):
			return nil, invalid("Tag keys beginning with aws: are reserved for AWS use.")
		}
		tags[key] = val(t.Value)
	}
	return tags, nil
}

// showTags is never nil and sorted by key.
func showTags(tags world.Tags) []Tag {
	out := []Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, Tag{Key: new(key), Value: new(tags[key])})
	}
	return out
}

func (s *Server) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	added, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, s.do(ctx, func(d *plan.Draft) error {
		r, err := s.tagged(d.World, val(in.ResourceArn))
		if err != nil {
			return err
		}
		tags := r.tags.With(added)
		if ofUser(tags) > maxTags {
			return invalid("Tags can have a maximum of %d items.", maxTags)
		}
		next := r.with(tags)
		if _, ok := next.(*world.Service); ok {
			if err := checkExtensions(tags); err != nil {
				return err
			}
		}
		d.Put(next)
		return nil
	})
}

// checkExtensions refuses tags of a service that promise what is not there.
func checkExtensions(tags world.Tags) error {
	if err := world.CheckServiceExtensions(tags); err != nil {
		return invalid("The tags are not valid: %s.", err)
	}
	return nil
}

// ofUser counts the tags that the user set.
func ofUser(tags world.Tags) int {
	n := 0
	for key := range tags {
		if !world.ReservedTag(key) {
			n++
		}
	}
	return n
}

func (s *Server) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	return &UntagResourceOutput{}, s.do(ctx, func(d *plan.Draft) error {
		r, err := s.tagged(d.World, val(in.ResourceArn))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(in.TagKeys, world.ReservedTag) {
			return invalid("Tag keys beginning with aws: are reserved for AWS use.")
		}
		d.Put(r.with(r.tags.Without(in.TagKeys)))
		return nil
	})
}

func (s *Server) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	r, err := s.tagged(s.view(), val(in.ResourceArn))
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: showTags(r.tags)}, nil
}

// tagged is something with tags, and how to make it with others.
type tagged struct {
	tags world.Tags
	with func(world.Tags) world.Object
}

// tagged finds what an ARN names. Tags of what has ended cannot be changed or read.
func (s *Server) tagged(w world.World, arn string) (tagged, error) {
	_, resource, _ := strings.Cut(arn, ":ecs:"+s.scope.Region+":"+s.scope.Account+":")
	kind, _, _ := strings.Cut(resource, "/")
	switch kind {
	case "cluster":
		return s.taggedCluster(w, arn)
	case "service":
		return s.taggedService(w, arn)
	case "task":
		return s.taggedTask(w, arn)
	case "task-definition":
		return s.taggedDefinition(w, arn)
	case "":
		return tagged{}, invalid("Invalid identifier: Unexpected number of separators")
	}
	return tagged{}, invalid("Unsupported resource type: %s", kind)
}

func notTagged(kind string) error {
	return ErrResourceNotFoundException("The specified " + kind + " was not found. Specify a valid " + kind + " and try again.")
}

func endedTagged(kind, state, want string) error {
	return invalid("The specified %s is %s. Specify %s %s and try again.", kind, state, want, kind)
}

func (s *Server) taggedCluster(w world.World, arn string) (tagged, error) {
	c, err := s.cluster(w, &arn)
	if err != nil {
		return tagged{}, err
	}
	if c.Status != clusterActive {
		return tagged{}, endedTagged("cluster", "inactive", "an active")
	}
	return tagged{c.Tags, func(t world.Tags) world.Object { next := *c; next.Tags = t; return &next }}, nil
}

func (s *Server) taggedService(w world.World, arn string) (tagged, error) {
	parts, err := s.parts(arn, "service")
	if err != nil {
		return tagged{}, err
	}
	svc := w.Services.Get(strings.Join(parts, "/"))
	switch {
	case svc == nil:
		return tagged{}, notTagged("service")
	case svc.Status != world.ServiceActive:
		return tagged{}, endedTagged("service", "inactive", "an active")
	}
	return tagged{svc.Tags, func(t world.Tags) world.Object { next := *svc; next.Tags = t; return &next }}, nil
}

func (s *Server) taggedTask(w world.World, arn string) (tagged, error) {
	parts, err := s.parts(arn, "task")
	if err != nil {
		return tagged{}, err
	}
	t := w.Tasks.Get(parts[len(parts)-1])
	switch {
	case t == nil || len(parts) == 2 && parts[0] != string(t.Cluster):
		return tagged{}, notTagged("task")
	case t.LastStatus == world.TaskStopped:
		return tagged{}, endedTagged("task", "stopped", "a running")
	}
	return tagged{t.Tags, func(tags world.Tags) world.Object { next := *t; next.Tags = tags; return &next }}, nil
}

func (s *Server) taggedDefinition(w world.World, arn string) (tagged, error) {
	r, err := s.definitionRef(arn)
	if err != nil {
		return tagged{}, err
	}
	d := w.TaskDefinition(r)
	switch {
	case d == nil:
		return tagged{}, notTagged("task definition")
	case d.Status != definitionActive:
		return tagged{}, endedTagged("task definition", "inactive", "an active")
	}
	return tagged{d.Tags, func(t world.Tags) world.Object { next := *d; next.Tags = t; return &next }}, nil
}
