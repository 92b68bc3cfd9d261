package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// reply is an answer in a form that can be compared: everything that it says,
// but for its id and how names in it are compressed.
type reply struct {
	None     bool // nothing came back
	Garbled  string
	Opcode   string
	Rcode    string
	AA       bool
	TC       bool
	RD       bool
	RA       bool
	AD       bool
	CD       bool
	Z        bool
	Question string
	// The sections, a line for each record. Records of one set stand in the order
	// of their text, since sets have none (RFC 2181 section 5); sets stand in theirs.
	Answer     []string
	Authority  []string
	Additional []string
	EDNS       string // the OPT record, or nothing
	Size       int    // of the packet
}

// newReply reads a packet, or nil where none came.
func newReply(packet, query []byte) reply {
	if packet == nil {
		return reply{None: true}
	}
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		return reply{Garbled: fmt.Sprintf("%v: %x", err, packet)}
	}
	r := reply{
		Opcode: dns.OpcodeToString[m.Opcode], Rcode: rcode(m), AA: m.Authoritative, TC: m.Truncated, RD: m.RecursionDesired,
		RA: m.RecursionAvailable, AD: m.AuthenticatedData, CD: m.CheckingDisabled, Z: m.Zero, Size: len(packet),
		Answer: lines(m.Answer), Authority: lines(m.Ns),
	}
	for _, q := range m.Question {
		r.Question += strings.TrimPrefix(q.String(), ";")
	}
	if !m.Response || len(query) > 1 && (packet[0] != query[0] || packet[1] != query[1]) {
		r.Garbled = fmt.Sprintf("no response to %x: %x", query, packet)
	}
	if o := m.IsEdns0(); o != nil {
		r.EDNS = fmt.Sprintf("version %d, size %d, DO %v", o.Version(), o.UDPSize(), o.Do())
		for _, option := range o.Option {
			r.EDNS += fmt.Sprintf(", option %d %s", option.Option(), option)
		}
	}
	r.Additional = lines(slices.DeleteFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT }))
	slices.Sort(r.Additional) // nor do sets in it
	return r
}

// rcode is the extended one, where there is one.
func rcode(m *dns.Msg) string {
	code := m.Rcode
	if o := m.IsEdns0(); o != nil {
		code = o.ExtendedRcode()&^0xf | m.Rcode&0xf
	}
	if code == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[code]
}

// lines writes records, those of each set sorted.
func lines(rrs []dns.RR) []string {
	var out []string
	for start := 0; start < len(rrs); {
		end := start
		for end < len(rrs) && sameSet(rrs[start], rrs[end]) {
			text := strings.ReplaceAll(rrs[end].String(), `\ `, `\032`) // a space is no end of a name then
			out = append(out, strings.Join(strings.Fields(text), " "))
			end++
		}
		slices.Sort(out[start:])
		start = end
	}
	return out
}

func sameSet(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && strings.EqualFold(a.Header().Name, b.Header().Name)
}

// differs names the first part in which two replies differ, or nothing.
func (r reply) differs(o reply) string {
	type part struct {
		name  string
		equal bool
	}
	for _, p := range []part{
		{"whether there is an answer", r.None == o.None},
		{"what is no DNS", r.Garbled == o.Garbled},
		{"opcode", r.Opcode == o.Opcode},
		{"rcode", r.Rcode == o.Rcode},
		{"AA", r.AA == o.AA}, {"TC", r.TC == o.TC}, {"RD", r.RD == o.RD}, {"RA", r.RA == o.RA}, {"AD", r.AD == o.AD}, {"CD", r.CD == o.CD}, {"Z", r.Z == o.Z},
		{"question", r.Question == o.Question},
		{"answer section", slices.Equal(r.Answer, o.Answer)},
		{"authority section", slices.Equal(r.Authority, o.Authority)},
		{"additional section", slices.Equal(r.Additional, o.Additional)},
		{"EDNS", r.EDNS == o.EDNS},
	} {
		if !p.equal {
			return p.name
		}
	}
	return ""
}

func (r reply) String() string {
	if r.None {
		return "nothing"
	}
	if r.Garbled != "" {
		return r.Garbled
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, %d octets, flags", r.Opcode, r.Rcode, r.Size)
	for _, f := range []struct {
		name string
		set  bool
	}{{"AA", r.AA}, {"TC", r.TC}, {"RD", r.RD}, {"RA", r.RA}, {"AD", r.AD}, {"CD", r.CD}, {"Z", r.Z}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	fmt.Fprintf(&b, "; %s; EDNS: %s", r.Question, r.EDNS)
	for _, s := range []struct {
		name  string
		lines []string
	}{{"answer", r.Answer}, {"authority", r.Authority}, {"additional", r.Additional}} {
		for i, line := range s.lines {
			if i == 12 {
				fmt.Fprintf(&b, "\n    … %d in all", len(s.lines))
				break
			}
			fmt.Fprintf(&b, "\n    %s: %s", s.name, line)
		}
	}
	return b.String()
}
