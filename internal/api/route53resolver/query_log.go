package route53resolver

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

func queryLogRequest(c *world.QueryLogConfig) world.ResolverRequest { return c.ResolverRequest }

// CreateResolverQueryLogConfig says where queries are logged: to a CloudWatch
// Logs group.
func (s *Server) CreateResolverQueryLogConfig(ctx context.Context, in *CreateResolverQueryLogConfigInput) (*CreateResolverQueryLogConfigOutput, error) {
	if err := s.checkDestination(*in.DestinationArn); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	var made *world.QueryLogConfig
	var shown ResolverQueryLogConfig
	err = s.change(ctx, func(d *plan.Draft) error {
		made, err = repeated(d.World.QueryLogConfigs.All(), queryLogRequest, in.CreatorRequestId, in, ErrResourceExistsException)
		if err != nil {
			return err
		}
		if made == nil {
			made = &world.QueryLogConfig{ID: d.Draw.EC2("rqlc"), Name: *in.Name, Destination: *in.DestinationArn, Tags: tags, ResolverRequest: newRequest(d, in.CreatorRequestId, in)}
			d.Put(made)
		}
		shown = s.showQueryLog(d.World, made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateResolverQueryLogConfigOutput{ResolverQueryLogConfig: &shown}, nil
}

// checkDestination refuses what is no log group of this account and Region.
// Whether the group exists is asked when a VPC is associated.
func (s *Server) checkDestination(arn string) error {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ErrInvalidParameterException("The destination ARN '"+arn+"' is not valid.").With("FieldName", "DestinationArn")
	}
	switch parts[2] {
	case "s3":
		return unbuilt("Query logging to S3")
	case "firehose":
		return unbuilt("Query logging to Firehose")
	}
	name, ok := strings.CutPrefix(parts[5], "log-group:")
	if name = strings.TrimSuffix(name, ":*"); !ok || parts[2] != "logs" || name == "" || strings.Contains(name, ":") ||
		parts[3] != s.cfg.Scope.Region || parts[4] != s.cfg.Scope.Account {
		return ErrInvalidParameterException("The destination ARN '"+arn+"' is not valid.").With("FieldName", "DestinationArn")
	}
	return nil
}

func queryLog(w world.World, id string) (*world.QueryLogConfig, error) {
	if c := w.QueryLogConfigs.Get(id); c != nil {
		return c, nil
	}
	return nil, ErrResourceNotFoundException(fmt.Sprintf("Resolver query log config with ID '%s' does not exist.", id)).With("ResourceType", "ResolverQueryLogConfig")
}

// GetResolverQueryLogConfig shows a configuration.
func (s *Server) GetResolverQueryLogConfig(_ context.Context, in *GetResolverQueryLogConfigInput) (*GetResolverQueryLogConfigOutput, error) {
	w := s.view()
	c, err := queryLog(w, *in.ResolverQueryLogConfigId)
	if err != nil {
		return nil, err
	}
	return &GetResolverQueryLogConfigOutput{ResolverQueryLogConfig: new(s.showQueryLog(w, c))}, nil
}

// DeleteResolverQueryLogConfig removes a configuration that no VPC is associated
// with.
func (s *Server) DeleteResolverQueryLogConfig(ctx context.Context, in *DeleteResolverQueryLogConfigInput) (*DeleteResolverQueryLogConfigOutput, error) {
	var gone ResolverQueryLogConfig
	err := s.change(ctx, func(d *plan.Draft) error {
		c, err := queryLog(d.World, *in.ResolverQueryLogConfigId)
		if err != nil {
			return err
		}
		for range d.World.QueryLogsOf(c.ID) {
			return ErrInvalidRequestException("The query logging configuration cannot be deleted while VPCs are associated with it.")
		}
		gone = s.showQueryLog(d.World, c)
		d.Delete(c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	gone.Status = new(ResolverQueryLogConfigStatusDeleting)
	return &DeleteResolverQueryLogConfigOutput{ResolverQueryLogConfig: &gone}, nil
}

// queryLogSorts are what ListResolverQueryLogConfigs sorts and filters by.
var queryLogSorts = []string{"Arn", "AssociationCount", "CreationTime", "CreatorRequestId", "Destination", "DestinationArn", "Id", "Name", "OwnerId", "ShareStatus", "Status"}

func queryLogProperties(x ResolverQueryLogConfig) []property {
	return []property{prop("Arn", x.Arn), prop("AssociationCount", new(strconv.Itoa(int(*x.AssociationCount)))), prop("CreationTime", x.CreationTime),
		prop("CreatorRequestId", x.CreatorRequestId), prop("Destination", new("CloudWatchLogs")), prop("DestinationArn", x.DestinationArn), prop("Id", x.Id),
		prop("Name", x.Name), prop("OwnerId", x.OwnerId), prop("ShareStatus", x.ShareStatus), prop("Status", x.Status)}
}

// ListResolverQueryLogConfigs lists configurations.
func (s *Server) ListResolverQueryLogConfigs(_ context.Context, in *ListResolverQueryLogConfigsInput) (*ListResolverQueryLogConfigsOutput, error) {
	w := s.view()
	var all []ResolverQueryLogConfig
	for c := range w.QueryLogConfigs.All() {
		all = append(all, s.showQueryLog(w, c))
	}
	l := listing{in.NextToken, in.MaxResults, 100, ErrInvalidNextTokenException}
	shown, filtered, next, err := sortedListing(l, all, in.Filters, queryLogSorts, queryLogProperties, in.SortBy, in.SortOrder)
	if err != nil {
		return nil, err
	}
	return &ListResolverQueryLogConfigsOutput{ResolverQueryLogConfigs: shown, NextToken: next, TotalCount: new(int32(len(all))), TotalFilteredCount: &filtered}, nil
}

// sortedListing filters, sorts and cuts, for the operations that sort. Without
// SortBy the order is that of ids.
func sortedListing[T any](l listing, all []T, filters []Filter, names []string, properties func(T) []property, by, order *string) (shown []T, filtered int32, next *string, err error) {
	if err := checkFilters(filters, names...); err != nil {
		return nil, 0, nil, err
	}
	sortBy := optional.Or(by, "Id")
	if checkFilters([]Filter{{Name: &sortBy}}, names...) != nil {
		return nil, 0, nil, ErrInvalidParameterException("The sort key '"+sortBy+"' is not valid.").With("FieldName", "SortBy")
	}
	var passed []T
	for _, x := range all {
		if passes(filters, properties(x)...) {
			passed = append(passed, x)
		}
	}
	value := func(name string) func(T) string {
		return func(x T) string {
			for _, p := range properties(x) {
				switch {
				case !spells(name, p.name) || len(p.values) == 0:
				case p.name == "AssociationCount":
					return fmt.Sprintf("%10s", p.values[0]) // as a number
				default:
					return p.values[0]
				}
			}
			return ""
		}
	}
	shown, next, err = cut(l, passed, sorted(passed, value(sortBy), value("Id"), order))
	return shown, int32(len(passed)), next, err
}

func (s *Server) showQueryLog(w world.World, c *world.QueryLogConfig) ResolverQueryLogConfig {
	associations := int32(0)
	for range w.QueryLogsOf(c.ID) {
		associations++
	}
	return ResolverQueryLogConfig{
		Arn: s.arn("resolver-query-log-config", c.ID), AssociationCount: &associations, CreationTime: stamp(c.CreatedAt), CreatorRequestId: &c.CreatorRequestID,
		DestinationArn: &c.Destination, Id: &c.ID, Name: &c.Name, OwnerId: &s.cfg.Scope.Account, ShareStatus: new(ShareStatusNotShared),
		Status: new(ResolverQueryLogConfigStatusCreated),
	}
}
