// Package control is the list of loops that make the world's wishes come true:
// each takes a key, plans what that key names and commits the plan. Nothing is
// decided here; the planners decide (internal/plan), the loops carry values.
package control

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/plan/deploy"
	"seamark/internal/plan/discover"
	"seamark/internal/plan/instance"
	"seamark/internal/plan/resolve"
	"seamark/internal/plan/retain"
	"seamark/internal/plan/task"
	"seamark/internal/reconcile"
	"seamark/internal/store"
	"seamark/internal/world"
)

// Control runs the planners.
type Control struct {
	store   store.Store
	changes *change.Runner
	answers *Answers

	services  *reconcile.Loop
	tasks     *reconcile.Loop
	health    *reconcile.Loop
	instances *reconcile.Loop
	endpoints *reconcile.Loop
	retention *reconcile.Loop
}

// New returns the loops, which do nothing until Run. What answers serves
// decides when a stopping task may be signalled.
func New(changes *change.Runner, answers *Answers, logger *slog.Logger) *Control {
	c := &Control{store: changes.Store, changes: changes, answers: answers}
	opts := reconcile.Options{Logger: logger, Workers: 2}
	c.services = reconcile.New("services", opts, c.planned(deploy.Plan))
	c.tasks = reconcile.New("tasks", opts, c.planned(func(d *plan.Draft, key string) { task.Plan(d, world.TaskID(key)) }))
	c.health = reconcile.New("health", opts, c.planned(discover.Plan))
	c.instances = reconcile.New("instances", opts, c.planned(func(d *plan.Draft, key string) { instance.Plan(d, world.InstanceID(key)) }))
	c.endpoints = reconcile.New("endpoints", opts, c.planned(func(d *plan.Draft, key string) {
		id := world.ResolverEndpointID(key)
		resolve.Observe(d, id, answers.Serving(id))
	}))
	c.retention = reconcile.New("retention", opts, c.forget)
	return c
}

// planned makes a loop's function of a planner.
func (c *Control) planned(f func(d *plan.Draft, key string)) func(context.Context, string) (time.Time, error) {
	return func(ctx context.Context, key string) (time.Time, error) {
		return c.changes.Plan(ctx, func(d *plan.Draft) { f(d, key) })
	}
}

// forget plans what is forgotten. Each registration brings an operation that is
// forgotten in time, so where that is sure it is not tried on the view first: it
// would be done twice.
func (c *Control) forget(ctx context.Context, _ string) (time.Time, error) {
	if !retain.Full(c.store.View()) {
		return c.changes.Plan(ctx, retain.Plan)
	}
	_, again, err := c.changes.Do(ctx, func(d *plan.Draft) error { retain.Plan(d); return nil })
	return again, err
}

// Run runs the loops until ctx ends.
func (c *Control) Run(ctx context.Context) error {
	cancel := c.store.Subscribe(c.onCommit)
	defer cancel()
	c.enqueueAll()
	g, ctx := errgroup.WithContext(ctx)
	for _, loop := range []*reconcile.Loop{c.services, c.tasks, c.health, c.instances, c.endpoints, c.retention} {
		g.Go(func() error { return loop.Run(ctx) })
	}
	g.Go(func() error { return c.answers.Run(ctx, c.onApplied) })
	return g.Wait()
}

func (c *Control) enqueueAll() {
	w := c.store.View()
	for s := range w.Services.All() {
		c.services.Enqueue(s.Key())
	}
	for t := range w.Tasks.All() {
		c.tasks.Enqueue(t.Key())
	}
	for i := range w.DiscoveryInstances.All() {
		if i.Pending != "" {
			c.health.Enqueue(i.Key())
		}
	}
	for i := range w.Instances.All() {
		c.instances.Enqueue(i.Key())
	}
	c.retention.Enqueue("all")
}

// onCommit turns changes of the world into keys to plan.
func (c *Control) onCommit(commit store.Commit) {
	for _, change := range commit.Changes {
		switch change.Kind {
		case world.KindService:
			c.services.Enqueue(change.Key)
		case world.KindTask:
			c.tasks.Enqueue(change.Key)
			c.enqueueService(change.Old)
			c.enqueueService(change.New)
		case world.KindInstance:
			c.instances.Enqueue(change.Key)
		case world.KindOperation:
			if retain.Crowded(commit.World) {
				c.retention.Enqueue("all")
			}
		case world.KindDiscoveryInstance:
			if i, ok := change.New.(*world.DiscoveryInstance); ok && i.Pending != "" {
				c.health.Enqueue(change.Key)
			}
		}
	}
}

func (c *Control) enqueueService(o world.Object) {
	if t, ok := o.(*world.Task); ok && t.Service != "" {
		c.services.Enqueue(world.ServiceKey(t.Cluster, t.Service))
	}
}

// onApplied looks again at the tasks that waited for the resolver to serve a
// revision, at their services, and at the endpoints that are served otherwise.
func (c *Control) onApplied(now Applied) {
	w := c.store.View()
	for _, id := range now.Endpoints {
		c.endpoints.Enqueue(string(id))
	}
	for _, id := range now.Tasks {
		c.tasks.Enqueue(string(id))
		if t := w.Tasks.Get(string(id)); t != nil {
			c.enqueueService(t)
		}
	}
}
