package route53resolver

import (
	"context"
	"fmt"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// vpcOf finds a VPC by a parameter of an operation.
func vpcOf(w world.World, id, field string) (*world.VPC, error) {
	if v := w.VPCs.Get(id); v != nil {
		return v, nil
	}
	return nil, ErrInvalidParameterException(fmt.Sprintf("The VPC ID '%s' does not exist.", id)).With("FieldName", field)
}

// AssociateResolverRule makes a rule count in a VPC: one rule for a domain.
func (s *Server) AssociateResolverRule(ctx context.Context, in *AssociateResolverRuleInput) (*AssociateResolverRuleOutput, error) {
	var made *world.ResolverRuleAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		r, err := rule(d.World, *in.ResolverRuleId)
		if err != nil {
			return err
		}
		v, err := vpcOf(d.World, *in.VPCId, "VPCId")
		if err != nil {
			return err
		}
		for a := range d.World.RuleAssociationsIn(v.ID) {
			if a.Rule == r.ID {
				return ErrResourceExistsException(fmt.Sprintf("The Resolver rule '%s' is already associated with the VPC '%s'.", r.ID, v.ID)).With("ResourceType", "ResolverRuleAssociation")
			}
			if o := d.World.ResolverRules.Get(string(a.Rule)); o != nil && o.Domain == r.Domain {
				return ErrInvalidRequestException(fmt.Sprintf("Cannot associate rules with same domain name with same VPC. Conflict with resolver rule '%s'.", o.ID))
			}
		}
		made = &world.ResolverRuleAssociation{ID: d.Draw.EC2("rslvr-rrassoc"), Name: optional.Value(in.Name), Rule: r.ID, VPC: v.ID}
		made.CreatedAt, made.ModifiedAt, made.Revision = d.Now, d.Now, d.Revision
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &AssociateResolverRuleOutput{ResolverRuleAssociation: new(s.showRuleAssociation(made))}, nil
}

// DisassociateResolverRule ends that.
func (s *Server) DisassociateResolverRule(ctx context.Context, in *DisassociateResolverRuleInput) (*DisassociateResolverRuleOutput, error) {
	var gone ResolverRuleAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		r, err := rule(d.World, *in.ResolverRuleId)
		if err != nil {
			return err
		}
		for a := range d.World.RuleAssociationsOf(r.ID) {
			if string(a.VPC) == *in.VPCId {
				gone = s.showRuleAssociation(a)
				d.Delete(a)
				return nil
			}
		}
		return ErrResourceNotFoundException(fmt.Sprintf("Resolver Rule Association between Resolver Rule '%s' and VPC '%s' does not exist.", r.ID, *in.VPCId)).
			With("ResourceType", "ResolverRuleAssociation")
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(ResolverRuleAssociationStatusDeleting), new("Deleting Association")
	return &DisassociateResolverRuleOutput{ResolverRuleAssociation: &gone}, nil
}

// GetResolverRuleAssociation shows an association.
func (s *Server) GetResolverRuleAssociation(_ context.Context, in *GetResolverRuleAssociationInput) (*GetResolverRuleAssociationOutput, error) {
	for _, a := range s.ruleAssociations() {
		if *a.Id == *in.ResolverRuleAssociationId {
			return &GetResolverRuleAssociationOutput{ResolverRuleAssociation: &a}, nil
		}
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("Resolver Rule Association with ID '%s' does not exist.", *in.ResolverRuleAssociationId)).
		With("ResourceType", "ResolverRuleAssociation")
}

// ListResolverRuleAssociations lists associations by id, those of the rule that
// every account has among them.
func (s *Server) ListResolverRuleAssociations(_ context.Context, in *ListResolverRuleAssociationsInput) (*ListResolverRuleAssociationsOutput, error) {
	if err := checkFilters(in.Filters, "Name", "ResolverRuleId", "Status", "VPCId"); err != nil {
		return nil, err
	}
	var all []ResolverRuleAssociation
	for _, a := range s.ruleAssociations() {
		if passes(in.Filters, prop("Name", a.Name), prop("ResolverRuleId", a.ResolverRuleId), prop("Status", a.Status), prop("VPCId", a.VPCId)) {
			all = append(all, a)
		}
	}
	l := listing{in.NextToken, in.MaxResults, 30, ErrInvalidNextTokenException}
	shown, next, err := cut(l, all, func(a ResolverRuleAssociation) string { return *a.Id })
	if err != nil {
		return nil, err
	}
	return &ListResolverRuleAssociationsOutput{ResolverRuleAssociations: shown, MaxResults: l.limit(), NextToken: next}, nil
}

// ruleAssociations are all associations by id: those that Resolver makes itself,
// rslvr-autodefined-…, come before rslvr-rrassoc-….
func (s *Server) ruleAssociations() []ResolverRuleAssociation {
	w := s.view()
	var all []ResolverRuleAssociation
	for v := range w.VPCs.All() {
		all = append(all, ResolverRuleAssociation{
			Id: new("rslvr-autodefined-assoc-" + string(v.ID) + "-internet-resolver"), Name: new("System Rule Association"), ResolverRuleId: new(autodefined),
			Status: new(ResolverRuleAssociationStatusComplete), StatusMessage: new(""), VPCId: new(string(v.ID)),
		})
	}
	for a := range w.ResolverRuleAssociations.All() {
		all = append(all, s.showRuleAssociation(a))
	}
	return all
}

func (s *Server) showRuleAssociation(a *world.ResolverRuleAssociation) ResolverRuleAssociation {
	message := ""
	status := s.status(a.Revision, ResolverRuleAssociationStatusComplete, ResolverRuleAssociationStatusCreating)
	if status == ResolverRuleAssociationStatusCreating {
		message = "Creating Association"
	}
	return ResolverRuleAssociation{
		Id: &a.ID, Name: &a.Name, ResolverRuleId: new(string(a.Rule)), Status: &status, StatusMessage: &message, VPCId: new(string(a.VPC)),
	}
}
