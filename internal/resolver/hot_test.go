package resolver

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

func TestHotPathAllocatesNothing(t *testing.T) {
	table := testTable(t, hotZone(t))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false, nil)
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

// A query that the firewall lets pass, or blocks, allocates no more.
func TestFirewallAllocatesNothing(t *testing.T) {
	h := testHead()
	h.Firewall = []zone.FirewallRule{{Action: "ALLOW", Domains: []string{"srv.myapp.local."}}, {Action: "BLOCK", Response: "NXDOMAIN", Domains: manyDomains(1000)}}
	table := testTableWith(t, h, hotZone(t))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false, nil)
	queries := hotQueries(t)
	blocked, err := ask("x.d17.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	queries["blocked"] = blocked
	for name, wire := range queries {
		b := make([]byte, maxUDP)
		if n := testing.AllocsPerRun(200, func() {
			n := copy(b, wire)
			if n, c := w.handle(table, b, n); n == 0 || c != nil {
				t.Fatal("not answered")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations per query", name, n)
		}
	}
	if w.counted.Filtered == 0 {
		t.Error("nothing was blocked")
	}
}

func manyDomains(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("*.d%d.example.", i)
	}
	return out
}

// What the firewall costs does not grow with its lists.
func BenchmarkFirewall(b *testing.B) {
	for _, domains := range []int{0, 10, 100_000} {
		b.Run(fmt.Sprint(domains), func(b *testing.B) {
			h := testHead()
			if domains > 0 {
				h.Firewall = []zone.FirewallRule{{Action: "BLOCK", Response: "NXDOMAIN", Domains: manyDomains(domains)}}
			}
			table := testTableWith(b, h, hotZone(b))
			w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false, nil)
			wire := hotQueries(b)["A"]
			buffer := make([]byte, maxUDP)
			b.ReportAllocs()
			for b.Loop() {
				n := copy(buffer, wire)
				w.handle(table, buffer, n)
			}
		})
	}
}

func BenchmarkHandle(b *testing.B) {
	table := testTable(b, hotZone(b))
	w := newWorker(New(table, nil, slog.New(slog.DiscardHandler)), false, nil)
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
	for i := range 200 {
		fmt.Fprintf(&lines, "large 10 A 10.99.0.%d\n", i)
	}
	lines.WriteString("srv 10 SRV multi 1 1 80 i1.srv.myapp.local.\nsrv 10 SRV multi 1 1 80 i22.srv.myapp.local.\n*.w 5 A 10.0.0.1\n" +
		"drawn 5 A choose 1 10.0.0.1\ndrawn 5 A choose 2 10.0.0.2\nalias 0 A alias s500.myapp.local.\n")
	return testZone(t, "Z1", "myapp.local.", lines.String())
}

func hotQueries(t testing.TB) map[string][]byte {
	out := map[string][]byte{}
	for name, q := range map[string]dns.Question{
		"A":        {Name: "s500.myapp.local.", Qtype: dns.TypeA},
		"SRV":      {Name: "srv.myapp.local.", Qtype: dns.TypeSRV},
		"NODATA":   {Name: "s500.myapp.local.", Qtype: dns.TypeAAAA},
		"NXDOMAIN": {Name: "nothing.here.myapp.local.", Qtype: dns.TypeA},
		"choice":   {Name: "drawn.myapp.local.", Qtype: dns.TypeA},
		"alias":    {Name: "alias.myapp.local.", Qtype: dns.TypeA},
		"cut":      {Name: "large.myapp.local.", Qtype: dns.TypeA},
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
