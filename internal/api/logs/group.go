package logs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"seamark/internal/api/page"
	"seamark/internal/store"
	"seamark/internal/world"
)

const (
	defaultClass = LogGroupClassStandard
	defaultPage  = 50
)

func (s *Server) createLogGroup(ctx context.Context, in *CreateLogGroupInput) (*CreateLogGroupOutput, error) {
	if in.KmsKeyId != nil {
		return nil, invalid("Encryption with a KMS key is not built in Seamark.")
	}
	if val(in.DeletionProtectionEnabled) {
		return nil, invalid("Deletion protection is not built in Seamark.")
	}
	g := &world.LogGroup{Name: *in.LogGroupName, Class: val(in.LogGroupClass), Tags: world.Tags{}}
	if g.Class == "" {
		g.Class = defaultClass
	}
	maps.Copy(g.Tags, in.Tags)
	err := s.update(ctx, func(tx *store.Tx) error {
		if tx.World.LogGroups.Get(g.Name) != nil {
			return ErrResourceAlreadyExistsException("The specified log group already exists")
		}
		g.CreatedAt = tx.Now
		tx.Put(g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreateLogGroupOutput{}, nil
}

// deleteLogGroup removes the group from the world first: its directory, should
// this end in between, is removed by the sweep of what no group owns.
func (s *Server) deleteLogGroup(ctx context.Context, in *DeleteLogGroupInput) (*DeleteLogGroupOutput, error) {
	name := *in.LogGroupName
	err := s.update(ctx, func(tx *store.Tx) error {
		if tx.World.LogGroups.Get(name) == nil {
			return errNoGroup()
		}
		tx.Delete(world.KindLogGroup, name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Logs.DeleteGroup(name); err != nil {
		return nil, err
	}
	return &DeleteLogGroupOutput{}, nil
}

func (s *Server) describeLogGroups(_ context.Context, in *DescribeLogGroupsInput) (*DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	var found []*world.LogGroup
	for g := range s.cfg.Store.View().LogGroups.Prefix(val(in.LogGroupNamePrefix)) {
		if s.described(in, g) {
			found = append(found, g)
		}
	}
	limit := defaultPage
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	groups, next, err := page.Cut(found, func(g *world.LogGroup) string { return g.Name }, val(in.NextToken), limit)
	if err != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	out := &DescribeLogGroupsOutput{LogGroups: []LogGroup{}}
	for _, g := range groups {
		shown, err := s.showGroup(g)
		if err != nil {
			return nil, err
		}
		out.LogGroups = append(out.LogGroups, shown)
	}
	if next != "" {
		out.NextToken = &next
	}
	return out, nil
}

// described reports whether a request's filters let a group through.
func (s *Server) described(in *DescribeLogGroupsInput, g *world.LogGroup) bool {
	if !strings.Contains(strings.ToLower(g.Name), strings.ToLower(val(in.LogGroupNamePattern))) {
		return false
	}
	if in.LogGroupClass != nil && *in.LogGroupClass != g.Class {
		return false
	}
	return in.LogGroupIdentifiers == nil || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool {
		return id == g.Name || strings.TrimSuffix(id, ":*") == s.arn(g.Name)
	})
}

func (s *Server) showGroup(g *world.LogGroup) (LogGroup, error) {
	bytes, err := s.cfg.Logs.GroupBytes(g.Name)
	if err != nil {
		return LogGroup{}, err
	}
	shown := LogGroup{
		Arn:               new(s.arn(g.Name) + ":*"),
		LogGroupArn:       new(s.arn(g.Name)),
		LogGroupName:      &g.Name,
		CreationTime:      new(g.CreatedAt.UnixMilli()),
		MetricFilterCount: new(int32(0)),
		StoredBytes:       &bytes,
		LogGroupClass:     new(g.Class),
	}
	if *shown.LogGroupClass == "" {
		shown.LogGroupClass = new(defaultClass)
	}
	if g.RetentionDays > 0 {
		shown.RetentionInDays = &g.RetentionDays
	}
	return shown, nil
}

// retentions are the days that PutRetentionPolicy takes (API reference).
func retentions() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (s *Server) putRetentionPolicy(ctx context.Context, in *PutRetentionPolicyInput) (*PutRetentionPolicyOutput, error) {
	days := *in.RetentionInDays
	if !slices.Contains(retentions(), days) {
		set := strings.ReplaceAll(fmt.Sprint(retentions()), " ", ", ")
		return nil, invalid(fmt.Sprintf("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %s", days, set))
	}
	err := s.change(ctx, *in.LogGroupName, func(g *world.LogGroup) error { g.RetentionDays = days; return nil })
	if err != nil {
		return nil, err
	}
	return &PutRetentionPolicyOutput{}, nil
}

func (s *Server) deleteRetentionPolicy(ctx context.Context, in *DeleteRetentionPolicyInput) (*DeleteRetentionPolicyOutput, error) {
	err := s.change(ctx, *in.LogGroupName, func(g *world.LogGroup) error { g.RetentionDays = 0; return nil })
	if err != nil {
		return nil, err
	}
	return &DeleteRetentionPolicyOutput{}, nil
}
