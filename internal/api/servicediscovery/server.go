package servicediscovery

import (
	"context"
	"fmt"
	"strings"

	"seamark/internal/api/commit"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
	// PrivateHealthChecks allows HealthCheckConfig in private DNS namespaces,
	// where AWS refuses it: Seamark can check from inside the VPC.
	PrivateHealthChecks bool
	// Quotas enforces those of AWS's quotas that a customer can have raised.
	Quotas bool
}

// Server is the Cloud Map API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built: all of it.
func (s *Server) Operations() Operations {
	return Operations{
		CreateHttpNamespace:              s.CreateHttpNamespace,
		CreatePrivateDnsNamespace:        s.CreatePrivateDnsNamespace,
		CreatePublicDnsNamespace:         s.CreatePublicDnsNamespace,
		CreateService:                    s.CreateService,
		DeleteNamespace:                  s.DeleteNamespace,
		DeleteService:                    s.DeleteService,
		DeleteServiceAttributes:          s.DeleteServiceAttributes,
		DeregisterInstance:               s.DeregisterInstance,
		DiscoverInstances:                s.DiscoverInstances,
		DiscoverInstancesRevision:        s.DiscoverInstancesRevision,
		GetInstance:                      s.GetInstance,
		GetInstancesHealthStatus:         s.GetInstancesHealthStatus,
		GetNamespace:                     s.GetNamespace,
		GetOperation:                     s.GetOperation,
		GetService:                       s.GetService,
		GetServiceAttributes:             s.GetServiceAttributes,
		ListInstances:                    s.ListInstances,
		ListNamespaces:                   s.ListNamespaces,
		ListOperations:                   s.ListOperations,
		ListServices:                     s.ListServices,
		ListTagsForResource:              s.ListTagsForResource,
		RegisterInstance:                 s.RegisterInstance,
		TagResource:                      s.TagResource,
		UntagResource:                    s.UntagResource,
		UpdateHttpNamespace:              s.UpdateHttpNamespace,
		UpdateInstanceCustomHealthStatus: s.UpdateInstanceCustomHealthStatus,
		UpdatePrivateDnsNamespace:        s.UpdatePrivateDnsNamespace,
		UpdatePublicDnsNamespace:         s.UpdatePublicDnsNamespace,
		UpdateService:                    s.UpdateService,
		UpdateServiceAttributes:          s.UpdateServiceAttributes,
	}
}

// change runs f in one transaction and returns when DNS answers the outcome.
func (s *Server) change(ctx context.Context, f func(d *plan.Draft) error) error {
	return commit.Answered(ctx, s.cfg.Changes, f)
}

// namespaceARN and serviceARN are the ARNs of Cloud Map's resources.
func (s *Server) namespaceARN(id world.NamespaceID) string {
	return s.cfg.Scope.ARN("servicediscovery", "namespace/"+string(id))
}

func (s *Server) serviceARN(id world.DiscoveryServiceID) string {
	return s.cfg.Scope.ARN("servicediscovery", "service/"+string(id))
}

// namespaceID takes a namespace's id or its ARN. Any other ARN is no id.
func (s *Server) namespaceID(idOrARN string) string {
	return strings.TrimPrefix(idOrARN, s.namespaceARN(""))
}

func (s *Server) serviceID(idOrARN string) string {
	return strings.TrimPrefix(idOrARN, s.serviceARN(""))
}

func (s *Server) namespace(w world.World, idOrARN string) (*world.Namespace, error) {
	id := s.namespaceID(idOrARN)
	if n := w.Namespaces.Get(id); n != nil {
		return n, nil
	}
	return nil, ErrNamespaceNotFound("Can't find a namespace with ID " + id + ".")
}

func (s *Server) service(w world.World, idOrARN string) (*world.DiscoveryService, error) {
	id := s.serviceID(idOrARN)
	if ds := w.DiscoveryServices.Get(id); ds != nil {
		return ds, nil
	}
	return nil, ErrServiceNotFound("Can't find a service with ID " + id + ".")
}

func instance(w world.World, ds *world.DiscoveryService, id string) (*world.DiscoveryInstance, error) {
	if i := w.Instance(ds.ID, id); i != nil {
		return i, nil
	}
	return nil, ErrInstanceNotFound("Can't find an instance with ID " + id + " in service " + string(ds.ID) + ".")
}

// invalid is InvalidInput, Cloud Map's answer to what breaks a rule.
func invalid(format string, args ...any) error {
	return ErrInvalidInput(fmt.Sprintf(format, args...))
}
