// Package node is one machine's hands. It reads which tasks, instances and
// networks the world wants here, makes them so through the drivers, and writes
// back what it saw: the Observed fields, which it alone writes.
//
// Everything in it is level-triggered: a change in the world or an event of the
// runtime only says which task, instance or VPC to look at again. What was
// running when Seamark stopped is adopted; what the world does not know is
// removed, but never before the world is loaded.
package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"seamark/internal/driver/network"
	"seamark/internal/driver/runtime"
	"seamark/internal/reconcile"
	"seamark/internal/store"
	"seamark/internal/world"
)

// Options is what a Node needs.
type Options struct {
	Name     string      // required: Task.Node of the tasks to run
	Store    store.Store // required
	Runtime  runtime.Driver
	Network  network.Driver
	Scope    world.Scope
	Fidelity world.Fidelity
	// Dir keeps the files of tasks and instances: resolv.conf, hosts, volumes.
	Dir string
	// LogDir returns the directory that holds a log stream's segments.
	LogDir func(group, stream string) string
	// ConsoleDir returns the directory of an instance's console output.
	ConsoleDir func(world.InstanceID) string
	PullPolicy runtime.PullPolicy
	// InstanceImage is the image that an EC2 instance boots.
	InstanceImage string
	// OnNetwork is called when a VPC's network has come to be, or is another one
	// than before, before anything in it starts. It may wait for the resolver.
	OnNetwork func(context.Context, world.VPCID)
	// OnInterfaces is called when interfaces of a VPC have come to be, or are gone.
	// It must not block; nil: nobody wants to know.
	OnInterfaces func(world.VPCID)
	Logger       *slog.Logger
}

// Node runs what the world wants on this machine.
type Node struct {
	o         Options
	found     *containers
	attached  *attachments
	images    *images
	tasks     *reconcile.Loop
	instances *reconcile.Loop
	networks  *reconcile.Loop
	health    *reconcile.Loop
	ports     *reconcile.Loop
	stops     *stops
	probes    *probes
}

// New returns a node that does nothing until Run.
func New(o Options) *Node {
	n := &Node{o: o, found: newContainers(), attached: newAttachments(), stops: newStops(), probes: newProbes()}
	opts := reconcile.Options{Logger: o.Logger, Workers: 8}
	n.images = newImages(o.Runtime, o.PullPolicy, opts, n.enqueueGroup)
	n.tasks = reconcile.New("node/tasks", opts, n.reconcileTask)
	n.instances = reconcile.New("node/instances", opts, n.reconcileInstance)
	n.networks = reconcile.New("node/networks", opts, n.reconcileNetwork)
	n.health = reconcile.New("node/health", opts, n.probe)
	n.ports = reconcile.New("node/ports", opts, n.lookAtPorts)
	return n
}

// Run adopts what exists and keeps the machine equal to the world until ctx
// ends. Containers and networks stay as they are then.
func (n *Node) Run(ctx context.Context) error {
	cancel := n.o.Store.Subscribe(n.onCommit)
	defer cancel()
	events := n.o.Runtime.Events(ctx)
	if err := n.adopt(ctx); err != nil {
		return fmt.Errorf("adopt what runs: %w", err)
	}
	n.enqueueAll()
	g, ctx := errgroup.WithContext(ctx)
	for _, loop := range []*reconcile.Loop{n.tasks, n.instances, n.networks, n.health, n.ports, n.images.loop} {
		g.Go(func() error { return loop.Run(ctx) })
	}
	g.Go(func() error { return n.watch(ctx, events) })
	return g.Wait()
}

// onCommit turns changes of the world into keys to look at.
func (n *Node) onCommit(c store.Commit) {
	for _, change := range c.Changes {
		switch change.Kind {
		case world.KindTask:
			n.tasks.Enqueue(change.Key)
		case world.KindInstance:
			n.instances.Enqueue(change.Key)
		case world.KindVPC:
			n.networks.Enqueue(change.Key)
		default:
			n.enqueueNetworks(change)
		}
	}
}

// enqueueNetworks looks again at the VPC of a changed interface, subnet or group.
func (n *Node) enqueueNetworks(change store.Change) {
	for _, o := range []world.Object{change.Old, change.New} {
		switch o := o.(type) {
		case *world.NetworkInterface:
			n.networks.Enqueue(string(o.VPC))
			if change.New == nil {
				// Its owner may have waited for that alone, if the interface was
				// never made.
				n.enqueueGroup(o.OwnerID)
			}
		case *world.SecurityGroup:
			n.networks.Enqueue(string(o.VPC))
		}
	}
}

func (n *Node) enqueueAll() {
	w := n.o.Store.View()
	for v := range w.VPCs.All() {
		n.networks.Enqueue(v.Key())
	}
	for t := range w.Tasks.All() {
		n.tasks.Enqueue(t.Key())
	}
	for i := range w.Instances.All() {
		n.instances.Enqueue(i.Key())
	}
}

// adopt learns what runs and removes what the world does not know.
func (n *Node) adopt(ctx context.Context) error {
	if err := n.relist(ctx); err != nil {
		return err
	}
	w := n.o.Store.View()
	for _, s := range n.found.all() {
		if wanted(w, s.Group) {
			continue
		}
		n.o.Logger.Info("removing a container of nobody", "container", s.ID, "group", s.Group)
		if err := n.o.Runtime.Remove(ctx, s.ID); err != nil {
			return err
		}
		n.found.forget(s.ID)
	}
	vpcs, err := n.o.Network.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range vpcs {
		if w.VPCs.Get(string(id)) == nil {
			n.o.Logger.Info("removing a network of nobody", "vpc", id)
			if err := n.o.Network.Remove(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// wanted says whether the world knows the task or instance of a group.
func wanted(w world.World, group string) bool {
	if t := w.Tasks.Get(group); t != nil {
		return t.LastStatus != world.TaskStopped
	}
	i := w.Instances.Get(group)
	return i != nil && i.State != world.InstanceTerminated
}

func (n *Node) relist(ctx context.Context) error {
	n.found.listing()
	list, err := n.o.Runtime.List(ctx)
	if err != nil {
		return err
	}
	n.found.replace(list)
	return nil
}

// watch hands the ends of containers to the tasks that they belong to.
func (n *Node) watch(ctx context.Context, events <-chan runtime.Event) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-events:
			if !ok {
				return ctx.Err()
			}
			n.onEvent(ctx, e)
		}
	}
}

func (n *Node) onEvent(ctx context.Context, e runtime.Event) {
	if e.ID != "" {
		if group, ok := n.found.ended(e); ok {
			n.enqueueGroup(group)
		}
		return
	}
	if err := n.relist(ctx); err != nil {
		n.o.Logger.Warn("list containers after a gap in events", "error", err)
		return
	}
	n.enqueueAll()
}

func (n *Node) enqueueGroup(group string) {
	w := n.o.Store.View()
	switch {
	case w.Tasks.Get(group) != nil:
		n.tasks.Enqueue(group)
	case w.Instances.Get(group) != nil:
		n.instances.Enqueue(group)
	}
}

// observe changes what was seen of a task, in a transaction of its own. A task
// that is gone is no error.
func (n *Node) observe(ctx context.Context, id world.TaskID, f func(t *world.Task, o *world.TaskObserved)) error {
	_, err := n.o.Store.Update(ctx, func(tx *store.Tx) error {
		t := tx.World.Tasks.Get(string(id))
		if t == nil {
			return nil
		}
		next := *t
		next.Observed.Containers = append([]world.ContainerObserved(nil), t.Observed.Containers...)
		f(t, &next.Observed)
		if !sameObserved(&t.Observed, &next.Observed) {
			tx.Put(&next)
		}
		return nil
	})
	return err
}

func (n *Node) now() time.Time { return time.Now().UTC() }
