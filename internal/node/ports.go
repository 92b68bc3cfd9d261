package node

import (
	"context"
	"net/netip"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// portsEvery is how often the ports of a task whose containers have just started are
// looked at. Later it is a tenth of the time that they have been running: who takes
// long to start does not mind, and those that never listen cost little.
const portsEvery = 20 * time.Millisecond

// watchPorts has somebody look when the task comes to listen, if its
// registration waits for that.
func (r *taskRun) watchPorts() {
	if r.n.awaitsPorts(r.t, r.def) {
		r.n.ports.Enqueue(string(r.t.ID))
	}
}

// awaitsPorts says whether the planner is to hear that a task listens. It ends
// with the task's registration, which comes in any case.
func (n *Node) awaitsPorts(t *world.Task, def *world.TaskDefinition) bool {
	return n.o.Fidelity.ListenWait() > 0 && t.Observed.Started && !t.Observed.Listens &&
		t.Registration.State == world.NotRegistered && t.LastStatus.Before(world.TaskDeactivating) && len(t.AwaitedPorts(def)) > 0
}

// lookAtPorts reports a task that listens, and comes back to one that does not yet.
func (n *Node) lookAtPorts(ctx context.Context, key string) (time.Time, error) {
	w := n.o.Store.View()
	t := w.Tasks.Get(key)
	if t == nil || t.Node != n.o.Name {
		return time.Time{}, nil
	}
	def := w.TaskDefinition(t.TaskDefinition)
	if def == nil || !n.awaitsPorts(t, def) {
		return time.Time{}, nil
	}
	listens, err := n.listens(ctx, t, def)
	switch {
	case ctx.Err() != nil:
		return time.Time{}, ctx.Err()
	case err != nil:
		// What cannot be seen is not waited for.
		n.o.Logger.Warn("see whether a task listens; it is named without", "task", t.ID, "error", err)
	case !listens:
		return n.now().Add(max(portsEvery, n.waited(t)/10)), nil
	}
	return time.Time{}, n.observe(ctx, t.ID, func(_ *world.Task, o *world.TaskObserved) { o.Listens = true })
}

// waited is how long a task has been ACTIVATING.
func (n *Node) waited(t *world.Task) time.Duration {
	if t.ActivatingAt.IsZero() {
		return 0
	}
	return n.now().Sub(t.ActivatingAt)
}

// listens says whether somebody listens on all of a task's awaited ports, at one
// of its addresses each. Its containers share the network: any that runs leads
// there.
func (n *Node) listens(ctx context.Context, t *world.Task, def *world.TaskDefinition) (bool, error) {
	c, ok := n.anyRunning(t)
	if !ok {
		return false, nil
	}
	for _, p := range t.AwaitedPorts(def) {
		if ok, err := n.listensOn(ctx, c, t, p); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (n *Node) anyRunning(t *world.Task) (runtime.Status, bool) {
	for _, c := range t.Observed.Containers {
		if s, ok := n.found.get(c.RuntimeID); ok && s.State == runtime.StateRunning {
			return s, true
		}
	}
	return runtime.Status{}, false
}

func (n *Node) listensOn(ctx context.Context, c runtime.Status, t *world.Task, p world.TaskPort) (bool, error) {
	for _, a := range []netip.Addr{t.Address, t.IPv6} {
		if !a.IsValid() {
			continue
		}
		if ok, err := n.o.Runtime.Listens(ctx, c, p.Protocol, netip.AddrPortFrom(a, uint16(p.Port))); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}
