package route53resolver

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// mostRules is how many rules a group has at most (Route 53 developer guide,
// "Quotas on Route 53 Resolver DNS Firewall").
const mostRules = 100

// CreateFirewallRule adds a rule to a group.
func (s *Server) CreateFirewallRule(ctx context.Context, in *CreateFirewallRuleInput) (*CreateFirewallRuleOutput, error) {
	if in.DnsThreatProtection != nil || in.ConfidenceThreshold != nil {
		return nil, ErrValidationException("DnsThreatProtection is not built in Seamark yet.")
	}
	if in.FirewallDomainListId == nil {
		return nil, ErrValidationException("A firewall rule needs a domain list.")
	}
	qtype, err := queryType(in.Qtype)
	if err != nil {
		return nil, err
	}
	r := world.FirewallRule{
		Name: *in.Name, List: world.FirewallDomainListID(*in.FirewallDomainListId), Qtype: qtype, Priority: *in.Priority, Action: *in.Action,
		TrustRedirection: optional.Value(in.FirewallDomainRedirectionAction) == FirewallDomainRedirectionActionTrustRedirectionDomain,
	}
	if err := setBlock(&r, in.BlockResponse, in.BlockOverrideDnsType, in.BlockOverrideDomain, in.BlockOverrideTtl); err != nil {
		return nil, err
	}
	var shown FirewallRule
	err = s.change(ctx, func(d *plan.Draft) error {
		g, err := ruleGroup(d.World, *in.FirewallRuleGroupId)
		if err != nil {
			return err
		}
		made, err := repeated(slices.Values(pointers(g.Rules)), func(r *world.FirewallRule) world.ResolverRequest { return r.ResolverRequest }, in.CreatorRequestId, in, ErrValidationException)
		if err != nil {
			return err
		}
		if made == nil {
			r.ResolverRequest = newRequest(d, in.CreatorRequestId, in)
			made = &r
			if err := addRule(d, g, r); err != nil {
				return err
			}
		}
		shown = showFirewallRule(g.ID, *made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateFirewallRuleOutput{FirewallRule: &shown}, nil
}

func pointers[T any](list []T) []*T {
	var out []*T
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// setBlock sets what a BLOCK answers; other actions have none of it (Route 53
// Resolver API reference, CreateFirewallRule).
func setBlock(r *world.FirewallRule, response, dnsType, domain *string, ttl *int32) error {
	r.BlockResponse, r.OverrideDomain, r.OverrideTTL = optional.Value(response), "", 0
	override := dnsType != nil || domain != nil || ttl != nil
	switch {
	case r.Action != ActionBlock && (response != nil || override):
		return ErrValidationException("A block response can be given for the action BLOCK only.")
	case r.Action != ActionBlock:
		return nil
	case response == nil:
		return ErrValidationException("The action BLOCK needs a block response.")
	case *response != BlockResponseOverride && override:
		return ErrValidationException("An override can be given for the block response OVERRIDE only.")
	case *response != BlockResponseOverride:
		return nil
	case dnsType == nil || domain == nil || ttl == nil:
		return ErrValidationException("The block response OVERRIDE needs BlockOverrideDnsType, BlockOverrideDomain and BlockOverrideTtl.")
	}
	name, err := ruleDomain(*domain)
	if err != nil || name == "." {
		return ErrValidationException(fmt.Sprintf("The override domain '%s' is not valid.", *domain))
	}
	r.OverrideDomain, r.OverrideTTL = name, *ttl
	return nil
}

// addRule puts a rule into a group, which has one rule for a list and type, and
// each priority once.
func addRule(d *plan.Draft, g *world.FirewallRuleGroup, r world.FirewallRule) error {
	if _, err := domainList(d.World, string(r.List)); err != nil {
		return err
	}
	if len(g.Rules) >= mostRules {
		return ErrLimitExceededException("A rule group can have at most 100 rules.").With("ResourceType", "FirewallRule")
	}
	for _, o := range g.Rules {
		if o.List == r.List && o.Qtype == r.Qtype {
			return ErrValidationException(fmt.Sprintf("The rule group '%s' has a rule for the domain list '%s' already.", g.ID, r.List))
		}
	}
	return putRules(d, g, append(slices.Clone(g.Rules), r))
}

// putRules replaces a group's rules.
func putRules(d *plan.Draft, g *world.FirewallRuleGroup, rules []world.FirewallRule) error {
	slices.SortStableFunc(rules, func(a, b world.FirewallRule) int { return cmp.Compare(a.Priority, b.Priority) })
	for i := range rules[:max(0, len(rules)-1)] {
		if rules[i].Priority == rules[i+1].Priority {
			return ErrValidationException(fmt.Sprintf("The rule group '%s' has a rule of priority %d already.", g.ID, rules[i].Priority))
		}
	}
	next := *g
	next.Rules, next.ModifiedAt, next.Revision = rules, d.Now, d.Revision
	d.Put(&next)
	return nil
}

// ruleAt is the place of the rule for a list and type in its group.
func ruleAt(g *world.FirewallRuleGroup, threat, list, qtype *string) (int, error) {
	if threat != nil {
		return 0, ErrValidationException("DnsThreatProtection is not built in Seamark yet.")
	}
	if list == nil {
		return 0, ErrValidationException("A firewall rule is named by its domain list.")
	}
	i := slices.IndexFunc(g.Rules, func(r world.FirewallRule) bool { return string(r.List) == *list && r.Qtype == optional.Value(qtype) })
	if i < 0 {
		return 0, ErrResourceNotFoundException(fmt.Sprintf("The rule group '%s' has no rule for the domain list '%s'.", g.ID, *list)).With("ResourceType", "FirewallRule")
	}
	return i, nil
}

// UpdateFirewallRule changes a rule; what is not given stays. A new action, or a
// new block response, comes with all that belongs to it.
func (s *Server) UpdateFirewallRule(ctx context.Context, in *UpdateFirewallRuleInput) (*UpdateFirewallRuleOutput, error) {
	if in.DnsThreatProtection != nil || in.ConfidenceThreshold != nil {
		return nil, ErrValidationException("DnsThreatProtection is not built in Seamark yet.")
	}
	var shown FirewallRule
	err := s.change(ctx, func(d *plan.Draft) error {
		g, err := ruleGroup(d.World, *in.FirewallRuleGroupId)
		if err != nil {
			return err
		}
		i, err := ruleAt(g, in.FirewallThreatProtectionId, in.FirewallDomainListId, in.Qtype)
		if err != nil {
			return err
		}
		r := g.Rules[i]
		r.Name, r.Priority, r.ModifiedAt = optional.Or(in.Name, r.Name), optional.Or(in.Priority, r.Priority), d.Now
		if a := in.FirewallDomainRedirectionAction; a != nil {
			r.TrustRedirection = *a == FirewallDomainRedirectionActionTrustRedirectionDomain
		}
		if in.Action != nil || in.BlockResponse != nil || in.BlockOverrideDnsType != nil || in.BlockOverrideDomain != nil || in.BlockOverrideTtl != nil {
			r.Action = optional.Or(in.Action, r.Action)
			if err := setBlock(&r, in.BlockResponse, in.BlockOverrideDnsType, in.BlockOverrideDomain, in.BlockOverrideTtl); err != nil {
				return err
			}
		}
		rules := slices.Clone(g.Rules)
		rules[i] = r
		shown = showFirewallRule(g.ID, r)
		return putRules(d, g, rules)
	})
	if err != nil {
		return nil, err
	}
	return &UpdateFirewallRuleOutput{FirewallRule: &shown}, nil
}

// DeleteFirewallRule takes a rule from its group.
func (s *Server) DeleteFirewallRule(ctx context.Context, in *DeleteFirewallRuleInput) (*DeleteFirewallRuleOutput, error) {
	var gone FirewallRule
	err := s.change(ctx, func(d *plan.Draft) error {
		g, err := ruleGroup(d.World, *in.FirewallRuleGroupId)
		if err != nil {
			return err
		}
		i, err := ruleAt(g, in.FirewallThreatProtectionId, in.FirewallDomainListId, in.Qtype)
		if err != nil {
			return err
		}
		gone = showFirewallRule(g.ID, g.Rules[i])
		return putRules(d, g, slices.Delete(slices.Clone(g.Rules), i, i+1))
	})
	if err != nil {
		return nil, err
	}
	return &DeleteFirewallRuleOutput{FirewallRule: &gone}, nil
}

// ListFirewallRules lists a group's rules by priority.
func (s *Server) ListFirewallRules(_ context.Context, in *ListFirewallRulesInput) (*ListFirewallRulesOutput, error) {
	g, err := ruleGroup(s.view(), *in.FirewallRuleGroupId)
	if err != nil {
		return nil, err
	}
	var all []FirewallRule
	for _, r := range g.Rules {
		if (in.Action == nil || *in.Action == r.Action) && (in.Priority == nil || *in.Priority == r.Priority) {
			all = append(all, showFirewallRule(g.ID, r))
		}
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrValidationException}, all, func(r FirewallRule) string { return rank(*r.Priority) })
	if err != nil {
		return nil, err
	}
	return &ListFirewallRulesOutput{FirewallRules: shown, NextToken: next}, nil
}

// rank writes a priority so that texts sort as the numbers do.
func rank(priority int32) string { return fmt.Sprintf("%011d", int64(priority)+1<<31) }

func showFirewallRule(group world.FirewallRuleGroupID, r world.FirewallRule) FirewallRule {
	out := FirewallRule{
		Action: &r.Action, BlockResponse: optional.Text(r.BlockResponse), CreationTime: new(r.CreatedAt.Format(firewallStamp)), CreatorRequestId: &r.CreatorRequestID,
		FirewallDomainListId: new(string(r.List)), FirewallDomainRedirectionAction: new(FirewallDomainRedirectionActionInspectRedirectionDomain),
		FirewallRuleGroupId: new(string(group)), ModificationTime: new(r.ModifiedAt.Format(firewallStamp)), Name: &r.Name, Priority: &r.Priority, Qtype: optional.Text(r.Qtype),
	}
	if r.TrustRedirection {
		out.FirewallDomainRedirectionAction = new(FirewallDomainRedirectionActionTrustRedirectionDomain)
	}
	if r.BlockResponse == BlockResponseOverride {
		out.BlockOverrideDnsType, out.BlockOverrideDomain, out.BlockOverrideTtl = new(BlockOverrideDnsTypeCname), &r.OverrideDomain, &r.OverrideTTL
	}
	return out
}
