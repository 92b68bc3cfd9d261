package ecs

import (
	"context"
	"slices"

	"seamark/internal/world"
)

// maxDescribed bounds what one Describe call of clusters or tasks may name.
const maxDescribed = 100

func (s *Server) describeClusters(_ context.Context, in *DescribeClustersInput) (*DescribeClustersOutput, error) {
	if len(in.Clusters) > maxDescribed {
		return nil, invalid("Clusters can have at most %d items.", maxDescribed)
	}
	refs := in.Clusters
	if len(refs) == 0 {
		refs = []string{"default"}
	}
	w := s.view()
	out := &DescribeClustersOutput{Clusters: []Cluster{}, Failures: []Failure{}}
	for _, ref := range refs {
		name, err := s.clusterName(&ref)
		if err != nil {
			return nil, err
		}
		c := w.Clusters.Get(string(name))
		if c == nil {
			out.Failures = append(out.Failures, missing(s.clusterARN(name)))
			continue
		}
		out.Clusters = append(out.Clusters, *s.showCluster(w, c, in.Include))
	}
	return out, nil
}

func (s *Server) listClusters(_ context.Context, in *ListClustersInput) (*ListClustersOutput, error) {
	var arns []string
	for c := range s.view().Clusters.All() {
		if c.Status == clusterActive {
			arns = append(arns, s.clusterARN(c.Name))
		}
	}
	page, next, err := cut(sorted(arns), in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ListClustersOutput{ClusterArns: page, NextToken: next}, nil
}

// allOfCluster is what the operations that change a cluster show of it.
func allOfCluster() []string {
	return []string{ClusterFieldConfigurations, ClusterFieldSettings, ClusterFieldTags}
}

func has(include []string, field string) bool { return slices.Contains(include, field) }

// census counts what a cluster holds.
type census struct {
	services                 int32
	running, pending         launchCount
	activeServices, draining launchCount
}

// launchCount counts by launch type.
type launchCount struct{ fargate, ec2 int32 }

func (n *launchCount) add(fargate bool) {
	if fargate {
		n.fargate++
		return
	}
	n.ec2++
}

func (n launchCount) all() int32 { return n.fargate + n.ec2 }

func count(w world.World, name world.ClusterName) census {
	var n census
	for svc := range w.Services.Prefix(string(name) + "/") {
		fargate := svc.LaunchType != LaunchTypeEc2
		switch svc.Status {
		case world.ServiceActive:
			n.activeServices.add(fargate)
		case world.ServiceDraining:
			n.draining.add(fargate)
		}
	}
	n.services = n.activeServices.all()
	for t := range w.TasksOfCluster(name) {
		fargate := t.LaunchType != LaunchTypeEc2
		switch {
		case t.LastStatus == world.TaskRunning:
			n.running.add(fargate)
		case t.LastStatus.Before(world.TaskRunning):
			n.pending.add(fargate)
		}
	}
	return n
}
