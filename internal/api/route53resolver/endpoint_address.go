package route53resolver

import (
	"context"
	"fmt"
	"slices"

	"seamark/internal/plan"
	"seamark/internal/plan/resolve"
	"seamark/internal/world"
)

// AssociateResolverEndpointIpAddress gives an endpoint one more address.
func (s *Server) AssociateResolverEndpointIpAddress(ctx context.Context, in *AssociateResolverEndpointIpAddressInput) (*AssociateResolverEndpointIpAddressOutput, error) {
	if in.IpAddress.SubnetId == nil || in.IpAddress.IpId != nil {
		return nil, ErrInvalidParameterException("An IP address is added by its subnet, SubnetId.").With("FieldName", "SubnetId")
	}
	e, err := s.changeAddresses(ctx, *in.ResolverEndpointId, func(d *plan.Draft, e *world.ResolverEndpoint) error {
		if len(e.Addresses) >= mostAddresses {
			return tooManyAddresses()
		}
		subnet, err := endpointSubnet(d.World, e, *in.IpAddress.SubnetId)
		if err != nil {
			return err
		}
		return addAddress(d, e, subnet, in.IpAddress.Ip, in.IpAddress.Ipv6)
	})
	if err != nil {
		return nil, err
	}
	return &AssociateResolverEndpointIpAddressOutput{ResolverEndpoint: e}, nil
}

// DisassociateResolverEndpointIpAddress takes an address from an endpoint, by
// its id or by its subnet and address.
func (s *Server) DisassociateResolverEndpointIpAddress(ctx context.Context, in *DisassociateResolverEndpointIpAddressInput) (*DisassociateResolverEndpointIpAddressOutput, error) {
	e, err := s.changeAddresses(ctx, *in.ResolverEndpointId, func(d *plan.Draft, e *world.ResolverEndpoint) error {
		i := slices.IndexFunc(e.Addresses, func(a world.EndpointAddress) bool { return names(in.IpAddress, a) })
		switch {
		case i < 0:
			return ErrResourceNotFoundException(fmt.Sprintf("The IP address is not one of the Resolver endpoint '%s'.", e.ID)).With("ResourceType", "IpAddress")
		case len(e.Addresses) <= fewestAddresses:
			return ErrInvalidRequestException("Resolver endpoint needs to have at least 2 IP addresses.")
		}
		releaseAddress(d, e.Addresses[i])
		e.Addresses = slices.Delete(slices.Clone(e.Addresses), i, i+1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DisassociateResolverEndpointIpAddressOutput{ResolverEndpoint: e}, nil
}

// names says whether an update is about an address. One that says nothing is
// about none.
func names(u *IpAddressUpdate, a world.EndpointAddress) bool {
	if u.IpId == nil && (u.Ip == nil || u.SubnetId == nil) || u.Ipv6 != nil {
		return false
	}
	return (u.IpId == nil || *u.IpId == a.ID) && (u.Ip == nil || *u.Ip == a.Address.String()) && (u.SubnetId == nil || *u.SubnetId == string(a.Subnet))
}

func (s *Server) changeAddresses(ctx context.Context, id string, f func(d *plan.Draft, e *world.ResolverEndpoint) error) (*ResolverEndpoint, error) {
	var next world.ResolverEndpoint
	err := s.change(ctx, func(d *plan.Draft) error {
		e, err := endpoint(d.World, id)
		if err != nil {
			return err
		}
		next = *e
		if err := f(d, &next); err != nil {
			return err
		}
		next.ModifiedAt, next.Revision = d.Now, d.Revision
		next.Observed = without(e.Observed, next.Addresses)
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return new(s.showEndpoint(&next)), nil
}

// without forgets what was observed of interfaces that are no longer there.
func without(o world.EndpointObserved, addresses []world.EndpointAddress) world.EndpointObserved {
	gone := func(id world.NetworkInterfaceID) bool {
		return !slices.ContainsFunc(addresses, func(a world.EndpointAddress) bool { return a.Interface == id })
	}
	o.Serving, o.Served = slices.DeleteFunc(slices.Clone(o.Serving), gone), slices.DeleteFunc(slices.Clone(o.Served), gone)
	return o
}

// ListResolverEndpointIpAddresses lists an endpoint's addresses by id.
func (s *Server) ListResolverEndpointIpAddresses(_ context.Context, in *ListResolverEndpointIpAddressesInput) (*ListResolverEndpointIpAddressesOutput, error) {
	e, err := endpoint(s.view(), *in.ResolverEndpointId)
	if err != nil {
		return nil, err
	}
	var all []IpAddressResponse
	for _, a := range e.Addresses {
		status := resolve.AddressStatus(e, a)
		message := "This IP address is being attached."
		if status == IpAddressStatusAttached {
			message = "This IP address is operational."
		}
		all = append(all, IpAddressResponse{
			CreationTime: stamp(a.CreatedAt), Ip: new(a.Address.String()), IpId: new(a.ID), ModificationTime: stamp(a.ModifiedAt),
			Status: &status, StatusMessage: &message, SubnetId: new(string(a.Subnet)),
		})
	}
	l := listing{in.NextToken, in.MaxResults, 10, ErrInvalidNextTokenException}
	byID := func(a IpAddressResponse) string { return *a.IpId }
	sorted(all, byID, byID, nil)
	shown, next, err := cut(l, all, byID)
	if err != nil {
		return nil, err
	}
	return &ListResolverEndpointIpAddressesOutput{IpAddresses: shown, MaxResults: l.limit(), NextToken: next}, nil
}
