package task

import (
	"strconv"
	"time"

	"seamark/internal/plan/discover"
	"seamark/internal/world"
)

// mayBeNamed says whether clients may be sent to a task whose containers run since
// that time: somebody listens where they would come, or has had time enough to.
func (s *step) mayBeNamed(since time.Time) bool {
	wait := s.d.Fidelity.ListenWait()
	if wait == 0 || s.t.Observed.Listens || len(s.t.AwaitedPorts(s.def)) == 0 {
		return true
	}
	until := since.Add(wait)
	if s.d.Now.Before(until) {
		s.d.Again(until)
		return false
	}
	return true
}

// register enters the task in its registries, with the attributes that ECS
// writes (ECS developer guide, "Service discovery").
func (s *step) register() {
	if len(s.t.Registries) == 0 {
		return
	}
	health := world.Healthy
	if s.def.HasHealthCheck() {
		health = s.t.Health(s.def)
		if health == world.HealthUnknown {
			health = world.Unhealthy
		}
	}
	for _, r := range s.t.Registries {
		ds := s.d.World.DiscoveryServices.Get(string(r.Service))
		if ds == nil {
			continue
		}
		s.d.Put(&world.DiscoveryInstance{
			Service: ds.ID, ID: string(s.t.ID), Attributes: s.attributes(ds, r, health),
			Health: health, WasHealthy: health == world.Healthy, Ports: s.namedPorts(), CreatedAt: s.d.Now,
		})
		discover.Count(s.d, ds)
	}
	s.t.Registration = world.Registration{State: world.Registered, Revision: s.d.Revision, At: s.d.Now, Health: health}
}

func (s *step) attributes(ds *world.DiscoveryService, r world.ServiceRegistry, health world.HealthStatus) map[string]string {
	a := map[string]string{
		"AVAILABILITY_ZONE":          s.t.AvailabilityZone,
		"REGION":                     s.d.Scope.Region,
		"ECS_CLUSTER_NAME":           string(s.t.Cluster),
		"ECS_SERVICE_NAME":           s.t.Service,
		"ECS_TASK_DEFINITION_FAMILY": string(s.t.TaskDefinition.Family),
	}
	e, _ := s.endpoint(r)
	if e.address.IsValid() {
		a["AWS_INSTANCE_IPV4"] = e.address.String()
	}
	if e.ipv6.IsValid() {
		a["AWS_INSTANCE_IPV6"] = e.ipv6.String()
	}
	if e.port != 0 {
		a["AWS_INSTANCE_PORT"] = strconv.Itoa(int(e.port))
	}
	if s.t.Host.Instance != "" {
		a["EC2_INSTANCE_ID"] = string(s.t.Host.Instance)
	}
	if ds.CustomHealth {
		a["AWS_INIT_HEALTH_STATUS"] = string(health)
	}
	return a
}

func (s *step) deregister() {
	if s.t.Registration.State != world.Registered {
		return
	}
	for _, r := range s.t.Registries {
		if i := s.d.World.Instance(r.Service, string(s.t.ID)); i != nil {
			s.d.Delete(i)
		}
		if ds := s.d.World.DiscoveryServices.Get(string(r.Service)); ds != nil {
			discover.Count(s.d, ds)
		}
	}
	s.t.Registration.State = world.Deregistered
	s.t.Registration.Revision = s.d.Revision
	s.t.Registration.At = s.d.Now
}

// reportHealth tells the registries when the task's own health changes. A
// custom status that a user sets in between stands until the next change.
func (s *step) reportHealth() bool {
	if s.t.Registration.State != world.Registered || !s.def.HasHealthCheck() {
		return false
	}
	health := s.t.Health(s.def)
	if health == world.HealthUnknown || health == s.t.Registration.Health {
		return false
	}
	s.t.Registration.Health = health
	s.t.Registration.Revision = s.d.Revision
	for _, r := range s.t.Registries {
		ds := s.d.World.DiscoveryServices.Get(string(r.Service))
		i := s.d.World.Instance(r.Service, string(s.t.ID))
		if ds == nil || i == nil || !ds.CustomHealth {
			continue
		}
		if told := discover.WithStatus(s.d, *i, health); told != nil {
			s.d.Put(told)
		}
	}
	return true
}
