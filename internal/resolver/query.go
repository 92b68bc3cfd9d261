package resolver

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// query is a parsed request. It holds no reference to the packet, so the reply
// may be written over it.
type query struct {
	// name is the question's name in lower-case wire form: key[:size].
	key  [256]byte
	size int
	// end is the offset after the question in the packet.
	end       int
	typ       uint16
	class     uint16
	recursion bool // RD
	checking  bool // CD
	edns      bool
	version   uint8
	do        bool
	udpSize   uint16
	signed    bool // a TSIG record
	others    bool // records besides the question, OPT and TSIG
}

// verdict is what a packet is.
type verdict uint8

const (
	good     verdict = iota
	silent           // no answer: not even a header, or itself a response
	broken           // FORMERR: the query has an id but is not one
	operates         // NOTIMP: well formed, but not a query
)

// Flags of the header (RFC 1035 section 4.1.1, RFC 4035 section 3).
const (
	flagQR   = 0x80 // octet 2
	flagTC   = 0x02
	flagRD   = 0x01
	flagRA   = 0x80 // octet 3
	flagCD   = 0x10
	maskOp   = 0x78
	shiftOp  = 3
	rrFixed  = 10 // type, class, TTL and data length
	optSize  = 11 // an OPT record without options
	flagDO   = 0x8000
	minEDNS  = 512  // RFC 6891 section 6.2.3
	maxUDP   = 1232 // the size that never fragments (DNS flag day 2020)
	maxBytes = 65535
)

// parse reads a whole message and accepts nothing that is not exactly as the
// RFCs have it: counts must be right and no octet may be left over.
func (q *query) parse(b []byte) verdict {
	if len(b) < headerSize || b[2]&flagQR != 0 {
		return silent
	}
	*q = query{recursion: b[2]&flagRD != 0, checking: b[3]&flagCD != 0}
	questions := binary.BigEndian.Uint16(b[4:])
	operation := b[2] & maskOp >> shiftOp
	off := headerSize
	if operation == dns.OpcodeQuery && questions != 1 {
		return broken
	}
	for i := range questions {
		end, ok := skipName(b, off)
		if !ok || end+4 > len(b) {
			return broken
		}
		if i == 0 && !q.question(b, end) {
			return broken
		}
		off = end + 4
	}
	off, ok := q.sections(b, off)
	if !ok || off != len(b) {
		return broken
	}
	if operation != dns.OpcodeQuery {
		return operates
	}
	return good
}

// question takes over the first question, whose name ends at end. A pointer
// in it could only lead into the header, so there must be none.
func (q *query) question(b []byte, end int) bool {
	q.size = end - headerSize
	for off := headerSize; b[off] != 0; off += int(b[off]) + 1 {
		if b[off]&0xc0 != 0 {
			return false
		}
	}
	for i, c := range b[headerSize:end] {
		q.key[i] = lower(c)
	}
	q.typ = binary.BigEndian.Uint16(b[end:])
	q.class = binary.BigEndian.Uint16(b[end+2:])
	q.end = end + 4
	return true
}

// sections walks the records after the questions.
func (q *query) sections(b []byte, off int) (int, bool) {
	answers := int(binary.BigEndian.Uint16(b[6:])) + int(binary.BigEndian.Uint16(b[8:]))
	total := answers + int(binary.BigEndian.Uint16(b[10:]))
	for i := range total {
		end, ok := skipName(b, off)
		if !ok || end+rrFixed > len(b) {
			return 0, false
		}
		next := end + rrFixed + int(binary.BigEndian.Uint16(b[end+8:]))
		if next > len(b) {
			return 0, false
		}
		switch binary.BigEndian.Uint16(b[end:]) {
		case dns.TypeOPT:
			// One, in the additional section, owned by the root (RFC 6891 section 6.1).
			if i < answers || q.edns || b[off] != 0 || !q.options(b[end:next]) {
				return 0, false
			}
		case dns.TypeTSIG:
			q.signed = true
		default:
			q.others = true
		}
		off = next
	}
	return off, true
}

// options reads an OPT record from its type on.
func (q *query) options(rr []byte) bool {
	q.edns = true
	q.udpSize = binary.BigEndian.Uint16(rr[2:])
	q.version = rr[5]
	q.do = binary.BigEndian.Uint16(rr[6:])&flagDO != 0
	for data := rr[rrFixed:]; len(data) > 0; {
		if len(data) < 4 {
			return false
		}
		length := 4 + int(binary.BigEndian.Uint16(data[2:]))
		if length > len(data) {
			return false
		}
		data = data[length:]
	}
	return true
}

// skipName returns the offset after a name that stands at off. It follows
// pointers to check them: each must lead further back, and there may not be
// more of them than a name can have labels.
func skipName(b []byte, off int) (int, bool) {
	const maxPointers = 127
	length, end, limit := 1, 0, off
	for pointers := 0; pointers <= maxPointers; {
		if off >= len(b) {
			return 0, false
		}
		c := int(b[off])
		switch {
		case c == 0:
			if end == 0 {
				end = off + 1
			}
			return end, true
		case c < 64:
			off += c + 1
			if length += c + 1; length > 255 {
				return 0, false
			}
		case c >= 0xc0 && off+1 < len(b):
			if end == 0 {
				end = off + 2
			}
			off = c&0x3f<<8 | int(b[off+1])
			if off >= limit || off < headerSize {
				return 0, false
			}
			limit = off
			pointers++
		default:
			return 0, false
		}
	}
	return 0, false
}

// limit is how large a reply over UDP may be.
func (q *query) limit() int {
	if !q.edns {
		return minEDNS
	}
	return int(min(max(q.udpSize, minEDNS), maxUDP))
}

func lower(c byte) byte {
	if c-'A' < 26 {
		c += 'a' - 'A'
	}
	return c
}
