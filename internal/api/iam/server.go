package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	"seamark/internal/api/commit"
	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
}

// Server is the part of the IAM API that a task's roles need. Roles are kept
// and shown; nothing is allowed or denied by them yet (docs/divergences.md).
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		AttachRolePolicy:         s.AttachRolePolicy,
		CreateRole:               s.CreateRole,
		DeleteRole:               s.DeleteRole,
		DetachRolePolicy:         s.DetachRolePolicy,
		GetRole:                  s.GetRole,
		ListAttachedRolePolicies: s.ListAttachedRolePolicies,
		ListRoles:                s.ListRoles,
	}
}

// CreateRole makes a role. Names differ in more than their case.
func (s *Server) CreateRole(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
	if in.PermissionsBoundary != nil {
		return nil, wire.Errorf(400, "UnsupportedOperation", "Seamark does not build PermissionsBoundary yet.")
	}
	if err := checkPolicy(*in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.Role
	err = commit.Do(ctx, s.cfg.Changes, func(d *plan.Draft) error {
		for r := range d.World.Roles.All() {
			if strings.EqualFold(r.Name, *in.RoleName) {
				return ErrEntityAlreadyExistsException("Role with name " + *in.RoleName + " already exists.")
			}
		}
		made = &world.Role{
			Name: *in.RoleName, ID: "AROA" + d.Draw.Upper(17), Path: optional.Or(in.Path, "/"), Description: optional.Value(in.Description),
			AssumeRolePolicyDocument: *in.AssumeRolePolicyDocument, MaxSessionDuration: optional.Or(in.MaxSessionDuration, 3600),
			Tags: tags, CreatedAt: d.Now,
		}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateRoleOutput{Role: s.show(made)}, nil
}

func newTags(list []Tag) (world.Tags, error) {
	tags := world.Tags{}
	for _, t := range list {
		if _, twice := tags[*t.Key]; twice {
			return nil, ErrInvalidInputException("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		tags[*t.Key] = *t.Value
	}
	return tags, nil
}

// GetRole shows a role.
func (s *Server) GetRole(_ context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := find(s.cfg.Changes.View(), *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: s.show(r)}, nil
}

// ListRoles lists roles under a path. As on AWS, a listing has no tags.
func (s *Server) ListRoles(_ context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	var roles []*world.Role
	for r := range s.cfg.Changes.View().Roles.All() {
		if strings.HasPrefix(r.Path, optional.Or(in.PathPrefix, "/")) {
			roles = append(roles, r)
		}
	}
	cut, next, err := page.Cut(roles, func(r *world.Role) string { return r.Name }, optional.Value(in.Marker), int(optional.Or(in.MaxItems, 100)))
	if err != nil {
		return nil, invalidMarker(in.Marker)
	}
	out := &ListRolesOutput{Roles: []Role{}, IsTruncated: new(next != ""), Marker: optional.Text(next)}
	for _, r := range cut {
		shown := s.show(r)
		shown.Tags = nil
		out.Roles = append(out.Roles, *shown)
	}
	return out, nil
}

func invalidMarker(marker *string) error {
	return wire.Errorf(400, "ValidationError", "Invalid Marker: %s", optional.Value(marker))
}

// DeleteRole removes a role that has no policies any more.
func (s *Server) DeleteRole(ctx context.Context, in *DeleteRoleInput) (*DeleteRoleOutput, error) {
	return &DeleteRoleOutput{}, s.change(ctx, *in.RoleName, func(d *plan.Draft, r *world.Role) error {
		if len(r.AttachedPolicies) > 0 {
			return ErrDeleteConflictException("Cannot delete entity, must detach all policies first.")
		}
		d.Delete(r)
		return nil
	})
}

// maxPolicies is the quota of managed policies of a role.
const maxPolicies = 10

// AttachRolePolicy attaches a managed policy.
func (s *Server) AttachRolePolicy(ctx context.Context, in *AttachRolePolicyInput) (*AttachRolePolicyOutput, error) {
	return &AttachRolePolicyOutput{}, s.change(ctx, *in.RoleName, func(d *plan.Draft, r *world.Role) error {
		if err := checkManaged(*in.PolicyArn); err != nil {
			return err
		}
		switch {
		case slices.Contains(r.AttachedPolicies, *in.PolicyArn):
			return nil
		case len(r.AttachedPolicies) >= maxPolicies:
			return ErrLimitExceededException("Cannot exceed quota for PoliciesPerRole: 10")
		}
		r.AttachedPolicies = append(slices.Clone(r.AttachedPolicies), *in.PolicyArn)
		d.Put(r)
		return nil
	})
}

// DetachRolePolicy detaches a managed policy.
func (s *Server) DetachRolePolicy(ctx context.Context, in *DetachRolePolicyInput) (*DetachRolePolicyOutput, error) {
	return &DetachRolePolicyOutput{}, s.change(ctx, *in.RoleName, func(d *plan.Draft, r *world.Role) error {
		i := slices.Index(r.AttachedPolicies, *in.PolicyArn)
		if i < 0 {
			return ErrNoSuchEntityException("Policy " + *in.PolicyArn + " was not found.")
		}
		r.AttachedPolicies = slices.Delete(slices.Clone(r.AttachedPolicies), i, i+1)
		d.Put(r)
		return nil
	})
}

// ListAttachedRolePolicies lists a role's managed policies under a path.
func (s *Server) ListAttachedRolePolicies(_ context.Context, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	r, err := find(s.cfg.Changes.View(), *in.RoleName)
	if err != nil {
		return nil, err
	}
	arns := slices.DeleteFunc(slices.Sorted(slices.Values(r.AttachedPolicies)), func(arn string) bool {
		return !strings.HasPrefix(policyPath(arn), optional.Or(in.PathPrefix, "/"))
	})
	cut, next, err := page.Cut(arns, func(arn string) string { return arn }, optional.Value(in.Marker), int(optional.Or(in.MaxItems, 100)))
	if err != nil {
		return nil, invalidMarker(in.Marker)
	}
	out := &ListAttachedRolePoliciesOutput{AttachedPolicies: []AttachedPolicy{}, IsTruncated: new(next != ""), Marker: optional.Text(next)}
	for _, arn := range cut {
		out.AttachedPolicies = append(out.AttachedPolicies, AttachedPolicy{PolicyArn: new(arn), PolicyName: new(policyName(arn))})
	}
	return out, nil
}

// change runs f on a copy of a role.
func (s *Server) change(ctx context.Context, name string, f func(*plan.Draft, *world.Role) error) error {
	return commit.Do(ctx, s.cfg.Changes, func(d *plan.Draft) error {
		r, err := find(d.World, name)
		if err != nil {
			return err
		}
		next := *r
		return f(d, &next)
	})
}

func find(w world.World, name string) (*world.Role, error) {
	if r := w.Roles.Get(name); r != nil {
		return r, nil
	}
	return nil, ErrNoSuchEntityException("The role with name " + name + " cannot be found.")
}

func (s *Server) show(r *world.Role) *Role {
	out := &Role{
		Arn: new(s.cfg.Scope.GlobalARN("iam", "role"+r.Path+r.Name)), RoleName: &r.Name, RoleId: &r.ID, Path: &r.Path,
		AssumeRolePolicyDocument: new(encode(r.AssumeRolePolicyDocument)), MaxSessionDuration: &r.MaxSessionDuration,
		CreateDate: wire.At(r.CreatedAt), Description: optional.Text(r.Description),
	}
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: new(k), Value: new(r.Tags[k])})
	}
	return out
}
