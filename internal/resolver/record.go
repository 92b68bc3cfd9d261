package resolver

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// A record as it is kept: the owner as a pointer to the question's name, which
// stands at octet 12 of every message, then type, class, TTL and data.
const (
	headerSize   = 12
	ownerPointer = 0xc000 | headerSize
	recordHead   = 12 // owner pointer, type, class, TTL, data length
	multiValue   = 8  // answers of a multivalue set (Route 53 developer guide)
)

// set is a record set, ready to be copied into an answer.
type set struct {
	typ    uint16
	policy zone.Policy
	count  int
	// wire holds all records. They all have size octets, or, where size is 0,
	// record i ends at ends[i].
	wire []byte
	size int
	ends []int
	// more is set where there are no records but an alias or choices.
	more *indirection
}

// record is the i-th record with its owner pointer.
func (s *set) record(i int) []byte {
	if s.size > 0 {
		return s.wire[i*s.size : (i+1)*s.size]
	}
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.wire[start:s.ends[i]]
}

// compileSet makes a set's wire form. Records that are no data of that type are
// left out and named in the errors.
func compileSet(owner string, in zone.Set) (set, []error) {
	if in.Alias != "" || len(in.Choices) > 0 {
		return compileIndirect(owner, in)
	}
	out := set{typ: in.Type, policy: in.Policy}
	var errs []error
	for _, text := range in.Records {
		start := len(out.wire)
		wire, err := appendRecord(out.wire, in.Type, in.TTL, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s %q: %w", owner, dns.TypeToString[in.Type], text, err))
			continue
		}
		out.wire = wire
		out.ends = append(out.ends, len(wire))
		out.count++
		if length := len(wire) - start; out.count == 1 {
			out.size = length
		} else if out.size != length {
			out.size = 0
		}
	}
	if out.size > 0 {
		out.ends = nil
	}
	out.wire = slices.Clip(out.wire)
	return out, errs
}

// appendRecord packs one record. Addresses are by far the most frequent, so
// they do not go through the zone-file parser.
func appendRecord(b []byte, typ uint16, ttl uint32, text string) ([]byte, error) {
	if typ == zone.TypeA || typ == zone.TypeAAAA {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return b, err
		}
		if a.Is4() != (typ == zone.TypeA) || a.Zone() != "" {
			return b, fmt.Errorf("address of the wrong family")
		}
		b = appendHead(b, typ, ttl, a.BitLen()/8)
		return append(b, a.AsSlice()...), nil
	}
	data, err := packData(typ, text)
	if err != nil {
		return b, err
	}
	return append(appendHead(b, typ, ttl, len(data)), data...), nil
}

func appendHead(b []byte, typ uint16, ttl uint32, length int) []byte {
	b = binary.BigEndian.AppendUint16(b, ownerPointer)
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, ttl)
	return binary.BigEndian.AppendUint16(b, uint16(length))
}

// packData packs record data given in zone-file form. Names in it are not
// compressed, which RFC 3597 section 4 asks for in newer types and allows in all.
func packData(typ uint16, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n\x00") {
		return nil, fmt.Errorf("more than one line")
	}
	name, ok := dns.TypeToString[typ]
	if !ok {
		return nil, fmt.Errorf("unknown type %d", typ)
	}
	// Not dns.NewRR: that one follows $INCLUDE.
	p := dns.NewZoneParser(strings.NewReader(". 0 IN "+name+" "+text+"\n"), ".", "")
	rr, ok := p.Next()
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !ok || rr.Header().Rrtype != typ {
		return nil, fmt.Errorf("no data")
	}
	return packRR(rr)
}

// packRR packs the data of a record whose owner is the root.
func packRR(rr dns.RR) ([]byte, error) {
	b := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, b, 0, nil, false)
	if err != nil {
		return nil, err
	}
	const rootHead = 11 // one octet of owner, type, class, TTL, length
	return b[rootHead:n], nil
}

// rrs unpacks the given records under an owner, for answers that package dns
// puts together.
func (s *set) rrs(owner string, which []uint32) ([]dns.RR, error) {
	name, err := packName(owner)
	if err != nil {
		return nil, err
	}
	out := make([]dns.RR, 0, len(which))
	for _, i := range which {
		rr, _, err := dns.UnpackRR(append(slices.Clone(name), s.record(int(i))[2:]...), 0)
		if err != nil {
			return nil, err
		}
		out = append(out, rr)
	}
	return out, nil
}

// packName is the wire form of a name.
func packName(name string) ([]byte, error) {
	var b [256]byte
	n, err := dns.PackDomainName(name, b[:], 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", name, err)
	}
	return slices.Clone(b[:n]), nil
}

// packLower is the wire form of a name in lower case: the key of a table.
func packLower(name string) (string, error) {
	b, err := packName(name)
	if err != nil {
		return "", err
	}
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b), nil
}

// unpackName is the zone-file form of a wire name.
func unpackName(wire []byte) (string, error) {
	name, _, err := dns.UnpackDomainName(wire, 0)
	return name, err
}
