package servicediscovery

import (
	"context"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// UpdateService changes a service's description, TTLs and health check. Record
// types and a health check that the request leaves out are deleted, as AWS
// documents it; record types cannot be added, a health check can.
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
		next, err := s.updated(n, ds, in.Service)
		if err != nil {
			return err
		}
		if err := idle(d, OperationTypeUpdateService, "SERVICE", string(ds.ID)); err != nil {
			return err
		}
		changedCheck(d, ds, next.HealthCheck)
		d.Put(next)
		id = string(newOperation(d, OperationTypeUpdateService, map[string]string{"SERVICE": string(ds.ID)}).ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateServiceOutput{OperationId: &id}, nil
}

func (s *Server) updated(n *world.Namespace, ds *world.DiscoveryService, change *ServiceChange) (*world.DiscoveryService, error) {
	if n.Type == NamespaceTypeHttp {
		return nil, invalid("A service in an HTTP namespace cannot be updated.")
	}
	next := *ds
	next.Description = optional.Or(change.Description, ds.Description)
	if err := updateRecords(&next, change.DnsConfig); err != nil {
		return nil, err
	}
	check, err := s.healthCheck(n, &next, change.HealthCheckConfig)
	if err != nil {
		return nil, err
	}
	if ds.HealthCheck != nil && check != nil && check.Type != ds.HealthCheck.Type {
		return nil, invalid("The type of a health check cannot be changed from %s to %s.", ds.HealthCheck.Type, check.Type)
	}
	next.HealthCheck = check
	return &next, nil
}

// updateRecords takes over the TTLs of a request. Nil: the service leaves DNS.
func updateRecords(ds *world.DiscoveryService, change *DnsConfigChange) error {
	if change == nil {
		ds.Records, ds.RoutingPolicy, ds.Type = nil, "", ServiceTypeHttp
		return nil
	}
	if err := checkRecords(change.DnsRecords); err != nil {
		return err
	}
	had := ds.Records
	ds.Records = records(change.DnsRecords)
	for _, r := range ds.Records {
		if !slices.ContainsFunc(had, func(o world.DNSRecord) bool { return o.Type == r.Type }) {
			return invalid("The record type %s cannot be added to an existing service.", r.Type)
		}
	}
	return nil
}
