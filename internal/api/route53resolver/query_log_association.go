package route53resolver

import (
	"context"
	"fmt"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// AssociateResolverQueryLogConfig logs the queries of a VPC.
func (s *Server) AssociateResolverQueryLogConfig(ctx context.Context, in *AssociateResolverQueryLogConfigInput) (*AssociateResolverQueryLogConfigOutput, error) {
	var made *world.QueryLogAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		c, err := queryLog(d.World, *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		v, err := vpcOf(d.World, *in.ResourceId, "ResourceId")
		if err != nil {
			return err
		}
		for a := range d.World.QueryLogsIn(v.ID) {
			if a.Config == c.ID {
				return ErrResourceExistsException(fmt.Sprintf("The VPC '%s' is already associated with the query logging configuration '%s'.", v.ID, c.ID)).
					With("ResourceType", "ResolverQueryLogConfigAssociation")
			}
		}
		made = &world.QueryLogAssociation{ID: d.Draw.EC2("rqlca"), Config: c.ID, VPC: v.ID, NoGroup: d.World.LogGroups.Get(c.LogGroup()) == nil}
		made.CreatedAt, made.ModifiedAt, made.Revision = d.Now, d.Now, d.Revision
		d.Put(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &AssociateResolverQueryLogConfigOutput{ResolverQueryLogConfigAssociation: new(s.showQueryLogAssociation(s.view(), made))}, nil
}

// DisassociateResolverQueryLogConfig ends that.
func (s *Server) DisassociateResolverQueryLogConfig(ctx context.Context, in *DisassociateResolverQueryLogConfigInput) (*DisassociateResolverQueryLogConfigOutput, error) {
	var gone ResolverQueryLogConfigAssociation
	err := s.change(ctx, func(d *plan.Draft) error {
		c, err := queryLog(d.World, *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		for a := range d.World.QueryLogsOf(c.ID) {
			if string(a.VPC) == *in.ResourceId {
				gone = s.showQueryLogAssociation(d.World, a)
				d.Delete(a)
				return nil
			}
		}
		return ErrResourceNotFoundException(fmt.Sprintf("The VPC '%s' is not associated with the query logging configuration '%s'.", *in.ResourceId, c.ID)).
			With("ResourceType", "ResolverQueryLogConfigAssociation")
	})
	if err != nil {
		return nil, err
	}
	gone.Status = new(ResolverQueryLogConfigAssociationStatusDeleting)
	return &DisassociateResolverQueryLogConfigOutput{ResolverQueryLogConfigAssociation: &gone}, nil
}

// GetResolverQueryLogConfigAssociation shows an association.
func (s *Server) GetResolverQueryLogConfigAssociation(_ context.Context, in *GetResolverQueryLogConfigAssociationInput) (*GetResolverQueryLogConfigAssociationOutput, error) {
	w := s.view()
	a := w.QueryLogAssociations.Get(*in.ResolverQueryLogConfigAssociationId)
	if a == nil {
		return nil, ErrResourceNotFoundException(fmt.Sprintf("Resolver query log config association with ID '%s' does not exist.", *in.ResolverQueryLogConfigAssociationId)).
			With("ResourceType", "ResolverQueryLogConfigAssociation")
	}
	return &GetResolverQueryLogConfigAssociationOutput{ResolverQueryLogConfigAssociation: new(s.showQueryLogAssociation(w, a))}, nil
}

// ListResolverQueryLogConfigAssociations lists associations.
func (s *Server) ListResolverQueryLogConfigAssociations(_ context.Context, in *ListResolverQueryLogConfigAssociationsInput) (*ListResolverQueryLogConfigAssociationsOutput, error) {
	w := s.view()
	var all []ResolverQueryLogConfigAssociation
	for a := range w.QueryLogAssociations.All() {
		all = append(all, s.showQueryLogAssociation(w, a))
	}
	properties := func(x ResolverQueryLogConfigAssociation) []property {
		return []property{prop("CreationTime", x.CreationTime), prop("Error", x.Error), prop("Id", x.Id),
			prop("ResolverQueryLogConfigId", x.ResolverQueryLogConfigId), prop("ResourceId", x.ResourceId), prop("Status", x.Status)}
	}
	l := listing{in.NextToken, in.MaxResults, 100, ErrInvalidParameterException}
	names := []string{"CreationTime", "Error", "Id", "ResolverQueryLogConfigId", "ResourceId", "Status"}
	shown, filtered, next, err := sortedListing(l, all, in.Filters, names, properties, in.SortBy, in.SortOrder)
	if err != nil {
		return nil, err
	}
	return &ListResolverQueryLogConfigAssociationsOutput{
		ResolverQueryLogConfigAssociations: shown, NextToken: next, TotalCount: new(int32(len(all))), TotalFilteredCount: &filtered,
	}, nil
}

// showQueryLogAssociation shows an association. Without its log group it is
// FAILED if it never had one, and otherwise needs somebody to make it again.
func (s *Server) showQueryLogAssociation(w world.World, a *world.QueryLogAssociation) ResolverQueryLogConfigAssociation {
	status := s.status(a.Revision, ResolverQueryLogConfigAssociationStatusActive, ResolverQueryLogConfigAssociationStatusCreating)
	problem, message := ResolverQueryLogConfigAssociationErrorNone, ""
	if c := w.QueryLogConfigs.Get(a.Config); c != nil && w.LogGroups.Get(c.LogGroup()) == nil {
		status, problem = ResolverQueryLogConfigAssociationStatusActionNeeded, ResolverQueryLogConfigAssociationErrorDestinationNotFound
		if a.NoGroup {
			status = ResolverQueryLogConfigAssociationStatusFailed
		}
		message = "The log group '" + c.LogGroup() + "' does not exist."
	}
	return ResolverQueryLogConfigAssociation{
		CreationTime: stamp(a.CreatedAt), Error: &problem, ErrorMessage: &message, Id: &a.ID, ResolverQueryLogConfigId: &a.Config,
		ResourceId: new(string(a.VPC)), Status: &status,
	}
}
