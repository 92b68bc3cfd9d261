package resolver

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/miekg/dns"
)

// replyHead writes a reply's header over the query's; the id stays. The
// question stays, too, as the client spelled it, so that clients that mix
// upper and lower case against forgery find it again.
//
// The VPC resolver is a recursive resolver that looks names up in private
// zones: RA is set and AA is not. That AWS's answers from private zones have AA
// clear is what published dig output of EC2 instances shows; AWS does not
// document it.
func (q *query) replyHead(b []byte, rcode int) {
	b[2] = flagQR | b[2]&(maskOp|flagRD)
	b[3] = flagRA | b[3]&flagCD | byte(rcode&0xf)
	clear(b[4:headerSize])
	b[5] = 1
}

// only makes a reply of the header alone, for what is no query.
func (q *query) only(b []byte, rcode int) int {
	q.replyHead(b, rcode)
	b[5] = 0
	return headerSize
}

// status makes a reply without records.
func (q *query) status(b []byte, rcode int) int {
	q.replyHead(b, rcode)
	return q.opt(b, q.end, rcode)
}

// opt adds the OPT record if the client sent one.
func (q *query) opt(b []byte, n, rcode int) int {
	if !q.edns {
		return n
	}
	o := b[n : n+optSize]
	clear(o)
	binary.BigEndian.PutUint16(o[1:], dns.TypeOPT)
	binary.BigEndian.PutUint16(o[3:], maxUDP)
	o[5] = byte(rcode >> 4)
	if q.do {
		o[7] = flagDO >> 8
	}
	b[11] = 1
	return n + optSize
}

// positive makes the reply with a set's records, chosen and ordered at random.
// b has room for limit octets. Of a set that does not fit, the reply has as many
// records as do, and says so by TC: a client is to ask again by TCP (RFC 2181
// section 9), but not all can.
func (q *query) positive(b []byte, limit int, s *set, r *rand.Rand, scratch []uint32) (int, bool) {
	quantity := s.quantity()
	room := limit - q.end
	if q.edns {
		room -= optSize
	}
	q.replyHead(b, dns.RcodeSuccess)
	// No record is shorter than its head, so what does not go into the scratch
	// space does not fit the reply either.
	which := scratch[:min(quantity, len(scratch))]
	s.choose(r, which)
	n, fit := q.end, 0
	for _, i := range which {
		rec := s.record(int(i))
		if room -= len(rec); room < 0 {
			break
		}
		n += copy(b[n:], rec)
		fit++
	}
	binary.BigEndian.PutUint16(b[6:], uint16(fit))
	if fit < quantity {
		b[2] |= flagTC
	}
	return q.opt(b, n, dns.RcodeSuccess), fit < quantity
}

func (q *query) truncated(b []byte) int {
	b[2] |= flagTC
	b[6], b[7] = 0, 0
	return q.opt(b, q.end, dns.RcodeSuccess)
}

// negative makes NODATA and NXDOMAIN replies, with the zone's SOA. The zone's
// name is the end of the question's, so its owner is a pointer there.
func (q *query) negative(b []byte, limit int, z *zoneTable, rcode int) (int, bool) {
	q.replyHead(b, rcode)
	size := q.end + len(z.negative)
	if q.edns {
		size += optSize
	}
	if size > limit {
		return q.truncated(b), true
	}
	n := q.end + copy(b[q.end:], z.negative)
	at := headerSize + q.size - len(z.origin)
	binary.BigEndian.PutUint16(b[q.end:], uint16(0xc000|at))
	b[9] = 1
	return q.opt(b, n, rcode), false
}
