package resolver

import "sync/atomic"

// maxRcode is the largest response code that is counted by itself (23,
// BADCOOKIE, is the last that IANA has assigned).
const maxRcode = 23

// Counters count what a Resolver has done since it was made.
type Counters struct {
	Queries   uint64 // well-formed messages, over UDP and TCP
	TCP       uint64 // of them over TCP
	Forwarded uint64 // queries that were asked upstream or answered from its cache
	Truncated uint64 // answers that did not fit
	Malformed uint64 // FORMERR or dropped
	Limited   uint64 // packets dropped because of SetPacketLimit
	Filtered  uint64 // queries that the firewall blocked or alerted to
	Rcodes    [maxRcode + 1]uint64
}

func (c *Counters) answered(rcode int) { c.Rcodes[min(rcode, maxRcode)]++ }

// tally is what all workers have counted. A worker counts a batch by itself and
// adds it once, before it sends the answers.
type tally struct {
	queries, tcp, forwarded, truncated, malformed, limited, filtered atomic.Uint64
	rcodes                                                           [maxRcode + 1]atomic.Uint64
}

func (t *tally) add(c Counters) {
	bump(&t.queries, c.Queries)
	bump(&t.tcp, c.TCP)
	bump(&t.forwarded, c.Forwarded)
	bump(&t.truncated, c.Truncated)
	bump(&t.malformed, c.Malformed)
	bump(&t.limited, c.Limited)
	bump(&t.filtered, c.Filtered)
	for i, n := range c.Rcodes {
		bump(&t.rcodes[i], n)
	}
}

func bump(a *atomic.Uint64, n uint64) {
	if n > 0 {
		a.Add(n)
	}
}

func (t *tally) read() Counters {
	c := Counters{
		Queries: t.queries.Load(), TCP: t.tcp.Load(), Forwarded: t.forwarded.Load(),
		Truncated: t.truncated.Load(), Malformed: t.malformed.Load(), Limited: t.limited.Load(), Filtered: t.filtered.Load(),
	}
	for i := range t.rcodes {
		c.Rcodes[i] = t.rcodes[i].Load()
	}
	return c
}
