package ecs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// ECS names are letters, digits, "_" and "-".
const namePattern = `^[a-zA-Z0-9\-_]{1,255}$`

// validName says whether name matches namePattern. Every request asks it, so it
// compiles nothing.
func validName(name string) bool {
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 255
}

func matches(pattern, text string) bool {
	ok, err := regexp.MatchString(pattern, text)
	return err == nil && ok
}

func (s *Server) arn(format string, args ...any) string {
	return s.scope.ARN("ecs", fmt.Sprintf(format, args...))
}

func (s *Server) clusterARN(c world.ClusterName) string { return s.arn("cluster/%s", c) }

func (s *Server) serviceARN(c world.ClusterName, name string) string {
	return s.arn("service/%s/%s", c, name)
}

func (s *Server) taskARN(c world.ClusterName, id world.TaskID) string {
	return s.arn("task/%s/%s", c, id)
}

func (s *Server) definitionARN(r world.TaskDefinitionRef) string {
	return s.arn("task-definition/%s", r)
}

func (s *Server) providerARN(name string) string { return s.arn("capacity-provider/%s", name) }

// parts splits an identifier into what follows the resource type in an ARN,
// or returns a short name as it is.
func (s *Server) parts(ref, kind string) ([]string, error) {
	if !strings.HasPrefix(ref, "arn:") {
		return []string{ref}, nil
	}
	fields := strings.SplitN(ref, ":", 6)
	if len(fields) != 6 || fields[2] != "ecs" {
		return nil, invalid("Invalid identifier: Unexpected number of separators")
	}
	resource := strings.Split(fields[5], "/")
	switch {
	case resource[0] != kind:
		return nil, invalid("Unsupported resource type: %s", resource[0])
	case len(resource) < 2 || len(resource) > 3:
		return nil, invalid("Invalid identifier: Unexpected number of separators")
	case fields[3] != s.scope.Region:
		return nil, invalid("Invalid identifier: Identifier is for %s. Your region is %s", fields[3], s.scope.Region)
	case fields[4] != s.scope.Account:
		return nil, invalid("Invalid identifier: Identifier is for %s. Your accountId is %s", fields[4], s.scope.Account)
	}
	return resource[1:], nil
}

// clusterName reads a cluster's name or ARN; without one it is "default".
func (s *Server) clusterName(ref *string) (world.ClusterName, error) {
	if val(ref) == "" {
		return "default", nil
	}
	parts, err := s.parts(*ref, "cluster")
	if err != nil {
		return "", err
	}
	name := strings.Join(parts, "/")
	if !validName(name) {
		return "", invalid("Cluster must match %s, but was %s", namePattern, name)
	}
	return world.ClusterName(name), nil
}

// inCluster reads the name or ARN of something that belongs to a cluster. An
// ARN may be of the old form without the cluster.
func (s *Server) inCluster(c world.ClusterName, ref, kind string) (string, error) {
	parts, err := s.parts(ref, kind)
	if err != nil {
		return "", err
	}
	if len(parts) == 2 && parts[0] != string(c) {
		return "", invalid("Invalid identifier: Identifier is for cluster %s. Your cluster is %s", parts[0], c)
	}
	return parts[len(parts)-1], nil
}

// taskID reads a task's id or ARN. Ids have 32 digits; older ones were UUIDs.
func (s *Server) taskID(c world.ClusterName, ref string) (world.TaskID, error) {
	id, err := s.inCluster(c, ref, "task")
	if err != nil {
		return "", err
	}
	if len(id) != 32 && len(id) != 36 {
		return "", invalid("taskId length should be one of [32,36]")
	}
	return world.TaskID(id), nil
}

// definitionRef reads family, family:revision or an ARN. Revision 0 stands for
// the latest ACTIVE one.
func (s *Server) definitionRef(ref string) (world.TaskDefinitionRef, error) {
	parts, err := s.parts(ref, "task-definition")
	if err != nil {
		return world.TaskDefinitionRef{}, err
	}
	family, revision, has := strings.Cut(parts[0], ":")
	if len(parts) != 1 || family == "" {
		return world.TaskDefinitionRef{}, invalid("Invalid identifier: Unexpected number of separators")
	}
	r := world.TaskDefinitionRef{Family: world.FamilyName(family)}
	if !has {
		return r, nil
	}
	r.Revision, err = strconv.Atoi(revision)
	if err != nil || r.Revision < 1 {
		return r, invalid("Invalid revision number. Number: %s", revision)
	}
	return r, nil
}

// cluster finds a cluster, an INACTIVE one too.
func (s *Server) cluster(w world.World, ref *string) (*world.Cluster, error) {
	name, err := s.clusterName(ref)
	if err != nil {
		return nil, err
	}
	c := w.Clusters.Get(string(name))
	if c == nil {
		return nil, ErrClusterNotFoundException("Cluster not found.")
	}
	return c, nil
}

// activeCluster finds a cluster that is in use.
func (s *Server) activeCluster(w world.World, ref *string) (*world.Cluster, error) {
	c, err := s.cluster(w, ref)
	if err != nil {
		return nil, err
	}
	if c.Status != clusterActive {
		return nil, ErrClusterNotFoundException("The referenced cluster was inactive.")
	}
	return c, nil
}

// service finds a service of a cluster, whatever its state.
func (s *Server) service(w world.World, c world.ClusterName, ref string) (*world.Service, error) {
	name, err := s.inCluster(c, ref, "service")
	if err != nil {
		return nil, err
	}
	svc := w.Services.Get(world.ServiceKey(c, name))
	if svc == nil {
		return nil, ErrServiceNotFoundException("Service not found.")
	}
	return svc, nil
}

// task finds a task of a cluster, or nil.
func (s *Server) task(w world.World, c world.ClusterName, id world.TaskID) *world.Task {
	t := w.Tasks.Get(string(id))
	if t == nil || t.Cluster != c {
		return nil
	}
	return t
}

// definition finds a task definition by reference, or returns nil.
func (s *Server) definition(w world.World, ref string) (*world.TaskDefinition, error) {
	r, err := s.definitionRef(ref)
	if err != nil {
		return nil, err
	}
	if r.Revision != 0 {
		return w.TaskDefinition(r), nil
	}
	var latest *world.TaskDefinition
	for d := range w.TaskDefinitions.Prefix(string(r.Family) + "/") {
		if d.Status == definitionActive {
			latest = d
		}
	}
	return latest, nil
}
