package world

import "net/netip"

// ResolverRuleID is the id of a Resolver rule, rslvr-rr-….
type ResolverRuleID string

// Types of Resolver rules.
const (
	ForwardRule = "FORWARD"
	SystemRule  = "SYSTEM"
)

// ResolverRule says who is asked for a domain.
type ResolverRule struct {
	ID     ResolverRuleID
	Name   string
	Type   string // ForwardRule, SystemRule
	Domain string // lower case, with the final dot
	// Targets and Endpoint are a ForwardRule's.
	Targets  []netip.AddrPort
	Endpoint ResolverEndpointID
	Tags     Tags
	ResolverRequest
}

func (r *ResolverRule) Kind() Kind  { return KindResolverRule }
func (r *ResolverRule) Key() string { return string(r.ID) }

func ruleEndpoint(r *ResolverRule) []string { return []string{string(r.Endpoint)} }

// ResolverRuleAssociation makes a rule count in a VPC.
type ResolverRuleAssociation struct {
	ID   string // rslvr-rrassoc-…
	Name string
	Rule ResolverRuleID
	VPC  VPCID
	ResolverRequest
}

func (a *ResolverRuleAssociation) Kind() Kind  { return KindResolverRuleAssociation }
func (a *ResolverRuleAssociation) Key() string { return a.ID }

func ruleAssociationRule(a *ResolverRuleAssociation) []string { return []string{string(a.Rule)} }
func ruleAssociationVPC(a *ResolverRuleAssociation) []string  { return []string{string(a.VPC)} }

// RulesBy yields the rules that ask from an outbound endpoint.
func (w World) RulesBy(id ResolverEndpointID) Rows[ResolverRule] {
	return by(w.ResolverRules, 0, string(id))
}

// RuleAssociationsOf yields the associations of a rule.
func (w World) RuleAssociationsOf(id ResolverRuleID) Rows[ResolverRuleAssociation] {
	return by(w.ResolverRuleAssociations, 0, string(id))
}

// RuleAssociationsIn yields the rule associations of a VPC.
func (w World) RuleAssociationsIn(id VPCID) Rows[ResolverRuleAssociation] {
	return by(w.ResolverRuleAssociations, 1, string(id))
}
