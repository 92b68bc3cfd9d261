package ecs

import (
	"slices"

	"seamark/internal/world"
)

// newestPlatform is Fargate's platform version for Linux, which LATEST means.
const newestPlatform = "1.4.0"

// launch says on what tasks run. Strategy is set, or LaunchType is.
type launch struct {
	launchType string
	strategy   []world.CapacityProviderStrategyItem
}

// launchOf reads launch type and strategy; without either it is the cluster's
// default strategy, and without that launch type EC2.
func launchOf(c *world.Cluster, launchType *string, items []CapacityProviderStrategyItem) (launch, error) {
	if val(launchType) != "" && len(items) > 0 {
		return launch{}, invalid("Specify either Launch Type or Capacity Provider Strategy, but not both.")
	}
	switch t := val(launchType); t {
	case LaunchTypeFargate, LaunchTypeEc2:
		return launch{launchType: t}, nil
	case "":
	default:
		return launch{}, unsupported("Launch type " + t)
	}
	strategy := c.DefaultStrategy
	if len(items) > 0 {
		var err error
		if strategy, err = newStrategy(items, c.CapacityProviders); err != nil {
			return launch{}, err
		}
	}
	if len(strategy) == 0 {
		return launch{launchType: LaunchTypeEc2}, nil
	}
	return launch{strategy: strategy}, usableStrategy(strategy)
}

// onFargate says whether a deployment's tasks run on Fargate. All capacity
// providers that exist are Fargate's.
func onFargate(d *world.Deployment) bool {
	return d.LaunchType == LaunchTypeFargate || len(d.Strategy) > 0
}

// usable finds a task definition that new work may use.
func (s *Server) usable(w world.World, ref string) (*world.TaskDefinition, error) {
	if ref == "" {
		return nil, invalid("TaskDefinition can not be blank.")
	}
	def, err := s.definition(w, ref)
	switch {
	case err != nil:
		return nil, err
	case def == nil:
		return nil, refuse("TaskDefinition not found.")
	case def.Status != definitionActive:
		return nil, refuse("TaskDefinition is inactive")
	}
	return def, nil
}

// platform reads a platform version for a launch.
func platform(version *string, d *world.Deployment) (string, error) {
	switch {
	case !onFargate(d) && val(version) != "":
		return "", invalid("The platform version must be null when specifying an EC2 launch type.")
	case !onFargate(d):
		return "", nil
	case val(version) == "" || *version == "LATEST":
		return "LATEST", nil
	case *version != newestPlatform:
		return "", ErrPlatformUnknownException("The specified platform does not exist.")
	}
	return newestPlatform, nil
}

// checkWorkload checks that what a deployment or a task runs fits together and
// that what it names exists. Tasks on EC2 need container instances, of which
// there are none; every other mistake is reported first.
func (s *Server) checkWorkload(w world.World, d *world.Deployment) error {
	def := w.TaskDefinition(d.TaskDefinition)
	if def == nil {
		return refuse("TaskDefinition not found.")
	}
	launchType := d.LaunchType
	if onFargate(d) {
		launchType = LaunchTypeFargate
	}
	if !slices.Contains(def.Compatibilities, launchType) {
		return invalid("Task definition does not support launch_type %s.", launchType)
	}
	if err := checkNetwork(w, def, d.Network); err != nil {
		return err
	}
	for _, r := range d.Registries {
		if err := s.checkRegistry(w, def, d.Network, r); err != nil {
			return err
		}
	}
	if !onFargate(d) {
		return invalid("No Container Instances were found in your cluster.")
	}
	return nil
}

// checkPlacement refuses placement rules, which only EC2 knows.
func checkPlacement(d *world.Deployment, constraints []PlacementConstraint, strategy []PlacementStrategy) error {
	switch {
	case !onFargate(d):
		return nil
	case len(constraints) > 0:
		return invalid("Placement constraints are not supported with FARGATE launch type.")
	case len(strategy) > 0:
		return invalid("Placement strategies are not supported with FARGATE launch type.")
	}
	return nil
}
