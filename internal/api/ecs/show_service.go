package ecs

import (
	"time"

	"seamark/internal/world"
)

// counts are a deployment's tasks as they are now.
type counts struct{ pending, running int32 }

// census of a service's tasks by deployment. It is taken when a service is
// shown and not from the deployments' own counts, which the planner writes a
// moment later: a waiter that asks right after a task was told to stop must not
// hear that all is well.
func serviceCounts(w world.World, svc *world.Service) map[world.DeploymentID]counts {
	by := map[world.DeploymentID]counts{}
	for t := range w.TasksOfService(svc.Cluster, svc.Name) {
		if t.DesiredStatus != world.TaskRunning {
			continue
		}
		n := by[t.Deployment]
		switch {
		case t.LastStatus == world.TaskRunning:
			n.running++
		case t.LastStatus.Before(world.TaskRunning):
			n.pending++
		}
		by[t.Deployment] = n
	}
	return by
}

func (s *Server) showService(w world.World, svc *world.Service, tags bool) *Service {
	out := &Service{
		ServiceArn: new(s.serviceARN(svc.Cluster, svc.Name)), ServiceName: new(svc.Name),
		ClusterArn: new(s.clusterARN(svc.Cluster)), Status: new(string(svc.Status)),
		DesiredCount: new(svc.DesiredCount), PendingCount: new(int32(0)), RunningCount: new(int32(0)),
		LoadBalancers: []LoadBalancer{}, ServiceRegistries: []ServiceRegistry{},
		Deployments: []Deployment{}, Events: []ServiceEvent{},
		PlacementConstraints: []PlacementConstraint{}, PlacementStrategy: []PlacementStrategy{},
		DeploymentConfiguration: showConfiguration(svc.Configuration),
		DeploymentController:    &DeploymentController{Type: new(DeploymentControllerTypeEcs)},
		SchedulingStrategy:      new(svc.SchedulingStrategy),
		PropagateTags:           new(svc.PropagateTags), EnableECSManagedTags: new(svc.EnableManagedTags),
		EnableExecuteCommand: new(svc.EnableExecute), AvailabilityZoneRebalancing: given(svc.AZRebalancing),
		RoleArn: given(svc.RoleARN), CreatedAt: at(svc.CreatedAt), CreatedBy: given(svc.CreatedBy),
		HealthCheckGracePeriodSeconds: given(int32(svc.HealthCheckGrace / time.Second)),
	}
	if tags {
		out.Tags = showTags(svc.Tags)
	}
	if p := svc.Primary(); p != nil {
		s.showWorkload(out, p)
	}
	s.showDeployments(w, svc, out)
	for _, e := range svc.Events {
		out.Events = append(out.Events, ServiceEvent{Id: new(e.ID), CreatedAt: at(e.CreatedAt), Message: new(e.Message)})
	}
	return out
}

// showWorkload shows what the service runs: its primary deployment.
func (s *Server) showWorkload(out *Service, p *world.Deployment) {
	out.TaskDefinition = new(s.definitionARN(p.TaskDefinition))
	out.NetworkConfiguration = showNetwork(p.Network)
	out.ServiceRegistries = s.showRegistries(p.Registries)
	out.LaunchType = given(p.LaunchType)
	if len(p.Strategy) > 0 {
		out.CapacityProviderStrategy = showStrategy(p.Strategy)
	}
	if onFargate(p) {
		out.PlatformVersion, out.PlatformFamily = new(p.PlatformVersion), new("Linux")
	}
}

// showDeployments shows the deployments and the counts over all of them. An
// INACTIVE service has none.
func (s *Server) showDeployments(w world.World, svc *world.Service, out *Service) {
	if svc.Status == world.ServiceInactive {
		return
	}
	by := serviceCounts(w, svc)
	for _, n := range by {
		*out.RunningCount += n.running
		*out.PendingCount += n.pending
	}
	for i := range svc.Deployments {
		d := &svc.Deployments[i]
		shown := s.showDeployment(d)
		shown.RunningCount, shown.PendingCount = new(by[d.ID].running), new(by[d.ID].pending)
		if d.Status == "PRIMARY" {
			shown.DesiredCount = new(svc.DesiredCount)
		}
		out.Deployments = append(out.Deployments, shown)
	}
}

func (s *Server) showDeployment(d *world.Deployment) Deployment {
	out := Deployment{
		Id: new(string(d.ID)), Status: new(d.Status), TaskDefinition: new(s.definitionARN(d.TaskDefinition)),
		DesiredCount: new(d.DesiredCount), FailedTasks: new(d.FailedTasks),
		CreatedAt: at(d.CreatedAt), UpdatedAt: at(d.UpdatedAt), LaunchType: given(d.LaunchType),
		NetworkConfiguration: showNetwork(d.Network),
		RolloutState:         new(d.RolloutState), RolloutStateReason: new(d.RolloutStateReason),
	}
	if len(d.Strategy) > 0 {
		out.CapacityProviderStrategy = showStrategy(d.Strategy)
	}
	if onFargate(d) {
		version := d.PlatformVersion
		if version == "LATEST" {
			version = newestPlatform
		}
		out.PlatformVersion, out.PlatformFamily = &version, new("Linux")
	}
	return out
}
