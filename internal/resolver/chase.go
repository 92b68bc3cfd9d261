package resolver

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
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
	from     netip.AddrPort // the client; set where something is asked upstream
	in       *Inbound
	reply    dns.Msg

	name     string // to be looked up next
	hops     int
	upstream bool // something was asked upstream
	// What to ask next, and by whose rule, after local said so.
	route route
	rule  *zone.Rule
	// owner is set where name is what an alias stands for: the answer appears
	// under the alias's own name, and its zone says when there is none.
	owner     string
	ownerZone *zoneTable
	first     *zoneTable // of the question, where it is asked of a name server
	// What the firewall says.
	match    *zone.FirewallRule
	filtered bool // a name that a CNAME leads to was the first to match
	trusted  bool
}

// newChase starts with the question of the packet b, which the worker has parsed.
func newChase(w *worker, t *Table, b []byte, limit int) (*chase, error) {
	q := &w.q
	name, err := unpackName(b[headerSize : headerSize+q.size])
	if err != nil {
		return nil, err
	}
	c := &chase{resolver: w.resolver, table: t, q: *q, limit: limit, tcp: w.tcp, in: w.in, name: name, match: w.match, trusted: w.trusted}
	c.reply.Id = uint16(b[0])<<8 | uint16(b[1])
	c.reply.Response = true
	c.reply.RecursionDesired = q.recursion
	c.reply.RecursionAvailable = !t.head.Authoritative
	c.reply.Authoritative = t.head.Authoritative
	c.reply.CheckingDisabled = q.checking
	c.reply.Question = []dns.Question{{Name: name, Qtype: q.typ, Qclass: q.class}}
	return c, nil
}

// local follows the name as long as this table knows it. It reports whether
// c.name must be asked by c.route; otherwise the reply is complete.
func (c *chase) local() bool {
	for c.hops <= maxHops {
		wire, err := packLower(c.name)
		if err != nil {
			c.fail(dns.RcodeServerFailure)
			return false
		}
		res := c.lookup(wire)
		if c.table.head.Authoritative && c.beyond(res.zone) {
			return false
		}
		if res.outcome == delegated {
			if c.table.head.Authoritative {
				c.refer(wire, res)
				return false
			}
			if c.delegate(wire, res) {
				return c.recursive()
			}
			// Nobody below can be asked, so the zone's own records count, as they
			// always did in private zones.
			res = res.zone.lookup([]byte(wire), res.zone.names.hash([]byte(wire)), c.q.typ)
		}
		switch res.outcome {
		case elsewhere:
			return c.leave(wire, res.zone)
		case alias:
			c.hops++
			if c.follow(res) && c.inspect() {
				continue
			}
		case found, several:
			if c.records(res) {
				continue
			}
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

func (c *chase) lookup(wire string) result {
	if c.table.head.Authoritative && c.q.typ == dns.TypeDS {
		return c.table.aboveCut(wire)
	}
	return c.table.lookup([]byte(wire), c.q.typ)
}

// leave answers a name that is in no private zone, or says how it must be asked
// upstream.
func (c *chase) leave(wire string, z *zoneTable) bool {
	if c.table.head.Authoritative {
		c.outside()
		return false
	}
	if z != nil {
		c.rule = z.rule
		c.route = c.resolver.ruleRoute(z.rule)
		return c.recursive()
	}
	if d, ok := c.table.made.find(wire); ok {
		a := c.table.made.answer(d, c.name, c.q.typ)
		c.add(a.records)
		switch {
		case c.owner != "" && len(a.records) == 0:
			c.deny(c.ownerZone, dns.RcodeSuccess)
		case len(a.records) == 0:
			c.reply.Ns = append(c.reply.Ns, d.authority())
		}
		if !a.exists && c.owner == "" {
			c.reply.Rcode = dns.RcodeNameError
		}
		return false
	}
	c.route = c.resolver.forwarder.upstream()
	return c.recursive()
}

// recursive says whether the client wants what must be asked elsewhere.
func (c *chase) recursive() bool {
	if !c.q.recursion && len(c.reply.Answer) == 0 {
		c.reply.Rcode = dns.RcodeRefused
	}
	return c.q.recursion
}

// records adds the records of what was found. It reports whether that is an
// alias of a name that must be looked up next.
func (c *chase) records(res result) bool {
	o, s, target := c.table.settle(res.set, newRandom())
	switch o {
	case found:
		c.set(s)
		return false
	case noData:
		c.deny(res.zone, dns.RcodeSuccess)
		return false
	case elsewhere:
		name, err := unpackName(target)
		if err == nil && !c.table.head.Authoritative {
			if c.owner == "" {
				c.owner, c.ownerZone = c.name, res.zone
			}
			c.name = name
			c.hops++
			return true
		}
		c.deny(res.zone, dns.RcodeSuccess)
		return false
	}
	c.fail(dns.RcodeServerFailure) // aliases in a circle
	return false
}

// follow adds a CNAME and goes on with its target.
func (c *chase) follow(res result) bool {
	o, s, _ := c.table.settle(res.set, newRandom())
	if o != found {
		// An alias of a CNAME that this table does not have.
		c.deny(res.zone, dns.RcodeSuccess)
		return false
	}
	rr := c.unpack(s)
	if len(rr) == 0 {
		return false
	}
	target, ok := rr[0].(*dns.CNAME)
	if !ok {
		c.fail(dns.RcodeServerFailure)
		return false
	}
	if c.owner == "" {
		c.reply.Answer = append(c.reply.Answer, rr...)
	}
	c.name = target.Target
	return true
}

// set adds a set's records to the answer, chosen and ordered at random.
func (c *chase) set(s *set) { c.add(c.unpack(s)) }

func (c *chase) unpack(s *set) []dns.RR {
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
	return rr
}

// add adds records that answer the question, under the name that they are to
// appear under.
func (c *chase) add(rr []dns.RR) {
	if c.owner != "" {
		for _, r := range rr {
			r.Header().Name = c.owner
		}
	}
	c.reply.Answer = append(c.reply.Answer, rr...)
}

// deny adds the SOA of a negative answer. What an alias leads to may not exist;
// the alias does.
func (c *chase) deny(z *zoneTable, rcode int) {
	if c.owner != "" {
		z, rcode = c.ownerZone, dns.RcodeSuccess
	}
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
	c.reply.Answer, c.reply.Ns, c.reply.Extra = nil, nil, nil
	c.reply.Authoritative = false
}

// remote asks upstream, and goes on in this table where an answer leads back
// into a private zone.
func (c *chase) remote(ctx context.Context) {
	c.upstream = true
	for c.hops <= maxHops {
		m, err := c.ask(ctx)
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

// ask asks by the route, and counts for the rule that named it.
func (c *chase) ask(ctx context.Context) (*dns.Msg, error) {
	rule := c.rule
	c.rule = nil
	m, err := c.resolver.forwarder.exchange(ctx, Question{Name: c.name, Type: c.q.typ, DO: c.q.do, CD: c.q.checking}, c.route, c.from)
	if rule != nil {
		count := c.resolver.ruleCount(rule.ID)
		count.queries.Add(1)
		if err != nil {
			count.failed.Add(1)
		}
	}
	return m, err
}

// absorb takes over an upstream answer: the chain of CNAMEs from the name and
// what stands at its end, nothing else. It reports whether the chain leads to a
// name that is to be looked up in this table.
func (c *chase) absorb(m *dns.Msg) bool {
	for asked := c.name; c.hops <= maxHops; {
		answer, cname := c.at(m)
		if len(answer) > 0 {
			c.add(answer)
			c.reply.Rcode = m.Rcode
			return false
		}
		if cname == nil {
			if c.name != asked && m.Rcode == dns.RcodeSuccess && !hasSOA(m) {
				return true // a name server, not a resolver: it knows its own names only
			}
			c.absent(m)
			return false
		}
		if c.owner == "" {
			c.reply.Answer = append(c.reply.Answer, cname)
		}
		c.name = cname.Target
		c.hops++
		if !c.inspect() {
			return false
		}
		if c.name != cname.Target || c.ours(c.name) {
			return true
		}
	}
	c.fail(dns.RcodeServerFailure)
	return false
}

// at returns what an upstream answer has at c.name: the records asked for, or
// else a CNAME.
func (c *chase) at(m *dns.Msg) ([]dns.RR, *dns.CNAME) {
	var answer []dns.RR
	var cname *dns.CNAME
	for _, rr := range m.Answer {
		h := rr.Header()
		if !strings.EqualFold(h.Name, c.name) || h.Class != dns.ClassINET {
			continue
		}
		if c.wanted(rr) {
			h.Name = c.name
			answer = append(answer, rr)
			continue
		}
		if r, ok := rr.(*dns.CNAME); ok && cname == nil {
			h.Name = c.name
			cname = r
		}
	}
	return answer, cname
}

// absent takes over a denial.
func (c *chase) absent(m *dns.Msg) {
	if c.owner != "" && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
		c.deny(c.ownerZone, dns.RcodeSuccess)
		return
	}
	c.reply.Rcode = m.Rcode
	c.reply.Ns = append(c.reply.Ns, m.Ns...)
}

func hasSOA(m *dns.Msg) bool {
	return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
}

// wanted says whether a record answers the question.
func (c *chase) wanted(rr dns.RR) bool {
	if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == c.q.typ {
		return true
	}
	return rr.Header().Rrtype == c.q.typ || c.q.typ == dns.TypeANY
}

// ours says whether a name is to be looked up in this table, whatever an
// upstream said about it: it is in a private zone, or by another rule.
func (c *chase) ours(name string) bool {
	wire, err := packLower(name)
	if err != nil {
		return false
	}
	res := c.table.lookup([]byte(wire), c.q.typ)
	if res.outcome != elsewhere {
		return true
	}
	return res.zone != nil && c.resolver.ruleRoute(res.zone.rule).key != c.route.key
}

// pack returns the reply's octets and counts it.
func (c *chase) pack(counted *Counters) []byte {
	c.reply.Compress = true
	glue := c.reply.Extra
	if c.q.edns {
		c.reply.SetEdns0(maxUDP, c.q.do)
	}
	b, err := c.reply.Pack()
	if err == nil && len(b) > c.limit {
		c.shorten(c.reply.Extra[len(glue):])
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
	if c.filtered {
		counted.Filtered++
	}
	counted.answered(c.reply.Rcode)
	if err != nil {
		return nil
	}
	return b
}

// shorten keeps as many records of an answer as fit, in their order. Of what has
// none, which is a referral or a denial, nothing is of use in part.
func (c *chase) shorten(opt []dns.RR) {
	c.reply.Truncated = true
	if len(c.reply.Answer) == 0 {
		c.reply.Ns, c.reply.Extra = nil, opt
		return
	}
	c.reply.Truncate(c.limit)
}
