package script

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/dataplane"
	"seamark/internal/resolver"
	"seamark/internal/world"
)

// plane is a data plane that outlives the processes which connect to it. It
// answers with the real resolver, over connections in memory.
type plane struct {
	forwarder *resolver.Forwarder
	started   time.Time

	mu       sync.Mutex
	revision int64
	vpcs     map[world.VPCID]*answering
	hold     chan struct{} // not nil: changes wait until it is closed
	broken   error         // changes fail with it
	changed  func()        // called after each change; may be nil
}

// answering is one VPC's resolver.
type answering struct {
	resolver *resolver.Resolver
	table    *resolver.Table
	listener *pipeListener
	done     chan error
}

func newPlane() (*plane, error) {
	f, err := resolver.NewForwarder()
	if err != nil {
		return nil, err
	}
	return &plane{forwarder: f, started: time.Now(), vpcs: map[world.VPCID]*answering{}}, nil
}

// connect is what a new process of Seamark does. Changes are refused until it
// has sent a snapshot.
func (p *plane) connect() *connection { return &connection{plane: p} }

// close stops answering.
func (p *plane) close() error {
	p.mu.Lock()
	vpcs := p.vpcs
	p.vpcs = map[world.VPCID]*answering{}
	p.mu.Unlock()
	var errs []error
	for _, a := range vpcs {
		errs = append(errs, a.close())
	}
	p.forwarder.Close()
	return errors.Join(errs...)
}

func (a *answering) close() error {
	err := errors.Join(a.listener.Close(), <-a.done)
	a.resolver.Close()
	return err
}

// ready waits while changes are held, and fails when they are to.
func (p *plane) ready(ctx context.Context) error {
	p.mu.Lock()
	hold := p.hold
	p.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// setHold holds changes or lets them go.
func (p *plane) setHold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.hold == nil:
		p.hold = make(chan struct{})
	case !on && p.hold != nil:
		close(p.hold)
		p.hold = nil
	}
}

func (p *plane) setBroken(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = err
}

// set serves a table, which it started to do or does already.
func (p *plane) set(v dataplane.VPC) error {
	t, problems := resolver.NewTable(v.Table)
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if a := p.vpcs[v.Table.ID]; a != nil {
		a.table = t
		a.resolver.Swap(t)
		return nil
	}
	a := &answering{
		resolver: resolver.New(t, p.forwarder, slog.New(slog.DiscardHandler)), table: t,
		listener: newPipeListener(), done: make(chan error, 1),
	}
	go func() { a.done <- a.resolver.ServeTCP(a.listener) }()
	p.vpcs[v.Table.ID] = a
	return nil
}

func (p *plane) apply(c dataplane.Change) error {
	switch {
	case c.Set != nil:
		return p.set(*c.Set)
	case c.Delta != nil:
		a := p.vpcs[c.Delta.VPC]
		if a == nil {
			return dataplane.ErrNeedSnapshot
		}
		t, problems, err := a.table.Apply(*c.Delta)
		if err := errors.Join(append(problems, err)...); err != nil {
			return err
		}
		a.table = t
		a.resolver.Swap(t)
	case c.Remove != "":
		if a := p.vpcs[c.Remove]; a != nil {
			delete(p.vpcs, c.Remove)
			return a.close()
		}
	}
	return nil
}

// commit runs f, unless something newer is served, and remembers the revision.
func (p *plane) commit(revision int64, f func() error) (dataplane.Ack, error) {
	p.mu.Lock()
	err := f()
	p.revision = revision
	changed := p.changed
	p.mu.Unlock()
	if changed != nil {
		changed()
	}
	return dataplane.Ack{Revision: revision}, err
}

// connection is one process's connection to the plane.
type connection struct {
	plane *plane
	fresh bool
}

var _ dataplane.Plane = (*connection)(nil)

// Replace implements dataplane.Plane.
func (c *connection) Replace(ctx context.Context, revision int64, s dataplane.Snapshot) (dataplane.Ack, error) {
	if err := c.plane.ready(ctx); err != nil {
		return dataplane.Ack{}, err
	}
	c.fresh = true
	p := c.plane
	return p.commit(revision, func() error {
		var errs []error
		for id := range p.vpcs {
			if !slices.ContainsFunc(s.VPCs, func(v dataplane.VPC) bool { return v.Table.ID == id }) {
				errs = append(errs, p.apply(dataplane.Change{Remove: id}))
			}
		}
		for _, v := range s.VPCs {
			errs = append(errs, p.set(v))
		}
		return errors.Join(errs...)
	})
}

// Sync implements dataplane.Plane.
func (c *connection) Sync(ctx context.Context, revision int64, changes []dataplane.Change) (dataplane.Ack, error) {
	if err := c.plane.ready(ctx); err != nil {
		return dataplane.Ack{}, err
	}
	if !c.fresh {
		return dataplane.Ack{}, dataplane.ErrNeedSnapshot
	}
	return c.plane.commit(revision, func() error {
		var errs []error
		for _, change := range changes {
			errs = append(errs, c.plane.apply(change))
		}
		return errors.Join(errs...)
	})
}

// Status implements dataplane.Plane.
func (c *connection) Status(context.Context) (dataplane.Status, error) {
	c.plane.mu.Lock()
	defer c.plane.mu.Unlock()
	s := dataplane.Status{Revision: c.plane.revision, StartedAt: c.plane.started, VPCs: map[world.VPCID]dataplane.VPCStatus{}}
	for id, a := range c.plane.vpcs {
		s.VPCs[id] = dataplane.VPCStatus{Counters: dataplane.Counters{Queries: a.resolver.Counters().Queries}}
	}
	return s, nil
}

// TakeQueries implements dataplane.Plane.
func (c *connection) TakeQueries(context.Context) ([]dataplane.Query, uint64, error) {
	c.plane.mu.Lock()
	defer c.plane.mu.Unlock()
	var out []dataplane.Query
	var dropped uint64
	for _, a := range c.plane.vpcs {
		b := a.resolver.TakeLog()
		out, dropped = append(out, b.Queries()...), dropped+b.Dropped
	}
	return out, dropped, nil
}

// Close implements dataplane.Plane.
func (c *connection) Close() error { return nil }

// dig asks a VPC's resolver and prints the answer: the response code and the
// records, sorted, since the order of an answer is random.
func (p *plane) dig(vpc world.VPCID, name string, typ uint16) (string, error) {
	p.mu.Lock()
	a := p.vpcs[vpc]
	p.mu.Unlock()
	if a == nil {
		return "", fmt.Errorf("no resolver answers in %s", vpc)
	}
	client, err := a.listener.dial()
	if err != nil {
		return "", err
	}
	conn := dns.Conn{Conn: client}
	defer conn.Close()
	if err := conn.WriteMsg(new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)); err != nil {
		return "", err
	}
	m, err := conn.ReadMsg()
	if err != nil {
		return "", err
	}
	lines := []string{}
	for _, rr := range m.Answer {
		lines = append(lines, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	slices.Sort(lines)
	return dns.RcodeToString[m.Rcode] + "\n" + strings.Join(append(lines, ""), "\n"), nil
}

// pipeListener is a net.Listener of connections in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
