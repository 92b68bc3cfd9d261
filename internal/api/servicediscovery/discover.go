package servicediscovery

import (
	"context"
	"math/rand/v2"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/world"
)

// defaultHealth is DiscoverInstances' filter when the request has none. AWS
// documents "healthy"; answering all when none is healthy is the reading that
// keeps callers working (docs/divergences.md).
const defaultHealth = HealthStatusFilterHealthyOrElseAll

// DiscoverInstances finds instances by the names of namespace and service.
func (s *Server) DiscoverInstances(_ context.Context, in *DiscoverInstancesInput) (*DiscoverInstancesOutput, error) {
	w := s.cfg.Changes.View()
	n, ds, err := s.discover(w, *in.NamespaceName, *in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	found := matching(w, ds, in.QueryParameters)
	found = healthy(ds, found, optional.Or(in.HealthStatus, defaultHealth))
	if len(in.OptionalParameters) > 0 {
		if narrowed := narrow(found, in.OptionalParameters); len(narrowed) > 0 {
			found = narrowed
		}
	}
	found = draw(found, int(optional.Or(in.MaxResults, 100)))
	text := map[world.HealthStatus]*string{world.Healthy: new(string(world.Healthy)), world.Unhealthy: new(string(world.Unhealthy)), world.HealthUnknown: new(string(world.HealthUnknown))}
	out := &DiscoverInstancesOutput{Instances: make([]HttpInstanceSummary, len(found)), InstancesRevision: &ds.InstancesRevision}
	for at, i := range found {
		out.Instances[at] = HttpInstanceSummary{
			InstanceId: &i.ID, NamespaceName: &n.HTTPName, ServiceName: &ds.Name, HealthStatus: text[healthOf(ds, i)], Attributes: i.Attributes,
		}
	}
	return out, nil
}

// draw picks at most n of the list at random, in random order.
func draw(list []*world.DiscoveryInstance, n int) []*world.DiscoveryInstance {
	n = min(n, len(list))
	for i := range n {
		j := i + rand.IntN(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return list[:n]
}

// DiscoverInstancesRevision tells whether anything was registered or deregistered.
func (s *Server) DiscoverInstancesRevision(_ context.Context, in *DiscoverInstancesRevisionInput) (*DiscoverInstancesRevisionOutput, error) {
	_, ds, err := s.discover(s.cfg.Changes.View(), *in.NamespaceName, *in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	return &DiscoverInstancesRevisionOutput{InstancesRevision: &ds.InstancesRevision}, nil
}

// discover finds a service by names; the namespace may be given by its ARN. No
// other account shares anything with this one.
func (s *Server) discover(w world.World, namespace, service string, owner *string) (*world.Namespace, *world.DiscoveryService, error) {
	n := s.discoverable(w, namespace)
	if n == nil || optional.Or(owner, s.cfg.Scope.Account) != s.cfg.Scope.Account {
		return nil, nil, ErrNamespaceNotFound("Can't find a namespace with the name " + namespace + ".")
	}
	for ds := range w.ServicesNamed(n.ID, service) {
		if ds.Name == service {
			return n, ds, nil
		}
	}
	return nil, nil, ErrServiceNotFound("Can't find a service with the name " + service + " in namespace " + namespace + ".")
}

func (s *Server) discoverable(w world.World, name string) *world.Namespace {
	for n := range w.NamespacesNamed(name) {
		return n
	}
	if id, ok := strings.CutPrefix(name, s.namespaceARN("")); ok {
		return w.Namespaces.Get(id)
	}
	return nil
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
		if have, ok := a[k]; !ok || have != v {
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
		switch i.Health {
		case world.Healthy:
			good = append(good, i)
		case world.Unhealthy:
			bad = append(bad, i)
		}
	}
	switch {
	case filter == HealthStatusFilterUnhealthy:
		return bad
	case filter == HealthStatusFilterHealthyOrElseAll && len(good) == 0:
		return list
	}
	return good
}
