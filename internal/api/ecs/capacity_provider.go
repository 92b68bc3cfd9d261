package ecs

import (
	"context"
	"slices"

	"seamark/internal/world"
)

// The capacity providers that every account has. Both run tasks on this
// machine; tasks of FARGATE_SPOT are not interrupted.
const (
	providerFargate     = "FARGATE"
	providerFargateSpot = "FARGATE_SPOT"
)

// maxStrategy bounds a capacity provider strategy.
const maxStrategy = 20

func (s *Server) describeCapacityProviders(_ context.Context, in *DescribeCapacityProvidersInput) (*DescribeCapacityProvidersOutput, error) {
	if val(in.Cluster) != "" {
		return nil, unsupported("DescribeCapacityProviders with a cluster")
	}
	names := in.CapacityProviders
	out := &DescribeCapacityProvidersOutput{CapacityProviders: []CapacityProvider{}, Failures: []Failure{}}
	if len(names) == 0 {
		page, next, err := cut([]string{providerFargate, providerFargateSpot}, in.NextToken, in.MaxResults, 100)
		if err != nil {
			return nil, err
		}
		names, out.NextToken = page, next
	}
	for _, ref := range names {
		parts, err := s.parts(ref, "capacity-provider")
		if err != nil {
			return nil, err
		}
		if !isProvider(parts[0]) {
			out.Failures = append(out.Failures, missing(s.providerARN(parts[0])))
			continue
		}
		out.CapacityProviders = append(out.CapacityProviders, CapacityProvider{
			CapacityProviderArn: new(s.providerARN(parts[0])),
			Name:                new(parts[0]),
			Status:              new("ACTIVE"),
			Tags:                []Tag{},
		})
	}
	return out, nil
}

func isProvider(name string) bool { return name == providerFargate || name == providerFargateSpot }

func (s *Server) putClusterCapacityProviders(ctx context.Context, in *PutClusterCapacityProvidersInput) (*PutClusterCapacityProvidersOutput, error) {
	c, err := s.changeCluster(ctx, in.Cluster, func(w world.World, c *world.Cluster) (err error) {
		old := c.CapacityProviders
		if c.CapacityProviders, err = s.providers(in.CapacityProviders); err != nil {
			return err
		}
		if c.DefaultStrategy, err = newStrategy(in.DefaultCapacityProviderStrategy, c.CapacityProviders); err != nil {
			return err
		}
		for _, p := range old {
			if !slices.Contains(c.CapacityProviders, p) && providerInUse(w, c.Name, p) {
				return ErrResourceInUseException("The specified capacity provider is in use and cannot be removed.")
			}
		}
		return nil
	})
	return &PutClusterCapacityProvidersOutput{Cluster: c}, err
}

func providerInUse(w world.World, c world.ClusterName, provider string) bool {
	for svc := range w.Services.Prefix(string(c) + "/") {
		if svc.Status == world.ServiceInactive {
			continue
		}
		if slices.ContainsFunc(svc.Strategy, func(i world.CapacityProviderStrategyItem) bool { return i.CapacityProvider == provider }) {
			return true
		}
	}
	for t := range w.TasksOfCluster(c) {
		if t.CapacityProvider == provider && t.LastStatus != world.TaskStopped {
			return true
		}
	}
	return false
}

// providers reads the capacity providers of a cluster.
func (s *Server) providers(refs []string) ([]string, error) {
	var names []string
	for _, ref := range refs {
		parts, err := s.parts(ref, "capacity-provider")
		if err != nil || !isProvider(parts[0]) {
			return nil, invalid("The specified capacity provider was not found. Specify a valid capacity provider and try again.")
		}
		if !slices.Contains(names, parts[0]) {
			names = append(names, parts[0])
		}
	}
	return names, nil
}

// newStrategy reads a strategy, whose providers must be among those of the cluster.
func newStrategy(items []CapacityProviderStrategyItem, providers []string) ([]world.CapacityProviderStrategyItem, error) {
	if len(items) > maxStrategy {
		return nil, invalid("The specified capacity provider strategy can have at most %d items.", maxStrategy)
	}
	var strategy []world.CapacityProviderStrategyItem
	based := 0
	for _, i := range items {
		item := world.CapacityProviderStrategyItem{CapacityProvider: val(i.CapacityProvider), Weight: val(i.Weight), Base: val(i.Base)}
		if !slices.Contains(providers, item.CapacityProvider) {
			return nil, invalid("The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.")
		}
		if slices.ContainsFunc(strategy, func(o world.CapacityProviderStrategyItem) bool { return o.CapacityProvider == item.CapacityProvider }) {
			return nil, invalid("The specified capacity provider strategy cannot contain the capacity provider %s more than once.", item.CapacityProvider)
		}
		if item.Base > 0 {
			based++
		}
		strategy = append(strategy, item)
	}
	if based > 1 {
		return nil, invalid("Only one capacity provider in a capacity provider strategy can have a base defined.")
	}
	return strategy, nil
}

// usableStrategy refuses a strategy by which no task could be placed.
func usableStrategy(strategy []world.CapacityProviderStrategyItem) error {
	for _, i := range strategy {
		if i.Weight > 0 {
			return nil
		}
	}
	return invalid("The specified capacity provider strategy must contain at least one capacity provider with a weight greater than 0.")
}

func showStrategy(strategy []world.CapacityProviderStrategyItem) []CapacityProviderStrategyItem {
	out := []CapacityProviderStrategyItem{}
	for _, i := range strategy {
		out = append(out, CapacityProviderStrategyItem{CapacityProvider: new(i.CapacityProvider), Weight: new(i.Weight), Base: new(i.Base)})
	}
	return out
}
