package resolver

import (
	"fmt"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/miekg/dns"
)

// Bounds of the upstream cache. RFC 2308 section 5 advises at most three hours
// for negative answers, RFC 8767 section 4 a week for positive ones; a day is enough.
const (
	cacheSize   = 4096
	maxPositive = 24 * time.Hour
	maxNegative = 3 * time.Hour
)

// What RFC 8767 section 5 advises for answers whose time is over: they are used
// for one to three days when nothing newer is to be had, with a TTL of 30
// seconds; and for so long nobody is asked again after a failure.
const (
	maxStale   = 24 * time.Hour
	staleTTL   = 30
	staleRetry = staleTTL * time.Second
)

// Question is what is asked upstream.
type Question struct {
	Name   string
	Type   uint16
	DO, CD bool
}

// inquiry is a question and the route by which it is asked, without the case of
// letters.
type inquiry struct {
	Question
	route string
}

func (q Question) by(r route) inquiry {
	q.Name = strings.ToLower(q.Name)
	return inquiry{q, r.key}
}

// cache keeps upstream answers for as long as their TTLs say, and a while longer.
type cache struct {
	entries *lru.Cache[inquiry, cached]
}

type cached struct {
	answer *dns.Msg // never changed
	stored time.Time
	ttl    time.Duration
	// retry is when to ask again after a failure to learn anything newer.
	retry time.Time
}

func newCache() (*cache, error) {
	entries, err := lru.New[inquiry, cached](cacheSize)
	if err != nil {
		return nil, fmt.Errorf("upstream cache: %w", err)
	}
	return &cache{entries}, nil
}

// get returns a copy of an answer with its TTLs counted down.
func (c *cache) get(q inquiry, now time.Time) *dns.Msg {
	e, ok := c.entries.Get(q)
	if !ok {
		return nil
	}
	age := now.Sub(e.stored)
	if age < 0 || age >= e.ttl {
		return nil
	}
	passed := uint32(age / time.Second)
	return e.copy(func(h *dns.RR_Header) { h.Ttl -= min(passed, h.Ttl) })
}

// stale returns a copy of an answer whose time is over, if there is one, and
// whether it is too soon to ask again.
func (c *cache) stale(q inquiry, now time.Time) (*dns.Msg, bool) {
	e, ok := c.entries.Get(q)
	if !ok || now.Sub(e.stored) >= e.ttl+maxStale {
		return nil, false
	}
	return e.copy(func(h *dns.RR_Header) { h.Ttl = staleTTL }), now.Before(e.retry)
}

func (e cached) copy(change func(*dns.RR_Header)) *dns.Msg {
	m := e.answer.Copy()
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			change(rr.Header())
		}
	}
	return m
}

func (c *cache) put(q inquiry, m *dns.Msg, now time.Time) {
	if ttl := lifetime(m); ttl > 0 {
		c.entries.Add(q, cached{answer: m, stored: now, ttl: ttl})
	}
}

// failed notes that nothing newer could be learned.
func (c *cache) failed(q inquiry, now time.Time) {
	if e, ok := c.entries.Get(q); ok {
		e.retry = now.Add(staleRetry)
		c.entries.Add(q, e)
	}
}

// lifetime is how long an answer may be kept: 0 for failures, and for denials
// that do not say.
func lifetime(m *dns.Msg) time.Duration {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return 0
	}
	shortest := maxPositive
	for _, rr := range m.Answer {
		shortest = min(shortest, time.Duration(rr.Header().Ttl)*time.Second)
	}
	if m.Rcode == dns.RcodeSuccess && answers(m) {
		return shortest
	}
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(shortest, time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second, maxNegative)
		}
	}
	return 0
}

// answers says whether a message has records that are not just the way there.
func answers(m *dns.Msg) bool {
	for _, rr := range m.Answer {
		if t := rr.Header().Rrtype; t != dns.TypeCNAME || len(m.Question) > 0 && m.Question[0].Qtype == dns.TypeCNAME {
			return true
		}
	}
	return false
}
