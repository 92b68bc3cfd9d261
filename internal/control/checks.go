package control

import (
	"context"
	"time"

	"seamark/internal/change"
	"seamark/internal/healthcheck"
	"seamark/internal/plan"
	"seamark/internal/plan/discover"
	"seamark/internal/plan/probe"
	"seamark/internal/store"
	"seamark/internal/world"
)

// Checks runs the health checks of Cloud Map's services and writes what they
// find into the health of the instances: it alone does, for services with a
// HealthCheckConfig.
type Checks struct {
	changes *change.Runner
	inside  bool
	prober  *healthcheck.Prober
}

// NewChecks returns checks that do nothing until Run. Inside says that dial
// reaches into VPCs; if not, nothing in them is checked.
func NewChecks(changes *change.Runner, inside bool, o healthcheck.Options) *Checks {
	c := &Checks{changes: changes, inside: inside}
	o.Source = c
	c.prober = healthcheck.New("instance checks", o)
	return c
}

// Run checks until ctx ends.
func (c *Checks) Run(ctx context.Context) error {
	cancel := c.changes.Store.Subscribe(c.onCommit)
	defer cancel()
	now := time.Now()
	w := c.changes.View()
	for ds := range w.DiscoveryServices.All() {
		if ds.HealthCheck == nil {
			continue
		}
		for i := range w.InstancesOf(ds.ID) {
			c.prober.Resume(i.Key(), now)
		}
	}
	return c.prober.Run(ctx)
}

// onCommit has the instances looked at that a check may be about.
func (c *Checks) onCommit(commit store.Commit) {
	for _, change := range commit.Changes {
		switch change.Kind {
		case world.KindDiscoveryInstance:
			if c.isChecked(commit.World, change) {
				c.prober.Enqueue(change.Key)
			}
		case world.KindDiscoveryService:
			c.onService(commit.World, change)
		}
	}
}

// isChecked says whether a changed instance belongs to a service with a check.
func (c *Checks) isChecked(w world.World, change store.Change) bool {
	for _, o := range []world.Object{change.New, change.Old} {
		if i, ok := o.(*world.DiscoveryInstance); ok {
			ds := w.DiscoveryServices.Get(string(i.Service))
			return ds != nil && ds.HealthCheck != nil
		}
	}
	return false
}

// onService looks at all instances of a service whose check came, went, or is
// another one.
func (c *Checks) onService(w world.World, change store.Change) {
	was, _ := change.Old.(*world.DiscoveryService)
	is, _ := change.New.(*world.DiscoveryService)
	if is == nil || was == nil || sameCheck(was.HealthCheck, is.HealthCheck) {
		return // a service that comes or goes has no instances
	}
	for i := range w.InstancesOf(is.ID) {
		c.prober.Enqueue(i.Key())
	}
}

func sameCheck(a, b *world.HealthCheckConfig) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Target is what an instance's check is about.
func (c *Checks) Target(key string) (probe.Target, world.HealthStatus, bool) {
	t, known, ok := discover.Check(c.changes.View(), key)
	return t, known, ok && (c.inside || t.VPC == "")
}

// Report writes down what a check found.
func (c *Checks) Report(ctx context.Context, key string, t probe.Target, status world.HealthStatus) error {
	_, err := c.changes.Plan(ctx, func(d *plan.Draft) { discover.Observe(d, key, t, status) })
	return err
}
