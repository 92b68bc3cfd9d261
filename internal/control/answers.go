package control

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/store"
	"seamark/internal/world"
)

// AnswersOptions is what Answers needs.
type AnswersOptions struct {
	Store store.Store // required
	Zone  zone.Options
	// Listen says where a VPC's resolver listens; ok is false while the VPC's
	// network does not exist.
	Listen    func(v *world.VPC) (l dataplane.Listen, ok bool)
	Upstreams []netip.AddrPort
	// Public is where the public zones are answered; none: nowhere. Zone.Public
	// must say so too.
	Public []netip.AddrPort
	// Endpoint says by what the data plane reaches an interface of a Resolver
	// endpoint; ok is false while the interface does not exist. Nil: none ever does.
	Endpoint func(e *world.ResolverEndpoint, n *world.NetworkInterface) (a dataplane.EndpointAddress, ok bool)
	// PacketLimit is the data plane's Config.PacketLimit.
	PacketLimit int
	Logger      *slog.Logger // required
}

// Answers keeps the data plane's DNS tables equal to the world, and knows up to
// which revision they are.
type Answers struct {
	o       AnswersOptions
	applied atomic.Int64
	wake    chan struct{} // of size 1: something below changed

	mu      sync.Mutex
	plane   dataplane.Plane // the one to use from now on, once it is fresh
	fresh   bool            // plane has not been given everything yet
	next    world.World     // the newest world committed
	touched []world.Ref     // that next differs in from what was sent
	rebind  map[world.VPCID]bool
	rebinds []chan<- struct{}       // calls of Rebind, to be closed once rebind is done
	waiting map[world.TaskID]int64  // tasks that wait for a revision to be served
	awaited map[chan struct{}]int64 // calls of Await, by what to close

	endpoints []world.Ref          // touched objects that say which endpoints a VPC has
	attached  map[world.VPCID]bool // VPCs whose interfaces came or went
	serving   map[world.ResolverEndpointID][]world.NetworkInterfaceID
}

// NewAnswers returns an Answers without a data plane.
func NewAnswers(o AnswersOptions) *Answers {
	return &Answers{
		o: o, wake: make(chan struct{}, 1), rebind: map[world.VPCID]bool{}, waiting: map[world.TaskID]int64{}, awaited: map[chan struct{}]int64{},
		attached: map[world.VPCID]bool{}, serving: map[world.ResolverEndpointID][]world.NetworkInterfaceID{},
	}
}

// Applied is the newest revision that the data plane is known to serve.
func (a *Answers) Applied() int64 { return a.applied.Load() }

// Use makes p the data plane: it is given everything anew.
func (a *Answers) Use(p dataplane.Plane) {
	a.mu.Lock()
	a.plane, a.fresh = p, true
	a.mu.Unlock()
	a.signal()
}

// Rebind says that a VPC's network is there now, or is another one. It returns
// when the data plane has been told, so that nobody in the network asks before
// the resolver listens, and in any case when ctx ends or awaitMost has passed.
func (a *Answers) Rebind(ctx context.Context, id world.VPCID) {
	done := make(chan struct{})
	a.mu.Lock()
	a.rebind[id] = true
	a.rebinds = append(a.rebinds, done)
	a.mu.Unlock()
	a.signal()
	timer := time.NewTimer(awaitMost)
	defer timer.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (a *Answers) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Run sends changes until ctx ends. applied is called with what has come to be
// served.
func (a *Answers) Run(ctx context.Context, applied func(Applied)) error {
	cancel := a.o.Store.Subscribe(a.onCommit)
	defer cancel()
	a.begin(a.o.Store.View())
	s := sender{a: a, served: map[world.VPCID]bool{}, bound: map[world.VPCID][]dataplane.Endpoint{}, unbound: map[world.VPCID]map[world.NetworkInterfaceID]bool{}}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.wake:
		case <-retry.C:
			s.recheck(ctx)
		}
		if now := s.send(ctx); !now.empty() {
			applied(now)
		}
		if s.failed || len(s.unbound) > 0 {
			retry.Reset(retryPlane)
		}
	}
}

// begin is what is known at the start: the world, and that nothing of it is
// known to be served, so that each task with a registration waits for that.
func (a *Answers) begin(w world.World) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.Revision > a.next.Revision { // else a commit was faster
		a.next = w
	}
	for t := range w.Tasks.All() {
		if r := t.Registration.Revision; r > 0 && t.LastStatus != world.TaskStopped {
			a.waiting[t.ID] = r
		}
	}
}

// retryPlane is the pause before a data plane that failed is given everything
// anew. One whose process has ended is replaced by its supervisor, mostly
// before that.
const retryPlane = time.Second

func (a *Answers) onCommit(c store.Commit) {
	a.mu.Lock()
	if c.World.Revision > a.next.Revision {
		// At the start, next may be ahead: View shows a whole batch of commits
		// before the first of them is told.
		a.next = c.World
	}
	for _, change := range c.Changes {
		if touchesEndpoints(change) {
			a.endpoints = append(a.endpoints, change.Ref)
		}
		switch {
		case zone.Reads(change.Kind):
			a.touched = append(a.touched, change.Ref)
			if readdressed(change) {
				a.rebind[world.VPCID(change.Key)] = true
			}
		case change.Kind == world.KindTask:
			switch t, ok := change.New.(*world.Task); {
			case !ok:
				delete(a.waiting, world.TaskID(change.Key))
			case t.Registration.Revision == c.World.Revision:
				a.waiting[t.ID] = c.World.Revision
			}
		}
	}
	a.mu.Unlock()
	a.signal()
}

// readdressed says whether a VPC's resolver has other addresses than before. The
// data plane tries those again that the network has not come to have yet.
func readdressed(c store.Change) bool {
	old, ok := c.Old.(*world.VPC)
	now, still := c.New.(*world.VPC)
	return ok && still && !slices.Equal(old.Resolvers(), now.Resolvers())
}

// work is what there is to send.
type work struct {
	plane   dataplane.Plane
	fresh   bool
	world   world.World
	touched []world.Ref
	rebind  map[world.VPCID]bool
	rebinds []chan<- struct{}

	endpoints []world.Ref
	attached  map[world.VPCID]bool
}

func (a *Answers) take() work {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := work{
		plane: a.plane, fresh: a.fresh, world: a.next, touched: a.touched, rebind: a.rebind, rebinds: a.rebinds,
		endpoints: a.endpoints, attached: a.attached,
	}
	a.fresh, a.touched, a.rebind, a.rebinds = false, nil, map[world.VPCID]bool{}, nil
	a.endpoints, a.attached = nil, map[world.VPCID]bool{}
	return w
}

// served records that a revision is served and returns the tasks that waited for it.
func (a *Answers) served(revision int64) []world.TaskID {
	a.applied.Store(revision)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reach(revision)
	var tasks []world.TaskID
	for id, since := range a.waiting {
		if since <= revision {
			tasks = append(tasks, id)
			delete(a.waiting, id)
		}
	}
	slices.Sort(tasks)
	return tasks
}

// sender is what Run's goroutine knows of the data plane's state.
type sender struct {
	a      *Answers
	plane  dataplane.Plane // nil: none yet
	failed bool            // the last call: the plane is to be given everything
	sent   world.World
	served map[world.VPCID]bool // VPCs that the plane has
	// rebinds are the calls of Rebind that the plane was not told for yet.
	rebinds []chan<- struct{}

	bound map[world.VPCID][]dataplane.Endpoint // Resolver endpoints that it has
	// unbound are the VPCs with endpoints that do not listen everywhere, with the
	// interfaces that do not work; nil: that is not known yet.
	unbound map[world.VPCID]map[world.NetworkInterfaceID]bool
}

// send brings the data plane up to date, and returns what waited for it.
func (s *sender) send(ctx context.Context) Applied {
	w := s.a.take()
	s.rebinds = append(s.rebinds, w.rebinds...)
	var err error
	switch {
	case w.fresh, s.failed:
		s.plane = w.plane
		err = s.replace(ctx, w)
	case s.plane == nil:
		return Applied{}
	default:
		err = s.sync(ctx, w)
	}
	s.failed = err != nil
	if err != nil {
		if ctx.Err() == nil {
			s.a.o.Logger.Warn("data plane", "error", err)
		}
		return Applied{}
	}
	s.sent = w.world
	for _, done := range s.rebinds {
		close(done)
	}
	s.rebinds = nil
	return Applied{Tasks: s.a.served(w.world.Revision), Endpoints: s.observe(w.world)}
}

func (s *sender) replace(ctx context.Context, w work) error {
	clear(s.served)
	clear(s.bound)
	clear(s.unbound)
	snapshot := dataplane.Snapshot{Config: dataplane.Config{Upstreams: s.a.o.Upstreams, PacketLimit: s.a.o.PacketLimit}}
	for v := range w.world.VPCs.All() {
		if vpc, ok := s.vpc(w.world, v.ID); ok {
			snapshot.VPCs = append(snapshot.VPCs, vpc)
			s.served[v.ID], s.bound[v.ID] = true, vpc.Endpoints
		}
	}
	if table, ok := zone.Compile(w.world, zone.PublicID, s.a.o.Zone); ok {
		snapshot.VPCs = append(snapshot.VPCs, dataplane.VPC{Table: table, Listen: dataplane.Listen{Addresses: s.a.o.Public}})
		s.served[zone.PublicID] = true
	}
	return s.call(ctx, func(ctx context.Context) (dataplane.Ack, error) {
		return s.plane.Replace(ctx, w.world.Revision, snapshot)
	})
}

func (s *sender) vpc(w world.World, id world.VPCID) (dataplane.VPC, bool) {
	v := w.VPCs.Get(string(id))
	if v == nil {
		return dataplane.VPC{}, false
	}
	listen, ok := s.a.o.Listen(v)
	if !ok {
		return dataplane.VPC{}, false
	}
	table, ok := zone.Compile(w, id, s.a.o.Zone)
	return dataplane.VPC{Table: table, Listen: listen, Endpoints: s.endpoints(w, id)}, ok
}

func (s *sender) sync(ctx context.Context, w work) error {
	diff := zone.Changed(s.sent, w.world, w.touched, s.a.o.Zone)
	changes := s.changes(diff, w)
	if len(changes) == 0 {
		return nil
	}
	return s.call(ctx, func(ctx context.Context) (dataplane.Ack, error) {
		return s.plane.Sync(ctx, w.world.Revision, changes)
	})
}

// changes turns differences into the data plane's steps. A VPC without a
// network is not sent: it is when Rebind tells that it has one.
func (s *sender) changes(diff zone.Changes, w work) []dataplane.Change {
	var changes []dataplane.Change
	set := func(id world.VPCID) {
		if vpc, ok := s.vpc(w.world, id); ok {
			changes = append(changes, dataplane.Change{Set: &vpc})
			s.served[id], s.bound[id] = true, vpc.Endpoints
		}
	}
	for _, id := range diff.Removed {
		if s.served[id] {
			changes = append(changes, dataplane.Change{Remove: id})
			delete(s.served, id)
			delete(s.bound, id)
			delete(s.unbound, id)
		}
	}
	for _, v := range diff.Set {
		if !w.rebind[v.ID] {
			set(v.ID)
		}
	}
	for i := range diff.Deltas {
		if d := &diff.Deltas[i]; s.served[d.VPC] && !w.rebind[d.VPC] {
			changes = append(changes, dataplane.Change{Delta: d})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.rebind)) {
		set(id)
	}
	for _, e := range s.rebound(w) {
		changes = append(changes, dataplane.Change{Endpoints: &e})
		s.bound[e.VPC] = e.Endpoints
	}
	return changes
}

// call bounds a call to the data plane and reports what it could not bind.
func (s *sender) call(ctx context.Context, f func(context.Context) (dataplane.Ack, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ack, err := f(ctx)
	for vpc := range ack.Bound {
		delete(s.unbound, vpc)
	}
	for vpc, reason := range ack.Failed {
		s.a.o.Logger.Warn("resolver cannot listen", "vpc", vpc, "reason", reason)
		if len(s.bound[vpc]) > 0 {
			s.unbound[vpc] = nil
		}
	}
	return err
}
