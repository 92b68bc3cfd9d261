package servicediscovery

import (
	"context"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// UpdateHttpNamespace changes a namespace's description.
func (s *Server) UpdateHttpNamespace(ctx context.Context, in *UpdateHttpNamespaceInput) (*UpdateHttpNamespaceOutput, error) {
	u := namespaceUpdate{id: *in.Id, kind: NamespaceTypeHttp, requestID: in.UpdaterRequestId, Description: in.Namespace.Description}
	id, err := s.updateNamespace(ctx, u)
	if err != nil {
		return nil, err
	}
	return &UpdateHttpNamespaceOutput{OperationId: &id}, nil
}

// UpdatePrivateDnsNamespace changes a namespace's description and the TTL of its
// zone's SOA, for which the resolver remembers that a name does not exist.
func (s *Server) UpdatePrivateDnsNamespace(ctx context.Context, in *UpdatePrivateDnsNamespaceInput) (*UpdatePrivateDnsNamespaceOutput, error) {
	u := namespaceUpdate{id: *in.Id, kind: NamespaceTypeDnsPrivate, requestID: in.UpdaterRequestId, Description: in.Namespace.Description}
	if p := in.Namespace.Properties; p != nil {
		u.SOATTL = p.DnsProperties.SOA.TTL
	}
	id, err := s.updateNamespace(ctx, u)
	if err != nil {
		return nil, err
	}
	return &UpdatePrivateDnsNamespaceOutput{OperationId: &id}, nil
}

// UpdatePublicDnsNamespace is UpdatePrivateDnsNamespace for a public one.
func (s *Server) UpdatePublicDnsNamespace(ctx context.Context, in *UpdatePublicDnsNamespaceInput) (*UpdatePublicDnsNamespaceOutput, error) {
	u := namespaceUpdate{id: *in.Id, kind: NamespaceTypeDnsPublic, requestID: in.UpdaterRequestId, Description: in.Namespace.Description}
	if p := in.Namespace.Properties; p != nil {
		u.SOATTL = p.DnsProperties.SOA.TTL
	}
	id, err := s.updateNamespace(ctx, u)
	if err != nil {
		return nil, err
	}
	return &UpdatePublicDnsNamespaceOutput{OperationId: &id}, nil
}

// namespaceUpdate is a request to change a namespace. What is nil stays.
type namespaceUpdate struct {
	id, kind    string
	requestID   *string
	Namespace   world.NamespaceID
	Description *string
	SOATTL      *int64
}

func (s *Server) updateNamespace(ctx context.Context, u namespaceUpdate) (operation string, err error) {
	err = s.change(ctx, func(d *plan.Draft) error {
		n, err := s.namespace(d.World, u.id)
		if err != nil {
			return err
		}
		if n.Type != u.kind {
			return invalid("The namespace %s has the type %s, not %s.", n.ID, n.Type, u.kind)
		}
		u.Namespace = n.ID
		t := token{Operation: "servicediscovery:UpdateNamespace", Of: u}
		if u.requestID != nil {
			t.Token = *u.requestID
		}
		if operation, err = t.operation(d.World); operation != "" || err != nil {
			return err
		}
		if err := idle(d, OperationTypeUpdateNamespace, "NAMESPACE", string(n.ID)); err != nil {
			return err
		}
		u.put(d, n)
		operation = string(newOperation(d, OperationTypeUpdateNamespace, map[string]string{"NAMESPACE": string(n.ID)}).ID)
		t.remember(d, operation)
		return nil
	})
	return operation, err
}

func (u namespaceUpdate) put(d *plan.Draft, n *world.Namespace) {
	next := *n
	if u.Description != nil {
		next.Description = *u.Description
	}
	if u.SOATTL != nil {
		next.SOATTL = *u.SOATTL
		if z := d.World.HostedZones.Get(string(n.HostedZone)); z != nil {
			zone := *z
			zone.SOATTL = next.SOATTL
			d.Put(&zone)
		}
	}
	d.Put(&next)
}
