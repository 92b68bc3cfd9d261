package resolver

import (
	"context"
	"strings"

	"github.com/miekg/dns"
)

// maxHops bounds how many CNAMEs are followed (BIND and Unbound stop after 16
// and 11).
const maxHops = 16

// chase puts together an answer that is not one prebuilt set: it follows
// CNAMEs from zone to zone and upstream.
type chase struct {
	resolver *Resolver
	table    *Table
	q        query
	limit    int
	tcp      bool
	reply    dns.Msg

	name     string // to be looked up next
	hops     int
	upstream bool // something was asked upstream
}

// newChase starts with the question of the packet b.
func newChase(r *Resolver, t *Table, q *query, b []byte, limit int, tcp bool) (*chase, error) {
	name, err := unpackName(b[headerSize : headerSize+q.size])
	if err != nil {
		return nil, err
	}
	c := &chase{resolver: r, table: t, q: *q, limit: limit, tcp: tcp, name: name}
	c.reply.Id = uint16(b[0])<<8 | uint16(b[1])
	c.reply.Response = true
	c.reply.RecursionDesired = q.recursion
	c.reply.RecursionAvailable = true
	c.reply.CheckingDisabled = q.checking
	c.reply.Question = []dns.Question{{Name: name, Qtype: q.typ, Qclass: q.class}}
	return c, nil
}

// local follows the name as long as this table knows it. It reports whether
// c.name must be asked upstream; otherwise the reply is complete.
func (c *chase) local() bool {
	for c.hops <= maxHops {
		wire, err := packLower(c.name)
		if err != nil {
			c.fail(dns.RcodeServerFailure)
			return false
		}
		res := c.table.lookup([]byte(wire), c.q.typ)
		switch res.outcome {
		case elsewhere:
			return c.leave(wire)
		case alias:
			c.hops++
			if !c.follow(res.set) {
				return false
			}
			continue
		case found, several:
			c.add(res.set)
		case noData:
			c.deny(res.zone, dns.RcodeSuccess)
		case noName:
			c.deny(res.zone, dns.RcodeNameError)
		}
		return false
	}
	c.fail(dns.RcodeServerFailure)
	return false
}

// leave answers a name that is in no private zone, or says that it must be
// asked upstream.
func (c *chase) leave(wire string) bool {
	if d, ok := c.table.made.find(wire); ok {
		a := c.table.made.answer(d, c.name, c.q.typ)
		c.reply.Answer = append(c.reply.Answer, a.records...)
		if len(a.records) == 0 {
			c.reply.Ns = append(c.reply.Ns, d.authority())
		}
		if !a.exists {
			c.reply.Rcode = dns.RcodeNameError
		}
		return false
	}
	if !c.q.recursion {
		if len(c.reply.Answer) == 0 {
			c.reply.Rcode = dns.RcodeRefused
		}
		return false
	}
	return true
}

// follow adds a CNAME and goes on with its target.
func (c *chase) follow(s *set) bool {
	rr := c.add(s)
	if len(rr) == 0 {
		return false
	}
	target, ok := rr[0].(*dns.CNAME)
	if !ok {
		c.fail(dns.RcodeServerFailure)
		return false
	}
	c.name = target.Target
	return true
}

// add adds a set's records to the answer, chosen and ordered at random.
func (c *chase) add(s *set) []dns.RR {
	which := make([]uint32, s.quantity())
	s.choose(newRandom(), which)
	if s.typ == dns.TypeCNAME {
		which = which[:1] // a name has one alias, however many were given
	}
	rr, err := s.rrs(c.name, which)
	if err != nil {
		c.fail(dns.RcodeServerFailure)
		return nil
	}
	c.reply.Answer = append(c.reply.Answer, rr...)
	return rr
}

// deny adds the SOA of a negative answer.
func (c *chase) deny(z *zoneTable, rcode int) {
	c.reply.Rcode = rcode
	name, err := packName(z.head.Origin)
	if err != nil {
		c.fail(dns.RcodeServerFailure)
		return
	}
	rr, _, err := dns.UnpackRR(append(name, z.negative[2:]...), 0)
	if err != nil {
		c.fail(dns.RcodeServerFailure)
		return
	}
	c.reply.Ns = append(c.reply.Ns, rr)
}

func (c *chase) fail(rcode int) {
	c.reply.Rcode = rcode
	c.reply.Answer, c.reply.Ns = nil, nil
}

// remote asks upstream, and goes on in this table where an answer leads back
// into a private zone.
func (c *chase) remote(ctx context.Context) {
	c.upstream = true
	for c.hops <= maxHops {
		m, err := c.resolver.forwarder.Exchange(ctx, Question{Name: c.name, Type: c.q.typ, DO: c.q.do, CD: c.q.checking})
		if err != nil {
			c.fail(dns.RcodeServerFailure)
			return
		}
		if !c.absorb(m) {
			return
		}
		if !c.local() {
			return
		}
	}
	c.fail(dns.RcodeServerFailure)
}

// absorb takes over an upstream answer: the chain of CNAMEs from the name and
// what stands at its end, nothing else. It reports whether the chain leads into
// a private zone, to be followed there.
func (c *chase) absorb(m *dns.Msg) bool {
	for c.hops <= maxHops {
		var next string
		ended := false
		for _, rr := range m.Answer {
			h := rr.Header()
			if !strings.EqualFold(h.Name, c.name) || h.Class != dns.ClassINET {
				continue
			}
			switch {
			case c.wanted(rr):
				c.reply.Answer = append(c.reply.Answer, rr)
				ended = true
			case h.Rrtype == dns.TypeCNAME && next == "":
				c.reply.Answer = append(c.reply.Answer, rr)
				next = rr.(*dns.CNAME).Target
			}
		}
		if ended || next == "" {
			c.reply.Rcode = m.Rcode
			if !ended {
				c.reply.Ns = append(c.reply.Ns, m.Ns...)
			}
			return false
		}
		c.name = next
		c.hops++
		if c.private(next) {
			return true
		}
	}
	c.fail(dns.RcodeServerFailure)
	return false
}

// wanted says whether a record answers the question.
func (c *chase) wanted(rr dns.RR) bool {
	if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == c.q.typ {
		return true
	}
	return rr.Header().Rrtype == c.q.typ || c.q.typ == dns.TypeANY
}

func (c *chase) private(name string) bool {
	wire, err := packLower(name)
	return err == nil && c.table.lookup([]byte(wire), c.q.typ).outcome != elsewhere
}

// pack returns the reply's octets and counts it.
func (c *chase) pack(counted *Counters) []byte {
	c.reply.Compress = true
	if c.q.edns {
		c.reply.SetEdns0(maxUDP, c.q.do)
	}
	b, err := c.reply.Pack()
	if err == nil && len(b) > c.limit {
		c.reply.Truncated = true
		c.reply.Answer, c.reply.Ns = nil, nil
		counted.Truncated++
		b, err = c.reply.Pack()
	}
	if err != nil {
		c.fail(dns.RcodeServerFailure)
		// What is left is the question, which was unpacked from the wire.
		b, err = c.reply.Pack()
	}
	counted.Queries++
	if c.tcp {
		counted.TCP++
	}
	if c.upstream {
		counted.Forwarded++
	}
	counted.answered(c.reply.Rcode)
	if err != nil {
		return nil
	}
	return b
}
