package ecs

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"seamark/internal/api/commit"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what a Server needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope    // required
}

// Server answers the operations of Amazon ECS. It writes wishes into the world
// and shows the world; what follows from a wish is the planners' work. It may
// be used from any goroutine.
type Server struct {
	changes *change.Runner
	scope   world.Scope
	// architecture is the machine's, as ECS spells it in a task's attributes.
	architecture string
}

// New returns a Server.
func New(c Config) *Server {
	return &Server{changes: c.Changes, scope: c.Scope, architecture: architecture(runtime.GOARCH)}
}

func architecture(goarch string) string {
	if goarch == "amd64" {
		return "x86_64"
	}
	return goarch
}

// Operations lists the operations that are built.
func (s *Server) Operations() Operations {
	return Operations{
		CreateCluster:               s.createCluster,
		DeleteCluster:               s.deleteCluster,
		DescribeClusters:            s.describeClusters,
		ListClusters:                s.listClusters,
		UpdateCluster:               s.updateCluster,
		UpdateClusterSettings:       s.updateClusterSettings,
		PutClusterCapacityProviders: s.putClusterCapacityProviders,
		DescribeCapacityProviders:   s.describeCapacityProviders,

		RegisterTaskDefinition:     s.registerTaskDefinition,
		DeregisterTaskDefinition:   s.deregisterTaskDefinition,
		DeleteTaskDefinitions:      s.deleteTaskDefinitions,
		DescribeTaskDefinition:     s.describeTaskDefinition,
		ListTaskDefinitions:        s.listTaskDefinitions,
		ListTaskDefinitionFamilies: s.listTaskDefinitionFamilies,

		CreateService:    s.createService,
		UpdateService:    s.updateService,
		DeleteService:    s.deleteService,
		DescribeServices: s.describeServices,
		ListServices:     s.listServices,

		RunTask:       s.runTask,
		StartTask:     s.startTask,
		StopTask:      s.stopTask,
		DescribeTasks: s.describeTasks,
		ListTasks:     s.listTasks,

		TagResource:         s.tagResource,
		UntagResource:       s.untagResource,
		ListTagsForResource: s.listTagsForResource,
	}
}

// do commits what f drafts. An error of f reaches the client and changes nothing.
func (s *Server) do(ctx context.Context, f func(d *plan.Draft) error) error {
	return commit.Do(ctx, s.changes, f)
}

// view returns the present world.
func (s *Server) view() world.World { return s.changes.View() }

func invalid(format string, args ...any) *wire.Error {
	return ErrInvalidParameterException(fmt.Sprintf(format, args...))
}

func refuse(format string, args ...any) *wire.Error {
	return ErrClientException(fmt.Sprintf(format, args...))
}

// unsupported refuses what AWS has and Seamark does not.
func unsupported(feature string) *wire.Error {
	return ErrUnsupportedFeatureException(feature + " is not built in Seamark yet.")
}

// check runs checks in order and returns the first error.
func check(checks ...func() error) error {
	for _, c := range checks {
		if err := c(); err != nil {
			return err
		}
	}
	return nil
}

// val is what p points to, or the zero value.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// given is nil for the zero value, so that the member is left out.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// at shows a time; one that has not come is left out.
func at(t time.Time) *wire.Time {
	if t.IsZero() {
		return nil
	}
	return wire.At(t)
}
