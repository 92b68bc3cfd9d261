package resolver

import (
	"math/rand/v2"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// worker answers the messages of one socket or connection, one at a time.
type worker struct {
	resolver *Resolver
	random   *rand.Rand
	scratch  []uint32 // indexes of chosen records
	q        query
	counted  Counters
	tcp      bool
	in       *Inbound // nil: the VPC's own address
	// What the firewall says of the query at hand.
	match   *zone.FirewallRule // alerted to or blocked
	trusted bool               // its CNAMEs are not looked at
}

// scratchUDP is as many records as a UDP answer can have.
const scratchUDP = maxUDP/recordHead + 1

func newWorker(r *Resolver, tcp bool, in *Inbound) *worker {
	return &worker{resolver: r, random: newRandom(), scratch: make([]uint32, scratchUDP), tcp: tcp, in: in}
}

// newRandom is a generator for choosing and ordering records. It need not be
// unpredictable.
func newRandom() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

// handle answers the message b[:n] in place and returns the answer's length. 0
// means that nothing is to be sent, or, with a chase, not yet: the caller then
// runs the chase, which asks upstream.
func (w *worker) handle(t *Table, b []byte, n int) (int, *chase) {
	if !t.head.Enabled {
		return 0, nil
	}
	size, done := w.screen(b, n)
	if t.head.Authoritative {
		return w.authority(t, b, size, done), nil
	}
	if done {
		return size, nil
	}
	limit := w.limit(b)
	if t.firewall != nil {
		if size, later, blocked := w.filter(t, b, limit); blocked {
			return size, later
		}
	}
	res := t.lookup(w.q.key[:w.q.size], w.q.typ)
	if size := w.prebuilt(t, b, limit, res); size > 0 {
		return size, nil
	}
	return w.unusual(t, b, limit)
}

// screen parses a message. It reports true when no lookup follows, with the size
// of the answer.
func (w *worker) screen(b []byte, n int) (int, bool) {
	q := &w.q
	w.match, w.trusted = nil, false
	switch q.judge(b[:n]) {
	case silent:
		w.counted.Malformed++
		return 0, true
	case broken:
		w.counted.Malformed++
		w.counted.answered(dns.RcodeFormatError)
		return q.only(b, dns.RcodeFormatError), true
	case operates:
		w.count(dns.RcodeNotImplemented)
		return q.only(b, dns.RcodeNotImplemented), true
	}
	if rcode, refused := q.refusal(); refused {
		w.count(rcode)
		return q.status(b, rcode), true
	}
	return 0, false
}

func (w *worker) limit(b []byte) int {
	if w.tcp {
		return min(len(b), maxBytes)
	}
	return w.q.limit()
}

// prebuilt answers from prebuilt records; 0 means that they cannot.
func (w *worker) prebuilt(t *Table, b []byte, limit int, res result) int {
	q := &w.q
	if res.outcome == found && res.set.more != nil {
		res = t.settled(res, w.random)
	}
	switch res.outcome {
	case found:
		w.grow(res.set.quantity(), limit)
		size, cut := q.positive(b, limit, res.set, w.random, w.scratch)
		w.sent(dns.RcodeSuccess, cut)
		return size
	case noData:
		size, cut := q.negative(b, limit, res.zone, dns.RcodeSuccess)
		w.sent(dns.RcodeSuccess, cut)
		return size
	case noName:
		size, cut := q.negative(b, limit, res.zone, dns.RcodeNameError)
		w.sent(dns.RcodeNameError, cut)
		return size
	}
	return 0
}

func (w *worker) sent(rcode int, cut bool) {
	w.count(rcode)
	if cut {
		w.counted.Truncated++
	}
}

// judge parses a message. Records that no query needs are rare enough to have
// their data looked at by package dns.
func (q *query) judge(b []byte) verdict {
	v := q.parse(b)
	if q.others && (v == good || v == operates) && new(dns.Msg).Unpack(b) != nil {
		return broken
	}
	return v
}

// refusal is the answer to well-formed queries that are not looked up.
func (q *query) refusal() (int, bool) {
	switch {
	case q.edns && q.version > 0:
		return dns.RcodeBadVers, true
	case q.signed:
		return dns.RcodeNotAuth, true
	case q.class != dns.ClassINET, q.typ == dns.TypeAXFR, q.typ == dns.TypeIXFR:
		return dns.RcodeRefused, true
	case q.typ == dns.TypeOPT, q.typ == dns.TypeNone:
		return dns.RcodeFormatError, true
	case q.typ >= 128 && q.typ < dns.TypeANY: // RFC 6895 section 3.1: questions and metadata
		return dns.RcodeNotImplemented, true
	}
	return 0, false
}

// unusual starts what the prebuilt records cannot answer, and finishes it if it
// stays in this table.
func (w *worker) unusual(t *Table, b []byte, limit int) (int, *chase) {
	c, err := newChase(w, t, b, limit)
	if err != nil {
		w.count(dns.RcodeServerFailure)
		return w.q.status(b, dns.RcodeServerFailure), nil
	}
	return w.finish(c, b)
}

// finish answers by a chase, unless that has to ask upstream.
func (w *worker) finish(c *chase, b []byte) (int, *chase) {
	if c.local() {
		return 0, c
	}
	w.match = c.match
	return copy(b, c.pack(&w.counted)), nil
}

// grow makes room for as many records as a reply of so many octets can have.
func (w *worker) grow(quantity, limit int) {
	if most := min(quantity, limit/recordHead); most > len(w.scratch) {
		w.scratch = make([]uint32, most)
	}
}

func (w *worker) count(rcode int) {
	w.counted.Queries++
	if w.tcp {
		w.counted.TCP++
	}
	w.counted.answered(rcode)
}

// flush publishes what was counted.
func (w *worker) flush() {
	w.resolver.tally.add(w.counted)
	if w.in != nil {
		w.in.queries.Add(w.counted.Queries)
	}
	w.counted = Counters{}
}
