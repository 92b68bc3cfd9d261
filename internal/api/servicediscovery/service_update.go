package servicediscovery

import (
	"context"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// UpdateService changes a service's description and TTLs. Record types that the
// request leaves out are deleted, as AWS documents it; others cannot be added.
func (s *Server) UpdateService(ctx context.Context, in *UpdateServiceInput) (*UpdateServiceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, *in.Id)
		if err != nil {
			return err
		}
		n, err := s.namespace(d.World, string(ds.Namespace))
		if err != nil {
			return err
		}
		next, err := updated(n, ds, in.Service)
		if err != nil {
			return err
		}
		d.Put(next)
		id = string(newOperation(d, OperationTypeUpdateService, map[string]string{"SERVICE": string(ds.ID)}).ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateServiceOutput{OperationId: &id}, nil
}

func updated(n *world.Namespace, ds *world.DiscoveryService, change *ServiceChange) (*world.DiscoveryService, error) {
	next := *ds
	next.Description = optional.Or(change.Description, ds.Description)
	switch {
	case n.Type == NamespaceTypeHttp:
		return nil, invalid("A service in an HTTP namespace cannot be updated.")
	case change.HealthCheckConfig != nil:
		return nil, refuseHealthCheck(n, ds, change.HealthCheckConfig)
	case change.DnsConfig == nil:
		next.Records, next.RoutingPolicy, next.Type = nil, "", ServiceTypeHttp
		return &next, nil
	}
	if err := checkRecords(change.DnsConfig.DnsRecords); err != nil {
		return nil, err
	}
	next.Records = records(change.DnsConfig.DnsRecords)
	for _, r := range next.Records {
		has := func(o world.DNSRecord) bool { return o.Type == r.Type }
		if !slices.ContainsFunc(ds.Records, has) {
			return nil, invalid("The record type %s cannot be added to an existing service.", r.Type)
		}
	}
	return &next, nil
}
