package servicediscovery

import (
	"context"
	"maps"
	"slices"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// RegisterInstance enters an instance, or replaces the one of the same id.
func (s *Server) RegisterInstance(ctx context.Context, in *RegisterInstanceInput) (*RegisterInstanceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		ds, err := findService(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		if err := checkAttributes(ds, in.Attributes); err != nil {
			return err
		}
		old := d.World.Instance(ds.ID, *in.InstanceId)
		op := newOperation(d, "REGISTER_INSTANCE", map[string]string{"INSTANCE": *in.InstanceId, "SERVICE": string(ds.ID)})
		id = string(op.ID)
		d.Put(newInstance(d, ds, in, old, op.ID))
		bump(d, ds)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &RegisterInstanceOutput{OperationId: &id}, nil
}

func newInstance(d *plan.Draft, ds *world.DiscoveryService, in *RegisterInstanceInput, old *world.DiscoveryInstance, op world.OperationID) *world.DiscoveryInstance {
	health := world.Healthy
	if in.Attributes[attrInitHealth] == string(world.Unhealthy) {
		health = world.Unhealthy
	}
	i := &world.DiscoveryInstance{
		Service: ds.ID, ID: *in.InstanceId, Attributes: maps.Clone(in.Attributes), CreatorRequestID: or(in.CreatorRequestId, ""),
		Health: health, WasHealthy: health == world.Healthy, Operation: op, CreatedAt: d.Now,
	}
	if old != nil {
		i.CreatedAt = old.CreatedAt
		if in.Attributes[attrInitHealth] == "" {
			i.Health, i.WasHealthy, i.Pending, i.PendingAt = old.Health, old.WasHealthy, old.Pending, old.PendingAt
		}
	}
	return i
}

// bump counts a change of a service's instances.
func bump(d *plan.Draft, ds *world.DiscoveryService) {
	next := *ds
	next.InstancesRevision++
	d.Put(&next)
}

// DeregisterInstance removes an instance.
func (s *Server) DeregisterInstance(ctx context.Context, in *DeregisterInstanceInput) (*DeregisterInstanceOutput, error) {
	var id string
	err := s.change(ctx, func(d *plan.Draft) error {
		ds, err := findService(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		i, err := findInstance(d.World, ds, *in.InstanceId)
		if err != nil {
			return err
		}
		d.Delete(i)
		bump(d, ds)
		id = string(newOperation(d, "DEREGISTER_INSTANCE", map[string]string{"INSTANCE": i.ID, "SERVICE": string(ds.ID)}).ID)
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
	ds, err := findService(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	i, err := findInstance(w, ds, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &GetInstanceOutput{ResourceOwner: &s.cfg.Scope.Account, Instance: &Instance{
		Id: &i.ID, Attributes: i.Attributes, CreatorRequestId: optional(i.CreatorRequestID), CreatedByAccount: &s.cfg.Scope.Account,
	}}, nil
}

// ListInstances lists a service's instances by id.
func (s *Server) ListInstances(_ context.Context, in *ListInstancesInput) (*ListInstancesOutput, error) {
	w := s.cfg.Changes.View()
	ds, err := findService(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	cut, next, err := cutRows(w.InstancesOf(ds.ID), in.NextToken, in.MaxResults)
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
	ds, err := findService(w, *in.ServiceId)
	if err != nil {
		return nil, err
	}
	rows := w.InstancesOf(ds.ID)
	if in.Instances != nil {
		var asked []*world.DiscoveryInstance
		for _, id := range in.Instances {
			i, err := findInstance(w, ds, id)
			if err != nil {
				return nil, err
			}
			asked = append(asked, i)
		}
		slices.SortFunc(asked, byKey)
		rows = slices.Values(asked)
	}
	cut, next, err := cutRows(rows, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &GetInstancesHealthStatusOutput{Status: map[string]string{}, NextToken: next}
	for _, i := range cut {
		out.Status[i.ID] = string(healthOf(ds, i))
	}
	return out, nil
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
		ds, err := findService(d.World, *in.ServiceId)
		if err != nil {
			return err
		}
		i, err := findInstance(d.World, ds, *in.InstanceId)
		if err != nil {
			return err
		}
		if !ds.CustomHealth {
			return ErrCustomHealthNotFound("The service " + string(ds.ID) + " has no custom health check.")
		}
		if next := withStatus(d, *i, world.HealthStatus(*in.Status)); next != nil {
			d.Put(next)
		}
		return nil
	})
}

// withStatus returns the instance with the status asked for, or nil if that
// changes nothing.
func withStatus(d *plan.Draft, i world.DiscoveryInstance, status world.HealthStatus) *world.DiscoveryInstance {
	delay := d.Fidelity.CustomHealthDelay()
	switch {
	case i.Pending == status, i.Pending == "" && i.Health == status:
		return nil
	case i.Health == status:
		i.Pending = "" // the opposite was asked for within the delay: cancelled
	case delay > 0:
		i.Pending, i.PendingAt = status, d.Now.Add(delay)
	default:
		i.Health = status
		i.WasHealthy = i.WasHealthy || status == world.Healthy
	}
	return &i
}

func byKey(a, b *world.DiscoveryInstance) int {
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}
