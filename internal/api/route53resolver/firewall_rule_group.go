package route53resolver

import (
	"context"
	"fmt"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func ruleGroupRequest(g *world.FirewallRuleGroup) world.ResolverRequest { return g.ResolverRequest }

// CreateFirewallRuleGroup makes a group without rules.
func (s *Server) CreateFirewallRuleGroup(ctx context.Context, in *CreateFirewallRuleGroupInput) (*CreateFirewallRuleGroupOutput, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.FirewallRuleGroup
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.FirewallRuleGroups.All(), ruleGroupRequest, in.CreatorRequestId, in, ErrValidationException)
		if made != nil || err != nil {
			return err
		}
		made = &world.FirewallRuleGroup{ID: world.FirewallRuleGroupID(d.Draw.EC2("rslvr-frg")), Name: *in.Name, Tags: tags, ResolverRequest: newRequest(d, in.CreatorRequestId, in)}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateFirewallRuleGroupOutput{FirewallRuleGroup: new(s.showRuleGroup(made))}, nil
}

func ruleGroup(w world.World, id string) (*world.FirewallRuleGroup, error) {
	if g := w.FirewallRuleGroups.Get(id); g != nil {
		return g, nil
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("Firewall rule group with ID '%s' does not exist.", id)).With("ResourceType", "FirewallRuleGroup")
}

// GetFirewallRuleGroup shows a group without its rules.
func (s *Server) GetFirewallRuleGroup(_ context.Context, in *GetFirewallRuleGroupInput) (*GetFirewallRuleGroupOutput, error) {
	g, err := ruleGroup(s.view(), *in.FirewallRuleGroupId)
	if err != nil {
		return nil, err
	}
	return &GetFirewallRuleGroupOutput{FirewallRuleGroup: new(s.showRuleGroup(g))}, nil
}

// ListFirewallRuleGroups lists groups by id.
func (s *Server) ListFirewallRuleGroups(_ context.Context, in *ListFirewallRuleGroupsInput) (*ListFirewallRuleGroupsOutput, error) {
	var all []FirewallRuleGroupMetadata
	for g := range s.view().FirewallRuleGroups.All() {
		all = append(all, FirewallRuleGroupMetadata{
			Arn: s.arn("firewall-rule-group", string(g.ID)), CreatorRequestId: &g.CreatorRequestID, Id: new(string(g.ID)), Name: &g.Name,
			OwnerId: &s.cfg.Scope.Account, ShareStatus: new(ShareStatusNotShared),
		})
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrValidationException}, all, func(g FirewallRuleGroupMetadata) string { return *g.Id })
	if err != nil {
		return nil, err
	}
	return &ListFirewallRuleGroupsOutput{FirewallRuleGroups: shown, NextToken: next}, nil
}

// DeleteFirewallRuleGroup removes a group that no VPC is associated with, with
// its rules.
func (s *Server) DeleteFirewallRuleGroup(ctx context.Context, in *DeleteFirewallRuleGroupInput) (*DeleteFirewallRuleGroupOutput, error) {
	var gone FirewallRuleGroup
	err := s.change(ctx, func(d *plan.Draft) error {
		g, err := ruleGroup(d.World, *in.FirewallRuleGroupId)
		if err != nil {
			return err
		}
		for a := range d.World.FirewallAssociationsOf(g.ID) {
			return ErrConflictException(fmt.Sprintf("The rule group '%s' cannot be deleted while the VPC '%s' is associated with it.", g.ID, a.VPC))
		}
		gone = s.showRuleGroup(g)
		d.Delete(g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(FirewallRuleGroupStatusDeleting), new("Deleting the Firewall Rule Group")
	return &DeleteFirewallRuleGroupOutput{FirewallRuleGroup: &gone}, nil
}

func (s *Server) showRuleGroup(g *world.FirewallRuleGroup) FirewallRuleGroup {
	status, message := s.status(g.Revision, FirewallRuleGroupStatusComplete, FirewallRuleGroupStatusUpdating), "Created Firewall Rule Group"
	if g.ModifiedAt.After(g.CreatedAt) {
		message = "Updated the Firewall Rule Group"
	}
	return FirewallRuleGroup{
		Arn: s.arn("firewall-rule-group", string(g.ID)), CreationTime: new(g.CreatedAt.Format(firewallStamp)), CreatorRequestId: &g.CreatorRequestID,
		Id: new(string(g.ID)), ModificationTime: new(g.ModifiedAt.Format(firewallStamp)), Name: &g.Name, OwnerId: &s.cfg.Scope.Account,
		RuleCount: new(int32(len(g.Rules))), ShareStatus: new(ShareStatusNotShared), Status: &status, StatusMessage: &message,
	}
}
