package resolver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

func at(servers ...*upstream) []netip.AddrPort {
	out := make([]netip.AddrPort, len(servers))
	for i, u := range servers {
		out[i] = u.at
	}
	return out
}

// says answers every question with one address, in the case of the question.
func says(address string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		replies(q.Question[0].Name+" 60 IN A "+address)(w, q)
	}
}

// outbound are the interfaces of one endpoint, in the process's own network.
func outbound(n int) map[world.ResolverEndpointID][]*Source {
	var sources []*Source
	for i := range n {
		sources = append(sources, &Source{Interface: world.NetworkInterfaceID(fmt.Sprintf("eni-%d", i)), Address: netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i)})})
	}
	return map[world.ResolverEndpointID][]*Source{"rslvr-out-1": sources}
}

func forwardRule(domain string, targets ...netip.AddrPort) zone.Rule {
	return zone.Rule{ID: world.ResolverRuleID("rslvr-rr-" + domain), Domain: domain, Targets: targets, Endpoint: "rslvr-out-1"}
}

func systemRule(domain string) zone.Rule {
	return zone.Rule{ID: world.ResolverRuleID("rslvr-rr-" + domain), Domain: domain, System: true}
}

func TestRules_MostSpecificWins(t *testing.T) {
	corp, deep, public := startUpstream(t, says("192.0.2.1")), startUpstream(t, says("192.0.2.2")), startUpstream(t, says("192.0.2.3"))
	h := testHead()
	h.Rules = []zone.Rule{
		forwardRule("corp.test.", corp.at), systemRule("sys.corp.test."), forwardRule("deep.sys.corp.test.", deep.at),
		forwardRule("zone.test.", corp.at), systemRule("s.zone.test."), systemRule("same.test."),
		forwardRule("10.in-addr.arpa.", corp.at), forwardRule("168.192.in-addr.arpa.", corp.at), forwardRule("internal.", corp.at),
		{ID: "rslvr-rr-lost", Domain: "lost.test.", Targets: at(corp), Endpoint: "rslvr-out-none"},
	}
	s := serve(t, testTableWith(t, h,
		testZone(t, "Z1", "zone.test.", "a 5 A 10.0.0.1\nx.s 5 A 10.0.0.2\nsub 5 NS ns.sub.zone.test."),
		testZone(t, "Z2", "mine.corp.test.", "a 5 A 10.0.0.3\nout 5 CNAME a.corp.test.\nsys 5 CNAME a.sys.corp.test."),
		testZone(t, "Z3", "same.test.", "a 5 A 10.0.0.4"),
		testZone(t, "Z4", "test.", "a.sys.corp 5 A 10.0.0.5")))
	s.forwarder.SetUpstreams(at(public))
	s.SetOutbound(outbound(2))
	for name, want := range map[string]string{
		"a.corp.test.":              "192.0.2.1", // the rule is more specific than test.
		"corp.test.":                "192.0.2.1",
		"a.sys.corp.test.":          "10.0.0.5", // as if there were no rule
		"b.sys.corp.test.":          "NXDOMAIN",
		"a.deep.sys.corp.test.":     "192.0.2.2",
		"a.zone.test.":              "192.0.2.1", // a rule goes before a zone of its name
		"x.s.zone.test.":            "10.0.0.2",  // which is there below a SYSTEM rule
		"a.same.test.":              "10.0.0.4",
		"a.mine.corp.test.":         "10.0.0.3",
		"out.mine.corp.test.":       "192.0.2.1",
		"sys.mine.corp.test.":       "10.0.0.5",
		"other.example.":            "192.0.2.3",
		"lost.test.":                "SERVFAIL", // no interface to ask from
		"9.9.10.in-addr.arpa.":      "192.0.2.1",
		"1.2.0.10.in-addr.arpa.":    "NOERROR", // the VPC's own addresses are more specific
		"1.1.168.192.in-addr.arpa.": "192.0.2.1",
		"ip-10-0-0-7.ec2.internal.": "10.0.0.7",
		"b.internal.":               "192.0.2.1",
		"printer.local.":            "NXDOMAIN", // still nobody's
	} {
		r := exchangeOver(t, s, "udp", name, dns.TypeA)
		got := dns.RcodeToString[r.Rcode]
		if len(r.Answer) > 0 {
			got = r.Answer[len(r.Answer)-1].(*dns.A).A.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if n := s.Rules(); len(n) != 7 || n["rslvr-rr-zone.test."] != [2]uint64{1, 0} || n["rslvr-rr-lost"] != [2]uint64{1, 1} {
		t.Errorf("rules: %v", n)
	}
	m := ask("b.corp.test.", dns.TypeA)
	m.RecursionDesired = false
	if r, _, err := new(dns.Client).Exchange(m, s.address); err != nil || r.Rcode != dns.RcodeRefused {
		t.Errorf("without RD: %v %v", r, err)
	}
}

// Targets and interfaces take turns, and those that do not answer are passed over.
func TestRules_SpreadAndFailOver(t *testing.T) {
	one, two := startUpstream(t, says("192.0.2.1")), startUpstream(t, says("192.0.2.2"))
	dead, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	gone := dead.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := dead.Close(); err != nil { // refused at once from now on
		t.Fatal(err)
	}
	h := testHead()
	h.Rules = []zone.Rule{forwardRule("corp.test.", one.at, gone, two.at)}
	s := serve(t, testTableWith(t, h))
	endpoint := outbound(2)
	s.SetOutbound(endpoint)
	for i := range 40 {
		if r := exchangeOver(t, s, "udp", fmt.Sprintf("n%d.corp.test.", i), dns.TypeA); len(r.Answer) != 1 {
			t.Fatalf("%d: %v", i, r)
		}
	}
	for _, u := range []*upstream{one, two} {
		if n := u.asked.Load(); n < 10 || n > 30 {
			t.Errorf("a target was asked %d times", n)
		}
	}
	for _, source := range endpoint["rslvr-out-1"] {
		if n := source.Sent(); n < 10 {
			t.Errorf("%d queries left by %s", n, source.Interface)
		}
	}
}

// What one rule's targets say is no answer where other targets, or the same from
// other interfaces, are to be asked.
func TestRules_CacheIsTheirs(t *testing.T) {
	one, two := startUpstream(t, says("192.0.2.1")), startUpstream(t, says("192.0.2.2"))
	h := testHead()
	h.Rules = []zone.Rule{forwardRule("corp.example.", one.at)}
	s := serve(t, testTableWith(t, h))
	s.forwarder.SetUpstreams(at(one))
	s.SetOutbound(outbound(1))
	expect := func(want string) {
		t.Helper()
		if r := exchangeOver(t, s, "udp", "a.corp.example.", dns.TypeA); len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != want {
			t.Errorf("%v, want %s", r, want)
		}
	}
	expect("192.0.2.1")
	expect("192.0.2.1")
	if n := one.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	h.Rules = []zone.Rule{forwardRule("corp.example.", two.at)}
	s.Swap(testTableWith(t, h))
	expect("192.0.2.2")
	h.Rules = nil
	s.Swap(testTableWith(t, h))
	expect("192.0.2.1")
	if n := one.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// Rules that lead back to where the question came from end at once, whether
// directly or by way of another VPC.
func TestRules_LoopsEnd(t *testing.T) {
	first, second := serve(t, testTable(t)), serve(t, testTable(t))
	for _, s := range []*testServer{&first, &second} {
		s.forwarder = first.forwarder // as in one data plane
		s.Resolver.forwarder = first.forwarder
		s.SetOutbound(outbound(1))
	}
	rules := func(r ...zone.Rule) *Table {
		h := testHead()
		h.Rules = r
		return testTableWith(t, h)
	}
	first.Swap(rules(forwardRule("self.test.", netip.MustParseAddrPort(first.address)), forwardRule("round.test.", netip.MustParseAddrPort(second.address))))
	second.Swap(rules(forwardRule("round.test.", netip.MustParseAddrPort(first.address))))
	begin := time.Now()
	for _, name := range []string{"a.self.test.", "a.round.test."} {
		if r := exchangeOver(t, first, "udp", name, dns.TypeA); r.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s: %v", name, r)
		}
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	if n := first.Counters().Queries + second.Counters().Queries; n > 40 {
		t.Errorf("%d queries went round", n)
	}
}

// A delegation in a private zone is followed from the VPC's outbound endpoints,
// from referral to referral, where the table has the servers' addresses, and
// else is none.
func TestDelegation(t *testing.T) {
	var iterative atomic.Bool
	child := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		iterative.Store(!q.RecursionDesired)
		if strings.Contains(strings.ToLower(q.Question[0].Name), "deeper") {
			m := new(dns.Msg).SetReply(q)
			ns, _ := dns.NewRR("deeper.sub.z. 5 IN NS ns.deeper.sub.z.")
			glue, _ := dns.NewRR("ns.deeper.sub.z. 5 IN A 127.0.0.99")
			m.Ns, m.Extra = []dns.RR{ns}, []dns.RR{glue}
			_ = w.WriteMsg(m) // the test sees what does not arrive
			return
		}
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = true
		rr, _ := dns.NewRR(q.Question[0].Name + " 60 IN A 192.0.2.7")
		m.Answer = []dns.RR{rr}
		_ = w.WriteMsg(m) // the test sees what does not arrive
	})
	deepest := startUpstream(t, says("192.0.2.8"))
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", `
		sub     5 NS ns1.sub.z.
		sub     5 NS ns2.other.z.
		ns1.sub 5 A  127.0.0.77
		old.sub 5 A  10.0.0.5
		lost    5 NS ns.elsewhere.
		a.lost  5 A  10.0.0.6
	`)))
	s.forwarder.SetDialer(func(ctx context.Context, from *Source, network string, to netip.AddrPort) (net.Conn, error) {
		switch to.String() {
		case "127.0.0.77:53":
			to = child.at
		case "127.0.0.99:53":
			to = deepest.at
		default:
			return nil, fmt.Errorf("%s was asked", to)
		}
		return DialOwn(ctx, from, network, to)
	})
	expect := func(name, want string) {
		t.Helper()
		r := exchangeOver(t, s, "udp", name, dns.TypeA)
		got := dns.RcodeToString[r.Rcode]
		if len(r.Answer) > 0 {
			got = r.Answer[0].(*dns.A).A.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	expect("old.sub.z.", "10.0.0.5") // no endpoint to ask from
	expect("new.sub.z.", "NXDOMAIN")
	s.SetOutbound(outbound(1))
	expect("old.sub.z.", "192.0.2.7")
	expect("new.sub.z.", "192.0.2.7")
	expect("x.deeper.sub.z.", "192.0.2.8")
	expect("a.lost.z.", "10.0.0.6") // no address to ask at
	if !iterative.Load() {
		t.Error("name servers were asked with RD")
	}
	r := exchangeOver(t, s, "udp", "sub.z.", dns.TypeNS)
	if len(r.Answer) != 2 || !slices.ContainsFunc(r.Answer, func(rr dns.RR) bool { return strings.HasSuffix(rr.String(), "ns1.sub.z.") }) {
		t.Errorf("NS: %v", r)
	}
}
