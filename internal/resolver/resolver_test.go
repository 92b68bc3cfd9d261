package resolver

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

const soa = "authority myapp.local. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400"

func TestAnswers(t *testing.T) {
	table := testTable(t,
		testZone(t, "Z1", "myapp.local.", `
			web       10 A     multi 10.0.1.10
			web       10 A     multi 10.0.1.11
			web       10 AAAA  fd00::1
			api       30 SRV   multi 1 1 8080 i1.api.myapp.local.
			i1.api    30 A     10.0.2.1
			alias     20 CNAME web.myapp.local.
			out       20 CNAME web.other.test.
			loop1     20 CNAME loop2.myapp.local.
			loop2     20 CNAME loop1.myapp.local.
			dangling  20 CNAME gone.myapp.local.
			*.wild    40 A     10.0.3.1
			sub.wild  40 TXT   "text"
			a.b.c     50 A     10.0.4.1
			txt       60 TXT   "hello" "world"
			txt       60 MX    10 mx.myapp.local.
		`),
		testZone(t, "Z2", "deep.myapp.local.", `web 10 A 10.9.9.9`),
		testZone(t, "Z3", "other.test.", `web 10 A 10.8.8.8`),
	)
	for _, c := range []struct {
		name string
		typ  uint16
		want string
	}{
		{"web.myapp.local.", dns.TypeA, "NOERROR\nweb.myapp.local. 10 IN A 10.0.1.10\nweb.myapp.local. 10 IN A 10.0.1.11"},
		{"WEB.MyApp.Local.", dns.TypeAAAA, "NOERROR\nWEB.MyApp.Local. 10 IN AAAA fd00::1"},
		{"web.myapp.local.", dns.TypeTXT, "NOERROR\n" + soa},
		{"gone.myapp.local.", dns.TypeA, "NXDOMAIN\n" + soa},
		{"below.web.myapp.local.", dns.TypeA, "NXDOMAIN\n" + soa},
		{"myapp.local.", dns.TypeA, "NOERROR\n" + soa},
		{"myapp.local.", dns.TypeSOA, "NOERROR\nmyapp.local. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400"},
		{"myapp.local.", dns.TypeNS, "NOERROR\nmyapp.local. 172800 IN NS ns-0.test.\nmyapp.local. 172800 IN NS ns-1.test."},
		{"api.myapp.local.", dns.TypeSRV, "NOERROR\napi.myapp.local. 30 IN SRV 1 1 8080 i1.api.myapp.local."},
		{"i1.api.myapp.local.", dns.TypeA, "NOERROR\ni1.api.myapp.local. 30 IN A 10.0.2.1"},
		{"b.c.myapp.local.", dns.TypeA, "NOERROR\n" + soa}, // empty non-terminal
		{"c.myapp.local.", dns.TypeA, "NOERROR\n" + soa},
		{"alias.myapp.local.", dns.TypeA, "NOERROR\nalias.myapp.local. 20 IN CNAME web.myapp.local.\nweb.myapp.local. 10 IN A 10.0.1.10\nweb.myapp.local. 10 IN A 10.0.1.11"},
		{"alias.myapp.local.", dns.TypeCNAME, "NOERROR\nalias.myapp.local. 20 IN CNAME web.myapp.local."},
		{"alias.myapp.local.", dns.TypeTXT, "NOERROR\nalias.myapp.local. 20 IN CNAME web.myapp.local.\n" + soa},
		{"out.myapp.local.", dns.TypeA, "NOERROR\nout.myapp.local. 20 IN CNAME web.other.test.\nweb.other.test. 10 IN A 10.8.8.8"},
		{"dangling.myapp.local.", dns.TypeA, "NXDOMAIN\ndangling.myapp.local. 20 IN CNAME gone.myapp.local.\n" + soa},
		{"loop1.myapp.local.", dns.TypeA, "SERVFAIL"},
		{"x.wild.myapp.local.", dns.TypeA, "NOERROR\nx.wild.myapp.local. 40 IN A 10.0.3.1"},
		{"y.x.wild.myapp.local.", dns.TypeA, "NOERROR\ny.x.wild.myapp.local. 40 IN A 10.0.3.1"},
		{"x.wild.myapp.local.", dns.TypeTXT, "NOERROR\n" + soa},
		{"sub.wild.myapp.local.", dns.TypeA, "NOERROR\n" + soa},
		{"x.sub.wild.myapp.local.", dns.TypeA, "NXDOMAIN\n" + soa}, // the closest encloser has no wildcard
		{"*.wild.myapp.local.", dns.TypeA, "NOERROR\n*.wild.myapp.local. 40 IN A 10.0.3.1"},
		{"txt.myapp.local.", dns.TypeTXT, `NOERROR
txt.myapp.local. 60 IN TXT "hello" "world"`},
		{"txt.myapp.local.", dns.TypeANY, "NOERROR\ntxt.myapp.local. 60 IN MX 10 mx.myapp.local."},
		{"gone.myapp.local.", dns.TypeANY, "NXDOMAIN\n" + soa},
		// The longest zone is the only one asked.
		{"web.deep.myapp.local.", dns.TypeA, "NOERROR\nweb.deep.myapp.local. 10 IN A 10.9.9.9"},
		{"api.deep.myapp.local.", dns.TypeA, "NXDOMAIN\nauthority deep.myapp.local. 15 IN SOA ns.test. mail.test. 1 7200 900 1209600 86400"},
		{"notmyapp.example.", dns.TypeA, "SERVFAIL"}, // goes upstream, and there is none
		// Special-use names that no private zone has never go upstream.
		{"notmyapp.local.", dns.TypeA, "NXDOMAIN\nauthority local. 60 IN SOA local. nobody.invalid. 1 3600 1200 604800 60"},
		{"test.", dns.TypeA, "NXDOMAIN\nauthority test. 60 IN SOA test. nobody.invalid. 1 3600 1200 604800 60"},
		{"db.corp.internal.", dns.TypeA, "NXDOMAIN\nauthority internal. 60 IN SOA internal. nobody.invalid. 1 3600 1200 604800 60"},
		{"web.myapp.local.", dns.TypeAXFR, "REFUSED"},
		{"web.myapp.local.", dns.TypeIXFR, "REFUSED"},
		{"web.myapp.local.", dns.TypeMAILB, "NOTIMP"},
		// Names that the resolver makes up.
		{"ip-10-0-1-10.ec2.internal.", dns.TypeA, "NOERROR\nip-10-0-1-10.ec2.internal. 60 IN A 10.0.1.10"},
		{"IP-192-168-7-1.EC2.internal.", dns.TypeA, "NOERROR\nIP-192-168-7-1.EC2.internal. 60 IN A 192.168.7.1"},
		{"ip-10-0-1-10.ec2.internal.", dns.TypeAAAA, "NOERROR\nauthority ec2.internal. 60 IN SOA ec2.internal. nobody.invalid. 1 3600 1200 604800 60"},
		{"ip-8-8-8-8.ec2.internal.", dns.TypeA, "NXDOMAIN\nauthority ec2.internal. 60 IN SOA ec2.internal. nobody.invalid. 1 3600 1200 604800 60"},
		{"ip-10-0-1-010.ec2.internal.", dns.TypeA, "NXDOMAIN\nauthority ec2.internal. 60 IN SOA ec2.internal. nobody.invalid. 1 3600 1200 604800 60"},
		{"ec2.internal.", dns.TypeA, "NOERROR\nauthority ec2.internal. 60 IN SOA ec2.internal. nobody.invalid. 1 3600 1200 604800 60"},
		{"10.1.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR\n10.1.0.10.in-addr.arpa. 60 IN PTR ip-10-0-1-10.ec2.internal."},
		{"1.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR\nauthority 0.10.in-addr.arpa. 60 IN SOA 0.10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 60"},
		{"10.1.1.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN\nauthority 10.in-addr.arpa. 60 IN SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 60"},
		{"1.2.16.172.in-addr.arpa.", dns.TypePTR, "NXDOMAIN\nauthority 16.172.in-addr.arpa. 60 IN SOA 16.172.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 60"},
		{"localhost.", dns.TypeA, "NOERROR\nlocalhost. 60 IN A 127.0.0.1"},
		{"foo.localhost.", dns.TypeAAAA, "NOERROR\nfoo.localhost. 60 IN AAAA ::1"},
		{"1.0.0.127.in-addr.arpa.", dns.TypePTR, "NOERROR\n1.0.0.127.in-addr.arpa. 60 IN PTR localhost."},
		{"4.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", dns.TypePTR, "NXDOMAIN\nauthority d.f.ip6.arpa. 60 IN SOA d.f.ip6.arpa. nobody.invalid. 1 3600 1200 604800 60"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.typ], func(t *testing.T) {
			for _, edns := range []bool{false, true} {
				m := ask(c.name, c.typ)
				if edns {
					m.SetEdns0(1232, true)
				}
				r := reply(t, table, m, false)
				if got := text(r); got != c.want {
					t.Errorf("edns %v: got\n%s\nwant\n%s", edns, got, c.want)
				}
				if r.Id != m.Id || !r.Response || r.Authoritative || !r.RecursionAvailable || !r.RecursionDesired || r.AuthenticatedData || r.Truncated {
					t.Errorf("header: %v", r.MsgHdr)
				}
				if len(r.Question) != 1 || r.Question[0] != m.Question[0] {
					t.Errorf("question %v, asked %v", r.Question, m.Question)
				}
				if o := r.IsEdns0(); (o != nil) != edns || edns && (o.UDPSize() != 1232 || !o.Do() || o.Version() != 0) {
					t.Errorf("OPT %v", o)
				}
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	var lines strings.Builder
	for i := range 20 {
		fmt.Fprintf(&lines, "many 5 A multi 10.0.0.%d\nweighted 5 A weighted 10.0.0.%d\nsimple 5 A 10.0.0.%d\n", i, i, i)
	}
	for i := range 40 { // of which 30 fit
		fmt.Fprintf(&lines, "large 5 A 10.0.1.%d\n", i)
	}
	table := testTable(t, testZone(t, "Z1", "z.", lines.String()))
	for _, c := range []struct {
		name     string
		want, of int
	}{{"many.z.", 8, 20}, {"weighted.z.", 1, 20}, {"simple.z.", 20, 20}, {"large.z.", 30, 40}} {
		seen, firsts := map[string]int{}, map[string]bool{}
		const rounds = 2000
		for range rounds {
			r := reply(t, table, ask(c.name, dns.TypeA), false)
			if len(r.Answer) != c.want {
				t.Fatalf("%s: %d answers, want %d", c.name, len(r.Answer), c.want)
			}
			once := map[string]bool{}
			for i, rr := range r.Answer {
				a := rr.(*dns.A).A.String()
				if once[a] {
					t.Fatalf("%s: %s twice in one answer", c.name, a)
				}
				once[a] = true
				seen[a]++
				if i == 0 {
					firsts[a] = true
				}
			}
		}
		if len(seen) != c.of || len(firsts) != c.of {
			t.Errorf("%s: %d addresses seen, %d of them first; want %d of each", c.name, len(seen), len(firsts), c.of)
		}
		// Each address is in an answer with probability want/of: five standard
		// deviations around the expectation.
		p := float64(c.want) / float64(c.of)
		for a, n := range seen {
			mean, slack := rounds*p, 5*math.Sqrt(rounds*p*(1-p))
			if float64(n) < mean-slack || float64(n) > mean+slack {
				t.Errorf("%s: %s %d times, want about %.0f", c.name, a, n, mean)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	var lines strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, "big 5 A 10.0.1.%d\n", i)
	}
	for i := range 300 {
		fmt.Fprintf(&lines, "huge 5 A 10.1.%d.%d\n", i/250, i%250)
	}
	long := strings.Repeat("x", 250)
	fmt.Fprintf(&lines, "text 5 TXT \"%s\" \"%s\"\ncname 5 CNAME big.z.\n", long, long)
	table := testTable(t, testZone(t, "Z1", "z.", lines.String()))
	for _, c := range []struct {
		name  string
		size  uint16 // 0: no EDNS
		tcp   bool
		want  int
		trunc bool
	}{
		{"big.z.", 0, false, 30, true},
		{"big.z.", 512, false, 29, true},
		{"big.z.", 100, false, 29, true},
		{"big.z.", 1000, false, 60, false},
		{"big.z.", 4096, false, 60, false},
		{"huge.z.", 65535, false, 74, true},
		{"text.z.", 0, false, 0, true},
		{"cname.z.", 0, false, 30, true}, // with the CNAME
		{"huge.z.", 0, true, 300, false},
		{"huge.z.", 512, true, 300, false},
	} {
		m := ask(c.name, dns.TypeA)
		if c.name == "text.z." {
			m = ask(c.name, dns.TypeTXT)
		}
		if c.size > 0 {
			m.SetEdns0(c.size, false)
		}
		r := reply(t, table, m, c.tcp)
		if len(r.Answer) != c.want || r.Truncated != c.trunc || (r.IsEdns0() != nil) != (c.size > 0) {
			t.Errorf("%s size %d tcp %v: %d answers, TC %v", c.name, c.size, c.tcp, len(r.Answer), r.Truncated)
		}
	}
}

func TestOddQueries(t *testing.T) {
	table := testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1"))
	wire := func(change func(*dns.Msg)) []byte {
		m := ask("a.z.", dns.TypeA)
		m.Id = 0x1234
		change(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain := wire(func(*dns.Msg) {})
	edns := wire(func(m *dns.Msg) { m.SetEdns0(1232, false) })
	patch := func(b []byte, at int, with ...byte) []byte {
		b = append([]byte(nil), b...)
		copy(b[at:], with)
		return b
	}
	for _, c := range []struct {
		name  string
		in    []byte
		rcode int // -1: no reply
	}{
		{"plain", plain, dns.RcodeSuccess},
		{"empty", nil, -1},
		{"short header", plain[:11], -1},
		{"response", patch(plain, 2, 0x81), -1},
		{"header only", plain[:12], dns.RcodeFormatError},
		{"no question", wire(func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		{"two questions", wire(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError},
		{"cut name", plain[:14], dns.RcodeFormatError},
		{"cut type", plain[:len(plain)-1], dns.RcodeFormatError},
		{"trailing octet", append(patch(plain, 0), 0), dns.RcodeFormatError},
		{"pointer in question", patch(plain, 12, 0xc0, 0x0c), dns.RcodeFormatError},
		{"label type 01", patch(plain, 12, 0x41), dns.RcodeFormatError},
		{"count without record", patch(plain, 10, 0, 1), dns.RcodeFormatError},
		{"two OPT", wire(func(m *dns.Msg) { m.SetEdns0(512, false); m.Extra = append(m.Extra, m.Extra[0]) }), dns.RcodeFormatError},
		{"OPT as answer", patch(edns, 6, 0, 1, 0, 0, 0, 0), dns.RcodeFormatError},
		{"OPT with owner", wire(func(m *dns.Msg) { m.SetEdns0(512, false); m.Extra[0].Header().Name = "x." }), dns.RcodeFormatError},
		{"OPT option too long", append(patch(edns, len(edns)-1, 5), 0, 10, 0, 2, 1), dns.RcodeFormatError},
		{"EDNS version 1", wire(func(m *dns.Msg) { m.SetEdns0(512, false).IsEdns0().SetVersion(1) }), dns.RcodeBadVers},
		{"cookie", wire(func(m *dns.Msg) {
			m.SetEdns0(512, false)
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "24a5ac1223344556"})
		}), dns.RcodeSuccess},
		{"NOTIFY", wire(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotImplemented},
		{"UPDATE", wire(func(m *dns.Msg) { m.SetUpdate("z."); m.Id = 0x1234 }), dns.RcodeNotImplemented},
		{"broken UPDATE", wire(func(m *dns.Msg) { m.SetUpdate("z."); m.Id = 0x1234 })[:14], dns.RcodeFormatError},
		{"CH", wire(func(m *dns.Msg) {
			m.Question[0] = dns.Question{Name: "version.bind.", Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}
		}), dns.RcodeRefused},
		{"class ANY", wire(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }), dns.RcodeRefused},
		{"TSIG", wire(func(m *dns.Msg) {
			m.Extra = append(m.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: "k.", Rrtype: dns.TypeTSIG, Class: dns.ClassANY}, Algorithm: dns.HmacSHA256, MAC: "00", MACSize: 1})
		}), dns.RcodeNotAuth},
		{"type 0", wire(func(m *dns.Msg) { m.Question[0].Qtype = 0 }), dns.RcodeFormatError},
		{"RD clear, private name", wire(func(m *dns.Msg) { m.RecursionDesired = false }), dns.RcodeSuccess},
		{"RD clear, other name", wire(func(m *dns.Msg) { m.RecursionDesired = false; m.Question[0].Name = "example.com." }), dns.RcodeRefused},
		{"record that cannot be", append(patch(plain, 10, 0, 1), 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 9), dns.RcodeFormatError},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := rawReply(t, table, c.in, false)
			if c.rcode < 0 {
				if out != nil {
					t.Fatalf("answered %x", out)
				}
				return
			}
			r := new(dns.Msg)
			if err := r.Unpack(out); err != nil {
				t.Fatalf("%v: %x", err, out)
			}
			if r.Rcode != c.rcode || r.Id != 0x1234 || !r.Response {
				t.Errorf("got %v", r)
			}
			if r.RecursionDesired != (c.in[2]&1 == 1) {
				t.Errorf("RD was not copied")
			}
		})
	}
}

func TestDisabledAnswersNothing(t *testing.T) {
	h := testHead()
	h.Enabled = false
	table, _ := NewTable(zone.VPC{Head: h, Zones: []zone.Zone{testZone(t, "Z1", "z.", "a 5 A 10.0.0.1")}})
	if r := reply(t, table, ask("a.z.", dns.TypeA), false); r != nil {
		t.Errorf("answered %v", r)
	}
}

func TestHostnamesOff(t *testing.T) {
	h := testHead()
	h.Hostnames = false
	table, _ := NewTable(zone.VPC{Head: h})
	for name, want := range map[string]int{"10.1.0.10.in-addr.arpa.": dns.RcodeNameError, "localhost.": dns.RcodeSuccess} {
		if r := reply(t, table, ask(name, dns.TypePTR), false); r.Rcode != want || len(r.Answer) > 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// Without autodefined rules for reverse lookups, names of addresses are asked for
// upstream like others; those that never leave a host are still made up.
func TestNoReverse(t *testing.T) {
	h := testHead()
	h.NoReverse = true
	table, _ := NewTable(zone.VPC{Head: h})
	for name, want := range map[string]bool{
		"10.1.0.10.in-addr.arpa.": false, "1.1.168.192.in-addr.arpa.": false, "1.2.16.172.in-addr.arpa.": false, "1.1.254.169.in-addr.arpa.": false,
		"1.0.0.127.in-addr.arpa.": true, "localhost.": true, "ip-10-0-1-10.ec2.internal.": true,
	} {
		wire, err := packLower(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, made := table.made.find(wire); made != want {
			t.Errorf("%s is made up: %v, expected %v", name, made, want)
		}
	}
}

// A private zone and a made-up domain: the longer one answers, and the zone
// where both are the same.
func TestZoneAgainstMadeUpDomain(t *testing.T) {
	table := testTable(t,
		testZone(t, "Z1", "internal.", "x.ec2 5 A 10.0.0.1\nother 5 A 10.0.0.2"),
		testZone(t, "Z2", "1.0.10.in-addr.arpa.", "7 5 PTR host.internal."),
		testZone(t, "Z3", "localhost.", "db 5 A 10.0.0.3"),
	)
	for name, want := range map[string]string{
		"x.ec2.internal.":          "NXDOMAIN",
		"ip-10-0-0-9.ec2.internal": "NOERROR",
		"other.internal.":          "NOERROR",
		"db.localhost.":            "NOERROR",
		"x.localhost.":             "NXDOMAIN",
	} {
		if got := dns.RcodeToString[reply(t, table, ask(dns.Fqdn(name), dns.TypeA), false).Rcode]; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	r := reply(t, table, ask("7.1.0.10.in-addr.arpa.", dns.TypePTR), false)
	if len(r.Answer) != 1 || r.Answer[0].(*dns.PTR).Ptr != "host.internal." {
		t.Errorf("reverse zone: %v", r)
	}
	if r := reply(t, table, ask("8.1.0.10.in-addr.arpa.", dns.TypePTR), false); r.Rcode != dns.RcodeNameError {
		t.Errorf("reverse zone, name it lacks: %v", r)
	}
}

func TestBadRecordsAreLeftOut(t *testing.T) {
	table, problems := NewTable(zone.VPC{Head: testHead(), Zones: []zone.Zone{testZone(t, "Z1", "z.", `
		a 5 A 10.0.0.1
		a 5 A 10.0.0.256
		a 5 A fd00::1
		m 5 MX mail
	`), {ZoneHead: testZoneHead("Z2", "y."), Names: []zone.Name{
		{NameKey: zone.NameKey{Owner: "i.y."}, Sets: []zone.Set{{Type: dns.TypeTXT, Records: []string{"x\n$INCLUDE /etc/hostname"}}}},
		{NameKey: zone.NameKey{Owner: "a.elsewhere."}, Sets: []zone.Set{{Type: dns.TypeA, Records: []string{"10.0.0.1"}}}},
	}}}})
	if len(problems) != 5 {
		t.Errorf("problems: %v", problems)
	}
	if r := reply(t, table, ask("a.z.", dns.TypeA), false); len(r.Answer) != 1 {
		t.Errorf("the good record is gone: %v", r)
	}
}
