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
