package route53resolver

import (
	"context"
	"fmt"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// Bounds of the priorities that a VPC's own groups have: those beyond are
// Firewall Manager's (Route 53 Resolver API reference, AssociateFirewallRuleGroup,
// which wants them greater than 100 and less than 9900).
const lowestPriority, highestPriority = 101, 9899

// mostFirewallGroups is how many groups a VPC has at most (Route 53 developer
// guide, "Quotas on Route 53 Resolver DNS Firewall").
const mostFirewallGroups = 5

func firewallAssociationRequest(a *world.FirewallAssociation) world.ResolverRequest {
	return a.ResolverRequest
}

// AssociateFirewallRuleGroup makes a group's rules count in a VPC.
func (s *Server) AssociateFirewallRuleGroup(ctx context.Context, in *AssociateFirewallRuleGroupInput) (*AssociateFirewallRuleGroupOutput, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.FirewallAssociation
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.FirewallAssociations.All(), firewallAssociationRequest, in.CreatorRequestId, in, ErrConflictException)
		if made != nil || err != nil {
			return err
		}
		g, err := ruleGroup(d.World, *in.FirewallRuleGroupId)
		if err != nil {
			return err
		}
		v, err := vpcFound(d.World, *in.VpcId)
		if err != nil {
			return err
		}
		made = &world.FirewallAssociation{
			ID: d.Draw.EC2("rslvr-frgassoc"), Name: *in.Name, Group: g.ID, VPC: v.ID, Priority: *in.Priority, Tags: tags,
			Protected: optional.Value(in.MutationProtection) == MutationProtectionStatusEnabled, ResolverRequest: newRequest(d, in.CreatorRequestId, in),
		}
		if err := associationFits(d.World, made); err != nil {
			return err
		}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &AssociateFirewallRuleGroupOutput{FirewallRuleGroupAssociation: new(s.showFirewallAssociation(made))}, nil
}

// associationFits says whether a VPC may have an association beside its others.
func associationFits(w world.World, next *world.FirewallAssociation) error {
	if next.Priority < lowestPriority || next.Priority > highestPriority {
		return ErrValidationException("The priority of a rule group must be greater than 100 and less than 9900.")
	}
	others := 0
	for o := range w.FirewallAssociationsIn(next.VPC) {
		if o.ID == next.ID {
			continue
		}
		others++
		switch {
		case o.Group == next.Group:
			return ErrConflictException(fmt.Sprintf("The VPC '%s' is already associated with the rule group '%s'.", next.VPC, next.Group))
		case o.Priority == next.Priority:
			return ErrConflictException(fmt.Sprintf("The VPC '%s' is associated with a rule group of priority %d already.", next.VPC, next.Priority))
		}
	}
	if others >= mostFirewallGroups {
		return ErrLimitExceededException("A VPC can be associated with at most 5 rule groups.").With("ResourceType", "FirewallRuleGroupAssociation")
	}
	return nil
}

func firewallAssociation(w world.World, id string) (*world.FirewallAssociation, error) {
	if a := w.FirewallAssociations.Get(id); a != nil {
		return a, nil
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("Firewall rule group association with ID '%s' does not exist.", id)).With("ResourceType", "FirewallRuleGroupAssociation")
}

// GetFirewallRuleGroupAssociation shows an association.
func (s *Server) GetFirewallRuleGroupAssociation(_ context.Context, in *GetFirewallRuleGroupAssociationInput) (*GetFirewallRuleGroupAssociationOutput, error) {
	a, err := firewallAssociation(s.view(), *in.FirewallRuleGroupAssociationId)
	if err != nil {
		return nil, err
	}
	return &GetFirewallRuleGroupAssociationOutput{FirewallRuleGroupAssociation: new(s.showFirewallAssociation(a))}, nil
}

// ListFirewallRuleGroupAssociations lists associations by id.
func (s *Server) ListFirewallRuleGroupAssociations(_ context.Context, in *ListFirewallRuleGroupAssociationsInput) (*ListFirewallRuleGroupAssociationsOutput, error) {
	var all []FirewallRuleGroupAssociation
	for a := range s.view().FirewallAssociations.All() {
		x := s.showFirewallAssociation(a)
		if optional.Or(in.FirewallRuleGroupId, *x.FirewallRuleGroupId) == *x.FirewallRuleGroupId && optional.Or(in.VpcId, *x.VpcId) == *x.VpcId &&
			optional.Or(in.Priority, a.Priority) == a.Priority && optional.Or(in.Status, *x.Status) == *x.Status {
			all = append(all, x)
		}
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrValidationException}, all, func(a FirewallRuleGroupAssociation) string { return *a.Id })
	if err != nil {
		return nil, err
	}
	return &ListFirewallRuleGroupAssociationsOutput{FirewallRuleGroupAssociations: shown, NextToken: next}, nil
}

func protected(a *world.FirewallAssociation) error {
	return ErrConflictException(fmt.Sprintf("The association '%s' is protected: disable MutationProtection first.", a.ID))
}

// UpdateFirewallRuleGroupAssociation changes an association. A protected one can
// only be made unprotected, also together with other changes.
func (s *Server) UpdateFirewallRuleGroupAssociation(ctx context.Context, in *UpdateFirewallRuleGroupAssociationInput) (*UpdateFirewallRuleGroupAssociationOutput, error) {
	var next world.FirewallAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		a, err := firewallAssociation(d.World, *in.FirewallRuleGroupAssociationId)
		if err != nil {
			return err
		}
		next = *a
		if in.MutationProtection != nil {
			next.Protected = *in.MutationProtection == MutationProtectionStatusEnabled
		}
		if a.Protected && next.Protected && (in.Name != nil || in.Priority != nil) {
			return protected(a)
		}
		next.Name, next.Priority = optional.Or(in.Name, a.Name), optional.Or(in.Priority, a.Priority)
		if err := associationFits(d.World, &next); err != nil {
			return err
		}
		next.ModifiedAt, next.Revision = d.Now, d.Revision
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateFirewallRuleGroupAssociationOutput{FirewallRuleGroupAssociation: new(s.showFirewallAssociation(&next))}, nil
}

// DisassociateFirewallRuleGroup ends an association that is not protected.
func (s *Server) DisassociateFirewallRuleGroup(ctx context.Context, in *DisassociateFirewallRuleGroupInput) (*DisassociateFirewallRuleGroupOutput, error) {
	var gone FirewallRuleGroupAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		a, err := firewallAssociation(d.World, *in.FirewallRuleGroupAssociationId)
		if err != nil {
			return err
		}
		if a.Protected {
			return protected(a)
		}
		gone = s.showFirewallAssociation(a)
		d.Delete(a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(FirewallRuleGroupAssociationStatusDeleting), new("Deleting the Firewall Rule Group Association")
	return &DisassociateFirewallRuleGroupOutput{FirewallRuleGroupAssociation: &gone}, nil
}

func (s *Server) showFirewallAssociation(a *world.FirewallAssociation) FirewallRuleGroupAssociation {
	status, message := s.status(a.Revision, FirewallRuleGroupAssociationStatusComplete, FirewallRuleGroupAssociationStatusUpdating), "Finished rule group association update"
	if status == FirewallRuleGroupAssociationStatusUpdating {
		message = "Creating Firewall Rule Group Association"
	}
	protection := MutationProtectionStatusDisabled
	if a.Protected {
		protection = MutationProtectionStatusEnabled
	}
	return FirewallRuleGroupAssociation{
		Arn: s.arn("firewall-rule-group-association", a.ID), CreationTime: new(a.CreatedAt.Format(firewallStamp)), CreatorRequestId: &a.CreatorRequestID,
		FirewallRuleGroupId: new(string(a.Group)), Id: &a.ID, ModificationTime: new(a.ModifiedAt.Format(firewallStamp)), MutationProtection: &protection,
		Name: &a.Name, Priority: &a.Priority, Status: &status, StatusMessage: &message, VpcId: new(string(a.VPC)),
	}
}
