package resolver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"seamark/internal/world"
)

// Bounds of what one VPC may keep busy.
const (
	maxPending     = 512 // queries that wait for an upstream
	maxConnections = 256 // over TCP
)

// Resolver answers for one VPC. Tables may be swapped at any time.
type Resolver struct {
	table     atomic.Pointer[Table]
	forwarder *Forwarder
	logger    *slog.Logger
	tally     tally
	limit     atomic.Pointer[limiter] // nil: none
	outbound  atomic.Pointer[map[world.ResolverEndpointID][]*Source]
	rules     sync.Map // *ruleCount by ResolverRuleID
	log       queryLog

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	pending chan struct{} // a token for each waiting query
	conns   chan struct{} // a token for each connection
}

// New returns a Resolver that serves t on the sockets that are given to it.
func New(t *Table, f *Forwarder, logger *slog.Logger) *Resolver {
	r := &Resolver{forwarder: f, logger: logger, pending: make(chan struct{}, maxPending), conns: make(chan struct{}, maxConnections)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.table.Store(t)
	r.outbound.Store(&map[world.ResolverEndpointID][]*Source{})
	return r
}

// Table returns the table that is served.
func (r *Resolver) Table() *Table { return r.table.Load() }

// Swap serves another table: messages that arrive after its return are answered
// from t.
func (r *Resolver) Swap(t *Table) { r.table.Store(t) }

// Counters returns what was counted since New.
func (r *Resolver) Counters() Counters { return r.tally.read() }

// Close gives up queries that wait for an upstream, and connections, and waits
// for both. Close the sockets first, and wait until they are no longer served.
func (r *Resolver) Close() {
	r.cancel()
	r.running.Wait()
}

// finish runs a chase in the background, hands its reply to send, and calls
// done in any case. Too many at once are SERVFAIL.
func (r *Resolver) finish(c *chase, send func([]byte), done func()) {
	select {
	case r.pending <- struct{}{}:
	default:
		defer done()
		c.fail(dns.RcodeServerFailure)
		r.deliver(c, send)
		return
	}
	r.running.Go(func() {
		defer done()
		defer func() { <-r.pending }()
		c.remote(r.ctx)
		if r.ctx.Err() == nil {
			r.deliver(c, send)
		}
	})
}

func (r *Resolver) deliver(c *chase, send func([]byte)) {
	var counted Counters
	b := c.pack(&counted)
	r.tally.add(counted)
	if c.in != nil {
		c.in.queries.Add(1)
	}
	if b == nil {
		return
	}
	if c.table.head.LogQueries {
		r.log.add(b, logEntry{source: c.from, in: c.in, match: c.match, tcp: c.tcp})
	}
	send(b)
}
