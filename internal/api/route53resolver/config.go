package route53resolver

import (
	"context"
	"fmt"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// vpcFound finds a VPC where the model has ResourceNotFoundException for it.
func vpcFound(w world.World, id string) (*world.VPC, error) {
	if v := w.VPCs.Get(id); v != nil {
		return v, nil
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("The VPC ID '%s' does not exist.", id)).With("ResourceType", "Vpc")
}

// configID is the id of one of a VPC's two configurations, which each VPC has
// from the start: the VPC's own digits.
func configID(prefix string, id world.VPCID) string {
	return prefix + strings.TrimPrefix(string(id), "vpc-")
}

// config is a VPC's configuration, to be changed: that with the defaults where
// there is none.
func config(w world.World, id world.VPCID) world.ResolverConfig {
	if c := w.ResolverConfigs.Get(string(id)); c != nil {
		return *c
	}
	return world.ResolverConfig{VPC: id}
}

// configOf is the configuration of the VPC of that id.
func (s *Server) configOf(id string) (world.ResolverConfig, error) {
	w := s.view()
	v, err := vpcFound(w, id)
	if err != nil {
		return world.ResolverConfig{}, err
	}
	return config(w, v.ID), nil
}

// configure changes the configuration of the VPC of that id and returns what it is now.
func (s *Server) configure(ctx context.Context, id string, change func(c *world.ResolverConfig, revision int64)) (world.ResolverConfig, error) {
	var next world.ResolverConfig
	err := s.change(ctx, func(d *plan.Draft) error {
		v, err := vpcFound(d.World, id)
		if err != nil {
			return err
		}
		next = config(d.World, v.ID)
		change(&next, d.Revision)
		d.Put(&next)
		return nil
	})
	return next, err
}

// GetResolverConfig shows whether a VPC's resolver makes up names of addresses.
func (s *Server) GetResolverConfig(_ context.Context, in *GetResolverConfigInput) (*GetResolverConfigOutput, error) {
	c, err := s.configOf(*in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &GetResolverConfigOutput{ResolverConfig: new(s.showConfig(c))}, nil
}

// ListResolverConfigs lists the VPCs that were configured.
func (s *Server) ListResolverConfigs(_ context.Context, in *ListResolverConfigsInput) (*ListResolverConfigsOutput, error) {
	var all []ResolverConfig
	for c := range s.view().ResolverConfigs.All() {
		if c.ID != "" {
			all = append(all, s.showConfig(*c))
		}
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 100, ErrInvalidNextTokenException}, all, func(c ResolverConfig) string { return *c.ResourceId })
	if err != nil {
		return nil, err
	}
	return &ListResolverConfigsOutput{ResolverConfigs: shown, NextToken: next}, nil
}

// UpdateResolverConfig says whether a VPC's resolver makes up names of addresses.
func (s *Server) UpdateResolverConfig(ctx context.Context, in *UpdateResolverConfigInput) (*UpdateResolverConfigOutput, error) {
	if *in.AutodefinedReverseFlag == AutodefinedReverseFlagUseLocalResourceSetting {
		return nil, unbuilt("A Route 53 profile, to which USE_LOCAL_RESOURCE_SETTING refers,")
	}
	next, err := s.configure(ctx, *in.ResourceId, func(c *world.ResolverConfig, revision int64) {
		c.ID = configID("rslvr-rc-", c.VPC)
		c.NoReverse, c.Revision = *in.AutodefinedReverseFlag == AutodefinedReverseFlagDisable, revision
	})
	if err != nil {
		return nil, err
	}
	return &UpdateResolverConfigOutput{ResolverConfig: new(s.showConfig(next))}, nil
}

func (s *Server) showConfig(c world.ResolverConfig) ResolverConfig {
	status := s.status(c.Revision, ResolverAutodefinedReverseStatusEnabled, ResolverAutodefinedReverseStatusEnabling)
	if c.NoReverse {
		status = s.status(c.Revision, ResolverAutodefinedReverseStatusDisabled, ResolverAutodefinedReverseStatusDisabling)
	}
	return ResolverConfig{AutodefinedReverse: &status, Id: new(configID("rslvr-rc-", c.VPC)), OwnerId: &s.cfg.Scope.Account, ResourceId: new(string(c.VPC))}
}

// GetFirewallConfig shows what happens to queries when the firewall fails.
func (s *Server) GetFirewallConfig(_ context.Context, in *GetFirewallConfigInput) (*GetFirewallConfigOutput, error) {
	c, err := s.configOf(*in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &GetFirewallConfigOutput{FirewallConfig: new(s.showFirewallConfig(c))}, nil
}

// ListFirewallConfigs lists the VPCs that were configured.
func (s *Server) ListFirewallConfigs(_ context.Context, in *ListFirewallConfigsInput) (*ListFirewallConfigsOutput, error) {
	var all []FirewallConfig
	for c := range s.view().ResolverConfigs.All() {
		if c.FirewallID != "" {
			all = append(all, s.showFirewallConfig(*c))
		}
	}
	shown, next, err := cut(listing{in.NextToken, in.MaxResults, 10, ErrValidationException}, all, func(c FirewallConfig) string { return *c.ResourceId })
	if err != nil {
		return nil, err
	}
	return &ListFirewallConfigsOutput{FirewallConfigs: shown, NextToken: next}, nil
}

// UpdateFirewallConfig says what happens to queries when the firewall fails.
func (s *Server) UpdateFirewallConfig(ctx context.Context, in *UpdateFirewallConfigInput) (*UpdateFirewallConfigOutput, error) {
	if *in.FirewallFailOpen == FirewallFailOpenStatusUseLocalResourceSetting {
		return nil, ErrValidationException("A Route 53 profile, to which USE_LOCAL_RESOURCE_SETTING refers, is not built in Seamark yet.")
	}
	next, err := s.configure(ctx, *in.ResourceId, func(c *world.ResolverConfig, _ int64) {
		c.FirewallID = configID("rslvr-fc-", c.VPC)
		c.FailOpen = *in.FirewallFailOpen == FirewallFailOpenStatusEnabled
	})
	if err != nil {
		return nil, err
	}
	return &UpdateFirewallConfigOutput{FirewallConfig: new(s.showFirewallConfig(next))}, nil
}

func (s *Server) showFirewallConfig(c world.ResolverConfig) FirewallConfig {
	status := FirewallFailOpenStatusDisabled
	if c.FailOpen {
		status = FirewallFailOpenStatusEnabled
	}
	return FirewallConfig{FirewallFailOpen: &status, Id: new(configID("rslvr-fc-", c.VPC)), OwnerId: &s.cfg.Scope.Account, ResourceId: new(string(c.VPC))}
}
