package route53

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// maxVPCs is how many VPCs a private zone may have (Route 53 quotas).
const maxVPCs = 300

// associable refuses a VPC that does not exist or that has a zone of the name
// already.
func (s *Server) associable(w world.World, z *world.HostedZone, v *VPC) error {
	if err := s.vpcExists(w, v.VPCId, v.VPCRegion); err != nil {
		return err
	}
	name, _ := zone.Written(z.Name)
	for other := range w.ZonesIn(world.VPCID(*v.VPCId)) {
		if taken, _ := zone.Written(other.Name); taken == name {
			return ErrConflictingDomainExists(fmt.Sprintf("The VPC that you chose, %s in region %s, is already associated with another private hosted zone that has an overlapping name space, %s.",
				*v.VPCId, *v.VPCRegion, other.Name))
		}
	}
	return nil
}

// privateZone finds a zone that can have VPCs. Those of Cloud Map may be
// associated with further VPCs (Cloud Map developer guide, "Creating namespaces").
func (s *Server) privateZone(w world.World, id string) (*world.HostedZone, error) {
	z, err := s.zone(w, id)
	if err == nil && !z.Private {
		err = ErrPublicZoneVPCAssociation("You're trying to associate a VPC with a public hosted zone. Amazon Route 53 doesn't support associating a VPC with a public hosted zone.")
	}
	return z, err
}

// AssociateVPCWithHostedZone has a private zone answer in one more VPC.
func (s *Server) AssociateVPCWithHostedZone(ctx context.Context, in *AssociateVPCWithHostedZoneInput) (*AssociateVPCWithHostedZoneOutput, error) {
	var info *ChangeInfo
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.privateZone(d.World, *in.HostedZoneId)
		if err != nil {
			return err
		}
		if err := s.associable(d.World, z, in.VPC); err != nil {
			return err
		}
		if len(z.VPCs) >= maxVPCs {
			return ErrLimitsExceeded(fmt.Sprintf("The hosted zone %s is associated with %d VPCs already.", z.ID, maxVPCs))
		}
		next := *z
		next.VPCs = append(slices.Clone(z.VPCs), world.VPCID(*in.VPC.VPCId))
		d.Put(&next)
		info = submitted(d, in.Comment)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &AssociateVPCWithHostedZoneOutput{ChangeInfo: info}, nil
}

// DisassociateVPCFromHostedZone has a private zone answer in one VPC less. One
// must remain.
func (s *Server) DisassociateVPCFromHostedZone(ctx context.Context, in *DisassociateVPCFromHostedZoneInput) (*DisassociateVPCFromHostedZoneOutput, error) {
	var info *ChangeInfo
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.zone(d.World, *in.HostedZoneId)
		if err != nil {
			return err
		}
		id := world.VPCID(optional.Value(in.VPC.VPCId))
		at := slices.Index(z.VPCs, id)
		if at < 0 || optional.Value(in.VPC.VPCRegion) != s.cfg.Scope.Region {
			return ErrVPCAssociationNotFound(fmt.Sprintf("The VPC: %s is not associated with the hosted zone: %s", id, z.ID))
		}
		if n := d.World.Namespaces.Get(string(z.Namespace)); n != nil && n.VPC == id {
			_, err := s.ownZone(d.World, string(z.ID))
			return err
		}
		if len(z.VPCs) == 1 {
			return ErrLastVPCAssociation(fmt.Sprintf("The VPC: %s is the last VPC associated with the hosted zone: %s", id, z.ID))
		}
		next := *z
		next.VPCs = slices.Delete(slices.Clone(z.VPCs), at, at+1)
		d.Put(&next)
		info = submitted(d, in.Comment)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DisassociateVPCFromHostedZoneOutput{ChangeInfo: info}, nil
}

// CreateVPCAssociationAuthorization records that another account may associate
// its VPC. There is no other account here, so it stays a record.
func (s *Server) CreateVPCAssociationAuthorization(ctx context.Context, in *CreateVPCAssociationAuthorizationInput) (*CreateVPCAssociationAuthorizationOutput, error) {
	foreign := world.ForeignVPC{Region: optional.Value(in.VPC.VPCRegion), ID: world.VPCID(optional.Value(in.VPC.VPCId))}
	if foreign.Region == "" || foreign.ID == "" {
		return nil, invalid("Both VPCId and VPCRegion are needed.")
	}
	out := &CreateVPCAssociationAuthorizationOutput{VPC: in.VPC}
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.privateZone(d.World, *in.HostedZoneId)
		if err != nil {
			return err
		}
		out.HostedZoneId = new(string(z.ID))
		if slices.Contains(z.Authorized, foreign) {
			return nil
		}
		next := *z
		next.Authorized = append(slices.Clone(z.Authorized), foreign)
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteVPCAssociationAuthorization takes the permission back.
func (s *Server) DeleteVPCAssociationAuthorization(ctx context.Context, in *DeleteVPCAssociationAuthorizationInput) (*DeleteVPCAssociationAuthorizationOutput, error) {
	foreign := world.ForeignVPC{Region: optional.Value(in.VPC.VPCRegion), ID: world.VPCID(optional.Value(in.VPC.VPCId))}
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.privateZone(d.World, *in.HostedZoneId)
		if err != nil {
			return err
		}
		at := slices.Index(z.Authorized, foreign)
		if at < 0 {
			return ErrVPCAssociationAuthorizationNotFound(fmt.Sprintf("The VPC: %s that you specified is not authorized to be associated with the hosted zone: %s", foreign.ID, z.ID))
		}
		next := *z
		next.Authorized = slices.Delete(slices.Clone(z.Authorized), at, at+1)
		d.Put(&next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DeleteVPCAssociationAuthorizationOutput{}, nil
}

// ListVPCAssociationAuthorizations lists the VPCs of other accounts that may be
// associated.
func (s *Server) ListVPCAssociationAuthorizations(_ context.Context, in *ListVPCAssociationAuthorizationsInput) (*ListVPCAssociationAuthorizationsOutput, error) {
	z, err := s.privateZone(s.cfg.Changes.View(), *in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	limit, err := maxItems(in.MaxResults, 50)
	if err != nil {
		return nil, err
	}
	key := func(v world.ForeignVPC) string { return string(v.ID) + " " + v.Region }
	sorted := slices.SortedFunc(slices.Values(z.Authorized), func(a, b world.ForeignVPC) int {
		return cmp.Compare(key(a), key(b))
	})
	cut, next, err := page.Cut(sorted, key, optional.Value(in.NextToken), limit)
	if err != nil {
		return nil, ErrInvalidPaginationToken("The value that you specified to get the second or subsequent page of results is invalid.")
	}
	out := &ListVPCAssociationAuthorizationsOutput{HostedZoneId: new(string(z.ID)), VPCs: []VPC{}, NextToken: optional.Text(next)}
	for _, v := range cut {
		out.VPCs = append(out.VPCs, VPC{VPCId: new(string(v.ID)), VPCRegion: new(v.Region)})
	}
	return out, nil
}
