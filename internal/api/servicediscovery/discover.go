package servicediscovery

import (
	"context"
	"math/rand/v2"

	"seamark/internal/world"
)

// defaultHealth is DiscoverInstances' filter when the request has none. AWS
// documents "healthy"; answering all when none is healthy is the reading that
// keeps callers working (docs/divergences.md).
const defaultHealth = HealthStatusFilterHealthyOrElseAll

// DiscoverInstances finds instances by the names of namespace and service.
func (s *Server) DiscoverInstances(_ context.Context, in *DiscoverInstancesInput) (*DiscoverInstancesOutput, error) {
	w := s.cfg.Changes.View()
	n, ds, err := discover(w, *in.NamespaceName, *in.ServiceName)
	if err != nil {
		return nil, err
	}
	found := matching(w, ds, in.QueryParameters)
	found = healthy(ds, found, or(in.HealthStatus, defaultHealth))
	if narrowed := narrow(found, in.OptionalParameters); len(narrowed) > 0 {
		found = narrowed
	}
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	found = found[:min(len(found), int(or(in.MaxResults, 100)))]
	out := &DiscoverInstancesOutput{Instances: make([]HttpInstanceSummary, 0, len(found)), InstancesRevision: &ds.InstancesRevision}
	for _, i := range found {
		out.Instances = append(out.Instances, HttpInstanceSummary{
			InstanceId: &i.ID, NamespaceName: &n.HTTPName, ServiceName: &ds.Name, HealthStatus: new(string(healthOf(ds, i))), Attributes: i.Attributes,
		})
	}
	return out, nil
}

// DiscoverInstancesRevision tells whether anything was registered or deregistered.
func (s *Server) DiscoverInstancesRevision(_ context.Context, in *DiscoverInstancesRevisionInput) (*DiscoverInstancesRevisionOutput, error) {
	_, ds, err := discover(s.cfg.Changes.View(), *in.NamespaceName, *in.ServiceName)
	if err != nil {
		return nil, err
	}
	return &DiscoverInstancesRevisionOutput{InstancesRevision: &ds.InstancesRevision}, nil
}

// discover finds a service by names.
func discover(w world.World, namespace, service string) (*world.Namespace, *world.DiscoveryService, error) {
	for n := range w.Namespaces.All() {
		if n.HTTPName != namespace {
			continue
		}
		for ds := range w.ServicesOf(n.ID) {
			if ds.Name == service {
				return n, ds, nil
			}
		}
		return nil, nil, ErrServiceNotFound("Can't find a service with the name " + service + " in namespace " + namespace + ".")
	}
	return nil, nil, ErrNamespaceNotFound("Can't find a namespace with the name " + namespace + ".")
}

// matching are the instances with all of the attributes.
func matching(w world.World, ds *world.DiscoveryService, want map[string]string) []*world.DiscoveryInstance {
	var all []*world.DiscoveryInstance
	for i := range w.InstancesOf(ds.ID) {
		all = append(all, i)
	}
	if len(want) == 0 {
		return all
	}
	return narrow(all, want)
}

func narrow(list []*world.DiscoveryInstance, want map[string]string) []*world.DiscoveryInstance {
	var found []*world.DiscoveryInstance
	for _, i := range list {
		if hasAll(i.Attributes, want) {
			found = append(found, i)
		}
	}
	return found
}

func hasAll(a, want map[string]string) bool {
	for k, v := range want {
		if a[k] != v {
			return false
		}
	}
	return true
}

// healthy filters by health. Services without a health check have no health to
// filter by.
func healthy(ds *world.DiscoveryService, list []*world.DiscoveryInstance, filter string) []*world.DiscoveryInstance {
	if !ds.CustomHealth && ds.HealthCheck == nil || filter == HealthStatusFilterAll {
		return list
	}
	var good, bad []*world.DiscoveryInstance
	for _, i := range list {
		if i.Health == world.Healthy {
			good = append(good, i)
		} else {
			bad = append(bad, i)
		}
	}
	switch filter {
	case HealthStatusFilterUnhealthy:
		return bad
	case HealthStatusFilterHealthyOrElseAll:
		if len(good) == 0 {
			return bad
		}
	}
	return good
}
