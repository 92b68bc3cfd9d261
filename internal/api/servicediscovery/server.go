package servicediscovery

import (
	"context"
	"strings"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
}

// Server is the Cloud Map API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		CreateHttpNamespace:              s.CreateHttpNamespace,
		CreatePrivateDnsNamespace:        s.CreatePrivateDnsNamespace,
		CreateService:                    s.CreateService,
		DeleteNamespace:                  s.DeleteNamespace,
		DeleteService:                    s.DeleteService,
		DeregisterInstance:               s.DeregisterInstance,
		DiscoverInstances:                s.DiscoverInstances,
		DiscoverInstancesRevision:        s.DiscoverInstancesRevision,
		GetInstance:                      s.GetInstance,
		GetInstancesHealthStatus:         s.GetInstancesHealthStatus,
		GetNamespace:                     s.GetNamespace,
		GetOperation:                     s.GetOperation,
		GetService:                       s.GetService,
		ListInstances:                    s.ListInstances,
		ListNamespaces:                   s.ListNamespaces,
		ListOperations:                   s.ListOperations,
		ListServices:                     s.ListServices,
		ListTagsForResource:              s.ListTagsForResource,
		RegisterInstance:                 s.RegisterInstance,
		TagResource:                      s.TagResource,
		UntagResource:                    s.UntagResource,
		UpdateInstanceCustomHealthStatus: s.UpdateInstanceCustomHealthStatus,
	}
}

// change runs f in one transaction.
func (s *Server) change(ctx context.Context, f func(d *plan.Draft) error) error {
	_, _, err := s.cfg.Changes.Do(ctx, f)
	return err
}

// namespaceARN and serviceARN are the ARNs of Cloud Map's resources.
func (s *Server) namespaceARN(id world.NamespaceID) string {
	return s.cfg.Scope.ARN("servicediscovery", "namespace/"+string(id))
}

func (s *Server) serviceARN(id world.DiscoveryServiceID) string {
	return s.cfg.Scope.ARN("servicediscovery", "service/"+string(id))
}

// idOf takes an id or the ARN that ends with it.
func idOf(idOrARN, kind string) string {
	if !strings.HasPrefix(idOrARN, "arn:") {
		return idOrARN
	}
	_, id, ok := strings.Cut(idOrARN, ":"+kind+"/")
	if !ok {
		return idOrARN
	}
	return id
}

func findNamespace(w world.World, idOrARN string) (*world.Namespace, error) {
	id := idOf(idOrARN, "namespace")
	if n := w.Namespaces.Get(id); n != nil {
		return n, nil
	}
	return nil, ErrNamespaceNotFound("Can't find a namespace with ID " + id + ".")
}

func findService(w world.World, idOrARN string) (*world.DiscoveryService, error) {
	id := idOf(idOrARN, "service")
	if s := w.DiscoveryServices.Get(id); s != nil {
		return s, nil
	}
	return nil, ErrServiceNotFound("Can't find a service with ID " + id + ".")
}

func findInstance(w world.World, service *world.DiscoveryService, id string) (*world.DiscoveryInstance, error) {
	if i := w.Instance(service.ID, id); i != nil {
		return i, nil
	}
	return nil, ErrInstanceNotFound("Can't find an instance with ID " + id + " in service " + string(service.ID) + ".")
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// optional is nil for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
