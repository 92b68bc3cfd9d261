package ecs

import (
	"context"
	"reflect"
	"slices"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func (s *Server) updateService(ctx context.Context, in *UpdateServiceInput) (*UpdateServiceOutput, error) {
	out := &UpdateServiceOutput{}
	return out, s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		svc, err := s.service(d.World, c.Name, val(in.Service))
		if err != nil {
			return err
		}
		if svc.Status != world.ServiceActive {
			return ErrServiceNotActiveException("Service was not ACTIVE.")
		}
		if err := checkUpdateBuilt(in); err != nil {
			return err
		}
		next := *svc
		if err := s.changeService(d, c, &next, in); err != nil {
			return err
		}
		d.Put(&next)
		out.Service = s.showService(d.World, &next, true)
		return nil
	})
}

func checkUpdateBuilt(in *UpdateServiceInput) error {
	controller := ""
	if in.DeploymentController != nil {
		controller = val(in.DeploymentController.Type)
	}
	name := firstAsked([]feature{
		{controller != "" && controller != DeploymentControllerTypeEcs, "Deployment controller " + controller},
		{len(in.LoadBalancers) > 0, "Parameter loadBalancers"},
		{connects(in.ServiceConnectConfiguration), "Parameter serviceConnectConfiguration"},
		{len(in.VolumeConfigurations) > 0, "Parameter volumeConfigurations"},
		{len(in.VpcLatticeConfigurations) > 0, "Parameter vpcLatticeConfigurations"},
	})
	if name != "" {
		return unsupported(name)
	}
	return checkGrace(in.HealthCheckGracePeriodSeconds)
}

// changeService applies what the request gives. What tasks are made of starts a
// new deployment if it changes; counts, percentages and flags do not (ECS API
// reference, UpdateService).
func (s *Server) changeService(d *plan.Draft, c *world.Cluster, svc *world.Service, in *UpdateServiceInput) (err error) {
	svc.Fingerprint = ""
	svc.DesiredCount = valOr(in.DesiredCount, svc.DesiredCount)
	svc.PropagateTags = valOr(in.PropagateTags, svc.PropagateTags)
	svc.EnableManagedTags = valOr(in.EnableECSManagedTags, svc.EnableManagedTags)
	svc.EnableExecute = valOr(in.EnableExecuteCommand, svc.EnableExecute)
	svc.AZRebalancing = valOr(in.AvailabilityZoneRebalancing, svc.AZRebalancing)
	if in.HealthCheckGracePeriodSeconds != nil {
		svc.HealthCheckGrace = seconds(in.HealthCheckGracePeriodSeconds)
	}
	if svc.Configuration, err = newConfiguration(in.DeploymentConfiguration, svc.Configuration); err != nil {
		return err
	}
	primary := svc.Primary()
	next, err := s.nextDeployment(d, c, svc, in)
	if err != nil {
		return err
	}
	if err := checkExecute(d.World, svc.EnableExecute, next); err != nil {
		return err
	}
	if err := checkDesired(svc.DesiredCount, next); err != nil {
		return err
	}
	if err := checkPlacement(next, in.PlacementConstraints, in.PlacementStrategy); err != nil {
		return err
	}
	if !val(in.ForceNewDeployment) && reflect.DeepEqual(next, primary) {
		return nil
	}
	if err := s.checkWorkload(d.World, next); err != nil {
		return err
	}
	startDeployment(d, svc, *next)
	return nil
}

// nextDeployment is a copy of the primary deployment with the request's changes.
func (s *Server) nextDeployment(d *plan.Draft, c *world.Cluster, svc *world.Service, in *UpdateServiceInput) (*world.Deployment, error) {
	next := *svc.Primary()
	if in.TaskDefinition != nil {
		def, err := s.usable(d.World, *in.TaskDefinition)
		if err != nil {
			return nil, err
		}
		next.TaskDefinition = def.TaskDefinitionRef
	}
	if err := nextLaunch(c, &next, in); err != nil {
		return nil, err
	}
	if in.PlatformVersion != nil {
		version, err := platform(in.PlatformVersion, &next)
		if err != nil {
			return nil, err
		}
		next.PlatformVersion = version
	}
	if in.NetworkConfiguration != nil {
		network, err := newNetwork(in.NetworkConfiguration)
		if err != nil {
			return nil, err
		}
		next.Network = network
	}
	if in.ServiceRegistries != nil {
		registries, err := s.newRegistries(in.ServiceRegistries, svc.Tags)
		if err != nil {
			return nil, err
		}
		next.Registries = registries
	}
	return &next, nil
}

// nextLaunch changes the capacity provider strategy. An empty one goes back to
// the launch type, which for the providers that exist is FARGATE.
func nextLaunch(c *world.Cluster, next *world.Deployment, in *UpdateServiceInput) error {
	if in.CapacityProviderStrategy == nil {
		return nil
	}
	strategy, err := newStrategy(in.CapacityProviderStrategy, c.CapacityProviders)
	if err != nil {
		return err
	}
	if len(strategy) > 0 {
		if err := usableStrategy(strategy); err != nil {
			return err
		}
	}
	if slices.Equal(strategy, next.Strategy) {
		return nil
	}
	if !val(in.ForceNewDeployment) {
		return invalid("When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment.")
	}
	next.LaunchType, next.Strategy = "", strategy
	if len(strategy) == 0 {
		next.LaunchType = LaunchTypeFargate
	}
	return nil
}
