package route53

import "context"

// GetAccountLimit shows a quota and how much of it is used (Route 53 developer
// guide, "Quotas"). What cannot be made is used by nothing. No quota but those
// of change batches and associations is enforced.
func (s *Server) GetAccountLimit(_ context.Context, in *GetAccountLimitInput) (*GetAccountLimitOutput, error) {
	w := s.cfg.Changes.View()
	limit, count := map[string]int64{
		AccountLimitTypeMaxHealthChecksByOwner: 200, AccountLimitTypeMaxHostedZonesByOwner: 500, AccountLimitTypeMaxTrafficPolicyInstancesByOwner: 5,
		AccountLimitTypeMaxReusableDelegationSetsByOwner: 100, AccountLimitTypeMaxTrafficPoliciesByOwner: 50,
	}[*in.Type], 0
	switch *in.Type {
	case AccountLimitTypeMaxHealthChecksByOwner:
		count = w.HealthChecks.Len()
	case AccountLimitTypeMaxHostedZonesByOwner:
		count = w.HostedZones.Len()
	}
	return &GetAccountLimitOutput{Limit: &AccountLimit{Type: in.Type, Value: &limit}, Count: new(int64(count))}, nil
}

// GetHostedZoneLimit shows a quota of a zone.
func (s *Server) GetHostedZoneLimit(_ context.Context, in *GetHostedZoneLimitInput) (*GetHostedZoneLimitOutput, error) {
	w := s.cfg.Changes.View()
	z, err := s.zone(w, *in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	limit, count := int64(10_000), recordSets(w, z)
	if *in.Type == HostedZoneLimitTypeMaxVpcsAssociatedByZone {
		if !z.Private {
			return nil, ErrHostedZoneNotPrivate("The specified hosted zone is a public hosted zone, not a private hosted zone.")
		}
		limit, count = maxVPCs, int64(len(z.VPCs))
	}
	return &GetHostedZoneLimitOutput{Limit: &HostedZoneLimit{Type: in.Type, Value: &limit}, Count: &count}, nil
}
