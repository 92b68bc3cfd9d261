package node

import (
	"cmp"
	"reflect"
	"slices"
	"sync"

	"seamark/internal/driver/runtime"
	"seamark/internal/world"
)

// containers is what is known of the machine's containers: listed at the start,
// then kept up to date by what the node does and by the runtime's events.
type containers struct {
	mu   sync.Mutex
	byID map[string]runtime.Status
	// starting are those whose start has not returned; the value is their end if
	// it was heard of already.
	starting map[string]*runtime.Event
	// changed are those that were started or forgotten since the runtime was
	// asked for a list: of them we know better. Nil: no list is under way.
	changed map[string]bool
}

func newContainers() *containers {
	return &containers{byID: map[string]runtime.Status{}, starting: map[string]*runtime.Event{}}
}

// listing says that the runtime is asked for a list from now on.
func (c *containers) listing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = map[string]bool{}
}

// replace takes over a list that was asked for after listing.
func (c *containers) replace(list []runtime.Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := map[string]runtime.Status{}
	for _, s := range list {
		if !c.changed[s.ID] {
			next[s.ID] = s
		}
	}
	for id := range c.changed {
		if s, ok := c.byID[id]; ok {
			next[id] = s
		}
	}
	c.byID, c.changed = next, nil
}

// get returns what is known of a container that was started. One that was made
// and not started, because Seamark or the machine ended in between, is as good
// as none: starting it makes it anew.
func (c *containers) get(id string) (runtime.Status, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[id]
	return s, ok && s.State != runtime.StateCreated
}

// exists says whether there is anything of a container to remove.
func (c *containers) exists(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.byID[id]
	return ok
}

func (c *containers) all() []runtime.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]runtime.Status, 0, len(c.byID))
	for _, s := range c.byID {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b runtime.Status) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// start runs f, which starts a container and returns what it is then. The end
// of the container may be heard of before f returns.
func (c *containers) start(id string, f func() (runtime.Status, error)) error {
	c.mu.Lock()
	c.starting[id] = nil
	c.mu.Unlock()
	s, err := f()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.starting[id]
	delete(c.starting, id)
	if err != nil {
		return err
	}
	if c.changed != nil {
		c.changed[id] = true
	}
	switch was, ok := c.byID[id]; {
	case e != nil:
		s = endedBy(s, *e)
	case ok && was.State == runtime.StateStopped:
		s = was // listed in the meantime
	}
	c.byID[id] = s
	return nil
}

// ended records the end of a container and returns its group.
func (c *containers) ended(e runtime.Event) (group string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, starts := c.starting[e.ID]; starts {
		c.starting[e.ID] = &e
	}
	s, ok := c.byID[e.ID]
	if !ok {
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
	if c.changed != nil {
		c.changed[id] = true
	}
}

// sameObserved says whether two observations are equal.
func sameObserved(a, b *world.TaskObserved) bool { return reflect.DeepEqual(a, b) }
