package route53

import (
	"context"
	"fmt"
	"slices"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// soaTTL is the TTL of the SOA that Route 53 makes, in seconds.
const soaTTL = 900

// CreateHostedZone makes a zone: a private one where a VPC is named.
func (s *Server) CreateHostedZone(ctx context.Context, in *CreateHostedZoneInput) (*CreateHostedZoneOutput, error) {
	made, err := s.newZone(in)
	if err != nil {
		return nil, err
	}
	var info *ChangeInfo
	err = s.change(ctx, func(d *plan.Draft) error {
		for range d.World.ZonesRequested(made.CallerReference) {
			return ErrHostedZoneAlreadyExists("A hosted zone has already been created with the specified caller reference.")
		}
		if made.Private {
			if err := s.associable(d.World, made, in.VPC); err != nil {
				return err
			}
		}
		z := *made
		z.ID, z.CreatedAt = world.HostedZoneID("Z"+d.Draw.Upper(20)), d.Now
		d.Put(&z)
		made, info = &z, submitted(d, nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateHostedZoneOutput{
		HostedZone: s.show(s.cfg.Changes.View(), made), ChangeInfo: info, DelegationSet: delegationSet(made), VPC: in.VPC,
		Location: new("https://route53.amazonaws.com/2013-04-01/hostedzone/" + string(made.ID)),
	}, nil
}

// newZone is the zone that a request asks for.
func (s *Server) newZone(in *CreateHostedZoneInput) (*world.HostedZone, error) {
	name, err := dnsName(*in.Name)
	if err != nil {
		return nil, err
	}
	if name == "." {
		return nil, ErrInvalidDomainName("The domain name " + *in.Name + " is not valid.")
	}
	z := &world.HostedZone{Name: name, CallerReference: *in.CallerReference, Private: in.VPC != nil, SOATTL: soaTTL}
	if c := in.HostedZoneConfig; c != nil {
		z.Comment = optional.Value(c.Comment)
		if optional.Value(c.PrivateZone) && in.VPC == nil {
			return nil, invalid("When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.")
		}
	}
	if in.DelegationSetId != nil {
		if z.Private {
			return nil, invalid("A private hosted zone cannot have a reusable delegation set.")
		}
		return nil, ErrNoSuchDelegationSet("No delegation set found with ID: " + *in.DelegationSetId) // none can be made
	}
	if z.Private {
		z.VPCs = []world.VPCID{world.VPCID(optional.Value(in.VPC.VPCId))}
	}
	return z, nil
}

// DeleteHostedZone removes a zone that has nothing but its NS and SOA.
func (s *Server) DeleteHostedZone(ctx context.Context, in *DeleteHostedZoneInput) (*DeleteHostedZoneOutput, error) {
	var info *ChangeInfo
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.ownZone(d.World, *in.Id)
		if err != nil {
			return err
		}
		sets := slices.Collect(d.World.RecordSetsOf(z.ID))
		for _, r := range sets {
			if !essential(z, r) {
				return ErrHostedZoneNotEmpty("The specified hosted zone contains non-required resource record sets  and so cannot be deleted.")
			}
		}
		for _, r := range sets {
			d.Delete(r)
		}
		d.Delete(z)
		info = submitted(d, nil)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &DeleteHostedZoneOutput{ChangeInfo: info}, nil
}

// essential says whether a record set is one that each zone has.
func essential(z *world.HostedZone, r *world.RecordSet) bool {
	apex, _ := zone.Written(z.Name)
	return r.Name == apex && (r.Type == RRTypeNs || r.Type == RRTypeSoa)
}

// UpdateHostedZoneComment changes or removes a zone's comment.
func (s *Server) UpdateHostedZoneComment(ctx context.Context, in *UpdateHostedZoneCommentInput) (*UpdateHostedZoneCommentOutput, error) {
	var shown *HostedZone
	err := s.change(ctx, func(d *plan.Draft) error {
		z, err := s.ownZone(d.World, *in.Id)
		if err != nil {
			return err
		}
		next := *z
		next.Comment = optional.Value(in.Comment)
		d.Put(&next)
		shown = s.show(d.World, &next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateHostedZoneCommentOutput{HostedZone: shown}, nil
}

// vpcExists refuses a VPC that is not of this account and Region.
func (s *Server) vpcExists(w world.World, id, region *string) error {
	if id == nil || region == nil {
		return invalid("Both VPCId and VPCRegion are needed.")
	}
	if *region != s.cfg.Scope.Region || w.VPCs.Get(*id) == nil {
		return ErrInvalidVPCId(fmt.Sprintf("The VPC: %s in Region %s that you provided was not found.", *id, *region))
	}
	return nil
}
