package runtimetest

import (
	"net/netip"
	"testing"
	"time"

	"seamark/internal/driver/runtime"
)

// Fixture is what the suite needs to know of a driver's surroundings. The
// containers that it describes have an image, a program and a network; the
// suite adds id, group and labels.
type Fixture struct {
	Real bool // containers are processes

	Archive string   // path of an image archive
	Names   []string // the short names that it brings, sorted
	Missing string   // a reference to an image that no registry has

	Exits     func(code int32) runtime.Container // ends at once by itself
	Sleeps    func() runtime.Container           // ends with StopCode by the stop signal
	StopCode  int32
	Stubborn  func() runtime.Container                // ignores the stop signal
	Ready     func(t *testing.T, c runtime.Container) // waits until a container of Sleeps or Stubborn handles signals
	Listens   func() runtime.Container                // listens at ListensAt (TCP), a moment after its start
	ListensAt netip.AddrPort
	Hungry    func() runtime.Container // takes more memory than it may
	Broken    func() runtime.Container // cannot be started
	Succeeds  Command
	Fails     Command // with exit code 1
	Hangs     Command
	Reopen    func(t *testing.T) runtime.Driver // a second driver, as a new process makes one
	Restart   func(t *testing.T)                // the engine dies and comes back; nil: there is none
	Unchanged func(t *testing.T) func()         // the function that it returns fails the test when the machine differs
}

// Command is a command to run in a container, and the container for it.
type Command struct {
	In   func() runtime.Container
	Args []string
}

// limit is how long anything may take.
const limit = 30 * time.Second

// suite is one test's driver and fixture.
type suite struct {
	Fixture
	driver runtime.Driver
}

// named completes a container.
func named(c runtime.Container, id string) runtime.Container {
	c.ID = id
	if c.Group == "" {
		c.Group = id
	}
	return c
}

// start starts a container, and removes it and its group at the test's end.
func (s suite) start(t *testing.T, c runtime.Container) int {
	t.Helper()
	t.Cleanup(func() { s.remove(t, c.ID, c.Group) })
	pid, err := s.driver.Start(t.Context(), c)
	if err != nil {
		t.Fatalf("start %s: %v", c.ID, err)
	}
	if pid <= 0 {
		t.Fatalf("start %s: pid %d", c.ID, pid)
	}
	return pid
}

// startReady starts a container of Sleeps or Stubborn and waits for it.
func (s suite) startReady(t *testing.T, c runtime.Container) int {
	t.Helper()
	pid := s.start(t, c)
	s.Ready(t, c)
	return pid
}

// remove takes a container and its group away.
func (s suite) remove(t *testing.T, id, group string) {
	t.Helper()
	ctx, cancel := contextOf(limit)
	defer cancel()
	if err := s.driver.Remove(ctx, id); err != nil {
		t.Errorf("remove %s: %v", id, err)
	}
	if err := s.driver.RemoveGroup(ctx, group); err != nil {
		t.Errorf("remove group %s: %v", group, err)
	}
}

// status returns the container of that id, or nil.
func (s suite) status(t *testing.T, id string) *runtime.Status {
	t.Helper()
	list, err := s.driver.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return nil
}

// until polls a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// stopped waits for a container's end and returns its status.
func (s suite) stopped(t *testing.T, id string) runtime.Status {
	t.Helper()
	var got runtime.Status
	until(t, id+" has ended", func() bool {
		st := s.status(t, id)
		if st == nil {
			t.Fatalf("%s is not there", id)
		}
		got = *st
		return got.State == runtime.StateStopped
	})
	return got
}

// event waits for the event of a container's end. Empty events are skipped.
func event(t *testing.T, events <-chan runtime.Event, id string) runtime.Event {
	t.Helper()
	timeout := time.After(limit)
	for {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("events ended before that of %s", id)
			}
			if e.ID == id {
				return e
			}
		case <-timeout:
			t.Fatalf("no event of %s within %v", id, limit)
		}
	}
}
