package simulated

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"seamark/internal/driver/runtime"
)

// Options program the machine. All are optional.
type Options struct {
	// Missing reports whether no registry has the image of that full name,
	// such as docker.io/library/nginx:latest.
	Missing func(name string) bool
	// Program replaces what a container's environment and labels say.
	Program func(c runtime.Container) Program
}

// Machine is what the containers run on. It outlives the drivers that are
// opened on it, as a real one outlives the processes of Seamark.
type Machine struct {
	opts Options

	mu            sync.Mutex
	containers    map[string]*container
	images        map[string]runtime.Image
	subscriptions map[*subscription]struct{}
	lastPID       int
}

type container struct {
	spec    runtime.Container
	program Program
	status  runtime.Status
	execs   int         // commands run so far
	end     *time.Timer // the end that is due; nil: none
	due     time.Time   // when
}

// NewMachine returns an empty machine.
func NewMachine(o Options) *Machine {
	return &Machine{
		opts: o, containers: map[string]*container{}, images: map[string]runtime.Image{},
		subscriptions: map[*subscription]struct{}{}, lastPID: 1000,
	}
}

// Crash ends a running container as if by itself.
func (m *Machine) Crash(id string, code int32) { m.finish(id, code, false) }

// SetExec sets the exit codes of the next commands that run in a container.
func (m *Machine) SetExec(id string, codes ...int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.containers[id]; c != nil {
		c.program.Exec, c.execs = codes, 0
	}
}

// Reboot takes all containers away without an event, as a reboot of a real
// machine does. Images stay.
func (m *Machine) Reboot() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.containers {
		c.stopTimer()
	}
	clear(m.containers)
}

// String prints the containers, one a line, sorted by id.
func (m *Machine) String() string {
	var b strings.Builder
	for _, s := range m.list() {
		fmt.Fprintf(&b, "%s group=%s %s", s.ID, s.Group, s.State)
		switch {
		case s.State == runtime.StateRunning:
			fmt.Fprintf(&b, " pid=%d", s.PID)
		case s.OOMKilled:
			fmt.Fprintf(&b, " exit=%d oom", s.ExitCode)
		default:
			fmt.Fprintf(&b, " exit=%d", s.ExitCode)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (m *Machine) list() []runtime.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]runtime.Status, 0, len(m.containers))
	for _, id := range slices.Sorted(maps.Keys(m.containers)) {
		s := m.containers[id].status
		s.Labels = maps.Clone(s.Labels)
		out = append(out, s)
	}
	return out
}

// start runs a container, or returns the pid of one that runs already.
func (m *Machine) start(spec runtime.Container, p Program) (pid int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.containers[spec.ID]; c != nil {
		if c.status.State == runtime.StateStopped {
			return 0, fmt.Errorf("container %s ran and has ended", spec.ID)
		}
		return c.status.PID, nil
	}
	m.lastPID++
	group := spec.Group
	if group == "" {
		group = spec.ID
	}
	labels := maps.Clone(spec.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	c := &container{spec: spec, program: p, status: runtime.Status{
		ID: spec.ID, Group: group, Labels: labels, State: runtime.StateRunning, PID: m.lastPID, StartedAt: time.Now(),
	}}
	m.containers[spec.ID] = c
	if p.Ends {
		code := p.ExitCode
		if p.OOM {
			code = killedCode
		}
		m.finishAfter(c, p.RunFor, code, p.OOM)
	}
	return m.lastPID, nil
}

// finishAfter plans the end of c, unless one is due earlier. m.mu is held.
func (m *Machine) finishAfter(c *container, d time.Duration, code int32, oom bool) {
	at := time.Now().Add(d)
	if c.end != nil && !c.due.After(at) {
		return
	}
	c.stopTimer()
	c.due = at
	c.end = time.AfterFunc(d, func() { m.finishIf(c, code, oom) })
}

func (c *container) stopTimer() {
	if c.end != nil {
		c.end.Stop()
		c.end = nil
	}
}

// finish ends the container of that id.
func (m *Machine) finish(id string, code int32, oom bool) {
	m.mu.Lock()
	c := m.containers[id]
	m.mu.Unlock()
	if c != nil {
		m.finishIf(c, code, oom)
	}
}

// finishIf ends c, if it is still there and runs, and tells all who listen.
func (m *Machine) finishIf(c *container, code int32, oom bool) {
	for _, s := range m.markEnded(c, code, oom) {
		s.wake()
	}
}

func (m *Machine) markEnded(c *container, code int32, oom bool) []*subscription {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.containers[c.spec.ID] != c || c.status.State != runtime.StateRunning {
		return nil
	}
	c.stopTimer()
	c.status.State, c.status.PID = runtime.StateStopped, 0
	c.status.ExitCode, c.status.OOMKilled, c.status.StoppedAt = code, oom, time.Now()
	var tell []*subscription
	for s := range m.subscriptions {
		s.queue = append(s.queue, runtime.Event{ID: c.spec.ID, ExitCode: code, OOMKilled: oom, At: c.status.StoppedAt})
		tell = append(tell, s)
	}
	return tell
}

// signal does what the container's program does with a signal.
func (m *Machine) signal(id string, s runtime.Signal) {
	if s == runtime.KillSignal {
		m.finish(id, killedCode, false)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.containers[id]
	if c == nil || c.status.State != runtime.StateRunning || c.program.IgnoreStop {
		return
	}
	m.finishAfter(c, c.program.StopTakes, c.program.StopCode, false)
}

// remove ends the container and forgets it.
func (m *Machine) remove(id string) {
	m.finish(id, killedCode, false)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.containers, id)
}

// command counts a command that runs in a container and returns its outcome.
func (m *Machine) command(id string) (takes time.Duration, code int32, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.containers[id]
	if c == nil {
		return 0, 0, runtime.ErrNotFound
	}
	if c.status.State != runtime.StateRunning {
		return 0, 0, fmt.Errorf("container %s is not running", id)
	}
	if n := len(c.program.Exec); n > 0 {
		code = c.program.Exec[min(c.execs, n-1)]
	}
	c.execs++
	return c.program.ExecTakes, code, nil
}

// listens says whether a container runs and all that run in its group, whose
// network is one, have come to listen.
func (m *Machine) listens(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.containers[id]
	if asked == nil || asked.status.State != runtime.StateRunning {
		return false
	}
	for _, c := range m.containers {
		runs := c.status.Group == asked.status.Group && c.status.State == runtime.StateRunning
		if runs && time.Since(c.status.StartedAt) < c.program.ListensAfter {
			return false
		}
	}
	return true
}

// subscription is one open Events.
type subscription struct {
	queue []runtime.Event // guarded by the machine's mutex
	more  chan struct{}
}

func (s *subscription) wake() {
	select {
	case s.more <- struct{}{}:
	default: // it is awake, or about to be
	}
}

func (m *Machine) subscribe() *subscription {
	s := &subscription{more: make(chan struct{}, 1)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscriptions[s] = struct{}{}
	return s
}

func (m *Machine) unsubscribe(s *subscription) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.subscriptions, s)
}

func (m *Machine) take(s *subscription) []runtime.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := s.queue
	s.queue = nil
	return q
}

// pass sends the subscription's events to out until ctx is done.
func (m *Machine) pass(ctx context.Context, s *subscription, out chan<- runtime.Event) {
	for {
		for _, e := range m.take(s) {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return
		}
	}
}
