package resolver

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"

	"seamark/internal/plan/zone"
)

// FuzzHandle feeds packets to the whole answer path. Whatever comes in: no
// panic; a reply that parses, carries the id and is a response; and for what
// two independent parsers call malformed, FORMERR or nothing.
func FuzzHandle(f *testing.F) {
	zones := testZone(f, "Z1", "z.", `
		a     5 A     10.0.0.1
		c     5 CNAME a.z.
		loop  5 CNAME loop.z.
		out   5 CNAME example.com.
		*.w   5 TXT   "t"
		al    0 A     alias a.z.
		far   0 A     alias example.com.
		rd    0 A     alias rd.z.
		ch    5 A     choose 1 10.0.0.1
		ch    5 A     choose 2 alias a.z.
		sub   5 NS    ns.sub.z.
		ns.sub 5 A    10.0.0.53
		bad   5 CNAME x.bad.z.
	`)
	busy, public := testHead(), testHead()
	busy.LogQueries = true
	busy.Rules = []zone.Rule{forwardRule("corp.", netip.MustParseAddrPort("127.0.0.1:1")), systemRule("sys.corp."), forwardRule("a.z.")}
	busy.Firewall = []zone.FirewallRule{
		{Action: "BLOCK", Response: "NXDOMAIN", Domains: []string{"*.bad.z."}},
		{Action: "BLOCK", Response: "OVERRIDE", OverrideName: "a.z.", Domains: []string{"*.over.z."}},
		{Action: "ALERT", Domains: []string{"*"}},
	}
	public.Authoritative = true
	tables := []*Table{testTable(f, zones), testTableWith(f, busy, zones), testTableWith(f, public, zones)}
	for _, m := range []*dns.Msg{
		ask("a.z.", dns.TypeA), ask("A.Z.", dns.TypeANY), ask("c.z.", dns.TypeA), ask("loop.z.", dns.TypeA), ask("x.w.z.", dns.TypeTXT),
		ask("out.z.", dns.TypeA), ask("example.com.", dns.TypeA), ask("10.1.0.10.in-addr.arpa.", dns.TypePTR), ask("ip-10-0-0-1.ec2.internal.", dns.TypeA),
		ask("al.z.", dns.TypeA), ask("far.z.", dns.TypeA), ask("rd.z.", dns.TypeANY), ask("ch.z.", dns.TypeA), ask("x.sub.z.", dns.TypeDS), ask("sub.z.", dns.TypeDS),
		ask("bad.z.", dns.TypeA), ask("x.over.z.", dns.TypeA), ask("x.corp.", dns.TypeA), ask("x.sys.corp.", dns.TypeA),
		ask("a.z.", dns.TypeA).SetEdns0(4096, true), new(dns.Msg).SetUpdate("z."), new(dns.Msg).SetNotify("z."), new(dns.Msg).SetAxfr("z."), new(dns.Msg).SetIxfr("z.", 1, "ns.", "m."),
	} {
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire, false)
		f.Add(wire, true)
		f.Add(wire[:len(wire)-1], false)
		f.Add(append(wire, 0), false)
	}
	fw, err := NewForwarder()
	if err != nil {
		f.Fatal(err)
	}
	r := New(tables[0], fw, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, in []byte, tcp bool) {
		if len(in) > maxUDP {
			return
		}
		for _, table := range tables {
			w := newWorker(r, tcp, nil)
			size := maxUDP
			if tcp {
				size = maxBytes
			}
			b := make([]byte, size)
			n, c := w.handle(table, b, copy(b, in))
			out := b[:n]
			if c != nil {
				c.remote(context.Background())
				out = c.pack(new(Counters))
			}
			check(t, table.head.Authoritative, in, out)
		}
	})
}

func check(t *testing.T, authoritative bool, in, out []byte) {
	if len(out) == 0 {
		if len(in) >= headerSize && in[2]&flagQR == 0 {
			t.Fatalf("no reply to %x", in)
		}
		return
	}
	if len(in) < headerSize || in[2]&flagQR != 0 {
		t.Fatalf("a reply to %x: %x", in, out)
	}
	m := new(dns.Msg)
	if err := m.Unpack(out); err != nil {
		t.Fatalf("reply to %x does not parse: %v: %x", in, err, out)
	}
	if out[0] != in[0] || out[1] != in[1] || !m.Response || m.Authoritative && !authoritative || m.RecursionAvailable == authoritative || out[2]&maskOp != in[2]&maskOp {
		t.Fatalf("reply to %x: header %v", in, m.MsgHdr)
	}
	if malformed(in) && m.Rcode != dns.RcodeFormatError {
		t.Fatalf("malformed %x was answered %v", in, m)
	}
	if m.Rcode != dns.RcodeFormatError && m.Opcode == dns.OpcodeQuery {
		q := new(dns.Msg)
		if err := q.Unpack(in); err == nil && (len(m.Question) != 1 || m.Question[0] != q.Question[0]) {
			t.Fatalf("question %v was answered with %v", q.Question, m.Question)
		}
	}
	if !m.Truncated && m.Rcode == dns.RcodeSuccess && len(m.Answer) == 0 && len(m.Ns) == 0 && m.IsEdns0() == nil {
		t.Fatalf("an empty answer without SOA to %x: %v", in, m)
	}
}

// malformed asks two parsers that look at every record's data. One knows no
// labels with dots in them, the other looks into EDNS options, so only what both
// refuse counts.
func malformed(in []byte) bool {
	var m dnsmessage.Message
	return m.Unpack(in) != nil && new(dns.Msg).Unpack(in) != nil
}
