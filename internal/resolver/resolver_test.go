package resolver

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// testZone builds a zone from zone-file lines "owner TTL type [policy] data",
// relative to the origin.
func testZone(t testing.TB, id, origin, text string) zone.Zone {
	t.Helper()
	z := zone.Zone{ZoneHead: testZoneHead(id, origin)}
	type key struct {
		owner string
		typ   uint16
	}
	sets := map[key]zone.Set{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		owner := strings.ToLower(f[0])
		switch {
		case owner == "@":
			owner = origin
		case !strings.HasSuffix(owner, "."):
			owner += "." + origin
		}
		var ttl uint32
		if _, err := fmt.Sscan(f[1], &ttl); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		k := key{owner, dns.StringToType[f[2]]}
		s := sets[k]
		s.Type, s.TTL = k.typ, ttl
		rest := f[3:]
		switch rest[0] {
		case "multi":
			s.Policy, rest = zone.MultiValue, rest[1:]
		case "weighted":
			s.Policy, rest = zone.Weighted, rest[1:]
		}
		s.Records = append(s.Records, strings.Join(rest, " "))
		sets[k] = s
	}
	names := map[string][]zone.Set{}
	for k, s := range sets {
		names[k.owner] = append(names[k.owner], s)
	}
	for owner, s := range names {
		z.Names = append(z.Names, zone.Name{NameKey: zone.NameKey{Owner: owner}, Sets: zone.Merge([]zone.Name{{Sets: s}, {}})})
	}
	return z
}

func testZoneHead(id, origin string) zone.ZoneHead {
	return zone.ZoneHead{
		ID: world.HostedZoneID(id), Origin: origin,
		SOA:   zone.SOA{MName: "ns.test.", RName: "mail.test.", Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minimum: 86400, TTL: 15},
		NS:    []string{"ns-0.test.", "ns-1.test."},
		NSTTL: 172800,
	}
}

func testHead() zone.Head {
	return zone.Head{ID: "vpc-1", Enabled: true, Hostnames: true, CIDR: netip.MustParsePrefix("10.0.0.0/16"), Domain: "ec2.internal"}
}

func testTable(t testing.TB, zones ...zone.Zone) *Table {
	t.Helper()
	table, problems := NewTable(zone.VPC{Head: testHead(), Zones: zones})
	if len(problems) > 0 {
		t.Fatalf("NewTable: %v", problems)
	}
	return table
}

// testServer serves a table on loopback.
type testServer struct {
	*Resolver
	forwarder *Forwarder
	address   string
}

// listenBoth listens on one loopback port over UDP and TCP. A port that is free
// for one may be taken for the other: then another is tried.
func listenBoth(t testing.TB) (*net.UDPConn, net.Listener) {
	t.Helper()
	var last error
	for range 20 {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp4", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		last = err
		if err := udp.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal(last)
	return nil, nil
}

func serve(t testing.TB, table *Table) testServer {
	t.Helper()
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	r := New(table, f, slog.New(slog.DiscardHandler))
	udp, tcp := listenBoth(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := r.ServeUDP(udp, NewBuffers()); err != nil {
			t.Errorf("ServeUDP: %v", err)
		}
	})
	serving.Go(func() {
		if err := r.ServeTCP(tcp); err != nil {
			t.Errorf("ServeTCP: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = udp.Close() // only a test's socket
		_ = tcp.Close()
		serving.Wait()
		r.Close()
		f.Close()
	})
	return testServer{r, f, udp.LocalAddr().String()}
}

// reply answers a message without sockets.
func reply(t testing.TB, table *Table, m *dns.Msg, tcp bool) *dns.Msg {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	out := rawReply(t, table, wire, tcp)
	if out == nil {
		return nil
	}
	r := new(dns.Msg)
	if err := r.Unpack(out); err != nil {
		t.Fatalf("reply does not parse: %v\n%x", err, out)
	}
	return r
}

func rawReply(t testing.TB, table *Table, wire []byte, tcp bool) []byte {
	t.Helper()
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := newWorker(New(table, f, slog.New(slog.DiscardHandler)), tcp)
	size := maxUDP
	if tcp {
		size = maxBytes
	}
	b := make([]byte, max(size, len(wire)))
	copy(b, wire)
	n, c := w.handle(table, b, len(wire))
	if c != nil {
		c.remote(t.Context())
		var counted Counters
		return c.pack(&counted)
	}
	if n == 0 {
		return nil
	}
	return b[:n]
}

func ask(name string, typ uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, typ) }

// text is a reply in one comparable form, its answers sorted.
func text(r *dns.Msg) string {
	if r == nil {
		return "nothing"
	}
	var lines []string
	for _, rr := range r.Answer {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(lines)
	for _, rr := range r.Ns {
		lines = append(lines, "authority "+strings.Join(strings.Fields(rr.String()), " "))
	}
	return strings.Join(append([]string{dns.RcodeToString[r.Rcode]}, lines...), "\n")
}

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
	table := testTable(t, testZone(t, "Z1", "z.", lines.String()))
	for _, c := range []struct {
		name string
		want int
	}{{"many.z.", 8}, {"weighted.z.", 1}, {"simple.z.", 20}} {
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
		if len(seen) != 20 || len(firsts) != 20 {
			t.Errorf("%s: %d addresses seen, %d of them first; want 20 of each", c.name, len(seen), len(firsts))
		}
		// Each address is in an answer with probability want/20: five standard
		// deviations around the expectation.
		p := float64(c.want) / 20
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
	table := testTable(t, testZone(t, "Z1", "z.", lines.String()))
	for _, c := range []struct {
		name  string
		size  uint16 // 0: no EDNS
		tcp   bool
		want  int
		trunc bool
	}{
		{"big.z.", 0, false, 0, true},
		{"big.z.", 512, false, 0, true},
		{"big.z.", 100, false, 0, true},
		{"big.z.", 1000, false, 60, false},
		{"big.z.", 4096, false, 60, false},
		{"huge.z.", 65535, false, 0, true},
		{"huge.z.", 0, true, 300, false},
		{"huge.z.", 512, true, 300, false},
	} {
		m := ask(c.name, dns.TypeA)
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

func TestHotPathAllocatesNothing(t *testing.T) {
	table := testTable(t, hotZone(t))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false)
	for name, wire := range hotQueries(t) {
		b := make([]byte, maxUDP)
		if n := testing.AllocsPerRun(1000, func() {
			n := copy(b, wire)
			if n, c := w.handle(table, b, n); n == 0 || c != nil {
				t.Fatal("not answered")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per query", name, n)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	table := testTable(b, hotZone(b))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false)
	for name, wire := range hotQueries(b) {
		b.Run(name, func(b *testing.B) {
			buffer := make([]byte, maxUDP)
			b.ReportAllocs()
			for b.Loop() {
				n := copy(buffer, wire)
				w.handle(table, buffer, n)
			}
		})
	}
}

// hotZone is 1,000 names of 10 instances.
func hotZone(t testing.TB) zone.Zone {
	var lines strings.Builder
	for i := range 1000 {
		for j := range 10 {
			fmt.Fprintf(&lines, "s%d 10 A multi 10.%d.%d.%d\n", i, 1+j, i/250, i%250)
		}
	}
	lines.WriteString("srv 10 SRV multi 1 1 80 i1.srv.myapp.local.\nsrv 10 SRV multi 1 1 80 i22.srv.myapp.local.\n*.w 5 A 10.0.0.1\n")
	return testZone(t, "Z1", "myapp.local.", lines.String())
}

func hotQueries(t testing.TB) map[string][]byte {
	out := map[string][]byte{}
	for name, q := range map[string]dns.Question{
		"A":        {Name: "s500.myapp.local.", Qtype: dns.TypeA},
		"SRV":      {Name: "srv.myapp.local.", Qtype: dns.TypeSRV},
		"NODATA":   {Name: "s500.myapp.local.", Qtype: dns.TypeAAAA},
		"NXDOMAIN": {Name: "nothing.here.myapp.local.", Qtype: dns.TypeA},
		"wildcard": {Name: "x.w.myapp.local.", Qtype: dns.TypeA},
	} {
		for _, edns := range []bool{false, true} {
			m := ask(q.Name, q.Qtype)
			key := name
			if edns {
				m.SetEdns0(1232, false)
				key += "/EDNS0"
			}
			wire, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			out[key] = wire
		}
	}
	return out
}

func TestServe(t *testing.T) {
	var lines strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lines, "big 5 A 10.0.1.%d\nn%d 5 A 10.0.2.%d\n", i, i, i)
	}
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", lines.String())))

	t.Run("udp", func(t *testing.T) {
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				c := &dns.Client{Timeout: 5 * time.Second}
				for range 200 {
					i := rand.IntN(200)
					r, _, err := c.Exchange(ask(fmt.Sprintf("n%d.z.", i), dns.TypeA), s.address)
					if err != nil {
						t.Error(err)
						return
					}
					if len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != fmt.Sprintf("10.0.2.%d", i) {
						t.Errorf("n%d: %v", i, r)
					}
				}
			})
		}
		clients.Wait()
	})
	t.Run("tcp pipelined", func(t *testing.T) {
		conn, err := dns.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // a test's connection
		want := map[uint16]string{}
		for i := range 50 {
			m := ask(fmt.Sprintf("n%d.z.", i), dns.TypeA)
			m.Id = uint16(i)
			want[m.Id] = fmt.Sprintf("10.0.2.%d", i)
			if err := conn.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			r, err := conn.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Answer[0].(*dns.A).A.String(); got != want[r.Id] {
				t.Errorf("%d: %s, want %s", r.Id, got, want[r.Id])
			}
			delete(want, r.Id)
		}
		if len(want) > 0 {
			t.Errorf("not answered: %v", want)
		}
	})
	t.Run("truncated, then tcp", func(t *testing.T) {
		r, _, err := (&dns.Client{}).Exchange(ask("big.z.", dns.TypeA), s.address)
		if err != nil || !r.Truncated || len(r.Answer) != 0 {
			t.Fatalf("udp: %v %v", r, err)
		}
		r, _, err = (&dns.Client{Net: "tcp"}).Exchange(ask("big.z.", dns.TypeA), s.address)
		if err != nil || r.Truncated || len(r.Answer) != 200 {
			t.Fatalf("tcp: %v %v", r, err)
		}
	})
	t.Run("garbage over tcp ends the connection", func(t *testing.T) {
		conn, err := net.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // a test's connection
		if _, err := conn.Write([]byte{0, 3, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("read %d octets", n)
		}
	})
	c := s.Counters()
	if c.Queries != 8*200+50+2 || c.TCP != 51 || c.Rcodes[0] != c.Queries || c.Truncated != 1 || c.Malformed != 1 {
		t.Errorf("counters: %+v", c)
	}
}

// The answers of a swapped table start with the first query after Swap.
func TestSwap(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.0")))
	c := &dns.Client{Timeout: 5 * time.Second}
	for i := range 100 {
		s.Swap(testTable(t, testZone(t, "Z1", "z.", fmt.Sprintf("a 5 A 10.0.0.%d", i))))
		r, _, err := c.Exchange(ask("a.z.", dns.TypeA), s.address)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Answer[0].(*dns.A).A.String(), fmt.Sprintf("10.0.0.%d", i); got != want {
			t.Fatalf("got %s after swapping to %s", got, want)
		}
	}
}

// A VPC's clients cannot take more connections than there are, and a connection
// that ends makes room.
func TestServe_ConnectionLimit(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1")))
	works := func() (net.Conn, bool) {
		conn, err := net.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		c := &dns.Conn{Conn: conn}
		if c.WriteMsg(ask("a.z.", dns.TypeA)) != nil {
			return conn, false
		}
		_, err = c.ReadMsg()
		return conn, err == nil
	}
	var open []net.Conn
	for range maxConnections {
		conn, ok := works()
		if !ok {
			t.Fatalf("connection %d is refused", len(open))
		}
		open = append(open, conn)
	}
	conn, ok := works()
	if ok {
		t.Error("one connection too many")
	}
	_ = conn.Close() // a test's connection
	_ = open[0].Close()
	deadline := time.Now().Add(5 * time.Second)
	for ok = false; !ok && time.Now().Before(deadline); {
		conn, ok = works()
		_ = conn.Close() // a test's connection
	}
	if !ok {
		t.Error("a connection that ended made no room")
	}
	for _, conn := range open[1:] {
		_ = conn.Close() // a test's connection
	}
}
