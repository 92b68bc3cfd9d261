package route53resolver

import (
	"context"
	"time"

	"seamark/internal/api/commit"
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

// Server is the Route 53 Resolver API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built. DNSSEC validation, Outposts, sharing between
// accounts and imports from S3 are not.
func (s *Server) Operations() Operations {
	return Operations{
		AssociateFirewallRuleGroup:             s.AssociateFirewallRuleGroup,
		AssociateResolverEndpointIpAddress:     s.AssociateResolverEndpointIpAddress,
		AssociateResolverQueryLogConfig:        s.AssociateResolverQueryLogConfig,
		AssociateResolverRule:                  s.AssociateResolverRule,
		CreateFirewallDomainList:               s.CreateFirewallDomainList,
		CreateFirewallRule:                     s.CreateFirewallRule,
		CreateFirewallRuleGroup:                s.CreateFirewallRuleGroup,
		CreateResolverEndpoint:                 s.CreateResolverEndpoint,
		CreateResolverQueryLogConfig:           s.CreateResolverQueryLogConfig,
		CreateResolverRule:                     s.CreateResolverRule,
		DeleteFirewallDomainList:               s.DeleteFirewallDomainList,
		DeleteFirewallRule:                     s.DeleteFirewallRule,
		DeleteFirewallRuleGroup:                s.DeleteFirewallRuleGroup,
		DeleteResolverEndpoint:                 s.DeleteResolverEndpoint,
		DeleteResolverQueryLogConfig:           s.DeleteResolverQueryLogConfig,
		DeleteResolverRule:                     s.DeleteResolverRule,
		DisassociateFirewallRuleGroup:          s.DisassociateFirewallRuleGroup,
		DisassociateResolverEndpointIpAddress:  s.DisassociateResolverEndpointIpAddress,
		DisassociateResolverQueryLogConfig:     s.DisassociateResolverQueryLogConfig,
		DisassociateResolverRule:               s.DisassociateResolverRule,
		GetFirewallConfig:                      s.GetFirewallConfig,
		GetFirewallDomainList:                  s.GetFirewallDomainList,
		GetFirewallRuleGroup:                   s.GetFirewallRuleGroup,
		GetFirewallRuleGroupAssociation:        s.GetFirewallRuleGroupAssociation,
		GetResolverConfig:                      s.GetResolverConfig,
		GetResolverEndpoint:                    s.GetResolverEndpoint,
		GetResolverQueryLogConfig:              s.GetResolverQueryLogConfig,
		GetResolverQueryLogConfigAssociation:   s.GetResolverQueryLogConfigAssociation,
		GetResolverRule:                        s.GetResolverRule,
		GetResolverRuleAssociation:             s.GetResolverRuleAssociation,
		ListFirewallConfigs:                    s.ListFirewallConfigs,
		ListFirewallDomainLists:                s.ListFirewallDomainLists,
		ListFirewallDomains:                    s.ListFirewallDomains,
		ListFirewallRuleGroupAssociations:      s.ListFirewallRuleGroupAssociations,
		ListFirewallRuleGroups:                 s.ListFirewallRuleGroups,
		ListFirewallRules:                      s.ListFirewallRules,
		ListResolverConfigs:                    s.ListResolverConfigs,
		ListResolverEndpointIpAddresses:        s.ListResolverEndpointIpAddresses,
		ListResolverEndpoints:                  s.ListResolverEndpoints,
		ListResolverQueryLogConfigAssociations: s.ListResolverQueryLogConfigAssociations,
		ListResolverQueryLogConfigs:            s.ListResolverQueryLogConfigs,
		ListResolverRuleAssociations:           s.ListResolverRuleAssociations,
		ListResolverRules:                      s.ListResolverRules,
		ListTagsForResource:                    s.ListTagsForResource,
		TagResource:                            s.TagResource,
		UntagResource:                          s.UntagResource,
		UpdateFirewallConfig:                   s.UpdateFirewallConfig,
		UpdateFirewallDomains:                  s.UpdateFirewallDomains,
		UpdateFirewallRule:                     s.UpdateFirewallRule,
		UpdateFirewallRuleGroupAssociation:     s.UpdateFirewallRuleGroupAssociation,
		UpdateResolverConfig:                   s.UpdateResolverConfig,
		UpdateResolverEndpoint:                 s.UpdateResolverEndpoint,
		UpdateResolverRule:                     s.UpdateResolverRule,
	}
}

// change runs f in one transaction.
func (s *Server) change(ctx context.Context, f func(d *plan.Draft) error) error {
	return commit.Do(ctx, s.cfg.Changes, f)
}

func (s *Server) view() world.World { return s.cfg.Changes.View() }

// served says whether DNS answers by a revision of the world already.
func (s *Server) served(revision int64) bool {
	return s.cfg.Changes.Applied == nil || revision <= s.cfg.Changes.Applied()
}

// status is one of two: of what DNS answers by already, and of what it does not.
func (s *Server) status(revision int64, done, pending string) string {
	if s.served(revision) {
		return done
	}
	return pending
}

func (s *Server) arn(kind, id string) *string {
	return new(s.cfg.Scope.ARN("route53resolver", kind+"/"+id))
}

// stamp is how the API writes times.
func stamp(t time.Time) *string { return new(t.UTC().Format("2006-01-02T15:04:05.000Z")) }

// unbuilt refuses what would be ignored.
func unbuilt(what string) error {
	return ErrInvalidRequestException(what + " is not built in Seamark yet.")
}

// newRequest is the record of a request that makes something.
func newRequest(d *plan.Draft, id *string, in any) world.ResolverRequest {
	return world.ResolverRequest{CreatorRequestID: *id, Fingerprint: world.Fingerprint(in), CreatedAt: d.Now, ModifiedAt: d.Now, Revision: d.Revision}
}

// repeated finds what an earlier request with the same id made, or nil. The id
// with other parameters is refused: the id makes retries safe, and nothing else
// (Route 53 Resolver API reference, CreatorRequestId).
func repeated[T any](rows world.Rows[T], of func(*T) world.ResolverRequest, id *string, in any, exists func(string) *wire.Error) (*T, error) {
	for row := range rows {
		was := of(row)
		if was.CreatorRequestID != *id {
			continue
		}
		if was.Fingerprint != world.Fingerprint(in) {
			return nil, exists("A resource with the creator request ID '" + *id + "' and other settings exists.")
		}
		return row, nil
	}
	return nil, nil
}
