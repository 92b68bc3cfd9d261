package ecs

import (
	"context"

	"seamark/internal/world"
)

const maxDescribedServices = 10

func (s *Server) describeServices(_ context.Context, in *DescribeServicesInput) (*DescribeServicesOutput, error) {
	w := s.view()
	c, err := s.cluster(w, in.Cluster)
	if err != nil {
		return nil, err
	}
	switch n := len(in.Services); {
	case n == 0:
		return nil, invalid("Services cannot be empty.")
	case n > maxDescribedServices:
		return nil, invalid("Services can have at most %d items.", maxDescribedServices)
	}
	out := &DescribeServicesOutput{Services: []Service{}, Failures: []Failure{}}
	for _, ref := range in.Services {
		name, err := s.inCluster(c.Name, ref, "service")
		if err != nil {
			return nil, err
		}
		svc := w.Services.Get(world.ServiceKey(c.Name, name))
		if svc == nil {
			out.Failures = append(out.Failures, missing(s.serviceARN(c.Name, name)))
			continue
		}
		out.Services = append(out.Services, *s.showService(w, svc, has(in.Include, ServiceFieldTags)))
	}
	return out, nil
}

func (s *Server) listServices(_ context.Context, in *ListServicesInput) (*ListServicesOutput, error) {
	w := s.view()
	c, err := s.activeCluster(w, in.Cluster)
	if err != nil {
		return nil, err
	}
	var arns []string
	for svc := range w.Services.Prefix(string(c.Name) + "/") {
		switch {
		case svc.Status != world.ServiceActive,
			in.LaunchType != nil && *in.LaunchType != svc.LaunchType,
			in.SchedulingStrategy != nil && *in.SchedulingStrategy != svc.SchedulingStrategy,
			in.ResourceManagementType != nil && *in.ResourceManagementType != ResourceManagementTypeCustomer:
			continue
		}
		arns = append(arns, s.serviceARN(c.Name, svc.Name))
	}
	page, next, err := cut(sorted(arns), in.NextToken, in.MaxResults, 10)
	if err != nil {
		return nil, err
	}
	return &ListServicesOutput{ServiceArns: page, NextToken: next}, nil
}
