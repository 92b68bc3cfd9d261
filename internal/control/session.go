package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// Sessions makes and ends the network interfaces of `seamark in`.
type Sessions struct{ changes *change.Runner }

// NewSessions returns Sessions over a runner.
func NewSessions(changes *change.Runner) *Sessions { return &Sessions{changes} }

// SessionRequest says where a session's interface is to be.
type SessionRequest struct {
	// Target is a VPC's or a subnet's id.
	Target string
	// Subnet picks one of the VPC's subnets; empty: the one with most free addresses.
	Subnet world.SubnetID
	// SecurityGroups of the interface; empty: the VPC's default group.
	SecurityGroups []world.SecurityGroupID
}

// Begin makes the interface. It is gone again after End.
func (s *Sessions) Begin(ctx context.Context, r SessionRequest) (*world.NetworkInterface, error) {
	var made *world.NetworkInterface
	_, _, err := s.changes.Do(ctx, func(d *plan.Draft) error {
		subnet, err := sessionSubnet(d.World, r)
		if err != nil {
			return err
		}
		for _, g := range r.SecurityGroups {
			if group := d.World.SecurityGroups.Get(string(g)); group == nil || group.VPC != subnet.VPC {
				return fmt.Errorf("security group %s in VPC %s: %w", g, subnet.VPC, world.ErrNotFound)
			}
		}
		made, _, err = place.Interface(d, subnet, r.SecurityGroups, world.OwnedBySession, d.Draw.UUID())
		if err != nil {
			return err
		}
		if subnet.IPv6.IsValid() {
			made = place.WithIPv6(d, subnet, made)
		}
		named := *made
		named.Description = "seamark in " + r.Target
		d.Put(&named)
		return nil
	})
	return made, err
}

func sessionSubnet(w world.World, r SessionRequest) (*world.Subnet, error) {
	id := r.Subnet
	if id == "" {
		id = world.SubnetID(r.Target)
	}
	if s := w.Subnets.Get(string(id)); s != nil {
		return s, nil
	}
	if r.Subnet != "" || w.VPCs.Get(r.Target) == nil {
		return nil, fmt.Errorf("%s: no such VPC or subnet: %w", r.Target, world.ErrNotFound)
	}
	var ids []world.SubnetID
	for s := range w.SubnetsOf(world.VPCID(r.Target)) {
		ids = append(ids, s.ID)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s has no subnet to be in: %w", r.Target, world.ErrNotFound)
	}
	return place.Subnet(w, ids, nil)
}

// End removes a session's interface.
func (s *Sessions) End(ctx context.Context, id world.NetworkInterfaceID) error {
	_, _, err := s.changes.Do(ctx, func(d *plan.Draft) error {
		if n := d.World.NetworkInterfaces.Get(string(id)); n != nil && n.OwnerKind == world.OwnedBySession {
			place.Release(d, n, 0)
		}
		return nil
	})
	return err
}

// EndAll removes the interfaces of sessions that an earlier process served.
func (s *Sessions) EndAll(ctx context.Context) error {
	var ids []world.NetworkInterfaceID
	for n := range s.changes.Store.View().NetworkInterfaces.All() {
		if n.OwnerKind == world.OwnedBySession {
			ids = append(ids, n.ID)
		}
	}
	var errs []error
	for _, id := range slices.Sorted(slices.Values(ids)) {
		errs = append(errs, s.End(ctx, id))
	}
	return errors.Join(errs...)
}
