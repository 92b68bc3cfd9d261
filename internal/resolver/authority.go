package resolver

import (
	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// flagAA is in octet 2 of the header.
const flagAA = 0x04

// authority answers as a name server answers its zones (RFC 1034 section
// 4.3.2): with AA, without recursion, with referrals at zone cuts, and REFUSED
// where no zone is its own. size and done are what screen said.
func (w *worker) authority(t *Table, b []byte, size int, done bool) int {
	if done {
		if size > 0 {
			b[3] &^= flagRA
		}
		return size
	}
	limit := w.limit(b)
	if w.q.typ != dns.TypeDS {
		res := t.lookup(w.q.key[:w.q.size], w.q.typ)
		if size := w.prebuilt(t, b, limit, res); size > 0 {
			b[2] |= flagAA
			b[3] &^= flagRA
			return size
		}
	}
	c, err := newChase(w, t, b, limit)
	if err != nil {
		w.count(dns.RcodeServerFailure)
		size = w.q.status(b, dns.RcodeServerFailure)
		b[3] &^= flagRA
		return size
	}
	c.local()
	return copy(b, c.pack(&w.counted))
}

// outside ends an answer at a name that is in none of the zones: a CNAME may
// lead there, a question may not.
func (c *chase) outside() {
	if len(c.reply.Answer) == 0 {
		c.fail(dns.RcodeRefused)
	}
}

// beyond says whether a CNAME has led out of the zone that was asked. A name server
// of one zone does not answer for others, also where it has them: each of Route 53's
// zones is on servers of its own, and resolvers do not believe what one zone's servers
// say about another (RFC 2181 section 5.4.1).
func (c *chase) beyond(z *zoneTable) bool {
	if c.first == nil {
		c.first = z
	}
	return z != nil && z != c.first
}

// aboveCut looks up a DS record, which belongs to the zone above the name's own
// where both are here (RFC 4035 section 3.1.4.1).
func (t *Table) aboveCut(wire string) result {
	if _, ok := t.origins.at(wire); ok && wire != "\x00" {
		name := []byte(wire)
		if z, _ := t.zone([]byte(parentOf(wire))); z != nil {
			if s, _ := z.cut(name, dns.TypeDS, true); s != nil {
				return result{delegated, s, z}
			}
			return z.lookup(name, z.names.hash(name), dns.TypeDS)
		}
	}
	return t.lookup([]byte(wire), dns.TypeDS)
}

// refer makes a referral: the NS records of the cut, and the addresses that the
// zones here have of those servers (RFC 9471). It is authoritative only for
// CNAMEs that led there.
func (c *chase) refer(wire string, res result) {
	s, at := res.zone.cut([]byte(wire), c.q.typ, true)
	owner, err := unpackName([]byte(wire)[at:])
	if err != nil || s == nil {
		c.fail(dns.RcodeServerFailure)
		return
	}
	c.reply.Authoritative = len(c.reply.Answer) > 0
	servers := c.servers(owner, s)
	c.reply.Ns = append(c.reply.Ns, servers...)
	for _, rr := range servers {
		if ns, ok := rr.(*dns.NS); ok {
			c.reply.Extra = append(c.reply.Extra, c.table.glue(ns.Ns)...)
		}
	}
}

// servers unpacks an NS set.
func (c *chase) servers(owner string, s *set) []dns.RR {
	which := make([]uint32, s.count)
	for i := range which {
		which[i] = uint32(i)
	}
	rr, err := s.rrs(owner, which)
	if err != nil {
		return nil
	}
	return rr
}

// glue is the addresses that the zones have of a name, below a cut or not.
func (t *Table) glue(name string) []dns.RR {
	wire, err := packLower(name)
	if err != nil {
		return nil
	}
	z, own := t.zone([]byte(wire))
	if z != nil && z.rule != nil {
		z = t.withoutRules(wire)
	}
	if z == nil {
		return nil
	}
	n, ok := z.names.get(own, []byte(wire))
	if !ok {
		return nil
	}
	var out []dns.RR
	for _, typ := range []uint16{zone.TypeA, zone.TypeAAAA} {
		s := n.find(typ)
		if s == nil {
			continue
		}
		o, s, _ := t.settle(s, newRandom())
		if o != found {
			continue
		}
		which := make([]uint32, s.quantity())
		s.choose(newRandom(), which)
		if rr, err := s.rrs(name, which); err == nil {
			out = append(out, rr...)
		}
	}
	return out
}
