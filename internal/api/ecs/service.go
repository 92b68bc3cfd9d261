package ecs

import (
	"context"
	"fmt"
	"time"

	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Limits of a service (ECS developer guide, "Service quotas").
const maxDesired, maxDiscoveredDesired = 5000, 1000

const opCreateService = "ecs:CreateService"

func (s *Server) createService(ctx context.Context, in *CreateServiceInput) (*CreateServiceOutput, error) {
	if err := checkToken(in.ClientToken, 36); err != nil {
		return nil, err
	}
	out := &CreateServiceOutput{}
	err := s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		print := world.Fingerprint(anonymous(in, c.Name))
		svc, err := s.repeatedService(d, c, in, print)
		if err != nil {
			return err
		}
		if svc == nil {
			if svc, err = s.newService(d, c, in); err != nil {
				return err
			}
			svc.CreatedBy, svc.Fingerprint = wire.RequestFrom(ctx).PrincipalARN, print
			d.Put(svc)
			remember(d, opCreateService, in.ClientToken, print, []string{svc.Key()})
		}
		out.Service = s.showService(d.World, svc, true)
		return nil
	})
	return out, err
}

// anonymous is the request without its token and with the cluster by name.
func anonymous(in *CreateServiceInput, c world.ClusterName) *CreateServiceInput {
	same := *in
	same.ClientToken, same.Cluster = nil, new(string(c))
	return &same
}

// repeatedService is the service that the same request made before, or nil.
func (s *Server) repeatedService(d *plan.Draft, c *world.Cluster, in *CreateServiceInput, print string) (*world.Service, error) {
	notIdempotent := invalid("Creation of service was not idempotent.")
	if t := remembered(d, opCreateService, in.ClientToken); t != nil {
		svc := d.World.Services.Get(t.Results[0])
		if t.Fingerprint != print || svc == nil || svc.Status != world.ServiceActive {
			return nil, notIdempotent
		}
		return svc, nil
	}
	svc := d.World.Services.Get(world.ServiceKey(c.Name, val(in.ServiceName)))
	switch {
	case svc == nil || svc.Status == world.ServiceInactive:
		return nil, nil
	case svc.Status == world.ServiceDraining:
		return nil, invalid("Unable to Start a service that is still Draining.")
	case svc.Fingerprint != print:
		return nil, notIdempotent
	}
	return svc, nil
}

// newService checks a request and makes the service with its first deployment.
func (s *Server) newService(d *plan.Draft, c *world.Cluster, in *CreateServiceInput) (*world.Service, error) {
	if err := s.checkNewService(in); err != nil {
		return nil, err
	}
	configuration, err := newConfiguration(in.DeploymentConfiguration, world.DeploymentConfiguration{MinimumHealthyPercent: 100, MaximumPercent: 200})
	if err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := checkExtensions(tags); err != nil {
		return nil, err
	}
	first, err := s.firstDeployment(d, c, in, tags)
	if err != nil {
		return nil, err
	}
	svc := &world.Service{
		Cluster: c.Name, Name: val(in.ServiceName), Status: world.ServiceActive, DesiredCount: val(in.DesiredCount),
		SchedulingStrategy: SchedulingStrategyReplica, Configuration: configuration,
		HealthCheckGrace: seconds(in.HealthCheckGracePeriodSeconds),
		PropagateTags:    valOr(in.PropagateTags, PropagateTagsNone), EnableManagedTags: val(in.EnableECSManagedTags),
		EnableExecute: val(in.EnableExecuteCommand),
		AZRebalancing: valOr(in.AvailabilityZoneRebalancing, AvailabilityZoneRebalancingEnabled),
		RoleARN:       s.scope.GlobalARN("iam", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
		Tags:          tags, CreatedAt: d.Now,
	}
	if err := checkExecute(d.World, svc.EnableExecute, first); err != nil {
		return nil, err
	}
	if err := checkDesired(svc.DesiredCount, first); err != nil {
		return nil, err
	}
	startDeployment(d, svc, *first)
	return svc, nil
}

// checkNewService checks what stands in the request alone.
func (s *Server) checkNewService(in *CreateServiceInput) error {
	switch {
	case !validName(val(in.ServiceName)):
		return invalid("Service name must match %s, but was %s", namePattern, val(in.ServiceName))
	case in.DesiredCount == nil:
		return invalid("desiredCount is required when schedulingStrategy is REPLICA.")
	case val(in.Role) != "":
		return invalid("You cannot specify an IAM role for services that require a service linked role.")
	}
	controller := ""
	if in.DeploymentController != nil {
		controller = val(in.DeploymentController.Type)
	}
	name := firstAsked([]feature{
		{val(in.SchedulingStrategy) == SchedulingStrategyDaemon, "Scheduling strategy DAEMON"},
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

// connects says whether Service Connect is asked for.
func connects(c *ServiceConnectConfiguration) bool { return c != nil && val(c.Enabled) }

func checkGrace(seconds *int32) error {
	if val(seconds) < 0 {
		return invalid("healthCheckGracePeriodSeconds must not be negative.")
	}
	return nil
}

func checkDesired(n int32, d *world.Deployment) error {
	most := int32(maxDesired)
	if len(d.Registries) > 0 {
		most = maxDiscoveredDesired
	}
	if n < 0 || n > most {
		return invalid("desiredCount must be between 0 and %d, but was %d.", most, n)
	}
	return nil
}

// checkExecute wants a task role for ECS Exec.
func checkExecute(w world.World, enabled bool, d *world.Deployment) error {
	if def := w.TaskDefinition(d.TaskDefinition); enabled && (def == nil || def.TaskRoleARN == "") {
		return invalid("The service couldn't be created because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.")
	}
	return nil
}

// firstDeployment reads what a new service runs.
func (s *Server) firstDeployment(d *plan.Draft, c *world.Cluster, in *CreateServiceInput, tags world.Tags) (*world.Deployment, error) {
	def, err := s.usable(d.World, val(in.TaskDefinition))
	if err != nil {
		return nil, err
	}
	l, err := launchOf(c, in.LaunchType, in.CapacityProviderStrategy)
	if err != nil {
		return nil, err
	}
	first := &world.Deployment{TaskDefinition: def.TaskDefinitionRef, LaunchType: l.launchType, Strategy: l.strategy}
	if first.PlatformVersion, err = platform(in.PlatformVersion, first); err != nil {
		return nil, err
	}
	if err := checkPlacement(first, in.PlacementConstraints, in.PlacementStrategy); err != nil {
		return nil, err
	}
	if first.Network, err = newNetwork(in.NetworkConfiguration); err != nil {
		return nil, err
	}
	if first.Registries, err = s.newRegistries(in.ServiceRegistries, tags); err != nil {
		return nil, err
	}
	return first, s.checkWorkload(d.World, first)
}

// startDeployment makes a deployment the service's primary one. What was primary is
// replaced by it; failures of the past no longer hold anything back.
func startDeployment(d *plan.Draft, svc *world.Service, next world.Deployment) {
	next.ID = world.DeploymentID("ecs-svc/" + d.Draw.Digits(19))
	next.Status, next.RolloutState = "PRIMARY", DeploymentRolloutStateInProgress
	next.RolloutStateReason = fmt.Sprintf("ECS deployment %s in progress.", next.ID)
	next.DesiredCount, next.PendingCount, next.RunningCount, next.FailedTasks = svc.DesiredCount, 0, 0, 0
	next.CreatedAt, next.UpdatedAt = d.Now, d.Now
	deployments := []world.Deployment{next}
	for _, old := range svc.Deployments {
		if old.Status == "PRIMARY" {
			old.Status, old.DesiredCount, old.UpdatedAt = "ACTIVE", 0, d.Now
		}
		deployments = append(deployments, old)
	}
	svc.Deployments = deployments
	svc.LaunchType, svc.Strategy, svc.PlatformVersion = next.LaunchType, next.Strategy, next.PlatformVersion
	svc.FailureStreak, svc.RetryAt, svc.Steady = 0, time.Time{}, false
}

func (s *Server) deleteService(ctx context.Context, in *DeleteServiceInput) (*DeleteServiceOutput, error) {
	out := &DeleteServiceOutput{}
	return out, s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		svc, err := s.service(d.World, c.Name, val(in.Service))
		switch {
		case err != nil:
			return err
		case svc.Status == world.ServiceInactive:
			return ErrServiceNotFoundException("Service not found.")
		case svc.Status == world.ServiceActive && svc.DesiredCount > 0 && !val(in.Force):
			return invalid("The service cannot be stopped while it is scaled above 0.")
		}
		if svc.Status == world.ServiceActive {
			next := *svc
			next.Status, next.DesiredCount, next.Fingerprint = world.ServiceDraining, 0, ""
			d.Put(&next)
			svc = &next
		}
		out.Service = s.showService(d.World, svc, true)
		return nil
	})
}
