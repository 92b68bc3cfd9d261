package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
)

// Bounds of asking upstream.
const (
	attemptTimeout  = 1500 * time.Millisecond
	exchangeTimeout = 5 * time.Second // glibc gives up after five seconds
	attemptRounds   = 2
	maxFlights      = 1024
	maxReferrals    = 8
	// staleAfter is how long a client waits while there is an old answer (RFC 8767
	// section 5: 1.8 seconds, before the client itself gives up).
	staleAfter = 1800 * time.Millisecond
	// downFor is how long a server that did not answer is asked after the others.
	downFor = 10 * time.Second
	// plainFor is how long a server that does not keep the case of a question is
	// believed not to.
	plainFor   = 10 * time.Minute
	maxServers = 1024 // that are remembered to be so
)

// Reasons why nothing was learned upstream.
var (
	ErrNoUpstream = errors.New("no upstream resolver is configured")
	ErrBusy       = errors.New("too many questions are being asked upstream")
	ErrLoop       = errors.New("a forwarding rule leads back to where the question came from")
)

// Forwarder asks other servers: the upstream resolvers, from the network of the
// process, and the targets of rules, from the interfaces of endpoints. One
// serves all VPCs. It caches answers, and asks a question that several clients
// wait for only once.
type Forwarder struct {
	upstreams atomic.Pointer[route]
	dial      Dialer
	cache     *cache
	servers   *lru.Cache[serverKey, serverState]
	turn      atomic.Uint64
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc

	mu      sync.Mutex
	flights map[inquiry]*flight
	sockets map[netip.AddrPort]*flight // from which questions under way were sent
	closed  bool
	running sync.WaitGroup
}

// flight is a question under way.
type flight struct {
	inquiry inquiry
	// parent is the flight that sent the query which this one is for: where a rule
	// leads to another VPC's resolver, or back to the same one.
	parent *flight
	done   chan struct{}
	answer *dns.Msg // never changed; set before done is closed
	err    error
}

// serverKey is a server as it is seen from one network.
type serverKey struct {
	namespace string
	server    netip.AddrPort
}

// serverState is what was found out about a server.
type serverState struct{ down, plain time.Time }

// NewForwarder returns a Forwarder without upstreams.
func NewForwarder() (*Forwarder, error) {
	c, err := newCache()
	if err != nil {
		return nil, err
	}
	servers, err := lru.New[serverKey, serverState](maxServers)
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	f := &Forwarder{dial: DialOwn, cache: c, servers: servers, flights: map[inquiry]*flight{}, sockets: map[netip.AddrPort]*flight{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.upstreams.Store(new(route))
	return f, nil
}

// SetDialer replaces how servers are connected to. Call it before anything is asked.
func (f *Forwarder) SetDialer(d Dialer) { f.dial = d }

// SetUpstreams replaces the upstreams. What others said is used no more.
func (f *Forwarder) SetUpstreams(servers []netip.AddrPort) {
	r := newRoute(slices.Clone(servers), nil)
	f.upstreams.Store(&r)
}

func (f *Forwarder) upstream() route { return *f.upstreams.Load() }

// Close ends what is under way and waits for it.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
}

// Exchange returns the upstreams' answer to a question. The caller owns the
// message.
func (f *Forwarder) Exchange(ctx context.Context, q Question) (*dns.Msg, error) {
	return f.exchange(ctx, q, f.upstream(), netip.AddrPort{})
}

// exchange asks by a route for a client at from. An old answer is better than
// none (RFC 8767).
func (f *Forwarder) exchange(ctx context.Context, q Question, r route, from netip.AddrPort) (*dns.Msg, error) {
	key := q.by(r)
	if m := f.cache.get(key, time.Now()); m != nil {
		return m, nil
	}
	old, soon := f.cache.stale(key, time.Now())
	if soon {
		return old, nil
	}
	m, err := f.newer(ctx, q, r, from, old != nil)
	if old != nil && (err != nil || !useful(m)) {
		return old, nil //nolint:nilerr // that is what an old answer is for
	}
	return m, err
}

// newer waits for an answer, or, with an old one at hand, for a moment only.
func (f *Forwarder) newer(ctx context.Context, q Question, r route, from netip.AddrPort, hasOld bool) (*dns.Msg, error) {
	fl, err := f.join(q, r, from)
	if err != nil {
		return nil, err
	}
	var impatient <-chan time.Time
	if hasOld {
		timer := time.NewTimer(staleAfter)
		defer timer.Stop()
		impatient = timer.C
	}
	select {
	case <-fl.done:
	case <-impatient:
		return nil, context.DeadlineExceeded
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if fl.err != nil {
		return nil, fl.err
	}
	return fl.answer.Copy(), nil
}

// useful says whether a server answered the question: yes or no.
func useful(m *dns.Msg) bool {
	return m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError
}

// join returns the flight of a question, starting it if there is none.
func (f *Forwarder) join(q Question, r route, from netip.AddrPort) (*flight, error) {
	if len(r.servers) == 0 {
		return nil, ErrNoUpstream
	}
	key := q.by(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	parent := f.sockets[from]
	for up := parent; up != nil; up = up.parent {
		if up.inquiry == key {
			return nil, ErrLoop
		}
	}
	if fl, ok := f.flights[key]; ok {
		return fl, nil
	}
	if f.closed {
		return nil, net.ErrClosed
	}
	if len(f.flights) >= maxFlights {
		return nil, ErrBusy
	}
	fl := &flight{inquiry: key, parent: parent, done: make(chan struct{})}
	f.flights[key] = fl
	f.running.Go(func() {
		fl.answer, fl.err = f.ask(q, r, fl)
		if fl.err == nil && useful(fl.answer) {
			f.cache.put(key, fl.answer, time.Now())
		} else {
			f.cache.failed(key, time.Now())
		}
		f.mu.Lock()
		delete(f.flights, key)
		f.mu.Unlock()
		close(fl.done)
	})
	return fl, nil
}

// ask asks by a route, and on where name servers refer to others.
func (f *Forwarder) ask(q Question, r route, fl *flight) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(f.ctx, exchangeTimeout)
	defer cancel()
	for range maxReferrals {
		m, err := f.askAny(ctx, q, r, fl)
		if err != nil || !r.iterative {
			return m, err
		}
		next := referral(m, q.Name)
		if next == nil {
			return m, nil
		}
		r.servers = next
	}
	return nil, errors.New("too many referrals")
}

// askAny tries the servers, those that answer first, twice. A server that fails
// or refuses does not end the search, but its answer is better than none.
func (f *Forwarder) askAny(ctx context.Context, q Question, r route, fl *flight) (*dns.Msg, error) {
	var worse *dns.Msg
	var errs []error
	turn := f.turn.Add(1)
	for range attemptRounds {
		for _, h := range f.order(r.hops(turn)) {
			m, err := f.attempt(ctx, q, h, r.iterative, fl)
			if ctx.Err() == nil {
				f.note(h, func(s *serverState) { s.down = downUntil(err) })
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", h.server, err))
				continue
			}
			if useful(m) {
				return m, nil
			}
			worse = m
		}
		if worse != nil || ctx.Err() != nil {
			break
		}
		turn++
	}
	if worse != nil {
		return worse, nil
	}
	return nil, errors.Join(errs...)
}

func downUntil(err error) time.Time {
	if err == nil {
		return time.Time{}
	}
	return time.Now().Add(downFor)
}

// order puts servers that did not answer lately behind the others.
func (f *Forwarder) order(hops []hop) []hop {
	now := time.Now()
	slices.SortStableFunc(hops, func(a, b hop) int {
		switch x, y := f.state(a).down.After(now), f.state(b).down.After(now); {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
	return hops
}

func (h hop) key() serverKey {
	if h.source == nil {
		return serverKey{server: h.server}
	}
	return serverKey{h.source.Namespace, h.server}
}

func (f *Forwarder) state(h hop) serverState {
	s, _ := f.servers.Get(h.key())
	return s
}

// note changes what is known of a server. What two do at once, one may undo: it
// is found out again.
func (f *Forwarder) note(h hop, change func(*serverState)) {
	was := f.state(h)
	is := was
	change(&is)
	if is != was {
		f.servers.Add(h.key(), is)
	}
}
