package route53resolver

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// mostTargets is how many addresses a rule forwards to at most (Route 53
// developer guide, "Quotas on Route 53 Resolver").
const mostTargets = 6

// autodefined is the rule that every account has: what no other rule and no
// private zone is for is asked for in public DNS.
const autodefined = "rslvr-autodefined-rr-internet-resolver"

func ruleRequest(r *world.ResolverRule) world.ResolverRequest { return r.ResolverRequest }

// CreateResolverRule makes a rule, which counts nowhere until it is associated
// with a VPC.
func (s *Server) CreateResolverRule(ctx context.Context, in *CreateResolverRuleInput) (*CreateResolverRuleOutput, error) {
	r := world.ResolverRule{Name: optional.Value(in.Name), Type: *in.RuleType}
	var err error
	if err = checkRule(in); err != nil {
		return nil, err
	}
	if r.Domain, err = ruleDomain(*in.DomainName); err != nil {
		return nil, err
	}
	if r.Targets, err = targets(in.TargetIps); err != nil {
		return nil, err
	}
	if r.Tags, err = newTags(in.Tags); err != nil {
		return nil, err
	}
	var made *world.ResolverRule
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.ResolverRules.All(), ruleRequest, in.CreatorRequestId, in, ErrResourceExistsException)
		if made != nil || err != nil {
			return err
		}
		next := r
		if next.Endpoint, err = outbound(d.World, in.ResolverEndpointId); err != nil {
			return err
		}
		next.ID, next.ResolverRequest = world.ResolverRuleID(d.Draw.EC2("rslvr-rr")), newRequest(d, in.CreatorRequestId, in)
		made = &next
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateResolverRuleOutput{ResolverRule: new(s.showRule(made))}, nil
}

// checkRule refuses what does not fit the rule's type.
func checkRule(in *CreateResolverRuleInput) error {
	switch {
	case *in.RuleType == RuleTypeOptionDelegate || in.DelegationRecord != nil:
		return unbuilt("RuleType DELEGATE")
	case *in.RuleType == RuleTypeOptionRecursive:
		return ErrInvalidParameterException("Rules of type RECURSIVE are made by Resolver alone.").With("FieldName", "RuleType")
	case in.DomainName == nil:
		return ErrInvalidParameterException("A rule needs a domain name.").With("FieldName", "DomainName")
	case *in.RuleType == RuleTypeOptionSystem && (in.ResolverEndpointId != nil || len(in.TargetIps) > 0):
		return ErrInvalidRequestException("Cannot specify resolver endpoint ID and target IP for SYSTEM type resolver rule.")
	case *in.RuleType == RuleTypeOptionForward && in.ResolverEndpointId == nil:
		return ErrInvalidParameterException("A FORWARD rule needs a Resolver endpoint.").With("FieldName", "ResolverEndpointId")
	case *in.RuleType == RuleTypeOptionForward && len(in.TargetIps) == 0:
		return ErrInvalidParameterException("A FORWARD rule needs target IP addresses.").With("FieldName", "TargetIps")
	}
	return nil
}

// ruleDomain is a domain as rules keep it: in lower case with the final dot.
func ruleDomain(name string) (string, error) {
	domain := strings.ToLower(strings.TrimSuffix(name, ".")) + "."
	if domain == "." {
		return domain, nil
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(domain, "."), ".") {
		if !hostLabel(label) {
			return "", ErrInvalidParameterException(fmt.Sprintf("The domain name '%s' is not valid.", name)).With("FieldName", "DomainName")
		}
	}
	if len(domain) > mostOctets+len(".") {
		return "", ErrInvalidParameterException(fmt.Sprintf("The domain name '%s' is too long.", name)).With("FieldName", "DomainName")
	}
	return domain, nil
}

// hostLabel says whether a label, in lower case, is of letters, digits, hyphens
// and underscores.
func hostLabel(label string) bool {
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return label != "" && len(label) <= 63
}

func targets(in []TargetAddress) ([]netip.AddrPort, error) {
	if len(in) > mostTargets {
		return nil, ErrLimitExceededException("A rule can have at most 6 target IP addresses.").With("ResourceType", "TargetIp")
	}
	var out []netip.AddrPort
	for _, t := range in {
		switch {
		case t.Ipv6 != nil:
			return nil, unbuilt("An IPv6 target of a rule")
		case optional.Or(t.Protocol, ProtocolDo53) != ProtocolDo53 || t.ServerNameIndication != nil:
			return nil, unbuilt("A target of a rule with DNS over HTTPS")
		}
		a, err := netip.ParseAddr(optional.Value(t.Ip))
		port := optional.Or(t.Port, 53)
		if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() || port == 0 {
			return nil, ErrInvalidParameterException(fmt.Sprintf("The target IP address '%s:%d' is not valid.", optional.Value(t.Ip), port)).With("FieldName", "TargetIps")
		}
		out = append(out, netip.AddrPortFrom(a, uint16(port)))
	}
	return out, nil
}

// outbound is the id of an outbound endpoint; of none where none is named.
func outbound(w world.World, id *string) (world.ResolverEndpointID, error) {
	if id == nil {
		return "", nil
	}
	e, err := endpoint(w, *id)
	if err != nil {
		return "", err
	}
	if e.Direction != world.Outbound {
		return "", ErrInvalidRequestException("Cannot create rules for inbound resolver endpoints.")
	}
	return e.ID, nil
}

// rule finds a rule that may be changed.
func rule(w world.World, id string) (*world.ResolverRule, error) {
	if id == autodefined {
		return nil, ErrInvalidRequestException("The rule '" + id + "' is made by Resolver and cannot be changed.")
	}
	if r := w.ResolverRules.Get(id); r != nil {
		return r, nil
	}
	return nil, noRule(id)
}

func noRule(id string) error {
	return ErrResourceNotFoundException(`[RSLVR-00703] Resolver rule with ID "` + id + `" does not exist.`)
}

// GetResolverRule shows a rule.
func (s *Server) GetResolverRule(_ context.Context, in *GetResolverRuleInput) (*GetResolverRuleOutput, error) {
	if *in.ResolverRuleId == autodefined {
		return &GetResolverRuleOutput{ResolverRule: new(s.internetRule())}, nil
	}
	r, err := rule(s.view(), *in.ResolverRuleId)
	if err != nil {
		return nil, err
	}
	return &GetResolverRuleOutput{ResolverRule: new(s.showRule(r))}, nil
}

// ListResolverRules lists rules by id, that of the account among them.
func (s *Server) ListResolverRules(_ context.Context, in *ListResolverRulesInput) (*ListResolverRulesOutput, error) {
	if err := checkFilters(in.Filters, "CreatorRequestId", "DomainName", "Name", "ResolverEndpointId", "Status", "Type"); err != nil {
		return nil, err
	}
	var all []ResolverRule
	add := func(x ResolverRule) {
		if passes(in.Filters, prop("CreatorRequestId", x.CreatorRequestId), prop("DomainName", x.DomainName), prop("Name", x.Name),
			prop("ResolverEndpointId", x.ResolverEndpointId), prop("Status", x.Status), prop("Type", x.RuleType)) {
			all = append(all, x)
		}
	}
	add(s.internetRule()) // comes before rslvr-rr-…
	for r := range s.view().ResolverRules.All() {
		add(s.showRule(r))
	}
	l := listing{in.NextToken, in.MaxResults, 30, ErrInvalidNextTokenException}
	shown, next, err := cut(l, all, func(r ResolverRule) string { return *r.Id })
	if err != nil {
		return nil, err
	}
	return &ListResolverRulesOutput{ResolverRules: shown, MaxResults: l.limit(), NextToken: next}, nil
}

// UpdateResolverRule changes a rule's name, targets and endpoint.
func (s *Server) UpdateResolverRule(ctx context.Context, in *UpdateResolverRuleInput) (*UpdateResolverRuleOutput, error) {
	addresses, err := targets(in.Config.TargetIps)
	if err != nil {
		return nil, err
	}
	var next world.ResolverRule
	err = s.change(ctx, func(d *plan.Draft) error {
		r, err := rule(d.World, *in.ResolverRuleId)
		if err != nil {
			return err
		}
		next = *r
		if r.Type == world.SystemRule && (in.Config.ResolverEndpointId != nil || len(addresses) > 0) {
			return ErrInvalidRequestException("Cannot specify resolver endpoint ID and target IP for SYSTEM type resolver rule.")
		}
		if in.Config.ResolverEndpointId != nil {
			if next.Endpoint, err = outbound(d.World, in.Config.ResolverEndpointId); err != nil {
				return err
			}
		}
		if len(addresses) > 0 {
			next.Targets = addresses
		}
		next.Name, next.ModifiedAt, next.Revision = optional.Or(in.Config.Name, r.Name), d.Now, d.Revision
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateResolverRuleOutput{ResolverRule: new(s.showRule(&next))}, nil
}

// DeleteResolverRule removes a rule that no VPC is associated with.
func (s *Server) DeleteResolverRule(ctx context.Context, in *DeleteResolverRuleInput) (*DeleteResolverRuleOutput, error) {
	var gone ResolverRule
	err := s.change(ctx, func(d *plan.Draft) error {
		r, err := rule(d.World, *in.ResolverRuleId)
		if err != nil {
			return err
		}
		for range d.World.RuleAssociationsOf(r.ID) {
			return ErrResourceInUseException("Please disassociate this resolver rule from VPC first before deleting.").With("ResourceType", "ResolverRule")
		}
		d.Delete(r)
		gone = s.showRule(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status, gone.StatusMessage = new(ResolverRuleStatusDeleting), new("Deleting the Resolver Rule")
	return &DeleteResolverRuleOutput{ResolverRule: &gone}, nil
}

// showRule shows a rule: UPDATING while DNS does not answer by it yet in the
// VPCs that it counts in.
func (s *Server) showRule(r *world.ResolverRule) ResolverRule {
	out := ResolverRule{
		Arn: s.arn("resolver-rule", string(r.ID)), CreationTime: stamp(r.CreatedAt), CreatorRequestId: &r.CreatorRequestID, DomainName: &r.Domain,
		Id: new(string(r.ID)), ModificationTime: stamp(r.ModifiedAt), Name: &r.Name, OwnerId: &s.cfg.Scope.Account, ResolverEndpointId: optional.Text(string(r.Endpoint)),
		RuleType: &r.Type, ShareStatus: new(ShareStatusNotShared), StatusMessage: new("Successfully created Resolver Rule."), TargetIps: []TargetAddress{},
		Status: new(s.status(r.Revision, ResolverRuleStatusComplete, ResolverRuleStatusUpdating)),
	}
	if r.ModifiedAt.After(r.CreatedAt) {
		out.StatusMessage = new("Successfully updated Resolver Rule.")
	}
	for _, t := range r.Targets {
		out.TargetIps = append(out.TargetIps, TargetAddress{Ip: new(t.Addr().String()), Port: new(int32(t.Port())), Protocol: new(ProtocolDo53)})
	}
	return out
}

// internetRule is the rule that every account has.
func (s *Server) internetRule() ResolverRule {
	return ResolverRule{
		Arn: new("arn:aws:route53resolver:" + s.cfg.Scope.Region + "::autodefined-rule/" + autodefined), CreatorRequestId: new(""), DomainName: new("."),
		Id: new(autodefined), Name: new("Internet Resolver"), OwnerId: new("Route 53 Resolver"), RuleType: new(RuleTypeOptionRecursive),
		ShareStatus: new(ShareStatusNotShared), Status: new(ResolverRuleStatusComplete), StatusMessage: new(""),
	}
}

// queryType is a firewall rule's type, checked.
func queryType(name *string) (string, error) {
	if _, ok := zone.QueryType(optional.Value(name)); !ok {
		return "", ErrValidationException(fmt.Sprintf("The query type '%s' is not valid.", *name))
	}
	return optional.Value(name), nil
}
