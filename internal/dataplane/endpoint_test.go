package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// corporate is a name server of a network outside: it answers every question
// with one address.
func corporate(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	serveCorporate(t, &dns.Server{PacketConn: udp}, address, nil)
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// serveCorporate runs a server until the test ends, and tells seen who asks.
func serveCorporate(t *testing.T, s *dns.Server, address string, seen func(net.Addr)) {
	t.Helper()
	s.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if seen != nil {
			seen(w.RemoteAddr())
		}
		m := new(dns.Msg).SetReply(q)
		rr, err := dns.NewRR(q.Question[0].Name + " 60 IN A " + address)
		if err != nil {
			t.Error(err)
			return
		}
		m.Answer = []dns.RR{rr}
		_ = w.WriteMsg(m) // the test sees what does not arrive
	})
	var serving sync.WaitGroup
	ready := make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	serving.Go(func() {
		if err := s.ActivateAndServe(); err != nil {
			t.Errorf("corporate server: %v", err)
		}
	})
	<-ready
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Errorf("corporate server: %v", err)
		}
		serving.Wait()
	})
}

func loopback() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:0") }

// endpointVPC has an inbound and an outbound endpoint of two interfaces each, and
// a rule for corp.test.
func endpointVPC(target netip.AddrPort) VPC {
	v := testVPC("vpc-1", 3, 1)
	v.Table.LogQueries = true
	v.Table.Rules = []zone.Rule{{ID: "rslvr-rr-1", Domain: "corp.test.", Targets: []netip.AddrPort{target}, Endpoint: "rslvr-out-1"}}
	v.Endpoints = []Endpoint{
		{ID: "rslvr-in-1", Inbound: true, Addresses: []EndpointAddress{{Interface: "eni-1", Address: loopback()}, {Interface: "eni-2", Address: loopback()}}},
		{ID: "rslvr-out-1", Addresses: []EndpointAddress{{Interface: "eni-3", Address: loopback()}, {Interface: "eni-4", Address: loopback()}}},
	}
	return v
}

func status(t *testing.T, p Plane) VPCStatus {
	t.Helper()
	s, err := p.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.VPCs["vpc-1"]
}

// Endpoints change without their VPC's table, alone and together with it.
func TestPlane_EndpointsAlone(t *testing.T) {
	planes(t, func(t *testing.T, p Plane) {
		v := endpointVPC(corporate(t, "192.0.2.1"))
		all := v.Endpoints
		v.Endpoints = nil
		own := replace(t, p, 1, v).Bound["vpc-1"][0]
		change := func(revision int64, changes ...Change) map[world.ResolverEndpointID]EndpointStatus {
			t.Helper()
			if _, err := p.Sync(t.Context(), revision, changes); err != nil {
				t.Fatal(err)
			}
			return status(t, p).Endpoints
		}
		now := change(2, Change{Endpoints: &VPCEndpoints{"vpc-1", all}})
		in := now["rslvr-in-1"].Addresses
		if len(now) != 2 || len(in) != 2 {
			t.Fatalf("endpoints: %+v", now)
		}
		expect(t, in[0].Bound, "host1.z.", "10.0.1.1")
		expect(t, own, "a.corp.test.", "192.0.2.1")
		head := v.Table.Head
		head.Rules = nil
		now = change(3, Change{Delta: &zone.Delta{VPC: "vpc-1", Head: &head}}, Change{Endpoints: &VPCEndpoints{"vpc-1", all[:1]}})
		if kept := now["rslvr-in-1"].Addresses; len(now) != 1 || len(kept) != 2 || kept[0].Bound != in[0].Bound {
			t.Errorf("endpoints: %+v, were %+v", now, in)
		}
		expect(t, in[1].Bound, "host2.z.", "10.0.1.2")
		if now := change(4, Change{Endpoints: &VPCEndpoints{VPC: "vpc-1"}}); len(now) != 0 {
			t.Errorf("endpoints: %+v", now)
		}
		for _, changes := range [][]Change{{{Endpoints: &VPCEndpoints{VPC: "vpc-2"}}}, {{Remove: "vpc-1"}, {Endpoints: &VPCEndpoints{VPC: "vpc-1"}}}} {
			if _, err := p.Sync(t.Context(), 5, changes); !errors.Is(err, ErrNeedSnapshot) {
				t.Errorf("endpoints of a VPC that is not there: %v", err)
			}
		}
	})
}

func TestPlane_Endpoints(t *testing.T) {
	planes(t, func(t *testing.T, p Plane) {
		v := endpointVPC(corporate(t, "192.0.2.1"))
		ack := replace(t, p, 1, v)
		own := ack.Bound["vpc-1"][0]
		in := status(t, p).Endpoints["rslvr-in-1"].Addresses
		if len(in) != 2 || !in[0].Bound.IsValid() || in[0].Bound == in[1].Bound || in[0].Interface != "eni-1" {
			t.Fatalf("inbound: %+v", in)
		}
		expect(t, in[0].Bound, "host1.z.", "10.0.1.1")
		expect(t, in[1].Bound, "corp.test.", "192.0.2.1")
		expect(t, own, "a.corp.test.", "192.0.2.1")

		s := status(t, p)
		if got := s.Endpoints["rslvr-in-1"].Addresses; got[0].Queries != 2 || got[1].Queries != 2 {
			t.Errorf("inbound: %+v", got)
		}
		// Of each name one query was sent; the second was answered from the cache.
		if got := s.Endpoints["rslvr-out-1"].Addresses; got[0].Queries != 1 || got[1].Queries != 1 || got[0].Failed != "" {
			t.Errorf("outbound: %+v", got)
		}
		if got := s.Rules["rslvr-rr-1"]; got.Queries != 4 || got.Failed != 0 {
			t.Errorf("rule: %+v", got)
		}

		queries, dropped, err := p.TakeQueries(t.Context())
		if err != nil || dropped != 0 || len(queries) != 6 {
			t.Fatalf("%d queries, %d dropped, %v", len(queries), dropped, err)
		}
		if q := queries[0]; q.VPC != "vpc-1" || q.Name != "host1.z." || q.Endpoint != "rslvr-in-1" || q.Interface != "eni-1" || q.TCP || !queries[1].TCP ||
			q.Type != dns.TypeA || q.Class != dns.ClassINET || q.Rcode != 0 || len(q.Answers) != 1 || q.Answers[0].Data != "10.0.1.1" || q.Source.Port() == 0 || q.Time.IsZero() {
			t.Errorf("%+v", q)
		}
		if i := slices.IndexFunc(queries, func(q Query) bool { return q.Endpoint == "" }); i != 4 {
			t.Errorf("%+v", queries)
		}
		if again, _, err := p.TakeQueries(t.Context()); err != nil || len(again) != 0 {
			t.Errorf("handed out twice: %v %v", again, err)
		}

		// A change of the table alone leaves endpoints and their counts; one of the
		// endpoints leaves the interfaces that stay.
		if _, err := p.Sync(t.Context(), 2, []Change{testDelta("vpc-1", 1, 7)}); err != nil {
			t.Fatal(err)
		}
		expect(t, in[0].Bound, "host1.z.", "10.0.7.1")
		v.Endpoints = []Endpoint{{ID: "rslvr-in-1", Inbound: true, Addresses: v.Endpoints[0].Addresses[:1]}}
		if _, err := p.Sync(t.Context(), 3, []Change{{Set: &v}}); err != nil {
			t.Fatal(err)
		}
		now := status(t, p)
		if got := now.Endpoints["rslvr-in-1"].Addresses; len(now.Endpoints) != 1 || len(got) != 1 || got[0].Bound != in[0].Bound || got[0].Queries != 4 {
			t.Errorf("%+v", now.Endpoints)
		}
		if got := lookup(t, "tcp", in[1].Bound, "host1.z."); got != "no answer" {
			t.Errorf("a removed interface answers %s", got)
		}
		expect(t, own, "b.corp.test.", "SERVFAIL") // the rule has no endpoint to ask from
	})
}

func TestPlane_PacketLimitAndPublicZones(t *testing.T) {
	planes(t, func(t *testing.T, p Plane) {
		public := testVPC(zone.PublicID, 1, 9)
		public.Table.Authoritative = true
		snapshot := Snapshot{Config: Config{PacketLimit: 2}, VPCs: []VPC{testVPC("vpc-1", 1, 1), public}}
		ack, err := p.Replace(t.Context(), 1, snapshot)
		if err != nil {
			t.Fatal(err)
		}
		at := ack.Bound[zone.PublicID][0]
		for range 5 {
			expect(t, at, "host0.z.", "10.0.9.0")
		}
		expect(t, at, "host0.other.", "REFUSED")
		burst(t, ack.Bound["vpc-1"][0], 50)
		eventually(t, 5*time.Second, "dropped packets", func() bool { return status(t, p).Counters.Limited > 0 })
		if _, err := p.Sync(t.Context(), 2, []Change{{Config: &Config{}}}); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			expect(t, ack.Bound["vpc-1"][0], "host0.z.", "10.0.1.0")
		}
	})
}

// burst sends queries without waiting for answers.
func burst(t *testing.T, at netip.AddrPort, n int) {
	t.Helper()
	conn, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // a test's connection
	wire, err := new(dns.Msg).SetQuestion("host0.z.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
	}
}

// After a restart endpoints are where they were.
func TestKeptEndpoints(t *testing.T) {
	dir := t.TempDir()
	start := func() *Server {
		s, err := New(Options{Logger: logger(t), RunDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start()
	replace(t, s, 1, endpointVPC(corporate(t, "192.0.2.1")))
	before := status(t, s).Endpoints["rslvr-in-1"].Addresses
	closing(t, s)
	s = start()
	defer closing(t, s)
	after := status(t, s).Endpoints["rslvr-in-1"].Addresses
	if len(after) != 2 || after[0].Bound != before[0].Bound || after[1].Bound != before[1].Bound {
		t.Fatalf("%+v, before %+v", after, before)
	}
	expect(t, after[1].Bound, "a.corp.test.", "192.0.2.1")
}
