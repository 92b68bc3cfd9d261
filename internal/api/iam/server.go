package iam

import (
	"context"
	"maps"
	"net/url"
	"slices"

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

// CreateRole makes a role.
func (s *Server) CreateRole(ctx context.Context, in *CreateRoleInput) (*CreateRoleOutput, error) {
	if err := checkPolicy(*in.AssumeRolePolicyDocument); err != nil {
		return nil, err
	}
	var made *world.Role
	_, _, err := s.cfg.Changes.Do(ctx, func(d *plan.Draft) error {
		if d.World.Roles.Get(*in.RoleName) != nil {
			return ErrEntityAlreadyExistsException("Role with name " + *in.RoleName + " already exists.")
		}
		made = &world.Role{
			Name: *in.RoleName, ID: "AROA" + d.Draw.Upper(17), Path: or(in.Path, "/"), Description: or(in.Description, ""),
			AssumeRolePolicyDocument: *in.AssumeRolePolicyDocument, MaxSessionDuration: or(in.MaxSessionDuration, 3600),
			Tags: world.Tags{}, CreatedAt: d.Now,
		}
		for _, t := range in.Tags {
			made.Tags[*t.Key] = *t.Value
		}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateRoleOutput{Role: s.show(made)}, nil
}

// GetRole shows a role.
func (s *Server) GetRole(_ context.Context, in *GetRoleInput) (*GetRoleOutput, error) {
	r, err := find(s.cfg.Changes.View(), *in.RoleName)
	if err != nil {
		return nil, err
	}
	return &GetRoleOutput{Role: s.show(r)}, nil
}

// ListRoles lists roles under a path.
func (s *Server) ListRoles(_ context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	var roles []*world.Role
	prefix := or(in.PathPrefix, "/")
	for r := range s.cfg.Changes.View().Roles.All() {
		if len(r.Path) >= len(prefix) && r.Path[:len(prefix)] == prefix {
			roles = append(roles, r)
		}
	}
	cut, next, err := page.Cut(roles, func(r *world.Role) string { return r.Name }, or(in.Marker, ""), int(or(in.MaxItems, 100)))
	if err != nil {
		return nil, wire.Errorf(400, "ValidationError", "Invalid Marker: %s", *in.Marker)
	}
	out := &ListRolesOutput{Roles: []Role{}, IsTruncated: new(next != "")}
	for _, r := range cut {
		out.Roles = append(out.Roles, *s.show(r))
	}
	if next != "" {
		out.Marker = &next
	}
	return out, nil
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

// AttachRolePolicy attaches a managed policy.
func (s *Server) AttachRolePolicy(ctx context.Context, in *AttachRolePolicyInput) (*AttachRolePolicyOutput, error) {
	return &AttachRolePolicyOutput{}, s.change(ctx, *in.RoleName, func(d *plan.Draft, r *world.Role) error {
		if slices.Contains(r.AttachedPolicies, *in.PolicyArn) {
			return nil
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

// ListAttachedRolePolicies lists a role's managed policies.
func (s *Server) ListAttachedRolePolicies(_ context.Context, in *ListAttachedRolePoliciesInput) (*ListAttachedRolePoliciesOutput, error) {
	r, err := find(s.cfg.Changes.View(), *in.RoleName)
	if err != nil {
		return nil, err
	}
	out := &ListAttachedRolePoliciesOutput{AttachedPolicies: []AttachedPolicy{}, IsTruncated: new(false)}
	for _, arn := range r.AttachedPolicies {
		out.AttachedPolicies = append(out.AttachedPolicies, AttachedPolicy{PolicyArn: new(arn), PolicyName: new(policyName(arn))})
	}
	return out, nil
}

// change runs f on a copy of a role.
func (s *Server) change(ctx context.Context, name string, f func(*plan.Draft, *world.Role) error) error {
	_, _, err := s.cfg.Changes.Do(ctx, func(d *plan.Draft) error {
		r, err := find(d.World, name)
		if err != nil {
			return err
		}
		next := *r
		return f(d, &next)
	})
	return err
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
		AssumeRolePolicyDocument: new(url.PathEscape(r.AssumeRolePolicyDocument)), MaxSessionDuration: &r.MaxSessionDuration,
		CreateDate: wire.At(r.CreatedAt),
	}
	if r.Description != "" {
		out.Description = &r.Description
	}
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: new(k), Value: new(r.Tags[k])})
	}
	return out
}
