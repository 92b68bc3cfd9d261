//go:build linux

package main

import (
	"errors"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// What dnsperf 2.10 of Debian 12 prints.
const report = `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -s 10.77.0.2 -d queries -e -c 8 -q 200 -l 2
[Status] Sending queries (to 10.77.0.2:53)
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         157431
  Queries completed:    157420 (99.99%)
  Queries lost:         11 (0.01%)

  Response codes:       NOERROR 149549 (95.00%), NXDOMAIN 7871 (5.00%)
  Average packet size:  request 45, response 169
  Run time (s):         2.002503
  Queries per second:   78611.657511

  Average Latency (s):  0.002463 (min 0.000038, max 0.016212)
  Latency StdDev (s):   0.001303
`

func TestParseLoad(t *testing.T) {
	l, err := parseLoad(report)
	if err != nil {
		t.Fatal(err)
	}
	if l.completed != 157420 || l.lost != 11 || l.request != 45 || l.response != 169 ||
		l.latency != 2463*time.Microsecond || math.Abs(l.perSecond-78611.657511) > 1e-6 {
		t.Errorf("%+v", l)
	}
	if l.rcodes["NOERROR"] != 95 || l.rcodes["NXDOMAIN"] != 5 || len(l.rcodes) != 2 {
		t.Errorf("response codes %v", l.rcodes)
	}
	if err := l.check(); err != nil {
		t.Error(err)
	}
}

func TestParseLoad_Refuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":    "",
		"an error":   "Error: unable to open socket",
		"half of it": report[:strings.Index(report, "Queries per second")],
	} {
		if l, err := parseLoad(text); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

func TestCheck_RefusesWhatSaysNothing(t *testing.T) {
	good := map[string]float64{"NOERROR": 95.2, "NXDOMAIN": 4.8}
	for name, l := range map[string]load{
		"no answer":   {rcodes: good},
		"many lost":   {completed: 100, lost: 2, rcodes: good},
		"other codes": {completed: 100, rcodes: map[string]float64{"REFUSED": 100}},
		"no NXDOMAIN": {completed: 100, rcodes: map[string]float64{"NOERROR": 100}},
	} {
		if l.check() == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestParseStat(t *testing.T) {
	s, err := parseStat([]byte("42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 4 0 100 1 1\n"))
	if err != nil || s != (stat{42, 7, usage{1500 * time.Millisecond, 250 * time.Millisecond}}) {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 (x) S x 42 42 0 -1 1 1 2 3 4 150 25", "x (x) S 1 42 42 0 -1 1 1 2 3 4 150 25"} {
		if s, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, s)
		}
	}
}

func TestTreeUsage(t *testing.T) {
	second := func(n int) usage { return usage{user: time.Duration(n) * time.Second} }
	all := []stat{{1, 0, second(100)}, {10, 1, second(1)}, {11, 10, second(2)}, {12, 11, second(4)}, {20, 1, second(8)}}
	if u, err := treeUsage(all, 10); err != nil || u != second(7) {
		t.Errorf("%v %v", u, err)
	}
	if _, err := treeUsage(all, 99); err == nil {
		t.Error("a process that is gone has used something")
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 3}, 2.5}} {
		before := slices.Clone(c.values)
		if got := median(c.values); got != c.want || !slices.Equal(before, c.values) {
			t.Errorf("median of %v: %v", c.values, got)
		}
	}
}

func TestCompareAt(t *testing.T) {
	all := []*result{
		{name: "Seamark", records: 8, cpu: []float64{8, 9, 20}, perCPU: []float64{4, 4, 2}},
		{name: "Knot", records: 8, inC: true, cpu: []float64{8, 10, 16}},
		{name: "NSD", records: 8, inC: true, cpu: []float64{12, 12, 12}},
		{name: "Knot", records: 10, inC: true, cpu: []float64{1, 1, 1}},
		{name: "CoreDNS", records: 8, cpu: []float64{1, 1, 1}, perCPU: []float64{1, 1, 1}},
	}
	r, ok := compareAt(all, 8)
	if !ok || r != (ratios{best: "Knot", toBest: 1, coreDNS: 4}) {
		t.Errorf("%+v %v", r, ok)
	}
	if _, ok := compareAt(all[1:], 8); ok {
		t.Error("compared without Seamark")
	}
	if r, ok := compareAt(all[:4], 10); !ok || r.coreDNS != 0 {
		t.Errorf("CoreDNS is absent, but %+v", r)
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(100-i))
	}
	if a, b := percentile(times, 0.5), percentile(times, 0.99); a != 51 || b != 100 {
		t.Errorf("%d %d", a, b)
	}
	if percentile(nil, 0.5) != 0 {
		t.Error("no times have a percentile")
	}
}

func TestPace(t *testing.T) {
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		var b [1500]byte
		for {
			n, from, err := server.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return // closed
			}
			if _, err := server.WriteToUDPAddrPort(b[:n], from); err != nil {
				t.Error(err)
			}
		}
	})
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		served.Wait()
	}()
	c := course{Server: server.LocalAddr().(*net.UDPAddr).AddrPort(), Services: 3, Rate: 10000, Count: 20}
	fd, err := socket(c.Server)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	seen, err := pace(fd, c)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		t.Fatal(err)
	}
	if len(seen.Times) != c.Count || seen.Lost != 0 || slices.Min(seen.Times) <= 0 || slices.Max(seen.Times) > time.Since(began) {
		t.Errorf("%+v", seen)
	}
}

// The zone that peers are given is valid and has what the query file asks for.
func TestRecords(t *testing.T) {
	for _, perName := range []int{answered, instances} {
		p := dns.NewZoneParser(strings.NewReader(strings.Join(records(perName), "\n")+"\n"), "", "")
		addresses := map[string]int{}
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			if a, ok := rr.(*dns.A); ok {
				addresses[a.Hdr.Name]++
			}
		}
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		if len(addresses) != names {
			t.Errorf("%d names", len(addresses))
		}
		for name, n := range addresses {
			if n != perName {
				t.Errorf("%s has %d addresses", name, n)
			}
		}
	}
}

func TestWriteQueries(t *testing.T) {
	var b strings.Builder
	if err := writeQueries(&b); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for line := range strings.Lines(b.String()) {
		f := strings.Fields(line)
		kind := f[1]
		if strings.HasPrefix(f[0], "no-") {
			kind = "none"
		}
		kinds[kind]++
	}
	for kind, percent := range map[string]int{"A": percentHit, "AAAA": percentNone, "none": 100 - percentHit - percentNone} {
		if got := 100 * float64(kinds[kind]) / queries; math.Abs(got-float64(percent)) > 1 {
			t.Errorf("%s: %.1f %%", kind, got)
		}
	}
}

func TestPeers_ConfigurationsAreComplete(t *testing.T) {
	for _, p := range peers() {
		s := setting{dir: "/nowhere", listen: "10.77.0.2", records: records(1), cores: 2}
		files := p.files(s)
		args := p.args(s.dir)
		last := strings.TrimPrefix(args[len(args)-1], s.dir+"/")
		if text := files[last]; !strings.Contains(text, s.listen) || !strings.Contains(text, domain) || strings.Contains(text, "%!") {
			t.Errorf("%s: %s is\n%.300s", p.name, last, text)
		}
	}
}
