package servicediscovery

import (
	"context"
	"slices"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// CreateService makes a service in a namespace.
func (s *Server) CreateService(ctx context.Context, in *CreateServiceInput) (*CreateServiceOutput, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.DiscoveryService
	var after world.World
	err = s.change(ctx, func(d *plan.Draft) error {
		n, err := serviceNamespace(d.World, in)
		if err != nil {
			return err
		}
		wanted, err := newService(n, in)
		if err != nil {
			return err
		}
		wanted.Tags = tags
		t := token{Operation: "servicediscovery:CreateService", Token: wanted.CreatorRequestID, Of: *wanted}
		known, err := t.known(d.World)
		if err != nil {
			return err
		}
		after = d.World
		if made = d.World.DiscoveryServices.Get(known); made != nil {
			return nil
		}
		if err := serviceFree(d.World, n, wanted, s); err != nil {
			return err
		}
		made = wanted
		made.ID = world.DiscoveryServiceID("srv-" + d.Draw.Base32(16))
		made.CreatedAt = d.Now
		d.Put(made)
		t.remember(d, string(made.ID))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateServiceOutput{Service: s.showService(after, made)}, nil
}

// serviceNamespace is the namespace that a request names, at the top or, as
// older clients do, inside DnsConfig.
func serviceNamespace(w world.World, in *CreateServiceInput) (*world.Namespace, error) {
	id := or(in.NamespaceId, "")
	if in.DnsConfig != nil && in.DnsConfig.NamespaceId != nil {
		inside := *in.DnsConfig.NamespaceId
		if id != "" && idOf(id, "namespace") != idOf(inside, "namespace") {
			return nil, ErrInvalidInput("NamespaceId and DnsConfig.NamespaceId must be the same.")
		}
		id = inside
	}
	if id == "" {
		return nil, ErrInvalidInput("NamespaceId must be specified.")
	}
	return findNamespace(w, id)
}

// serviceFree says whether the namespace has no such service yet. Names that
// DNS shows must differ in more than their case.
func serviceFree(w world.World, n *world.Namespace, wanted *world.DiscoveryService, s *Server) error {
	for o := range w.ServicesOf(n.ID) {
		if o.Name == wanted.Name || n.Type != "HTTP" && strings.EqualFold(o.Name, wanted.Name) {
			return ErrServiceAlreadyExists("Service already exists.").With("ServiceId", string(o.ID)).
				With("ServiceArn", s.serviceARN(o.ID)).With("CreatorRequestId", o.CreatorRequestID)
		}
	}
	return nil
}

// newService checks a request and makes the service of it.
func newService(n *world.Namespace, in *CreateServiceInput) (*world.DiscoveryService, error) {
	ds := &world.DiscoveryService{
		Namespace: n.ID, Name: *in.Name, Description: or(in.Description, ""), Type: "HTTP",
		CustomHealth: in.HealthCheckCustomConfig != nil, CreatorRequestID: or(in.CreatorRequestId, ""),
	}
	if err := setRecords(ds, n, in); err != nil {
		return nil, err
	}
	if in.HealthCheckConfig != nil {
		if err := setHealthCheck(ds, n, in); err != nil {
			return nil, err
		}
	}
	return ds, nil
}

func setRecords(ds *world.DiscoveryService, n *world.Namespace, in *CreateServiceInput) error {
	onlyHTTP := or(in.Type, "") == "HTTP"
	switch {
	case in.DnsConfig == nil && (onlyHTTP || n.Type == "HTTP"):
		return nil
	case in.DnsConfig == nil:
		return ErrInvalidInput("DnsConfig must be specified for a service in a DNS namespace, or Type must be HTTP.")
	case onlyHTTP:
		return ErrInvalidInput("DnsConfig must not be specified when Type is HTTP.")
	case n.Type == "HTTP":
		return ErrInvalidInput("DnsConfig must not be specified for a service in an HTTP namespace.")
	}
	ds.Type = "DNS_HTTP"
	if err := checkRecordTypes(in.DnsConfig.DnsRecords); err != nil {
		return err
	}
	for _, r := range in.DnsConfig.DnsRecords {
		ds.Records = append(ds.Records, world.DNSRecord{Type: *r.Type, TTL: *r.TTL})
	}
	return setPolicy(ds, in.DnsConfig.RoutingPolicy)
}

func checkRecordTypes(records []DnsRecord) error {
	if len(records) == 0 {
		return ErrInvalidInput("DnsRecords must not be empty.")
	}
	var types []string
	for _, r := range records {
		if slices.Contains(types, *r.Type) {
			return ErrInvalidInput("DnsRecords must not contain the same record type twice.")
		}
		types = append(types, *r.Type)
	}
	if len(types) > 1 && slices.Contains(types, "CNAME") {
		return ErrInvalidInput("A CNAME record cannot be combined with other record types.")
	}
	return nil
}

// setPolicy sets the routing policy: WEIGHTED for CNAME, MULTIVALUE otherwise,
// unless the request says which.
func setPolicy(ds *world.DiscoveryService, policy *string) error {
	cname := ds.Records[0].Type == "CNAME"
	switch {
	case policy != nil && *policy == "MULTIVALUE" && cname:
		return ErrInvalidInput("The routing policy for a CNAME record must be WEIGHTED.")
	case policy != nil:
		ds.RoutingPolicy = *policy
	case cname:
		ds.RoutingPolicy = "WEIGHTED"
	default:
		ds.RoutingPolicy = "MULTIVALUE"
	}
	return nil
}

// setHealthCheck refuses every health check that AWS refuses, and the ones for
// HTTP namespaces too: Seamark does not run them yet.
func setHealthCheck(_ *world.DiscoveryService, n *world.Namespace, in *CreateServiceInput) error {
	switch {
	case in.HealthCheckCustomConfig != nil:
		return ErrInvalidInput("HealthCheckConfig and HealthCheckCustomConfig cannot both be specified.")
	case n.Type == "DNS_PRIVATE":
		return ErrInvalidInput("HealthCheckConfig cannot be specified for a service in a private DNS namespace.")
	}
	return ErrInvalidInput("Seamark does not run Route 53 health checks yet; use HealthCheckCustomConfig.")
}

// GetService shows a service.
func (s *Server) GetService(_ context.Context, in *GetServiceInput) (*GetServiceOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := findService(w, *in.Id)
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
	cut, next, err := cutRows(w.DiscoveryServices.All(), in.NextToken, in.MaxResults)
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
		ds, err := findService(d.World, *in.Id)
		if err != nil {
			return err
		}
		for range d.World.InstancesOf(ds.ID) {
			return ErrResourceInUse("Service contains registered instances; delete the instances before deleting the service")
		}
		d.Delete(ds)
		return nil
	})
}
