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

// Question is what is asked upstream.
type Question struct {
	Name   string
	Type   uint16
	DO, CD bool
}

// key compares questions without the case of letters.
func (q Question) key() Question {
	q.Name = strings.ToLower(q.Name)
	return q
}

// cache keeps upstream answers for as long as their TTLs say.
type cache struct {
	entries *lru.Cache[Question, cached]
}

type cached struct {
	answer *dns.Msg // never changed
	stored time.Time
	ttl    time.Duration
}

func newCache() (*cache, error) {
	entries, err := lru.New[Question, cached](cacheSize)
	if err != nil {
		return nil, fmt.Errorf("upstream cache: %w", err)
	}
	return &cache{entries}, nil
}

// get returns a copy of an answer with its TTLs counted down.
func (c *cache) get(q Question, now time.Time) *dns.Msg {
	e, ok := c.entries.Get(q.key())
	if !ok {
		return nil
	}
	age := now.Sub(e.stored)
	if age < 0 || age >= e.ttl {
		return nil
	}
	m := e.answer.Copy()
	passed := uint32(age / time.Second)
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			h := rr.Header()
			h.Ttl -= min(passed, h.Ttl)
		}
	}
	return m
}

func (c *cache) put(q Question, m *dns.Msg, now time.Time) {
	if ttl := lifetime(m); ttl > 0 {
		c.entries.Add(q.key(), cached{m, now, ttl})
	}
}

func (c *cache) clear() { c.entries.Purge() }

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
