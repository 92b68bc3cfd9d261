package conformance

import (
	"encoding/binary"
	"testing"

	"github.com/miekg/dns"
)

// packet is one that is not the usual query.
type packet struct {
	name string
	wire []byte
}

// packets are odd, but for the first.
func packets(t testing.TB) []packet {
	t.Helper()
	var out []packet
	add := func(name string, wire []byte) { out = append(out, packet{name, wire}) }
	made := func(name string, change func(m *dns.Msg)) {
		m := new(dns.Msg).SetQuestion("a.corp.test.", dns.TypeA)
		change(m)
		wire, err := m.Pack()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		add(name, wire)
	}
	made("a query", func(*dns.Msg) {})
	headers(made)
	for _, typ := range []uint16{dns.TypeNone, dns.TypeOPT, dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB, dns.TypeTKEY, dns.TypeTSIG, 128, dns.TypeRRSIG, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeKEY, dns.TypeSPF} {
		made("type "+dns.Type(typ).String(), func(m *dns.Msg) { m.Question[0].Qtype = typ })
	}
	extended(made)
	out = append(out, broken(t)...)
	return out
}

type maker func(name string, change func(m *dns.Msg))

// headers are other opcodes, classes and flags, and records where none belong.
func headers(made maker) {
	for _, op := range []int{dns.OpcodeIQuery, dns.OpcodeStatus, 3, 6, 7, 15} {
		made("opcode "+dns.OpcodeToString[op], func(m *dns.Msg) { m.Opcode = op })
	}
	made("a notification", func(m *dns.Msg) { m.SetNotify("corp.test.") })
	made("an update", func(m *dns.Msg) { m.SetUpdate("corp.test.") })
	for _, class := range []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassANY, dns.ClassNONE, 0, 65400} {
		made("class "+dns.Class(class).String(), func(m *dns.Msg) { m.Question[0].Qclass = class })
	}
	made("a response", func(m *dns.Msg) { m.Response = true })
	made("AA", func(m *dns.Msg) { m.Authoritative = true })
	made("TC", func(m *dns.Msg) { m.Truncated = true })
	made("RA", func(m *dns.Msg) { m.RecursionAvailable = true })
	made("Z", func(m *dns.Msg) { m.Zero = true })
	made("an rcode", func(m *dns.Msg) { m.Rcode = dns.RcodeNameError })
	made("no question", func(m *dns.Msg) { m.Question = nil })
	made("two questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })
	made("two questions for other names", func(m *dns.Msg) {
		m.Question = append(m.Question, dns.Question{Name: "both.corp.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET})
	})
	a := &dns.A{Hdr: dns.RR_Header{Name: "a.corp.test.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{10, 0, 0, 1}}
	made("an answer in the query", func(m *dns.Msg) { m.Answer = []dns.RR{a} })
	made("an authority in the query", func(m *dns.Msg) { m.Ns = []dns.RR{a} })
	made("an addition to the query", func(m *dns.Msg) { m.Extra = []dns.RR{a} })
	made("an unknown TSIG key", func(m *dns.Msg) {
		m.Extra = []dns.RR{&dns.TSIG{Hdr: dns.RR_Header{Name: "key.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256, MACSize: 32,
			MAC: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", OrigId: m.Id, TimeSigned: 1, Fudge: 300}}
	})
}

// extended are OPT records of all sorts (RFC 6891).
func extended(made maker) {
	opt := func(change func(*dns.OPT)) func(*dns.Msg) {
		return func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			change(m.IsEdns0())
		}
	}
	option := func(code uint16, data ...byte) func(*dns.Msg) {
		return opt(func(o *dns.OPT) { o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: code, Data: data}} })
	}
	made("EDNS", opt(func(*dns.OPT) {}))
	made("EDNS version 1", opt(func(o *dns.OPT) { o.SetVersion(1) }))
	made("EDNS version 255, DO", opt(func(o *dns.OPT) { o.SetVersion(255); o.SetDo() }))
	made("EDNS with an rcode", opt(func(o *dns.OPT) { o.SetExtendedRcode(0xff0) }))
	made("EDNS with unknown flags", opt(func(o *dns.OPT) { o.SetZ(0x3fff) }))
	made("EDNS with an unknown option", option(65001, 1, 2, 3))
	made("EDNS with an empty option", option(65001))
	made("EDNS with NSID", option(dns.EDNS0NSID))
	made("EDNS with a client's subnet", option(dns.EDNS0SUBNET, 0, 1, 24, 0, 10, 0, 1))
	made("EDNS with a broken client's subnet", option(dns.EDNS0SUBNET, 0, 1, 24))
	made("EDNS with a cookie", option(dns.EDNS0COOKIE, 1, 2, 3, 4, 5, 6, 7, 8))
	made("EDNS with a broken cookie", option(dns.EDNS0COOKIE, 1, 2, 3))
	made("EDNS with keepalive over UDP", option(dns.EDNS0TCPKEEPALIVE))
	made("EDNS with padding", option(dns.EDNS0PADDING, 0, 0, 0))
	made("EDNS with options of one kind", opt(func(o *dns.OPT) {
		o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001}, &dns.EDNS0_LOCAL{Code: 65001}}
	}))
	made("two OPT records", func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.Extra = append(m.Extra, m.Extra[0])
	})
	made("an OPT record with an owner", opt(func(o *dns.OPT) { o.Hdr.Name = "a." }))
	made("an OPT record as an answer", func(m *dns.Msg) {
		m.SetEdns0(1232, false)
		m.Answer, m.Extra = m.Extra, nil
	})
}

// broken are packets that are no messages.
func broken(t testing.TB) []packet {
	t.Helper()
	whole, err := new(dns.Msg).SetQuestion("a.corp.test.", dns.TypeA).SetEdns0(1232, false).Pack()
	if err != nil {
		t.Fatal(err)
	}
	plain := whole[:len(whole)-11]
	cut := func(n int) []byte { return append([]byte(nil), whole[:n]...) }
	with := func(change func(b []byte) []byte) []byte { return change(append([]byte(nil), whole...)) }
	name := func(name ...byte) []byte {
		b := append(append([]byte(nil), whole[:12]...), name...)
		b[11] = 0
		return append(b, 0, 1, 0, 1)
	}
	return []packet{
		{"no octet", nil},
		{"one octet", []byte{7}},
		{"half a header", cut(6)},
		{"11 octets", cut(11)},
		{"a header that promises more", cut(12)},
		{"a question cut in its name", cut(16)},
		{"a question cut in its type", cut(len(plain) - 3)},
		{"an OPT record cut short", cut(len(whole) - 1)},
		{"an octet too many", with(func(b []byte) []byte { return append(b, 0) })},
		{"many octets too many", with(func(b []byte) []byte { return append(b, make([]byte, 400)...) })},
		{"more records promised", with(func(b []byte) []byte { b[11] = 2; return b })},
		{"65535 records promised", with(func(b []byte) []byte { binary.BigEndian.PutUint16(b[6:], 65535); return b })},
		{"65535 questions promised", with(func(b []byte) []byte { binary.BigEndian.PutUint16(b[4:], 65535); return b })},
		{"an option that is longer than its record", with(func(b []byte) []byte {
			b[len(b)-1] = 4
			return append(b, 0xfd, 0xe9, 0, 9)
		})},
		{"half an option", with(func(b []byte) []byte {
			b[len(b)-1] = 2
			return append(b, 0xfd, 0xe9)
		})},
		{"a question that points to itself", name(0xc0, 12)},
		{"a question that points ahead", name(0xc0, 14, 0)},
		{"a question that points into the header", name(0xc0, 0)},
		{"a label of type 01", name(0x41, 'a', 0)},
		{"a label of type 10", name(0x81, 'a', 0)},
		{"a label without an end", name(63, 'a')},
		{"a name of 256 octets", name(append(longLabels(), 1, 'a', 0)...)},
		{"a name of 255 octets", name(append(longLabels(), 0)...)},
	}
}

// longLabels are 254 octets of labels.
func longLabels() []byte {
	var b []byte
	for range 3 {
		b = append(append(b, 63), make([]byte, 63)...)
	}
	return append(append(b, 61), make([]byte, 61)...)
}
