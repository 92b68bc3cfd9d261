package ecs

import "seamark/internal/world"

// newConfiguration reads how deployments are carried out; what the request
// leaves out stays as it was.
func newConfiguration(in *DeploymentConfiguration, out world.DeploymentConfiguration) (world.DeploymentConfiguration, error) {
	if in == nil {
		return out, nil
	}
	strategy := val(in.Strategy)
	name := firstAsked([]feature{
		{strategy != "" && strategy != DeploymentStrategyRolling, "Deployment strategy " + strategy},
		{len(in.LifecycleHooks) > 0, "Parameter lifecycleHooks"},
		{in.CanaryConfiguration != nil, "Parameter canaryConfiguration"},
		{in.LinearConfiguration != nil, "Parameter linearConfiguration"},
		{val(in.BakeTimeInMinutes) != 0, "Parameter bakeTimeInMinutes"},
		{in.Alarms != nil && val(in.Alarms.Enable), "Parameter alarms"},
	})
	if name != "" {
		return out, unsupported(name)
	}
	out.MinimumHealthyPercent = valOr(in.MinimumHealthyPercent, out.MinimumHealthyPercent)
	out.MaximumPercent = valOr(in.MaximumPercent, out.MaximumPercent)
	if b := in.DeploymentCircuitBreaker; b != nil {
		out.CircuitBreaker, out.Rollback = val(b.Enable), val(b.Rollback)
	}
	switch least, most := out.MinimumHealthyPercent, out.MaximumPercent; {
	case least < 0:
		return out, invalid("minimumHealthyPercent must not be negative, but was %d.", least)
	case most < 100:
		return out, invalid("maximumPercent must be at least 100, but was %d.", most)
	case most < least:
		return out, invalid("maximumPercent must not be less than minimumHealthyPercent, but was %d.", most)
	}
	return out, nil
}

func showConfiguration(c world.DeploymentConfiguration) *DeploymentConfiguration {
	return &DeploymentConfiguration{
		DeploymentCircuitBreaker: &DeploymentCircuitBreaker{Enable: new(c.CircuitBreaker), Rollback: new(c.Rollback)},
		MinimumHealthyPercent:    new(c.MinimumHealthyPercent),
		MaximumPercent:           new(c.MaximumPercent),
		Strategy:                 new(DeploymentStrategyRolling),
		BakeTimeInMinutes:        new(int32(0)),
	}
}
