package servicediscovery

import (
	"context"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// CreateService makes a service in a namespace.
func (s *Server) CreateService(ctx context.Context, in *CreateServiceInput) (*CreateServiceOutput, error) {
	tags, err := newTags(in.Tags)
	if err == nil {
		err = checkExtensions(tags)
	}
	if err != nil {
		return nil, err
	}
	var made *world.DiscoveryService
	var after world.World
	err = s.change(ctx, func(d *plan.Draft) error {
		n, err := s.serviceNamespace(d.World, in)
		if err != nil {
			return err
		}
		wanted, err := s.newService(n, in)
		if err != nil {
			return err
		}
		wanted.Tags = tags
		made, err = s.createService(d, n, wanted)
		after = d.World
		return err
	})
	if err != nil {
		return nil, err
	}
	return &CreateServiceOutput{Service: s.showService(after, made)}, nil
}

// createService puts the service, or finds the one that an earlier request with
// the same CreatorRequestId and the same parameters made.
func (s *Server) createService(d *plan.Draft, n *world.Namespace, wanted *world.DiscoveryService) (*world.DiscoveryService, error) {
	t := token{Operation: "servicediscovery:CreateService", Token: wanted.CreatorRequestID, Of: *wanted}
	id, same := t.seen(d.World)
	old := d.World.DiscoveryServices.Get(id)
	if old != nil && same {
		return old, nil
	}
	if err := s.serviceFree(d.World, n, wanted); err != nil {
		return nil, err
	}
	if old != nil {
		return nil, invalid("The CreatorRequestId %s was used for the service %s with other parameters.", t.Token, old.ID)
	}
	made := *wanted
	made.ID = world.DiscoveryServiceID("srv-" + d.Draw.Base32(16))
	made.CreatedAt = d.Now
	d.Put(&made)
	t.remember(d, string(made.ID))
	return &made, nil
}

// serviceNamespace is the namespace that a request names, at the top or, as
// older clients do, inside DnsConfig.
func (s *Server) serviceNamespace(w world.World, in *CreateServiceInput) (*world.Namespace, error) {
	id := optional.Value(in.NamespaceId)
	if in.DnsConfig != nil && in.DnsConfig.NamespaceId != nil {
		inside := *in.DnsConfig.NamespaceId
		if id != "" && s.namespaceID(id) != s.namespaceID(inside) {
			return nil, invalid("NamespaceId and DnsConfig.NamespaceId must be the same.")
		}
		id = inside
	}
	if id == "" {
		return nil, invalid("NamespaceId must be specified.")
	}
	return s.namespace(w, id)
}

// serviceFree says whether the namespace has no such service yet. Names that
// DNS shows must differ in more than their case.
func (s *Server) serviceFree(w world.World, n *world.Namespace, wanted *world.DiscoveryService) error {
	for o := range w.ServicesNamed(n.ID, wanted.Name) {
		if o.Name == wanted.Name || len(o.Records) > 0 && len(wanted.Records) > 0 {
			return ErrServiceAlreadyExists("Service already exists.").With("ServiceId", string(o.ID)).
				With("ServiceArn", s.serviceARN(o.ID)).With("CreatorRequestId", o.CreatorRequestID)
		}
	}
	return nil
}

// newService checks a request and makes the service of it.
func (s *Server) newService(n *world.Namespace, in *CreateServiceInput) (*world.DiscoveryService, error) {
	ds := &world.DiscoveryService{
		Namespace: n.ID, Name: *in.Name, Description: optional.Value(in.Description), Type: ServiceTypeHttp,
		CustomHealth: in.HealthCheckCustomConfig != nil, CreatorRequestID: optional.Value(in.CreatorRequestId),
	}
	if err := setRecords(ds, n, in); err != nil {
		return nil, err
	}
	var err error
	ds.HealthCheck, err = s.healthCheck(n, ds, in.HealthCheckConfig)
	return ds, err
}

func setRecords(ds *world.DiscoveryService, n *world.Namespace, in *CreateServiceInput) error {
	onlyHTTP := optional.Value(in.Type) == ServiceTypeOptionHttp
	switch {
	case in.DnsConfig == nil && (onlyHTTP || n.Type == NamespaceTypeHttp):
		return nil
	case in.DnsConfig == nil:
		return invalid("DnsConfig must be specified for a service in a DNS namespace, or Type must be HTTP.")
	case onlyHTTP:
		return invalid("DnsConfig must not be specified when Type is HTTP.")
	case n.Type == NamespaceTypeHttp:
		return invalid("DnsConfig must not be specified for a service in an HTTP namespace.")
	}
	ds.Type = ServiceTypeDnsHttp
	if err := checkRecords(in.DnsConfig.DnsRecords); err != nil {
		return err
	}
	ds.Records = records(in.DnsConfig.DnsRecords)
	if err := checkOwner(n, ds); err != nil {
		return err
	}
	return setPolicy(ds, in.DnsConfig.RoutingPolicy)
}

func records(given []DnsRecord) []world.DNSRecord {
	var out []world.DNSRecord
	for _, r := range given {
		out = append(out, world.DNSRecord{Type: *r.Type, TTL: *r.TTL})
	}
	return out
}

func checkRecords(given []DnsRecord) error {
	if len(given) == 0 {
		return invalid("DnsRecords must not be empty.")
	}
	var types []string
	for _, r := range given {
		if slices.Contains(types, *r.Type) {
			return invalid("DnsRecords must not contain the same record type twice.")
		}
		types = append(types, *r.Type)
	}
	if len(types) > 1 && slices.Contains(types, RecordTypeCname) {
		return invalid("A CNAME record cannot be combined with other record types.")
	}
	return nil
}

// apex is the service name that stands for the namespace's own name.
const apex = "."

// maxOwner is the most characters of a DNS name without its final dot (RFC
// 1035, section 2.3.4).
const maxOwner = 253

// owner is the DNS name of a service, without the final dot.
func owner(n *world.Namespace, ds *world.DiscoveryService) string {
	zone := strings.TrimSuffix(n.Name, ".")
	if ds.Name == apex {
		return zone
	}
	return ds.Name + "." + zone
}

// checkOwner refuses a service whose records could not be written.
func checkOwner(n *world.Namespace, ds *world.DiscoveryService) error {
	switch name := owner(n, ds); {
	case len(name) > maxOwner:
		return invalid("The DNS name %s is longer than %d characters.", name, maxOwner)
	case ds.Name == apex && ds.Records[0].Type == RecordTypeCname:
		return invalid("A CNAME record is not permitted at the name of the namespace itself.")
	}
	return nil
}

// setPolicy sets the routing policy: WEIGHTED for CNAME, MULTIVALUE otherwise,
// unless the request says which.
func setPolicy(ds *world.DiscoveryService, policy *string) error {
	byDefault := RoutingPolicyMultivalue
	if ds.Records[0].Type == RecordTypeCname {
		byDefault = RoutingPolicyWeighted
	}
	ds.RoutingPolicy = optional.Or(policy, byDefault)
	if ds.Records[0].Type == RecordTypeCname && ds.RoutingPolicy != RoutingPolicyWeighted {
		return invalid("The routing policy for a CNAME record must be WEIGHTED.")
	}
	return nil
}

// GetService shows a service.
func (s *Server) GetService(_ context.Context, in *GetServiceInput) (*GetServiceOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := s.service(w, *in.Id)
	if err != nil {
		return nil, err
	}
	return &GetServiceOutput{Service: s.showService(w, ds)}, nil
}

// ListServices lists services by id.
func (s *Server) ListServices(_ context.Context, in *ListServicesInput) (*ListServicesOutput, error) {
	w := s.cfg.Changes.View()
	var filters []filter
	for _, f := range in.Filters {
		filters = append(filters, filter{f.Name, f.Condition, f.Values})
	}
	if err := checkFilters(filters, map[string][]string{"NAMESPACE_ID": {"EQ"}, "RESOURCE_OWNER": {"EQ"}}); err != nil {
		return nil, err
	}
	s.shortIDs(filters)
	cut, next, err := rows(w.DiscoveryServices, "", in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListServicesOutput{Services: []ServiceSummary{}, NextToken: next}
	for _, ds := range cut {
		if allMatch(filters, map[string]string{"NAMESPACE_ID": string(ds.Namespace), "RESOURCE_OWNER": "SELF"}) {
			out.Services = append(out.Services, s.summarizeService(w, ds))
		}
	}
	return out, nil
}

// DeleteService removes a service without instances.
func (s *Server) DeleteService(ctx context.Context, in *DeleteServiceInput) (*DeleteServiceOutput, error) {
	return &DeleteServiceOutput{}, s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, *in.Id)
		if err != nil {
			return err
		}
		for range d.World.InstancesOf(ds.ID) {
			return ErrResourceInUse("Service contains registered instances; delete the instances before deleting the service")
		}
		d.Delete(ds)
		if r := d.World.InstancesRevisions.Get(string(ds.ID)); r != nil {
			d.Delete(r)
		}
		return nil
	})
}
