package node

import (
	"reflect"
	"sync"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// containers is what is known of the machine's containers: listed at the start,
// then kept up to date by what the node does and by the runtime's events.
type containers struct {
	mu   sync.Mutex
	byID map[string]runtime.Status
	// early are ends that were heard of before the start was recorded.
	early map[string]runtime.Event
}

func newContainers() *containers {
	return &containers{byID: map[string]runtime.Status{}, early: map[string]runtime.Event{}}
}

func (c *containers) replace(list []runtime.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byID)
	for _, s := range list {
		c.byID[s.ID] = s
	}
}

func (c *containers) get(id string) (runtime.Status, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[id]
	return s, ok
}

func (c *containers) all() []runtime.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]runtime.Status, 0, len(c.byID))
	for _, s := range c.byID {
		list = append(list, s)
	}
	return list
}

func (c *containers) started(s runtime.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[s.ID] = s
	if e, ok := c.early[s.ID]; ok {
		delete(c.early, s.ID)
		c.byID[s.ID] = endedBy(s, e)
	}
}

// ended records the end of a container and returns its group.
func (c *containers) ended(e runtime.Event) (group string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[e.ID]
	if !ok {
		c.early[e.ID] = e
		return "", false
	}
	c.byID[e.ID] = endedBy(s, e)
	return s.Group, true
}

func endedBy(s runtime.Status, e runtime.Event) runtime.Status {
	s.State, s.PID = runtime.StateStopped, 0
	s.ExitCode, s.OOMKilled, s.StoppedAt = e.ExitCode, e.OOMKilled, e.At
	return s
}

func (c *containers) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
	delete(c.early, id)
}

// sameObserved says whether two observations are equal.
func sameObserved(a, b *world.TaskObserved) bool { return reflect.DeepEqual(a, b) }
