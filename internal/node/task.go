package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// reconcileTask brings one task's containers to where its state says they
// should be.
func (n *Node) reconcileTask(ctx context.Context, key string) (time.Time, error) {
	w := n.o.Store.View()
	t := w.Tasks.Get(key)
	if t == nil || t.Node != n.o.Name {
		return time.Time{}, nil
	}
	def := w.TaskDefinition(t.TaskDefinition)
	if def == nil {
		return time.Time{}, fmt.Errorf("task definition %s: %w", t.TaskDefinition, world.ErrNotFound)
	}
	r := &taskRun{n: n, w: w, t: t, def: def}
	switch t.LastStatus {
	case world.TaskStopped:
		return time.Time{}, nil
	case world.TaskDeprovisioning:
		return time.Time{}, r.release(ctx)
	case world.TaskStopping:
		return r.stop(ctx)
	default:
		return r.start(ctx)
	}
}

// taskRun is one look at one task.
type taskRun struct {
	n   *Node
	w   world.World
	t   *world.Task
	def *world.TaskDefinition
}

// start makes the task's containers run, in the order of their dependencies.
func (r *taskRun) start(ctx context.Context) (time.Time, error) {
	if r.t.Observed.Failure != "" {
		return time.Time{}, nil
	}
	if r.def.NetworkMode == "awsvpc" && !r.n.attached.has(r.vpc(), r.t.Interface) {
		return time.Time{}, nil // the network loop looks here again
	}
	images, ready, err := r.images(ctx)
	switch {
	case err != nil:
		return time.Time{}, err
	case !ready:
		return time.Time{}, r.reportAttached(ctx)
	}
	var again time.Time
	if r.t.DesiredStatus != world.TaskStopped {
		if again, err = r.startContainers(ctx); err != nil {
			return time.Time{}, err
		}
	}
	r.watchHealth()
	r.watchPorts()
	return again, r.report(ctx, images)
}

func (r *taskRun) vpc() world.VPCID {
	if s := r.w.Subnets.Get(string(r.t.Subnet)); s != nil {
		return s.VPC
	}
	return ""
}

// images returns the images of containers that are known now; ready says that
// those of all containers which are still to be started are. A container that
// runs goes on without its image, whatever has become of that since.
func (r *taskRun) images(ctx context.Context) (images map[string]runtime.Image, ready bool, err error) {
	images, ready = map[string]runtime.Image{}, true
	for _, c := range r.def.Containers {
		starts := r.toStart(c.Name)
		if seen := r.t.Observed.Container(c.Name); !starts && seen != nil && seen.ImageDigest != "" {
			continue
		}
		image, ok, err := r.n.images.get(string(r.t.ID), c.Image)
		switch {
		case err != nil && starts:
			return nil, false, r.fail(ctx, c.Name, "CannotPullContainerError: "+err.Error())
		case err == nil && ok:
			images[c.Name] = image
		case starts:
			ready = false
		}
	}
	return images, ready, nil
}

// toStart says whether a container was never started.
func (r *taskRun) toStart(container string) bool {
	_, exists := r.n.found.get(r.containerID(container))
	return !exists && !r.vanished(container)
}

// reportAttached says that the task has its interface and waits for images.
func (r *taskRun) reportAttached(ctx context.Context) error {
	if r.t.Observed.Attached {
		return nil
	}
	return r.n.observe(ctx, r.t.ID, func(_ *world.Task, o *world.TaskObserved) {
		now := r.n.now()
		o.Attached = true
		o.ConnectivityAt, o.PullStartedAt = now, now
	})
}

// watchHealth has the health checks of all running containers go on, also of
// those that an earlier process of Seamark started.
func (r *taskRun) watchHealth() {
	for _, c := range r.def.Containers {
		if c.HealthCheck == nil {
			continue
		}
		key := probeKey(r.t.ID, c.Name)
		if s, ok := r.n.found.get(r.containerID(c.Name)); ok && s.State == runtime.StateRunning && !r.n.probes.planned(key) {
			r.n.health.Enqueue(key)
		}
	}
}

// fail ends a task that cannot start, with the reason at the task and at the
// container.
func (r *taskRun) fail(ctx context.Context, container, reason string) error {
	return r.n.observe(ctx, r.t.ID, func(_ *world.Task, o *world.TaskObserved) {
		if o.Failure != "" {
			return
		}
		o.Failure = reason
		o.Attached = true
		if c := o.Container(container); c != nil {
			c.Reason = reason
		}
	})
}

// startContainers starts what is missing and may start now.
func (r *taskRun) startContainers(ctx context.Context) (again time.Time, err error) {
	for _, c := range r.ordered() {
		id := r.containerID(c.Name)
		if !r.toStart(c.Name) {
			continue
		}
		ok, reason, until := r.mayStart(c)
		switch {
		case reason != "":
			return time.Time{}, r.fail(ctx, c.Name, reason)
		case !ok:
			again = earliest(again, until)
			continue
		}
		if err := r.startContainer(ctx, c, id); err != nil {
			return time.Time{}, err
		}
	}
	return again, nil
}

func (r *taskRun) startContainer(ctx context.Context, c *world.ContainerDefinition, id string) error {
	spec, err := r.spec(ctx, c, id)
	if err != nil {
		return r.startFailed(ctx, c.Name, err)
	}
	if err := r.n.startFound(ctx, spec); err != nil {
		return r.startFailed(ctx, c.Name, fmt.Errorf("CannotStartContainerError: %w", err))
	}
	return nil
}

// startFound starts a container and records it.
func (n *Node) startFound(ctx context.Context, spec runtime.Container) error {
	return n.found.start(spec.ID, func() (runtime.Status, error) {
		pid, err := n.o.Runtime.Start(ctx, spec)
		return runtime.Status{ID: spec.ID, Group: spec.Group, State: runtime.StateRunning, PID: pid, StartedAt: n.now()}, err
	})
}

func (r *taskRun) startFailed(ctx context.Context, container string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, runtime.ErrUnavailable) {
		return err // the engine is being restarted: try again
	}
	return r.fail(ctx, container, err.Error())
}

// ordered lists the containers so that each comes after those it depends on.
func (r *taskRun) ordered() []*world.ContainerDefinition {
	var order []*world.ContainerDefinition
	placed := map[string]bool{}
	var place func(c *world.ContainerDefinition, depth int)
	place = func(c *world.ContainerDefinition, depth int) {
		if c == nil || placed[c.Name] || depth > len(r.def.Containers) {
			return
		}
		for _, d := range c.DependsOn {
			place(r.def.Container(d.ContainerName), depth+1)
		}
		if !placed[c.Name] {
			placed[c.Name] = true
			order = append(order, c)
		}
	}
	for i := range r.def.Containers {
		place(&r.def.Containers[i], 0)
	}
	return order
}

// mayStart says whether a container's dependencies let it start. reason is why
// it never will; until is when to look again.
func (r *taskRun) mayStart(c *world.ContainerDefinition) (ok bool, reason string, until time.Time) {
	for _, d := range c.DependsOn {
		on := r.def.Container(d.ContainerName)
		s, started := r.n.found.get(r.containerID(d.ContainerName))
		met, never := dependencyMet(d, s, started, r.probed(d.ContainerName))
		if never {
			return false, fmt.Sprintf("TaskDependencyError: container %s: dependency %s did not reach %s", c.Name, d.ContainerName, d.Condition), time.Time{}
		}
		if met {
			continue
		}
		if on != nil && on.StartTimeout > 0 && started {
			until = s.StartedAt.Add(on.StartTimeout)
			if !r.n.now().Before(until) {
				return false, fmt.Sprintf("TaskDependencyError: container %s: dependency %s timed out after %s", c.Name, d.ContainerName, on.StartTimeout), time.Time{}
			}
		}
		return false, "", until
	}
	return true, "", time.Time{}
}

func dependencyMet(d world.Dependency, s runtime.Status, started bool, health world.HealthStatus) (met, never bool) {
	ended := started && s.State == runtime.StateStopped
	switch d.Condition {
	case "COMPLETE":
		return ended, false
	case "SUCCESS":
		return ended && s.ExitCode == 0, ended && s.ExitCode != 0
	case "HEALTHY":
		return health == world.Healthy, ended || health == world.Unhealthy
	default: // START
		return started, false
	}
}

// probed is the last health of a container that this node measured.
func (r *taskRun) probed(container string) world.HealthStatus {
	if c := r.t.Observed.Container(container); c != nil && c.Health != "" {
		return c.Health
	}
	return world.HealthUnknown
}

// vanished says that a container ran before and is unknown to the runtime now:
// the machine was rebooted, or somebody removed it.
func (r *taskRun) vanished(container string) bool {
	c := r.t.Observed.Container(container)
	if c == nil || c.LastStatus == "PENDING" {
		return false
	}
	_, exists := r.n.found.get(r.containerID(container))
	return !exists
}

// containerID is the container's id at the runtime.
func (r *taskRun) containerID(container string) string {
	if c := r.t.Observed.Container(container); c != nil {
		return c.RuntimeID
	}
	return ""
}

// report writes what is to be seen of the containers.
func (r *taskRun) report(ctx context.Context, images map[string]runtime.Image) error {
	return r.n.observe(ctx, r.t.ID, func(t *world.Task, o *world.TaskObserved) {
		now := r.n.now()
		o.Attached = true
		if o.ConnectivityAt.IsZero() {
			o.ConnectivityAt = now
		}
		if o.PullStartedAt.IsZero() {
			o.PullStartedAt = t.CreatedAt
		}
		if o.PullStoppedAt.IsZero() {
			o.PullStoppedAt = now
		}
		started := true
		for i := range o.Containers {
			c := &o.Containers[i]
			if image, ok := images[c.Name]; ok {
				c.ImageDigest = image.Digest
			}
			r.see(c)
			started = started && c.LastStatus != "PENDING"
		}
		o.Started = o.Started || started
	})
}

// see brings one container's record up to date.
func (r *taskRun) see(c *world.ContainerObserved) {
	s, exists := r.n.found.get(c.RuntimeID)
	switch {
	case !exists && c.LastStatus == "RUNNING":
		c.LastStatus, c.PID = "STOPPED", 0
		c.Reason = "ContainerVanishedError: the container is gone from the machine"
		c.StoppedAt = r.n.now()
	case !exists:
	case s.State == runtime.StateStopped && c.LastStatus != "STOPPED":
		code := s.ExitCode
		c.LastStatus, c.PID, c.ExitCode, c.StoppedAt = "STOPPED", 0, &code, s.StoppedAt
		if s.OOMKilled {
			c.Reason = "OutOfMemoryError: Container killed due to memory usage"
		}
	case s.State == runtime.StateRunning && c.LastStatus == "PENDING":
		c.LastStatus, c.PID, c.StartedAt = "RUNNING", s.PID, s.StartedAt
	case s.State == runtime.StateRunning:
		c.PID = s.PID
	}
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// dependents returns the names of the containers that depend on one.
func (r *taskRun) dependents(name string) []string {
	var names []string
	for _, c := range r.def.Containers {
		if slices.ContainsFunc(c.DependsOn, func(d world.Dependency) bool { return d.ContainerName == name }) {
			names = append(names, c.Name)
		}
	}
	return names
}
