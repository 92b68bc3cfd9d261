package route53

import (
	"context"
	"reflect"
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

func noSuchHealthCheck(id string) error {
	return ErrNoSuchHealthCheck("A health check with id " + id + " does not exist.")
}

func healthCheck(w world.World, id string) (*world.DNSHealthCheck, error) {
	if h := w.HealthChecks.Get(id); h != nil {
		return h, nil
	}
	return nil, noSuchHealthCheck(id)
}

// CreateHealthCheck makes a health check. The same request again returns what
// the first one made.
func (s *Server) CreateHealthCheck(ctx context.Context, in *CreateHealthCheckInput) (*CreateHealthCheckOutput, error) {
	spec, err := newSpec(in.HealthCheckConfig)
	if err != nil {
		return nil, err
	}
	var made *world.DNSHealthCheck
	err = s.change(ctx, func(d *plan.Draft) error {
		for have := range d.World.HealthChecksRequested(*in.CallerReference) {
			if !reflect.DeepEqual(have.Spec, spec) {
				return ErrHealthCheckAlreadyExists("A health check with caller reference " + *in.CallerReference + " already exists with other settings.")
			}
			made = have
			return nil
		}
		if err := checkSpec(d.World, spec); err != nil {
			return err
		}
		made = &world.DNSHealthCheck{ID: world.HealthCheckID(d.Draw.UUID()), CallerReference: *in.CallerReference, Version: 1, Spec: spec, CreatedAt: d.Now}
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateHealthCheckOutput{
		HealthCheck: showHealthCheck(made), Location: new("https://route53.amazonaws.com/2013-04-01/healthcheck/" + string(made.ID)),
	}, nil
}

// GetHealthCheck shows a health check.
func (s *Server) GetHealthCheck(_ context.Context, in *GetHealthCheckInput) (*GetHealthCheckOutput, error) {
	h, err := healthCheck(s.cfg.Changes.View(), *in.HealthCheckId)
	if err != nil {
		return nil, err
	}
	return &GetHealthCheckOutput{HealthCheck: showHealthCheck(h)}, nil
}

// GetHealthCheckCount counts the health checks.
func (s *Server) GetHealthCheckCount(context.Context, *GetHealthCheckCountInput) (*GetHealthCheckCountOutput, error) {
	return &GetHealthCheckCountOutput{HealthCheckCount: new(int64(s.cfg.Changes.View().HealthChecks.Len()))}, nil
}

// ListHealthChecks lists health checks by id. Its marker is the id of the first
// one of the next page.
func (s *Server) ListHealthChecks(_ context.Context, in *ListHealthChecksInput) (*ListHealthChecksOutput, error) {
	limit, err := maxItems(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	w := s.cfg.Changes.View()
	out := &ListHealthChecksOutput{HealthChecks: []HealthCheck{}, IsTruncated: new(false), MaxItems: new(strconv.Itoa(limit)), Marker: new(optional.Value(in.Marker))}
	for h := range w.HealthChecks.All() {
		if string(h.ID) < optional.Value(in.Marker) {
			continue
		}
		if len(out.HealthChecks) == limit {
			out.IsTruncated, out.NextMarker = new(true), new(string(h.ID))
			break
		}
		out.HealthChecks = append(out.HealthChecks, *showHealthCheck(h))
	}
	return out, nil
}

// UpdateHealthCheck changes what is given and resets what is named.
func (s *Server) UpdateHealthCheck(ctx context.Context, in *UpdateHealthCheckInput) (*UpdateHealthCheckOutput, error) {
	if in.AlarmIdentifier != nil || in.InsufficientDataHealthStatus != nil {
		return nil, invalid("Health checks of the type CLOUDWATCH_METRIC are not built in Seamark yet.")
	}
	var next world.DNSHealthCheck
	err := s.change(ctx, func(d *plan.Draft) error {
		h, err := healthCheck(d.World, *in.HealthCheckId)
		if err != nil {
			return err
		}
		if in.HealthCheckVersion != nil && *in.HealthCheckVersion != h.Version {
			return ErrHealthCheckVersionMismatch("The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion in the health check.")
		}
		next = *h
		next.Version++
		next.Spec = updated(h.Spec, in)
		if err := checkSpec(d.World, next.Spec); err != nil {
			return err
		}
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateHealthCheckOutput{HealthCheck: showHealthCheck(&next)}, nil
}

// DeleteHealthCheck removes a health check. Record sets that refer to it count
// as healthy from then on (Route 53 API reference, DeleteHealthCheck, warns of
// it).
func (s *Server) DeleteHealthCheck(ctx context.Context, in *DeleteHealthCheckInput) (*DeleteHealthCheckOutput, error) {
	err := s.change(ctx, func(d *plan.Draft) error {
		h, err := healthCheck(d.World, *in.HealthCheckId)
		if err != nil {
			return err
		}
		d.Delete(h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DeleteHealthCheckOutput{}, nil
}
