package dataplane

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"seamark/internal/plan/zone"
	"seamark/internal/resolver"
	"seamark/internal/world"
)

// Options configure a data plane.
type Options struct {
	// Socket is the unix socket that Run listens on (mode 0600). Required by
	// Run, unused by New.
	Socket string
	// RunDir is where the data plane keeps its last snapshot, to serve it at
	// once after a restart, and the record of its process. It exists. Required
	// by Run; without it New keeps no snapshot.
	RunDir string
	Logger *slog.Logger // required

	// threads is how many threads answer in a process that does nothing else.
	threads int
}

// checkEvery is how often sockets are compared with their namespaces, and
// those that could not be bound are tried again.
const checkEvery = time.Second

// Server is a data plane in this process. One goroutine owns its state; calls
// are handed to it, so they take effect one after the other.
type Server struct {
	opts      Options
	forwarder *resolver.Forwarder
	pollers   *resolver.Pollers
	startedAt time.Time

	calls  chan func()
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  sync.WaitGroup

	// Owned by the loop.
	revision int64
	config   Config
	vpcs     map[world.VPCID]*served
	keeper   *keeper // nil without RunDir
	// Of a process of its own.
	heap    heap
	urgency urgency
}

// New starts a data plane in this process. With a RunDir it serves the snapshot
// there at once, and nothing otherwise until Replace.
func New(opts Options) (*Server, error) {
	f, err := resolver.NewForwarder()
	if err != nil {
		return nil, fmt.Errorf("data plane: %w", err)
	}
	pollers, err := newPollers(opts)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data plane: %w", err)
	}
	s := &Server{
		opts: opts, forwarder: f, pollers: pollers, startedAt: time.Now(),
		calls: make(chan func()), vpcs: map[world.VPCID]*served{},
	}
	f.SetDialer(dialFrom)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if opts.RunDir != "" {
		s.keeper = newKeeper(opts.RunDir)
		s.restore()
	}
	s.ended.Go(s.loop)
	return s, nil
}

// newPollers makes one for each core. Those of a process of its own wait in the
// kernel (see Run).
func newPollers(opts Options) (*resolver.Pollers, error) {
	n := cmp.Or(opts.threads, runtime.GOMAXPROCS(0))
	if !sharesPorts {
		n = 1
	}
	return resolver.NewPollers(n, opts.threads > 0)
}

// loop owns the state until Close.
func (s *Server) loop() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	defer s.shut()
	for {
		select {
		case call := <-s.calls:
			call()
		case <-tick.C:
			s.check()
		case <-s.keeper.due():
			s.keeper.save(s.kept())
		case err := <-s.keeper.saved():
			s.keeper.ended()
			if err != nil {
				s.opts.Logger.Error("snapshot not kept: a restarted data plane would serve an older one", "err", err)
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// check compares all sockets with what they should be.
func (s *Server) check() {
	for _, v := range s.vpcs {
		v.check()
	}
	if s.opts.threads > 0 {
		s.heap.look(s.revision)
		s.urgency.look(s.opts.Logger)
	}
}

// shut keeps the last state and closes everything.
func (s *Server) shut() {
	if err := s.keeper.finish(s.kept); err != nil {
		s.opts.Logger.Error("snapshot not kept", "err", err)
	}
	for _, v := range s.vpcs {
		v.close()
	}
	if err := s.pollers.Close(); err != nil {
		s.opts.Logger.Error("pollers", "err", err)
	}
	s.forwarder.Close()
}

// Close implements Plane.
func (s *Server) Close() error {
	s.cancel()
	s.ended.Wait()
	return nil
}

// do runs f in the loop.
func (s *Server) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case s.calls <- func() { defer close(done); f() }:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ctx.Done():
		return ErrClosed
	}
	<-done
	return nil
}

// Replace implements Plane.
func (s *Server) Replace(ctx context.Context, revision int64, snap Snapshot) (Ack, error) {
	var ack Ack
	err := s.do(ctx, func() { ack = s.replace(revision, snap) })
	return ack, err
}

// Sync implements Plane.
func (s *Server) Sync(ctx context.Context, revision int64, changes []Change) (Ack, error) {
	var ack Ack
	var failed error
	err := s.do(ctx, func() { ack, failed = s.sync(revision, changes) })
	if err == nil {
		err = failed
	}
	return ack, err
}

// Status implements Plane.
func (s *Server) Status(ctx context.Context) (Status, error) {
	var st Status
	err := s.do(ctx, func() { st = s.status() })
	return st, err
}

// TakeQueries implements Plane. Records are unpacked outside the loop.
func (s *Server) TakeQueries(ctx context.Context) ([]Query, uint64, error) {
	var batches []resolver.LogBatch
	err := s.do(ctx, func() {
		for _, id := range slices.Sorted(maps.Keys(s.vpcs)) {
			batches = append(batches, s.vpcs[id].resolver.TakeLog())
		}
	})
	if err != nil {
		return nil, 0, err
	}
	var out []Query
	var dropped uint64
	for _, b := range batches {
		out = append(out, b.Queries()...)
		dropped += b.Dropped
	}
	return out, dropped, nil
}

func (s *Server) status() Status {
	st := Status{Revision: s.revision, PID: os.Getpid(), StartedAt: s.startedAt, VPCs: map[world.VPCID]VPCStatus{}}
	for id, v := range s.vpcs {
		st.VPCs[id] = v.status()
	}
	return st
}

func (s *Server) replace(revision int64, snap Snapshot) Ack {
	p := newPlan(s)
	for id := range s.vpcs {
		p.remove(id)
	}
	p.config = &snap.Config
	for i := range snap.VPCs {
		p.set(&snap.VPCs[i])
	}
	return s.commit(revision, p)
}

func (s *Server) sync(revision int64, changes []Change) (Ack, error) {
	p := newPlan(s)
	for i := range changes {
		if err := p.add(&changes[i]); err != nil {
			return Ack{}, err
		}
	}
	return s.commit(revision, p), nil
}

// plan is what a call will change. Nothing is served differently until all of
// it is known to fit.
type plan struct {
	server *Server
	config *Config
	vpcs   map[world.VPCID]*planned
	// restoring: it comes from the kept snapshot, not from the control plane.
	restoring bool
}

// planned is the next state of one VPC; without a table it is removed.
type planned struct {
	table *resolver.Table
	// listen and endpoints are nil where those of before count.
	listen    *Listen
	endpoints *[]Endpoint
}

func newPlan(s *Server) *plan { return &plan{server: s, vpcs: map[world.VPCID]*planned{}} }

func (p *plan) add(c *Change) error {
	switch {
	case c.Set != nil:
		p.set(c.Set)
	case c.Delta != nil:
		return p.delta(*c.Delta)
	case c.Endpoints != nil:
		return p.setEndpoints(c.Endpoints)
	case c.Remove != "":
		p.remove(c.Remove)
	case c.Config != nil:
		p.config = c.Config
	default:
		return fmt.Errorf("a change without content")
	}
	return nil
}

func (p *plan) set(v *VPC) {
	t, problems := resolver.NewTable(v.Table)
	p.report(v.Table.ID, problems)
	p.vpcs[v.Table.ID] = &planned{table: t, listen: &v.Listen, endpoints: &v.Endpoints}
}

func (p *plan) remove(id world.VPCID) { p.vpcs[id] = &planned{} }

func (p *plan) delta(d zone.Delta) error {
	next, err := p.next(d.VPC)
	if err != nil {
		return err
	}
	t, problems, err := next.table.Apply(d)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNeedSnapshot, err)
	}
	p.report(d.VPC, problems)
	next.table = t
	p.vpcs[d.VPC] = &next
	return nil
}

func (p *plan) setEndpoints(e *VPCEndpoints) error {
	next, err := p.next(e.VPC)
	if err != nil {
		return err
	}
	next.endpoints = &e.Endpoints
	p.vpcs[e.VPC] = &next
	return nil
}

// next is what a VPC will be by the changes so far.
func (p *plan) next(id world.VPCID) (planned, error) {
	if next := p.vpcs[id]; next != nil && next.table != nil {
		return *next, nil
	}
	if v := p.server.vpcs[id]; v != nil && p.vpcs[id] == nil {
		return planned{table: v.resolver.Table()}, nil
	}
	return planned{}, fmt.Errorf("vpc %s: %w", id, ErrNeedSnapshot)
}

func (p *plan) report(id world.VPCID, problems []error) {
	for _, err := range problems {
		p.server.opts.Logger.Warn("record left out of the DNS table", "vpc", id, "err", err)
	}
}

// commit serves a plan.
func (s *Server) commit(revision int64, p *plan) Ack {
	if p.config != nil {
		s.configure(*p.config)
	}
	ack := Ack{Revision: revision, Bound: map[world.VPCID][]netip.AddrPort{}, Failed: map[world.VPCID]string{}}
	for _, id := range slices.Sorted(maps.Keys(p.vpcs)) {
		next, v := p.vpcs[id], s.vpcs[id]
		if next.table == nil {
			if v != nil {
				v.close()
				delete(s.vpcs, id)
			}
			continue
		}
		if v == nil {
			v = newServed(id, next.table, s)
			s.vpcs[id] = v
		}
		v.main.restoring = p.restoring
		v.set(next)
		ack.Bound[id] = v.main.bound()
		if failed := v.failures(); failed != "" {
			ack.Failed[id] = failed
		}
	}
	s.revision = revision
	if !p.restoring {
		s.keeper.changed()
	}
	return ack
}

func (s *Server) configure(c Config) {
	if !slices.Equal(c.Upstreams, s.config.Upstreams) {
		s.forwarder.SetUpstreams(c.Upstreams)
	}
	for id, v := range s.vpcs {
		v.resolver.SetPacketLimit(packetLimit(c, id))
	}
	s.config = c
}

// packetLimit is the limit for one VPC. The public zones are no VPC's resolver.
func packetLimit(c Config, id world.VPCID) int {
	if id == zone.PublicID {
		return 0
	}
	return c.PacketLimit
}
