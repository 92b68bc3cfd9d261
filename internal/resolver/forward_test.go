package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// upstream is a server on loopback that answers by a function, over UDP and TCP.
type upstream struct {
	at    netip.AddrPort
	asked atomic.Int64
}

func startUpstream(t *testing.T, answer func(w dns.ResponseWriter, m *dns.Msg)) *upstream {
	t.Helper()
	udp, tcp := listenBoth(t)
	u := &upstream{at: udp.LocalAddr().(*net.UDPAddr).AddrPort()}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		u.asked.Add(1)
		answer(w, m)
	})
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: handler}, {Listener: tcp, Handler: handler}} {
		var serving sync.WaitGroup
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		serving.Go(func() {
			if err := s.ActivateAndServe(); err != nil {
				t.Errorf("upstream: %v", err)
			}
		})
		<-ready
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Errorf("upstream: %v", err)
			}
			serving.Wait()
		})
	}
	return u
}

// replies answers from records in zone-file form, by owner and type.
func replies(records ...string) func(dns.ResponseWriter, *dns.Msg) {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				panic(err)
			}
			if strings.EqualFold(rr.Header().Name, q.Question[0].Name) || len(m.Answer) > 0 {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Rcode = dns.RcodeNameError
			soa, err := dns.NewRR(". 900 IN SOA a.root. b.root. 1 1800 900 604800 300")
			if err != nil {
				panic(err)
			}
			m.Ns = []dns.RR{soa}
		}
		_ = w.WriteMsg(m) // the test sees what does not arrive
	}
}

func exchangeOver(t *testing.T, s testServer, network, name string, typ uint16) *dns.Msg {
	t.Helper()
	r, _, err := (&dns.Client{Net: network, Timeout: 6 * time.Second}).Exchange(ask(name, typ), s.address)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

func TestForward(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "myapp.local.", `
		web 5 A     10.0.0.1
		out 5 CNAME www.example.com.
	`)))
	u := startUpstream(t, replies("www.example.com. 100 IN A 192.0.2.1", "stray.example.com. 100 IN A 192.0.2.66",
		"back.example.com. 50 IN CNAME web.myapp.local.", "web.myapp.local. 50 IN A 192.0.2.99",
		"long.example.com. 50 IN CNAME www.example.com.", "www.example.com. 50 IN A 192.0.2.2"))
	s.forwarder.SetUpstreams([]netip.AddrPort{u.at})
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct{ name, want string }{
			{"www.example.com.", "NOERROR\nwww.example.com. 100 IN A 192.0.2.1\nwww.example.com. 50 IN A 192.0.2.2"},
			{"out.myapp.local.", "NOERROR\nout.myapp.local. 5 IN CNAME www.example.com.\nwww.example.com. 100 IN A 192.0.2.1\nwww.example.com. 50 IN A 192.0.2.2"},
			{"long.example.com.", "NOERROR\nlong.example.com. 50 IN CNAME www.example.com.\nwww.example.com. 50 IN A 192.0.2.2"},
			// What an upstream says about a private zone's names does not count.
			{"back.example.com.", "NOERROR\nback.example.com. 50 IN CNAME web.myapp.local.\nweb.myapp.local. 5 IN A 10.0.0.1"},
			{"web.myapp.local.", "NOERROR\nweb.myapp.local. 5 IN A 10.0.0.1"},
			{"gone.myapp.local.", "NXDOMAIN\n" + soa},
		} {
			r := exchangeOver(t, s, network, c.name, dns.TypeA)
			if got := text(r); got != c.want {
				t.Errorf("%s over %s: got\n%s\nwant\n%s", c.name, network, got, c.want)
			}
			if r.Authoritative || !r.RecursionAvailable {
				t.Errorf("%s: %v", c.name, r.MsgHdr)
			}
		}
		r := exchangeOver(t, s, network, "gone.example.com.", dns.TypeA)
		if r.Rcode != dns.RcodeNameError || len(r.Ns) != 1 {
			t.Errorf("gone.example.com.: %s", text(r))
		}
	}
	if n := s.Counters().Forwarded; n != 10 {
		t.Errorf("%d queries forwarded", n)
	}
	// Each question went upstream once; private names and private reverse trees never.
	if n := u.asked.Load(); n != 4 {
		t.Errorf("the upstream was asked %d times", n)
	}
	before := u.asked.Load()
	for _, name := range []string{"web.myapp.local.", "gone.myapp.local.", "9.9.9.10.in-addr.arpa.", "1.1.168.192.in-addr.arpa.", "ip-10-0-0-1.ec2.internal.", "x.localhost.", "printer.local.", "a.b.onion."} {
		exchangeOver(t, s, "udp", name, dns.TypePTR)
	}
	if u.asked.Load() != before {
		t.Error("a private name was asked upstream")
	}
}

func TestForward_NoUpstream(t *testing.T) {
	s := serve(t, testTable(t))
	begin := time.Now()
	if r := exchangeOver(t, s, "udp", "example.com.", dns.TypeA); r.Rcode != dns.RcodeServerFailure {
		t.Errorf("%v", r)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v", took)
	}
}

// The answer comes although the first server is dead, the second fails, and
// somebody sends answers to other questions before the third does.
func TestForward_Servers(t *testing.T) {
	dead, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dead.Close() }() // a test's socket
	failing := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)) // the test sees what does not arrive
	})
	forged := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		wrong := new(dns.Msg).SetReply(q)
		rr, _ := dns.NewRR("www.example.com. 5 IN A 203.0.113.1")
		wrong.Answer = []dns.RR{rr}
		for _, change := range []func(*dns.Msg){
			func(m *dns.Msg) { m.Id++ },
			func(m *dns.Msg) {
				m.Question = []dns.Question{{Name: "other.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
			},
			func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
			func(m *dns.Msg) { m.Response = false },
			func(m *dns.Msg) { m.Question = nil },
		} {
			m := wrong.Copy()
			change(m)
			_ = w.WriteMsg(m) // the test sees what does not arrive
		}
		replies("www.example.com. 5 IN A 192.0.2.1")(w, q)
	})
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.SetUpstreams([]netip.AddrPort{dead.LocalAddr().(*net.UDPAddr).AddrPort(), failing.at, forged.at})
	m, err := f.Exchange(t.Context(), Question{Name: "www.example.com.", Type: dns.TypeA})
	if err != nil || !strings.Contains(m.String(), "192.0.2.1") || strings.Contains(m.String(), "203.0.113.1") {
		t.Errorf("%v %v", m, err)
	}
	f.SetUpstreams([]netip.AddrPort{failing.at})
	if m, err := f.Exchange(t.Context(), Question{Name: "www.example.com.", Type: dns.TypeA}); err != nil || m.Rcode != dns.RcodeServerFailure {
		t.Errorf("from a failing server alone: %v %v", m, err)
	}
}

func TestForward_TCPAndPlainDNS(t *testing.T) {
	cut := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
			m := new(dns.Msg).SetReply(q)
			m.Truncated = true
			_ = w.WriteMsg(m) // the test sees what does not arrive
			return
		}
		replies("big.example. 5 IN TXT whole")(w, q)
	})
	old := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.IsEdns0() != nil {
			m := new(dns.Msg)
			m.Id, m.Response, m.Rcode = q.Id, true, dns.RcodeFormatError
			_ = w.WriteMsg(m) // the test sees what does not arrive
			return
		}
		replies("big.example. 5 IN TXT whole")(w, q)
	})
	for name, u := range map[string]*upstream{"cut": cut, "without EDNS": old} {
		f, err := NewForwarder()
		if err != nil {
			t.Fatal(err)
		}
		f.SetUpstreams([]netip.AddrPort{u.at})
		m, err := f.Exchange(t.Context(), Question{Name: "big.example.", Type: dns.TypeTXT})
		if err != nil || len(m.Answer) != 1 {
			t.Errorf("%s: %v %v", name, m, err)
		}
		f.Close()
	}
}

// Many clients with one question: the upstream is asked once.
func TestForward_Coalesces(t *testing.T) {
	release := make(chan struct{})
	u := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		<-release
		replies("www.example.com. 0 IN A 192.0.2.1")(w, q)
	})
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.SetUpstreams([]netip.AddrPort{u.at})
	var waiting sync.WaitGroup
	for range 50 {
		fl, err := f.join(Question{Name: "www.example.com.", Type: dns.TypeA}, f.upstream(), netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		waiting.Go(func() {
			<-fl.done
			if fl.err != nil || len(fl.answer.Answer) != 1 {
				t.Errorf("%v %v", fl.answer, fl.err)
			}
		})
	}
	close(release)
	waiting.Wait()
	if n := u.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	// TTL 0 is not kept.
	if _, err := f.Exchange(t.Context(), Question{Name: "www.example.com.", Type: dns.TypeA}); err != nil || u.asked.Load() != 2 {
		t.Errorf("%v, asked %d times", err, u.asked.Load())
	}
}

func TestForward_Bounded(t *testing.T) {
	silent, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // a test's socket
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	f.SetUpstreams([]netip.AddrPort{silent.LocalAddr().(*net.UDPAddr).AddrPort()})
	for i := range maxFlights {
		if _, err := f.join(Question{Name: fmt.Sprintf("n%d.", i), Type: dns.TypeA}, f.upstream(), netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.join(Question{Name: "more.", Type: dns.TypeA}, f.upstream(), netip.AddrPort{}); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	begin := time.Now()
	f.Close()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Close took %v", took)
	}
	if _, err := f.join(Question{Name: "late.", Type: dns.TypeA}, f.upstream(), netip.AddrPort{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := newCache()
		if err != nil {
			t.Fatal(err)
		}
		q := Question{Name: "WWW.example.", Type: dns.TypeA}.by(route{})
		message := func(rcode int, answer, ns string) *dns.Msg {
			m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
			m.Rcode = rcode
			for text, section := range map[string]*[]dns.RR{answer: &m.Answer, ns: &m.Ns} {
				if text == "" {
					continue
				}
				rr, err := dns.NewRR(text)
				if err != nil {
					t.Fatal(err)
				}
				*section = append(*section, rr)
			}
			return m
		}
		const negative = "example. 40 IN SOA a. b. 1 2 3 4 30"
		for _, x := range []struct {
			name string
			m    *dns.Msg
			want time.Duration
		}{
			{"positive", message(0, "www.example. 60 IN A 192.0.2.1", ""), time.Minute},
			{"zero TTL", message(0, "www.example. 0 IN A 192.0.2.1", ""), 0},
			{"very long", message(0, "www.example. 2000000 IN A 192.0.2.1", ""), 24 * time.Hour},
			{"NXDOMAIN", message(3, "", negative), 30 * time.Second},
			{"NODATA", message(0, "", negative), 30 * time.Second},
			{"alias without data", message(0, "www.example. 20 IN CNAME x.", negative), 20 * time.Second},
			{"denied without SOA", message(3, "", ""), 0},
			{"SERVFAIL", message(2, "", negative), 0},
		} {
			if got := lifetime(x.m); got != x.want {
				t.Errorf("%s: kept %v, want %v", x.name, got, x.want)
			}
		}
		c.put(q, message(0, "www.example. 60 IN A 192.0.2.1", ""), time.Now())
		time.Sleep(20 * time.Second)
		m := c.get(Question{Name: "www.EXAMPLE.", Type: dns.TypeA}.by(route{}), time.Now())
		if m == nil || m.Answer[0].Header().Ttl != 40 {
			t.Errorf("after 20 s: %v", m)
		}
		m.Answer[0].Header().Ttl = 1 // the caller's own
		if again := c.get(q, time.Now()); again.Answer[0].Header().Ttl != 40 {
			t.Errorf("the cached answer was changed: %v", again)
		}
		for _, other := range []Question{{Name: "www.example.", Type: dns.TypeAAAA}, {Name: "www.example.", Type: dns.TypeA, DO: true}, {Name: "www.example.", Type: dns.TypeA, CD: true}} {
			if m := c.get(other.by(route{}), time.Now()); m != nil {
				t.Errorf("%v: %v", other, m)
			}
		}
		time.Sleep(40 * time.Second)
		if m := c.get(q, time.Now()); m != nil {
			t.Errorf("after 60 s: %v", m)
		}
	})
}
