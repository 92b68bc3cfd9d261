package resolver

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// Bounds of what one VPC keeps of its query log until it is taken: some seconds
// of a busy VPC.
const (
	maxLogged       = 16384
	maxLoggedOctets = 8 << 20
)

// Inbound is a network interface of an inbound endpoint, as queries that come
// in by it are counted and logged. Nil stands for the VPC's own addresses.
type Inbound struct {
	Endpoint  world.ResolverEndpointID
	Interface world.NetworkInterfaceID
	resolver  *Resolver
	queries   atomic.Uint64
}

// Inbound returns an interface of an inbound endpoint, to serve sockets by.
func (r *Resolver) Inbound(endpoint world.ResolverEndpointID, eni world.NetworkInterfaceID) *Inbound {
	return &Inbound{Endpoint: endpoint, Interface: eni, resolver: r}
}

// Queries is how many well-formed queries have come in.
func (in *Inbound) Queries() uint64 { return in.queries.Load() }

// LoggedQuery is a query and its answer (Route 53 developer guide, "Values that
// appear in VPC Resolver query logs").
type LoggedQuery struct {
	VPC         world.VPCID
	Time        time.Time
	Name        string // as it was asked, in zone-file form with the final dot
	Type, Class uint16
	Rcode       uint16
	Answers     []LoggedAnswer // empty, too, for an answer that was cut
	Source      netip.AddrPort
	TCP         bool
	// Endpoint and Interface by which the query came in; empty for the VPC's own
	// addresses.
	Endpoint  world.ResolverEndpointID
	Interface world.NetworkInterfaceID
	// The firewall rule that alerted to the query or blocked it, if any.
	FirewallGroup  world.FirewallRuleGroupID
	FirewallList   world.FirewallDomainListID
	FirewallAction string
}

// LoggedAnswer is a record of the answer section.
type LoggedAnswer struct {
	Data        string // zone-file form
	Type, Class uint16
}

// queryLog keeps answers as they went out, so that a query pays for no more than
// a copy. It is lossy: what has no room is counted.
type queryLog struct {
	mu sync.Mutex
	LogBatch
}

// LogBatch is what TakeLog returns.
type LogBatch struct {
	Dropped uint64

	vpc     world.VPCID
	entries []logEntry
	octets  []byte // the answers, one after the other
}

type logEntry struct {
	at     time.Time
	source netip.AddrPort
	in     *Inbound
	match  *zone.FirewallRule
	tcp    bool
	end    int // of its answer in octets
}

func (l *queryLog) add(reply []byte, e logEntry) {
	e.at = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= maxLogged || len(l.octets)+len(reply) > maxLoggedOctets {
		l.Dropped++
		return
	}
	l.octets = append(l.octets, reply...)
	e.end = len(l.octets)
	l.entries = append(l.entries, e)
}

// TakeLog returns what was logged since it was called last.
func (r *Resolver) TakeLog() LogBatch {
	r.log.mu.Lock()
	b := r.log.LogBatch
	r.log.LogBatch = LogBatch{}
	r.log.mu.Unlock()
	b.vpc = r.Table().head.ID
	return b
}

// Queries unpacks the records.
func (b LogBatch) Queries() []LoggedQuery {
	out := make([]LoggedQuery, 0, len(b.entries))
	start := 0
	for _, e := range b.entries {
		m := new(dns.Msg)
		err := m.Unpack(b.octets[start:e.end])
		start = e.end
		if err != nil || len(m.Question) != 1 {
			continue // no query: the answer to it was FORMERR or NOTIMP
		}
		out = append(out, e.query(b.vpc, m))
	}
	return out
}

func (e logEntry) query(vpc world.VPCID, m *dns.Msg) LoggedQuery {
	asked := m.Question[0]
	q := LoggedQuery{
		VPC: vpc, Time: e.at, Name: asked.Name, Type: asked.Qtype, Class: asked.Qclass, Rcode: uint16(m.Rcode),
		Source: netip.AddrPortFrom(e.source.Addr().Unmap(), e.source.Port()), TCP: e.tcp,
	}
	for _, rr := range m.Answer {
		h := rr.Header()
		q.Answers = append(q.Answers, LoggedAnswer{Data: rr.String()[len(h.String()):], Type: h.Rrtype, Class: h.Class})
	}
	if e.in != nil {
		q.Endpoint, q.Interface = e.in.Endpoint, e.in.Interface
	}
	if e.match != nil {
		q.FirewallGroup, q.FirewallList, q.FirewallAction = e.match.Group, e.match.List, e.match.Action
	}
	return q
}
