package resolver

import (
	"math/rand/v2"

	"github.com/miekg/dns"
)

// worker answers the messages of one socket or connection, one at a time.
type worker struct {
	resolver *Resolver
	random   *rand.Rand
	scratch  []uint32 // indexes of chosen records
	q        query
	counted  Counters
	tcp      bool
}

// scratchUDP is as many records as a UDP answer can have.
const scratchUDP = maxUDP/recordHead + 1

func newWorker(r *Resolver, tcp bool) *worker {
	return &worker{resolver: r, random: newRandom(), scratch: make([]uint32, scratchUDP), tcp: tcp}
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
	q := &w.q
	switch q.judge(b[:n]) {
	case silent:
		w.counted.Malformed++
		return 0, nil
	case broken:
		w.counted.Malformed++
		w.counted.answered(dns.RcodeFormatError)
		return q.only(b, dns.RcodeFormatError), nil
	case operates:
		w.count(dns.RcodeNotImplemented)
		return q.only(b, dns.RcodeNotImplemented), nil
	}
	if rcode, refused := q.refusal(); refused {
		w.count(rcode)
		return q.status(b, rcode), nil
	}
	limit := q.limit()
	if w.tcp {
		limit = min(len(b), maxBytes)
	}
	res := t.lookup(q.key[:q.size], q.typ)
	switch res.outcome {
	case found:
		w.grow(res.set.quantity(), limit)
		size, cut := q.positive(b, limit, res.set, w.random, w.scratch)
		w.sent(dns.RcodeSuccess, cut)
		return size, nil
	case noData:
		size, cut := q.negative(b, limit, res.zone, dns.RcodeSuccess)
		w.sent(dns.RcodeSuccess, cut)
		return size, nil
	case noName:
		size, cut := q.negative(b, limit, res.zone, dns.RcodeNameError)
		w.sent(dns.RcodeNameError, cut)
		return size, nil
	}
	return w.unusual(t, b, limit)
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
	c, err := newChase(w.resolver, t, &w.q, b, limit, w.tcp)
	if err != nil {
		w.count(dns.RcodeServerFailure)
		return w.q.status(b, dns.RcodeServerFailure), nil
	}
	if c.local() {
		return 0, c
	}
	return copy(b, c.pack(&w.counted)), nil
}

func (w *worker) grow(quantity, limit int) {
	if quantity > len(w.scratch) && quantity*recordHead <= limit {
		w.scratch = make([]uint32, quantity)
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
	w.counted = Counters{}
}
