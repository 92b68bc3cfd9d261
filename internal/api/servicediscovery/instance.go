package servicediscovery

import (
	"context"
	"maps"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/plan"
	"seamark/internal/plan/discover"
	"seamark/internal/world"
)

// RegisterInstance enters an instance, or replaces the one of the same id.
func (s *Server) RegisterInstance(ctx context.Context, in *RegisterInstanceInput) (*RegisterInstanceOutput, error) {
	var id world.OperationID
	err := s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		n, err := s.namespace(d.World, string(ds.Namespace))
		if err != nil {
			return err
		}
		r := registration{n, ds, *in.InstanceId, in.Attributes}
		if err := r.check(); err != nil {
			return err
		}
		if r, err = r.withAddress(d.World); err != nil {
			return err
		}
		old := d.World.Instance(ds.ID, r.id)
		if id, err = registered(d, r, old, optional.Value(in.CreatorRequestId)); id != "" || err != nil {
			return err
		}
		if old == nil {
			if err := s.instanceQuota(d.World, n, ds); err != nil {
				return err
			}
		}
		op := zoneOperation(d, OperationTypeRegisterInstance, map[string]string{"INSTANCE": r.id, "SERVICE": string(ds.ID)}, len(ds.Records) > 0)
		id = op.ID
		d.Put(newInstance(d, r, old, optional.Value(in.CreatorRequestId), op.ID))
		discover.Count(d, ds)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &RegisterInstanceOutput{OperationId: new(string(id))}, nil
}

// registered is the operation of an earlier request with the same token and the
// same parameters. The token with others, and a request for an instance whose
// last operation has not come to its end, are a DuplicateRequest.
func registered(d *plan.Draft, r registration, old *world.DiscoveryInstance, token string) (world.OperationID, error) {
	if token != "" {
		for i := range d.World.InstancesRequested(r.service.ID, token) {
			if i.ID == r.id && maps.Equal(i.Attributes, r.attributes) {
				return i.Operation, nil
			}
			return "", duplicate("A request with the CreatorRequestId "+token+" and other parameters was made.", i.Operation)
		}
	}
	return "", free(d, old)
}

// free says whether no operation on the instance is under way.
func free(d *plan.Draft, i *world.DiscoveryInstance) error {
	if i == nil || !d.Fidelity.OneRequestAtATime() {
		return nil
	}
	if op := d.World.Operations.Get(string(i.Operation)); op != nil && op.Revision > d.Applied {
		return duplicate("Another operation of type RegisterInstance and id "+string(op.ID)+" is in progress for the instance "+i.ID+".", op.ID)
	}
	return nil
}

func duplicate(message string, op world.OperationID) error {
	return ErrDuplicateRequest(message).With("DuplicateOperationId", string(op))
}

// newInstance is the instance of a request. Registered again without an initial
// status, it keeps the custom health that it has; a health check of Route 53's
// kind is replaced by a new one, which knows nothing yet.
func newInstance(d *plan.Draft, r registration, old *world.DiscoveryInstance, token string, op world.OperationID) *world.DiscoveryInstance {
	i := &world.DiscoveryInstance{
		Service: r.service.ID, ID: r.id, Attributes: r.attributes, CreatorRequestID: token,
		Health: initialHealth(r), Operation: op, CreatedAt: d.Now,
	}
	i.WasHealthy = i.Health == world.Healthy
	if old == nil {
		return i
	}
	i.CreatedAt = old.CreatedAt
	switch {
	case r.service.HealthCheck != nil:
		i.WasHealthy = old.WasHealthy
	case r.attributes[attrInitHealth] == "":
		i.Health, i.WasHealthy, i.Pending, i.PendingAt = old.Health, old.WasHealthy, old.Pending, old.PendingAt
	}
	return i
}

func initialHealth(r registration) world.HealthStatus {
	switch {
	case r.service.HealthCheck != nil:
		return world.HealthUnknown
	case r.attributes[attrInitHealth] == string(world.Unhealthy):
		return world.Unhealthy
	}
	return world.Healthy
}

// DeregisterInstance removes an instance.
func (s *Server) DeregisterInstance(ctx context.Context, in *DeregisterInstanceInput) (*DeregisterInstanceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		i, err := instance(d.World, ds, *in.InstanceId)
		if err != nil {
			return err
		}
		if err := free(d, i); err != nil {
			return err
		}
		d.Delete(i)
		discover.Count(d, ds)
		id = string(zoneOperation(d, OperationTypeDeregisterInstance, map[string]string{"INSTANCE": i.ID, "SERVICE": string(ds.ID)}, len(ds.Records) > 0).ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DeregisterInstanceOutput{OperationId: &id}, nil
}

// GetInstance shows an instance.
func (s *Server) GetInstance(_ context.Context, in *GetInstanceInput) (*GetInstanceOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := s.service(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	i, err := instance(w, ds, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &GetInstanceOutput{ResourceOwner: &s.cfg.Scope.Account, Instance: &Instance{
		Id: &i.ID, Attributes: i.Attributes, CreatorRequestId: optional.Text(i.CreatorRequestID), CreatedByAccount: &s.cfg.Scope.Account,
	}}, nil
}

// ListInstances lists a service's instances by id.
func (s *Server) ListInstances(_ context.Context, in *ListInstancesInput) (*ListInstancesOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := s.service(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	cut, next, err := rows(w.DiscoveryInstances, string(ds.ID)+"/", in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListInstancesOutput{Instances: []InstanceSummary{}, NextToken: next, ResourceOwner: &s.cfg.Scope.Account}
	for _, i := range cut {
		out.Instances = append(out.Instances, InstanceSummary{Id: &i.ID, Attributes: i.Attributes, CreatedByAccount: &s.cfg.Scope.Account})
	}
	return out, nil
}

// GetInstancesHealthStatus shows the health of a service's instances.
func (s *Server) GetInstancesHealthStatus(_ context.Context, in *GetInstancesHealthStatusInput) (*GetInstancesHealthStatusOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := s.service(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	cut, next, err := asked(w, ds, in)
	if err != nil {
		return nil, err
	}
	out := &GetInstancesHealthStatusOutput{Status: map[string]string{}, NextToken: next}
	for _, i := range cut {
		out.Status[i.ID] = string(healthOf(ds, i))
	}
	return out, nil
}

// asked are the instances that a request names, or a page of all.
func asked(w world.World, ds *world.DiscoveryService, in *GetInstancesHealthStatusInput) ([]*world.DiscoveryInstance, *string, error) {
	if in.Instances == nil {
		return rows(w.DiscoveryInstances, string(ds.ID)+"/", in.NextToken, in.MaxResults)
	}
	var named []*world.DiscoveryInstance
	for _, id := range slices.Compact(slices.Sorted(slices.Values(in.Instances))) {
		i, err := instance(w, ds, id)
		if err != nil {
			return nil, nil, err
		}
		named = append(named, i)
	}
	cut, next, err := page.Cut(named, (*world.DiscoveryInstance).Key, optional.Value(in.NextToken), int(optional.Or(in.MaxResults, 100)))
	if err != nil {
		return nil, nil, invalid("The NextToken is not valid.")
	}
	return cut, optional.Text(next), nil
}

// healthOf is UNKNOWN where nobody measures health.
func healthOf(ds *world.DiscoveryService, i *world.DiscoveryInstance) world.HealthStatus {
	if !ds.CustomHealth && ds.HealthCheck == nil {
		return world.HealthUnknown
	}
	return i.Health
}

// UpdateInstanceCustomHealthStatus sets the custom health of an instance. In
// AWS's fidelity it becomes effective after 30 seconds, unless the opposite is
// asked for before.
func (s *Server) UpdateInstanceCustomHealthStatus(ctx context.Context, in *UpdateInstanceCustomHealthStatusInput) (*UpdateInstanceCustomHealthStatusOutput, error) {
	return &UpdateInstanceCustomHealthStatusOutput{}, s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		i, err := instance(d.World, ds, *in.InstanceId)
		if err != nil {
			return err
		}
		if !ds.CustomHealth {
			return ErrCustomHealthNotFound("The service " + string(ds.ID) + " has no custom health check.")
		}
		if next := discover.WithStatus(d, *i, world.HealthStatus(*in.Status)); next != nil {
			d.Put(next)
		}
		return nil
	})
}
