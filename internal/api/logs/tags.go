package logs

import (
	"context"
	"maps"

	"seamark/internal/world"
)

// maxTags is how many tags a group may have.
const maxTags = 50

func (s *Server) tagResource(ctx context.Context, in *TagResourceInput) (*TagResourceOutput, error) {
	group, err := s.taggable(*in.ResourceArn)
	if err == nil {
		err = s.tag(ctx, group, in.Tags)
	}
	if err != nil {
		return nil, err
	}
	return &TagResourceOutput{}, nil
}

func (s *Server) untagResource(ctx context.Context, in *UntagResourceInput) (*UntagResourceOutput, error) {
	group, err := s.taggable(*in.ResourceArn)
	if err == nil {
		err = s.untag(ctx, group, in.TagKeys)
	}
	if err != nil {
		return nil, err
	}
	return &UntagResourceOutput{}, nil
}

func (s *Server) listTagsForResource(_ context.Context, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	group, err := s.taggable(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	tags, err := s.tags(group)
	if err != nil {
		return nil, err
	}
	return &ListTagsForResourceOutput{Tags: tags}, nil
}

func (s *Server) tagLogGroup(ctx context.Context, in *TagLogGroupInput) (*TagLogGroupOutput, error) {
	if err := s.tag(ctx, *in.LogGroupName, in.Tags); err != nil {
		return nil, err
	}
	return &TagLogGroupOutput{}, nil
}

func (s *Server) untagLogGroup(ctx context.Context, in *UntagLogGroupInput) (*UntagLogGroupOutput, error) {
	if err := s.untag(ctx, *in.LogGroupName, in.Tags); err != nil {
		return nil, err
	}
	return &UntagLogGroupOutput{}, nil
}

func (s *Server) listTagsLogGroup(_ context.Context, in *ListTagsLogGroupInput) (*ListTagsLogGroupOutput, error) {
	tags, err := s.tags(*in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &ListTagsLogGroupOutput{Tags: tags}, nil
}

// taggable is the group that an ARN names; groups are all that has tags here.
func (s *Server) taggable(arn string) (string, error) {
	group, ok := groupOfARN(s.cfg.Scope, arn)
	if !ok {
		return "", errNoGroup()
	}
	return group, nil
}

func (s *Server) tags(group string) (map[string]string, error) {
	g, err := s.group(group)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	maps.Copy(tags, g.Tags)
	return tags, nil
}

func (s *Server) tag(ctx context.Context, group string, tags map[string]string) error {
	return s.change(ctx, group, func(g *world.LogGroup) error {
		next := g.Tags.With(tags)
		if len(next) > maxTags {
			return ErrTooManyTagsException("A log group can have at most 50 tags.")
		}
		g.Tags = next
		return nil
	})
}

func (s *Server) untag(ctx context.Context, group string, keys []string) error {
	return s.change(ctx, group, func(g *world.LogGroup) error {
		g.Tags = g.Tags.Without(keys)
		return nil
	})
}
