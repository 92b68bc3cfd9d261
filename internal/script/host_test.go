package script

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"seamark/internal/api/ec2"
	"seamark/internal/api/ecs"
	logsapi "seamark/internal/api/logs"
	"seamark/internal/api/route53"
	"seamark/internal/api/servicediscovery"
	"seamark/internal/change"
	"seamark/internal/control"
	"seamark/internal/dataplane"
	networksim "seamark/internal/driver/network/simulated"
	runtimesim "seamark/internal/driver/runtime/simulated"
	"seamark/internal/node"
	"seamark/internal/plan/place"
	"seamark/internal/plan/zone"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/telemetry/logs"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// host is a machine on which Seamark starts and ends. What it holds outlives
// Seamark's processes: the disk, the containers, the networks, the data plane.
type host struct {
	*testing.T
	dir     string
	disk    *mem.Disk
	machine *runtimesim.Machine
	network *networksim.Driver
	plane   *plane
	log     io.Writer

	missing  map[string]bool // images that no registry has, by full name
	fidelity world.Fidelity
	process  *process // nil: none runs
	// committed is what reached the disk last.
	committed atomic.Pointer[world.World]
	names     names
	answer    []byte // of the last call
}

// scope is the account and Region of all scripts.
func scope() world.Scope { return world.Scope{Region: "us-east-1", Account: "123456789012"} }

func newHost(t *testing.T, dir string) *host {
	t.Helper()
	p, err := newPlane()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{T: t, dir: dir, disk: mem.NewDisk(), network: networksim.New(), plane: p, missing: map[string]bool{}, fidelity: world.Relaxed, log: io.Discard}
	// A script changes missing only while everything is at rest.
	h.machine = runtimesim.NewMachine(runtimesim.Options{Missing: func(name string) bool { return h.missing[name] }})
	return h
}

// close ends everything.
func (h *host) close() {
	h.down()
	h.plane.setHold(false)
	if err := h.plane.close(); err != nil {
		h.Errorf("close the data plane: %v", err)
	}
	h.machine.Reboot()
}

// process is one run of `seamark up`.
type process struct {
	store   *mem.Store
	runtime *runtimesim.Driver
	logs    *logs.Store
	changes *change.Runner
	api     *wire.Mux
	aws     map[string]*wire.Service
	cancel  context.CancelFunc
	ended   chan error
}

// up starts Seamark.
func (h *host) up() {
	h.Helper()
	if h.process != nil {
		h.Fatal("Seamark runs already")
	}
	p := &process{runtime: h.machine.Open(), ended: make(chan error, 1)}
	var err error
	if p.store, err = mem.Open(mem.Options{Disk: h.disk}); err != nil {
		h.Fatal(err)
	}
	if p.logs, err = logs.Open(filepath.Join(h.dir, "logs"), logs.Options{}); err != nil {
		h.Fatal(err)
	}
	p.store.Subscribe(h.checkCommit)
	h.process = p
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	answers := control.NewAnswers(control.AnswersOptions{
		Store: p.store, Zone: zone.Options{Fidelity: h.fidelity, Region: scope().Region}, Logger: logger,
		Listen: func(*world.VPC) (dataplane.Listen, bool) { return dataplane.Listen{}, true },
	})
	p.changes = &change.Runner{Store: p.store, Scope: scope(), Fidelity: h.fidelity, Applied: answers.Applied, Await: answers.Await}
	n := node.New(node.Options{
		Name: place.Node, Store: p.store, Runtime: p.runtime, Network: h.network, Scope: scope(), Fidelity: h.fidelity,
		Dir: filepath.Join(h.dir, "run"), LogDir: p.logs.Dir, InstanceImage: "seamark/instance:latest",
		ConsoleDir: func(id world.InstanceID) string { return p.logs.Dir("console", string(id)) },
		OnNetwork:  answers.Rebind, OnInterfaces: answers.Attached, Logger: logger,
	})
	p.serve()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return control.New(p.changes, answers, logger).Run(ctx) })
	g.Go(func() error { return n.Run(ctx) })
	answers.Use(h.plane.connect())
	go func() { p.ended <- g.Wait() }()
}

// serve makes the API, without signatures.
func (p *process) serve() {
	p.api = wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: scope().Region, Account: scope().Account})
	p.aws = map[string]*wire.Service{}
	noConsole := func(context.Context, world.InstanceID) (ec2.Console, error) { return ec2.Console{}, nil }
	for _, s := range []*wire.Service{
		ec2.NewService(ec2.New(ec2.Config{Changes: p.changes, Scope: scope(), Console: noConsole}).Operations()),
		ecs.NewService(ecs.New(ecs.Config{Changes: p.changes, Scope: scope()}).Operations()),
		servicediscovery.NewService(servicediscovery.New(servicediscovery.Config{Changes: p.changes, Scope: scope()}).Operations()),
		route53.NewService(route53.New(route53.Config{Changes: p.changes, Scope: scope()}).Operations()),
		logsapi.NewService(logsapi.New(logsapi.Config{Store: p.store, Logs: p.logs, Scope: scope()}).Operations()),
	} {
		p.api.Add(s)
		p.aws[s.Package] = s
	}
}

// down ends Seamark as SIGTERM does. It is no error if none runs.
func (h *host) down() {
	h.Helper()
	p := h.process
	if p == nil {
		return
	}
	h.process = nil
	p.cancel()
	if err := <-p.ended; err != nil && !errors.Is(err, context.Canceled) {
		h.Errorf("Seamark ended with: %v", err)
	}
	if err := errors.Join(p.runtime.Close(), p.logs.Close(), p.store.Close()); err != nil {
		h.Errorf("close: %v", err)
	}
}

// kill ends Seamark as SIGKILL does: from now on nothing reaches the disk.
func (h *host) kill() {
	h.Helper()
	h.disk.Refuse(store.ErrUnavailable)
	h.down()
	h.disk.Refuse(nil)
}

// killAfter has nothing reach the disk once that many more commits did, as if
// the process had been killed just then. reached is closed at that moment.
func (h *host) killAfter(commits int) (reached <-chan struct{}) {
	done := make(chan struct{})
	var once sync.Once
	h.process.store.Subscribe(func(store.Commit) {
		if commits--; commits <= 0 {
			once.Do(func() {
				h.disk.Refuse(store.ErrUnavailable)
				close(done)
			})
		}
	})
	return done
}

// reboot ends everything that a reboot ends; only the disk stays.
func (h *host) reboot() {
	h.Helper()
	h.kill()
	h.machine.Reboot()
	if err := h.plane.close(); err != nil {
		h.Errorf("close the data plane: %v", err)
	}
	p, err := newPlane()
	if err != nil {
		h.Fatal(err)
	}
	h.plane = p
	h.network = networksim.New()
}

// view is the world as the running process has it, or the last one had it.
func (h *host) view() world.World {
	if h.process != nil {
		return h.process.store.View()
	}
	return h.latest()
}

// latest is the world of the newest commit. It may be called from anywhere.
func (h *host) latest() world.World {
	if w := h.committed.Load(); w != nil {
		return *w
	}
	return world.New()
}

// checkCommit holds every commit against rules that must never break.
func (h *host) checkCommit(c store.Commit) {
	h.committed.Store(&c.World)
	for _, change := range c.Changes {
		switch now := change.New.(type) {
		case *world.Task:
			h.checkTask(change.Old, now)
		case *world.NetworkInterface:
			for other := range c.World.InterfacesIn(now.Subnet) {
				if other.ID != now.ID && other.Address == now.Address {
					h.Errorf("%s belongs to %s and %s", now.Address, now.ID, other.ID)
				}
			}
		}
	}
}

func (h *host) checkTask(before world.Object, now *world.Task) {
	old, ok := before.(*world.Task)
	if !ok {
		return
	}
	switch {
	case now.LastStatus.Before(old.LastStatus):
		h.Errorf("task %s went from %s to %s", now.ID, old.LastStatus, now.LastStatus)
	case old.DesiredStatus == world.TaskStopped && now.DesiredStatus != world.TaskStopped:
		h.Errorf("task %s is wanted again", now.ID)
	case old.Registration.State == world.Deregistered && now.Registration.State != world.Deregistered:
		h.Errorf("task %s is registered again", now.ID)
	}
}
