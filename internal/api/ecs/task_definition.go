package ecs

import (
	"context"

	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// The states of a task definition.
const (
	definitionActive   = "ACTIVE"
	definitionInactive = "INACTIVE"
	definitionDeleting = "DELETE_IN_PROGRESS"
)

const maxDeletedDefinitions = 10

func (s *Server) registerTaskDefinition(ctx context.Context, in *RegisterTaskDefinitionInput) (*RegisterTaskDefinitionOutput, error) {
	wish, err := s.newDefinition(in)
	if err != nil {
		return nil, err
	}
	wish.RegisteredBy = wire.RequestFrom(ctx).PrincipalARN
	out := &RegisterTaskDefinitionOutput{}
	if len(wish.Tags) > 0 {
		out.Tags = showTags(wish.Tags)
	}
	err = s.do(ctx, func(d *plan.Draft) error {
		family := world.Family{Name: wish.Family}
		if known := d.World.Families.Get(string(wish.Family)); known != nil {
			family = *known
		}
		family.LastRevision++
		d.Put(&family)
		def := *wish
		def.Revision, def.RegisteredAt = family.LastRevision, d.Now
		d.Put(&def)
		out.TaskDefinition, err = s.showDefinition(&def)
		return err
	})
	return out, err
}

func (s *Server) describeTaskDefinition(_ context.Context, in *DescribeTaskDefinitionInput) (*DescribeTaskDefinitionOutput, error) {
	def, err := s.definition(s.view(), val(in.TaskDefinition))
	if err != nil {
		return nil, err
	}
	if def == nil {
		return nil, refuse("Unable to describe task definition.")
	}
	out := &DescribeTaskDefinitionOutput{Tags: []Tag{}}
	if has(in.Include, TaskDefinitionFieldTags) {
		out.Tags = showTags(def.Tags)
	}
	out.TaskDefinition, err = s.showDefinition(def)
	return out, err
}

func (s *Server) deregisterTaskDefinition(ctx context.Context, in *DeregisterTaskDefinitionInput) (*DeregisterTaskDefinitionOutput, error) {
	out := &DeregisterTaskDefinitionOutput{}
	return out, s.do(ctx, func(d *plan.Draft) error {
		def, err := s.revision(d.World, val(in.TaskDefinition))
		if err != nil {
			return err
		}
		if def == nil {
			return refuse("The specified task definition does not exist.")
		}
		if def.Status == definitionActive {
			next := *def
			next.Status, next.DeregisteredAt = definitionInactive, d.Now
			d.Put(&next)
			def = &next
		}
		out.TaskDefinition, err = s.showDefinition(def)
		return err
	})
}

// revision finds a task definition by a reference that must name its revision.
func (s *Server) revision(w world.World, ref string) (*world.TaskDefinition, error) {
	r, err := s.definitionRef(ref)
	if err != nil {
		return nil, err
	}
	if r.Revision == 0 {
		return nil, refuse("Revision is missing.")
	}
	return w.TaskDefinition(r), nil
}

func (s *Server) deleteTaskDefinitions(ctx context.Context, in *DeleteTaskDefinitionsInput) (*DeleteTaskDefinitionsOutput, error) {
	switch n := len(in.TaskDefinitions); {
	case n == 0:
		return nil, invalid("size of TaskDefinition references list must be greater than 0")
	case n > maxDeletedDefinitions:
		return nil, invalid("Size of TaskDefinition references list cannot exceed %d", maxDeletedDefinitions)
	}
	out := &DeleteTaskDefinitionsOutput{TaskDefinitions: []TaskDefinition{}, Failures: []Failure{}}
	return out, s.do(ctx, func(d *plan.Draft) error {
		for _, ref := range in.TaskDefinitions {
			if err := s.deleteDefinition(d, ref, out); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteDefinition marks one revision. It goes away for good once no task or
// service refers to it.
func (s *Server) deleteDefinition(d *plan.Draft, ref string, out *DeleteTaskDefinitionsOutput) error {
	def, err := s.revision(d.World, ref)
	if err != nil {
		return err
	}
	reason := ""
	switch {
	case def == nil:
		reason = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
	case def.Status == definitionActive:
		reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
	}
	if reason != "" {
		r, err := s.definitionRef(ref)
		if err != nil {
			return err
		}
		out.Failures = append(out.Failures, Failure{Arn: new(s.definitionARN(r)), Reason: &reason})
		return nil
	}
	next := *def
	if next.Status != definitionDeleting {
		next.Status, next.DeleteRequestedAt = definitionDeleting, d.Now
		d.Put(&next)
	}
	shown, err := s.showDefinition(&next)
	if err == nil {
		out.TaskDefinitions = append(out.TaskDefinitions, *shown)
	}
	return err
}
