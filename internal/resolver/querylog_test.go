package resolver

import (
	"net"
	"net/netip"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

func TestQueryLog(t *testing.T) {
	h := testHead()
	zones := testZone(t, "Z1", "z.", "a 5 A 10.0.0.1\nc 5 CNAME www.example.\nt 5 TXT \"some text\"")
	s := serve(t, testTableWith(t, h, zones))
	u := startUpstream(t, replies("www.example. 9 IN A 192.0.2.1"))
	s.forwarder.SetUpstreams(at(u))
	exchangeOver(t, s, "udp", "a.z.", dns.TypeA)
	if b := s.TakeLog(); len(b.Queries()) != 0 || b.octets != nil {
		t.Errorf("logged without being asked to: %v", b.Queries())
	}
	h.LogQueries = true
	s.Swap(testTableWith(t, h, zones))
	begin := time.Now()
	exchangeOver(t, s, "udp", "A.z.", dns.TypeA)
	exchangeOver(t, s, "udp", "none.z.", dns.TypeAAAA)
	exchangeOver(t, s, "udp", "c.z.", dns.TypeA)
	exchangeOver(t, s, "tcp", "t.z.", dns.TypeTXT)
	exchangeOver(t, s, "tcp", "www.example.", dns.TypeA)
	record := func(name string, typ, rcode uint16, tcp bool, answers ...LoggedAnswer) LoggedQuery {
		return LoggedQuery{VPC: "vpc-1", Name: name, Type: typ, Class: dns.ClassINET, Rcode: rcode, TCP: tcp, Answers: answers}
	}
	want := []LoggedQuery{
		record("A.z.", dns.TypeA, 0, false, LoggedAnswer{"10.0.0.1", dns.TypeA, dns.ClassINET}),
		record("none.z.", dns.TypeAAAA, dns.RcodeNameError, false),
		record("c.z.", dns.TypeA, 0, false, LoggedAnswer{"www.example.", dns.TypeCNAME, dns.ClassINET}, LoggedAnswer{"192.0.2.1", dns.TypeA, dns.ClassINET}),
		record("t.z.", dns.TypeTXT, 0, true, LoggedAnswer{`"some text"`, dns.TypeTXT, dns.ClassINET}),
		record("www.example.", dns.TypeA, 0, true, LoggedAnswer{"192.0.2.1", dns.TypeA, dns.ClassINET}),
	}
	got := s.TakeLog().Queries()
	if d := gocmp.Diff(want, got, cmpopts.IgnoreFields(LoggedQuery{}, "Time", "Source"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
	for _, q := range got {
		if q.Source.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 1}) || q.Source.Port() == 0 || q.Time.Before(begin) || q.Time.After(time.Now()) {
			t.Errorf("from %v at %v", q.Source, q.Time)
		}
	}
	if again := s.TakeLog(); len(again.Queries()) != 0 || again.Dropped != 0 {
		t.Errorf("handed out twice: %v", again.Queries())
	}
}

func TestQueryLog_ByEndpoint(t *testing.T) {
	h := testHead()
	h.LogQueries = true
	s := serve(t, testTableWith(t, h, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1")))
	s.SetPacketLimit(1) // which is for the VPC's own addresses
	in := s.Inbound("rslvr-in-1", "eni-1")
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	udp, err := NewUDPSocket(conn)
	if err != nil {
		t.Fatal(err)
	}
	pollers, err := NewPollers(1, false)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- in.ServeUDP(udp, pollers) }()
	for range 5 {
		if r, _, err := (&dns.Client{Timeout: 5 * time.Second}).Exchange(ask("a.z.", dns.TypeA), address); err != nil || len(r.Answer) != 1 {
			t.Fatalf("%v %v", r, err)
		}
	}
	if err := udp.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := pollers.Close(); err != nil {
		t.Error(err)
	}
	for _, q := range s.TakeLog().Queries() {
		if q.Endpoint != "rslvr-in-1" || q.Interface != "eni-1" {
			t.Errorf("%+v", q)
		}
	}
	if n := in.Queries(); n != 5 {
		t.Errorf("%d queries counted", n)
	}
}

// A log that nobody takes is bounded, and tells how much it lost.
func TestQueryLog_Bounded(t *testing.T) {
	var l queryLog
	reply := make([]byte, 100)
	for range maxLogged + 7 {
		l.add(reply, logEntry{})
	}
	if l.Dropped != 7 || len(l.entries) != maxLogged {
		t.Errorf("%d records, %d dropped", len(l.entries), l.Dropped)
	}
	l.LogBatch = LogBatch{}
	large := make([]byte, 60000)
	for range 1000 {
		l.add(large, logEntry{})
	}
	if len(l.octets) > maxLoggedOctets || l.Dropped == 0 {
		t.Errorf("%d octets, %d dropped", len(l.octets), l.Dropped)
	}
}
