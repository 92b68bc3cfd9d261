package resolver

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

func TestFirewall_FirstMatch(t *testing.T) {
	f, problems := newFirewall([]zone.FirewallRule{
		{List: "0", Domains: []string{"ok.bad.test.", "bad label" + string(make([]byte, 80)) + "."}},
		{List: "1", Qtype: dns.TypeMX, Domains: []string{"*.bad.test."}},
		{List: "2", Domains: []string{"*.bad.test.", "one.test."}},
		{List: "3", Domains: []string{"bad.test.", "one.test.", "ok.bad.test."}},
		{List: "4", Qtype: dns.TypeTXT, Domains: []string{"*"}},
	})
	if len(problems) != 1 {
		t.Errorf("problems: %v", problems)
	}
	for _, c := range []struct {
		name string
		typ  uint16
		want string
	}{
		{"ok.bad.test.", dns.TypeA, "0"}, {"a.bad.test.", dns.TypeMX, "1"}, {"a.bad.test.", dns.TypeA, "2"}, {"a.b.bad.test.", dns.TypeA, "2"},
		{"bad.test.", dns.TypeA, "3"}, {"xbad.test.", dns.TypeA, ""}, {"one.test.", dns.TypeA, "2"}, {"sub.one.test.", dns.TypeA, ""},
		{"anything.at.all.", dns.TypeTXT, "4"}, {"bad.test.", dns.TypeTXT, "3"}, {".", dns.TypeA, ""},
	} {
		wire, err := packLower(c.name)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if m := f.match([]byte(wire), c.typ); m != nil {
			got = string(m.List)
		}
		if got != c.want {
			t.Errorf("%s %s: rule %q, want %q", c.name, dns.TypeToString[c.typ], got, c.want)
		}
	}
}

func TestFirewall_Actions(t *testing.T) {
	h := testHead()
	h.LogQueries = true
	h.Firewall = []zone.FirewallRule{
		{List: "fdl-0", Group: "frg-1", Action: "ALLOW", Domains: []string{"fine.bad.z."}},
		{List: "fdl-1", Group: "frg-1", Action: "ALERT", Domains: []string{"odd.z."}},
		{List: "fdl-2", Group: "frg-1", Action: "BLOCK", Response: "NXDOMAIN", Domains: []string{"*.bad.z."}},
		{List: "fdl-3", Group: "frg-1", Action: "BLOCK", Response: "NODATA", Domains: []string{"empty.z."}},
		{List: "fdl-4", Group: "frg-1", Action: "BLOCK", Response: "OVERRIDE", OverrideName: "wall.z.", OverrideTTL: 77, Domains: []string{"over.z.", "wall.z."}},
		{List: "fdl-5", Group: "frg-1", Action: "ALLOW", TrustRedirect: true, Domains: []string{"trusted.z."}},
	}
	s := serve(t, testTableWith(t, h, testZone(t, "Z1", "z.", `
		fine.bad 5 A     10.0.0.1
		odd      5 A     10.0.0.2
		x.bad    5 A     10.0.0.3
		empty    5 A     10.0.0.4
		over     5 A     10.0.0.5
		wall     5 A     10.0.0.6
		leads    5 CNAME x.bad.z.
		lead2    5 CNAME leads.z.
		nothing  5 CNAME empty.z.
		wallward 5 CNAME over.z.
		trusted  5 CNAME x.bad.z.
	`)))
	for _, c := range []struct{ name, want, list, action string }{
		{"fine.bad.z.", "NOERROR\nfine.bad.z. 5 IN A 10.0.0.1", "", ""},
		{"odd.z.", "NOERROR\nodd.z. 5 IN A 10.0.0.2", "fdl-1", "ALERT"},
		{"x.bad.z.", "NXDOMAIN", "fdl-2", "BLOCK"},
		{"empty.z.", "NOERROR", "fdl-3", "BLOCK"},
		{"over.z.", "NOERROR\nover.z. 77 IN CNAME wall.z.\nwall.z. 5 IN A 10.0.0.6", "fdl-4", "BLOCK"},
		{"leads.z.", "NXDOMAIN", "fdl-2", "BLOCK"},
		{"lead2.z.", "NXDOMAIN", "fdl-2", "BLOCK"},
		{"nothing.z.", "NOERROR", "fdl-3", "BLOCK"},
		{"wallward.z.", "NOERROR\nwall.z. 5 IN A 10.0.0.6\nwallward.z. 77 IN CNAME wall.z.", "fdl-4", "BLOCK"},
		{"trusted.z.", "NOERROR\ntrusted.z. 5 IN CNAME x.bad.z.\nx.bad.z. 5 IN A 10.0.0.3", "", ""},
	} {
		before := s.Counters().Filtered
		if got := text(exchangeOver(t, s, "udp", c.name, dns.TypeA)); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
		logged := s.TakeLog().Queries()
		if len(logged) != 1 || string(logged[0].FirewallList) != c.list || logged[0].FirewallAction != c.action || logged[0].FirewallGroup == "" != (c.list == "") {
			t.Errorf("%s: logged %+v", c.name, logged)
		}
		if counted := s.Counters().Filtered - before; counted != map[bool]uint64{true: 1}[c.list != ""] {
			t.Errorf("%s: counted %d times", c.name, counted)
		}
	}
	// What an upstream's CNAME leads to is looked at, too.
	u := startUpstream(t, replies("www.example. 9 IN CNAME y.bad.z."))
	s.forwarder.SetUpstreams(at(u))
	if got := text(exchangeOver(t, s, "tcp", "www.example.", dns.TypeA)); got != "NXDOMAIN" {
		t.Errorf("a redirection from upstream: %s", got)
	}
}

// What a rule does can change without its domains being compiled again.
func TestFirewall_RulesChangeAlone(t *testing.T) {
	domains := make([]string, 1000)
	for i := range domains {
		domains[i] = fmt.Sprintf("host%d.bad.z.", i)
	}
	h := testHead()
	h.Firewall = []zone.FirewallRule{{List: "a", Action: "ALERT", Domains: domains}, {List: "b", Action: "ALLOW", Domains: []string{"other.z."}}}
	table := testTableWith(t, h, testZone(t, "Z1", "z.", "*.bad 5 A 10.0.0.1\nother 5 A 10.0.0.2"))
	change := func(rules ...zone.FirewallRule) *Table {
		t.Helper()
		next := h
		next.Firewall = rules
		changed, problems, err := table.Apply(zone.Delta{VPC: "vpc-1", Head: &next})
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		return changed
	}
	a, b := zone.FirewallRule{List: "a", Action: "BLOCK", Response: "NXDOMAIN", Known: true}, zone.FirewallRule{List: "b", Action: "BLOCK", Qtype: dns.TypeTXT, Known: true}
	check := func(what string, table *Table, want map[string]string) {
		t.Helper()
		for name, want := range want {
			r := reply(t, table, ask(name, dns.TypeA), false)
			if got := fmt.Sprint(dns.RcodeToString[r.Rcode], " ", len(r.Answer)); got != want {
				t.Errorf("%s: %s is %s, expected %s", what, name, got, want)
			}
		}
	}
	check("before", table, map[string]string{"host7.bad.z.": "NOERROR 1", "other.z.": "NOERROR 1"})
	check("actions", change(a, b), map[string]string{"host7.bad.z.": "NXDOMAIN 0", "other.z.": "NOERROR 1"})
	b.Qtype = 0
	check("order", change(b, a), map[string]string{"host7.bad.z.": "NXDOMAIN 0", "other.z.": "NOERROR 0"})
	check("fewer", change(b), map[string]string{"host7.bad.z.": "NOERROR 1", "other.z.": "NOERROR 0"})
	if n := testing.AllocsPerRun(10, func() { change(a, b) }); n > float64(len(domains)) {
		t.Errorf("%v allocations for %d domains", n, len(domains))
	}
}
