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
	ns, ds, err := s.discover(w, *in.NamespaceName, *in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	n, filter := int(optional.Or(in.MaxResults, 100)), optional.Or(in.HealthStatus, defaultHealth)
	found, ok := sample(w, ds, in, n, filter)
	if !ok {
		found = draw(search(w, ds, in, filter), n)
	}
	text := map[world.HealthStatus]*string{world.Healthy: new(string(world.Healthy)), world.Unhealthy: new(string(world.Unhealthy)), world.HealthUnknown: new(string(world.HealthUnknown))}
	out := &DiscoverInstancesOutput{Instances: make([]HttpInstanceSummary, len(found)), InstancesRevision: new(w.InstancesRevision(ds))}
	for at, i := range found {
		out.Instances[at] = HttpInstanceSummary{
			InstanceId: &i.ID, NamespaceName: &ns.HTTPName, ServiceName: &ds.Name, HealthStatus: text[healthOf(ds, i)], Attributes: i.Attributes,
		}
	}
	return out, nil
}

// search finds all that match.
func search(w world.World, ds *world.DiscoveryService, in *DiscoverInstancesInput, filter string) []*world.DiscoveryInstance {
	found := healthy(ds, matching(w, ds, in.QueryParameters), filter)
	if len(in.OptionalParameters) > 0 {
		if narrowed := narrow(found, in.OptionalParameters); len(narrowed) > 0 {
			return narrowed
		}
	}
	return found
}

// triesEach is how many instances are looked at, for each that is wanted, before
// looking at all of them is cheaper.
const triesEach = 4

// sample takes instances one by one in random order until n match, and says
// whether there were so many. Those are what draw would pick of all that match, in
// a large service without looking at all of it.
func sample(w world.World, ds *world.DiscoveryService, in *DiscoverInstancesInput, n int, filter string) (found []*world.DiscoveryInstance, ok bool) {
	from, to := w.InstanceRanks(ds.ID)
	size := to - from
	if size <= triesEach*n || len(in.OptionalParameters) > 0 {
		return nil, false
	}
	// A shuffle of all ranks, of which only the moved ones are written down.
	moved := make(map[int]int, n)
	at := func(i int) int {
		if m, ok := moved[i]; ok {
			return m
		}
		return i
	}
	found = make([]*world.DiscoveryInstance, 0, n)
	for i := range triesEach * n {
		j := i + rand.IntN(size-i)
		rank := at(j)
		moved[j] = at(i)
		if one := w.DiscoveryInstances.At(from + rank); hasAll(one.Attributes, in.QueryParameters) && passes(ds, one, filter) {
			if found = append(found, one); len(found) == n {
				return found, true
			}
		}
	}
	return nil, false
}

// passes says whether an instance is among the healthy of its service, given that
// one at least passes.
func passes(ds *world.DiscoveryService, i *world.DiscoveryInstance, filter string) bool {
	switch {
	case !ds.CustomHealth && ds.HealthCheck == nil || filter == HealthStatusFilterAll:
		return true
	case filter == HealthStatusFilterUnhealthy:
		return i.Health == world.Unhealthy
	}
	return i.Health == world.Healthy
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
	w := s.cfg.Changes.View()
	_, ds, err := s.discover(w, *in.NamespaceName, *in.ServiceName, in.OwnerAccount)
	if err != nil {
		return nil, err
	}
	return &DiscoverInstancesRevisionOutput{InstancesRevision: new(w.InstancesRevision(ds))}, nil
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
