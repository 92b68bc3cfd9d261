package node

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// defaultStopTimeout is what a container gets between the stop signal and
// SIGKILL when its definition does not say (ECS API reference, stopTimeout).
const defaultStopTimeout = 30 * time.Second

// stops remembers when containers were signalled, so that they are killed in
// time. After a restart of Seamark the stop signal is sent once more.
type stops struct {
	mu sync.Mutex
	at map[string]time.Time
}

func newStops() *stops { return &stops{at: map[string]time.Time{}} }

// asked returns when the container was signalled first, which is now if never before.
func (s *stops) asked(id string, now time.Time) (at time.Time, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, had := s.at[id]
	if !had {
		at = now
		s.at[id] = at
	}
	return at, !had
}

func (s *stops) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, id)
}

// stop signals the containers, those on which others depend last, kills the
// ones that do not end in time, and reports when none is left.
func (r *taskRun) stop(ctx context.Context) (time.Time, error) {
	var again time.Time
	running := false
	for _, c := range r.def.Containers {
		id := r.containerID(c.Name)
		if s, ok := r.n.found.get(id); !ok || s.State != runtime.StateRunning {
			continue
		}
		running = true
		if r.anyRuns(r.dependents(c.Name)) {
			continue
		}
		until, err := r.n.stopContainer(ctx, id, c.StopTimeout)
		if err != nil {
			return time.Time{}, err
		}
		again = earliest(again, until)
	}
	return again, r.reportStopping(ctx, !running)
}

func (r *taskRun) anyRuns(names []string) bool {
	for _, name := range names {
		if s, ok := r.n.found.get(r.containerID(name)); ok && s.State == runtime.StateRunning {
			return true
		}
	}
	return false
}

// stopContainer sends the signal that is due and returns when to look again.
func (n *Node) stopContainer(ctx context.Context, id string, timeout time.Duration) (time.Time, error) {
	if timeout == 0 {
		timeout = defaultStopTimeout
	}
	now := n.now()
	at, first := n.stops.asked(id, now)
	deadline := at.Add(timeout)
	switch {
	case first:
		if err := n.o.Runtime.Signal(ctx, id, runtime.StopSignal); err != nil {
			n.stops.forget(id)
			return time.Time{}, err
		}
		return deadline, nil
	case now.Before(deadline):
		return deadline, nil
	default:
		return now.Add(time.Second), n.o.Runtime.Signal(ctx, id, runtime.KillSignal)
	}
}

func (r *taskRun) reportStopping(ctx context.Context, ended bool) error {
	return r.n.observe(ctx, r.t.ID, func(_ *world.Task, o *world.TaskObserved) {
		for i := range o.Containers {
			c := &o.Containers[i]
			r.see(c)
			if ended && c.LastStatus == "PENDING" {
				c.LastStatus = "STOPPED"
			}
		}
		if ended && o.ExecutionStoppedAt.IsZero() {
			o.ExecutionStoppedAt = r.n.now()
		}
	})
}

// release removes what the task left on the machine.
func (r *taskRun) release(ctx context.Context) error {
	if r.t.Interface != "" && r.n.attached.has(r.vpc(), r.t.Interface) {
		return nil // the network loop looks here again once it is gone
	}
	if err := r.n.removeGroup(ctx, string(r.t.ID), r.runtimeIDs()); err != nil {
		return err
	}
	return r.n.observe(ctx, r.t.ID, func(_ *world.Task, o *world.TaskObserved) { o.Released = true })
}

func (r *taskRun) runtimeIDs() []string {
	var ids []string
	for _, c := range r.t.Observed.Containers {
		ids = append(ids, c.RuntimeID)
	}
	return ids
}

// removeGroup removes the containers of a task or instance and its files.
func (n *Node) removeGroup(ctx context.Context, group string, ids []string) error {
	for _, id := range ids {
		if !n.found.exists(id) {
			continue
		}
		if err := n.o.Runtime.Remove(ctx, id); err != nil {
			return err
		}
		n.found.forget(id)
		n.stops.forget(id)
	}
	if err := n.o.Runtime.RemoveGroup(ctx, group); err != nil {
		return err
	}
	n.images.forget(group)
	n.probes.forget(group)
	return os.RemoveAll(filepath.Join(n.o.Dir, group))
}
