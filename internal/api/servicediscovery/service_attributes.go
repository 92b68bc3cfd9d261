package servicediscovery

import (
	"context"
	"maps"

	"seamark/internal/plan"
)

// maxServiceAttributes is the quota of attributes of a service.
const maxServiceAttributes = 30

// GetServiceAttributes shows what users noted on a service.
func (s *Server) GetServiceAttributes(_ context.Context, in *GetServiceAttributesInput) (*GetServiceAttributesOutput, error) {
	ds, err := s.service(s.cfg.Changes.View(), *in.ServiceId)
	if err != nil {
		return nil, err
	}
	attributes := ds.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	return &GetServiceAttributesOutput{ServiceAttributes: &ServiceAttributes{
		Attributes: attributes, ResourceOwner: &s.cfg.Scope.Account, ServiceArn: new(s.serviceARN(ds.ID)),
	}}, nil
}

// UpdateServiceAttributes adds or replaces attributes of a service.
func (s *Server) UpdateServiceAttributes(ctx context.Context, in *UpdateServiceAttributesInput) (*UpdateServiceAttributesOutput, error) {
	return &UpdateServiceAttributesOutput{}, s.changeAttributes(ctx, *in.ServiceId, func(all map[string]string) { maps.Copy(all, in.Attributes) })
}

// DeleteServiceAttributes removes attributes of a service; those that are not
// there are no error.
func (s *Server) DeleteServiceAttributes(ctx context.Context, in *DeleteServiceAttributesInput) (*DeleteServiceAttributesOutput, error) {
	return &DeleteServiceAttributesOutput{}, s.changeAttributes(ctx, *in.ServiceId, func(all map[string]string) {
		for _, key := range in.Attributes {
			delete(all, key)
		}
	})
}

func (s *Server) changeAttributes(ctx context.Context, service string, change func(all map[string]string)) error {
	return s.change(ctx, func(d *plan.Draft) error {
		ds, err := s.service(d.World, service)
		if err != nil {
			return err
		}
		next := *ds
		next.Attributes = map[string]string{}
		maps.Copy(next.Attributes, ds.Attributes)
		change(next.Attributes)
		if len(next.Attributes) > maxServiceAttributes {
			return ErrServiceAttributesLimitExceededException("A service can have at most 30 attributes.")
		}
		if !maps.Equal(ds.Attributes, next.Attributes) {
			d.Put(&next)
		}
		return nil
	})
}
