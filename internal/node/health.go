package node

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// probes is what the node remembers of health checks between two of them.
type probes struct {
	mu       sync.Mutex
	failures map[string]int // in a row, by probeKey
	due      map[string]time.Time
}

func newProbes() *probes {
	return &probes{failures: map[string]int{}, due: map[string]time.Time{}}
}

func probeKey(id world.TaskID, container string) string { return string(id) + "/" + container }

func (p *probes) forget(group string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.failures {
		if strings.HasPrefix(key, group+"/") {
			delete(p.failures, key)
		}
	}
	for key := range p.due {
		if strings.HasPrefix(key, group+"/") {
			delete(p.due, key)
		}
	}
}

// planned says whether a container's next probe has a time.
func (p *probes) planned(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.due[key]
	return ok
}

// next says when a container is to be probed; the first call plans it.
func (p *probes) next(key string, first time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, planned := p.due[key]; !planned {
		p.due[key] = first
	}
	return p.due[key]
}

// count records an outcome and returns the failures in a row.
func (p *probes) count(key string, ok, counts bool, next time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, planned := p.due[key]; !planned {
		return 0 // forgotten while the probe ran
	}
	p.due[key] = next
	switch {
	case ok:
		p.failures[key] = 0
	case counts:
		p.failures[key]++
	}
	return p.failures[key]
}

// probe runs one container's health check when it is due. The rules are
// those of the ECS API reference, HealthCheck: a success makes the container
// healthy, "retries" failures in a row make it unhealthy, failures within the start
// period count only after a first success.
func (n *Node) probe(ctx context.Context, key string) (time.Time, error) {
	id, name, _ := strings.Cut(key, "/")
	w := n.o.Store.View()
	t := w.Tasks.Get(id)
	if t == nil || !t.LastStatus.Before(world.TaskStopping) {
		return time.Time{}, nil
	}
	def := w.TaskDefinition(t.TaskDefinition)
	if def == nil {
		return time.Time{}, nil
	}
	c, seen := def.Container(name), t.Observed.Container(name)
	if c == nil || c.HealthCheck == nil || seen == nil {
		return time.Time{}, nil
	}
	s, ok := n.found.get(seen.RuntimeID)
	if !ok || s.State != runtime.StateRunning {
		return time.Time{}, nil
	}
	now := n.now()
	if due := n.probes.next(key, s.StartedAt.Add(firstProbe(c.HealthCheck))); now.Before(due) {
		return due, nil
	}
	result, err := n.o.Runtime.Exec(ctx, seen.RuntimeID, probeCommand(c.HealthCheck.Command), c.HealthCheck.Timeout)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if errors.Is(err, runtime.ErrUnavailable) {
		return time.Time{}, err // it says nothing about the container: try again
	}
	passed := err == nil && result.ExitCode == 0
	next := n.now().Add(c.HealthCheck.Interval)
	starting := n.now().Before(s.StartedAt.Add(c.HealthCheck.StartPeriod)) && seen.Health != world.Healthy
	failures := n.probes.count(key, passed, !starting, next)
	return next, n.reportHealth(ctx, t.ID, name, passed, failures >= c.HealthCheck.Retries)
}

// firstProbe is how long after the start the first probe runs. AWS waits a
// whole interval; an early first look finds a healthy container sooner and, as
// one failure decides nothing, no unhealthy one.
func firstProbe(h *world.HealthCheck) time.Duration { return min(h.Interval, time.Second) }

func probeCommand(command []string) []string {
	switch {
	case len(command) > 1 && command[0] == "CMD":
		return command[1:]
	case len(command) > 1 && command[0] == "CMD-SHELL":
		return []string{"/bin/sh", "-c", strings.Join(command[1:], " ")}
	default:
		return command
	}
}

func (n *Node) reportHealth(ctx context.Context, id world.TaskID, container string, passed, failed bool) error {
	err := n.observe(ctx, id, func(_ *world.Task, o *world.TaskObserved) {
		c := o.Container(container)
		switch {
		case c == nil:
		case passed:
			c.Health = world.Healthy
		case failed:
			c.Health = world.Unhealthy
		}
	})
	n.tasks.Enqueue(string(id)) // another container may wait for this one
	return err
}
