package node

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/driver/runtime/simulated"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

// ports is a runtime that says of each port what a test wants, and notes what
// it was asked.
type ports struct {
	*simulated.Driver
	open  map[string]bool // "tcp 10.0.1.4:80"
	err   error
	asked []string
}

func (p *ports) Listens(_ context.Context, c runtime.Status, network string, at netip.AddrPort) (bool, error) {
	p.asked = append(p.asked, network+" "+at.String())
	return p.open[network+" "+at.String()] && c.ID == "r-side", p.err
}

// portsNode is a node with a task that is ACTIVATING;
// its first container has ended, the second runs.
func portsNode(t *testing.T, p *ports, change func(t *world.Task)) *Node {
	t.Helper()
	s, err := mem.Open(mem.Options{Disk: mem.NewDisk()})
	if err != nil {
		t.Fatal(err)
	}
	p.Driver = simulated.New(simulated.Options{})
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), p.Close()); err != nil {
			t.Error(err)
		}
	})
	n := New(Options{Name: "n", Store: s, Runtime: p, Fidelity: world.Relaxed, Logger: slog.New(slog.DiscardHandler)})
	n.found.replace([]runtime.Status{{ID: "r-app", State: runtime.StateStopped}, running("r-side")})
	def := &world.TaskDefinition{TaskDefinitionRef: world.TaskDefinitionRef{Family: "web", Revision: 1}, NetworkMode: "awsvpc", Containers: []world.ContainerDefinition{
		{Name: "app", PortMappings: []world.PortMapping{{ContainerPort: 80, Protocol: "tcp"}, {ContainerPort: 53, Protocol: "udp"}}}, {Name: "side"},
	}}
	task := &world.Task{
		ID: "t", Node: "n", TaskDefinition: def.TaskDefinitionRef, LastStatus: world.TaskActivating, ActivatingAt: n.now(),
		Address: netip.MustParseAddr("10.0.1.4"), IPv6: netip.MustParseAddr("fd00::4"), Registries: []world.ServiceRegistry{{Service: "srv"}},
		Observed: world.TaskObserved{Started: true, Containers: []world.ContainerObserved{{Name: "app", RuntimeID: "r-app"}, {Name: "side", RuntimeID: "r-side"}}},
	}
	if change != nil {
		change(task)
	}
	if _, err := s.Update(t.Context(), func(tx *store.Tx) error { tx.Put(def); tx.Put(task); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *Node) seenListening() bool { return n.o.Store.View().Tasks.Get("t").Observed.Listens }

func TestLookAtPorts_AllOfThemAtOneAddressEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &ports{open: map[string]bool{"tcp [fd00::4]:80": true}}
		n := portsNode(t, p, nil)
		again, err := n.lookAtPorts(t.Context(), "t")
		if err != nil || !again.Equal(n.now().Add(portsEvery)) || n.seenListening() {
			t.Errorf("one port is open: again at %v, %v; listens %v", again, err, n.seenListening())
		}
		time.Sleep(time.Second)
		if again, _ := n.lookAtPorts(t.Context(), "t"); !again.Equal(n.now().Add(100 * time.Millisecond)) {
			t.Errorf("after a second: again in %v", again.Sub(n.now()))
		}
		p.open["udp 10.0.1.4:53"] = true
		if again, err := n.lookAtPorts(t.Context(), "t"); err != nil || !again.IsZero() || !n.seenListening() {
			t.Errorf("both are open: again at %v, %v; listens %v", again, err, n.seenListening())
		}
		p.asked = nil
		if again, err := n.lookAtPorts(t.Context(), "t"); err != nil || !again.IsZero() || len(p.asked) > 0 {
			t.Errorf("it is known: again at %v, %v; asked %v", again, err, p.asked)
		}
	})
}

func TestLookAtPorts_WhatCannotBeSeenIsNotWaitedFor(t *testing.T) {
	n := portsNode(t, &ports{err: errors.New("no such call")}, nil)
	if again, err := n.lookAtPorts(t.Context(), "t"); err != nil || !again.IsZero() || !n.seenListening() {
		t.Errorf("again at %v, %v; listens %v", again, err, n.seenListening())
	}
}

func TestLookAtPorts_OfNobodyWhoDoesNotWait(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *world.Task)
		aws    bool
	}{
		"registered":      {change: func(t *world.Task) { t.Registration.State = world.Registered }},
		"stopping":        {change: func(t *world.Task) { t.LastStatus = world.TaskDeactivating }},
		"not started":     {change: func(t *world.Task) { t.LastStatus, t.Observed.Started = world.TaskPending, false }},
		"in no registry":  {change: func(t *world.Task) { t.Registries = nil }},
		"another node's":  {change: func(t *world.Task) { t.Node = "m" }},
		"AWS's fidelity":  {aws: true},
		"no definition":   {change: func(t *world.Task) { t.TaskDefinition.Revision = 9 }},
		"it is not there": {change: func(t *world.Task) { t.ID = "u" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := &ports{}
			n := portsNode(t, p, c.change)
			if c.aws {
				n.o.Fidelity = world.AWS
			}
			if again, err := n.lookAtPorts(t.Context(), "t"); err != nil || !again.IsZero() || len(p.asked) > 0 {
				t.Errorf("again at %v, %v; asked %v", again, err, p.asked)
			}
		})
	}
}

func TestLookAtPorts_NothingRuns(t *testing.T) {
	p := &ports{}
	n := portsNode(t, p, nil)
	n.found.replace(nil)
	if again, err := n.lookAtPorts(t.Context(), "t"); err != nil || again.IsZero() || len(p.asked) > 0 {
		t.Errorf("again at %v, %v; asked %v", again, err, p.asked)
	}
}
