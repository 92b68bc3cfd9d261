package resolver

import (
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// An answer whose time is over is better than none: when the upstream fails, and
// when it is too slow; for a bounded time, with a TTL of 30 seconds.
func TestServeStale(t *testing.T) {
	var mode atomic.Value
	mode.Store("good")
	u := startUpstream(t, func(w dns.ResponseWriter, q *dns.Msg) {
		switch mode.Load() {
		case "good":
			replies("www.example. 1 IN A 192.0.2.1")(w, q)
		case "failing":
			_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)) // the test sees what does not arrive
		}
	})
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.SetUpstreams(at(u))
	exchange := func(name string) (string, time.Duration) {
		begin := time.Now()
		m, err := f.Exchange(t.Context(), Question{Name: name, Type: dns.TypeA})
		if err != nil {
			return "error", time.Since(begin)
		}
		return text(m), time.Since(begin)
	}
	expect := func(name, want string) time.Duration {
		t.Helper()
		got, took := exchange(name)
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		return took
	}
	expect("www.example.", "NOERROR\nwww.example. 1 IN A 192.0.2.1")
	expire(f, "www.example.", time.Second)
	mode.Store("failing")
	const stale = "NOERROR\nwww.example. 30 IN A 192.0.2.1"
	expect("www.example.", stale)
	asked := u.asked.Load()
	expect("www.example.", stale) // nobody is asked again so soon
	if u.asked.Load() != asked {
		t.Error("asked again at once after a failure")
	}
	expire(f, "www.example.", staleRetry)
	mode.Store("silent")
	if took := expect("www.example.", stale); took < time.Second || took > 4*time.Second {
		t.Errorf("a silent upstream: %v", took)
	}
	expire(f, "www.example.", maxStale)
	mode.Store("failing")
	if got, _ := exchange("www.example."); got == stale {
		t.Error("served for ever")
	}
	mode.Store("good")
	expect("www.example.", "NOERROR\nwww.example. 1 IN A 192.0.2.1")
}

// expire makes a cached answer older.
func expire(f *Forwarder, name string, by time.Duration) {
	key := Question{Name: name, Type: dns.TypeA}.by(f.upstream())
	e, _ := f.cache.entries.Get(key)
	e.stored, e.retry = e.stored.Add(-by), e.retry.Add(-by)
	f.cache.entries.Add(key, e)
}

func TestCache_Stale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := newCache()
		if err != nil {
			t.Fatal(err)
		}
		q := Question{Name: "www.example.", Type: dns.TypeA}.by(route{})
		m := ask("www.example.", dns.TypeA)
		rr, err := dns.NewRR("www.example. 60 IN A 192.0.2.1")
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = []dns.RR{rr}
		c.put(q, m, time.Now())
		c.failed(q, time.Now())
		time.Sleep(maxStale + time.Minute - time.Second)
		if old, soon := c.stale(q, time.Now()); old == nil || soon || old.Answer[0].Header().Ttl != staleTTL {
			t.Errorf("after a day: %v %v", old, soon)
		}
		time.Sleep(time.Second)
		if old, _ := c.stale(q, time.Now()); old != nil {
			t.Errorf("after more than a day: %v", old)
		}
	})
}

// A question's letters are in random case; what repeats them wrongly is not
// believed, and a server that cannot is asked otherwise.
func TestCaseRandomisation(t *testing.T) {
	const name = "a-long-enough-name-for-some-letters.example."
	lowered := func(tcp bool) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Compress = true
			if _, udp := w.RemoteAddr().(*net.UDPAddr); udp || tcp {
				m.Question[0].Name = strings.ToLower(m.Question[0].Name)
			}
			rr, _ := dns.NewRR(m.Question[0].Name + " 60 IN CNAME x." + m.Question[0].Name)
			m.Answer = []dns.RR{rr}
			_ = w.WriteMsg(m) // the test sees what does not arrive
		}
	}
	spelled := make(chan string, 100)
	keeping := func(w dns.ResponseWriter, q *dns.Msg) {
		spelled <- q.Question[0].Name
		m := new(dns.Msg).SetReply(q)
		m.Compress = true
		rr, _ := dns.NewRR(q.Question[0].Name + " 60 IN CNAME x." + q.Question[0].Name)
		m.Answer = []dns.RR{rr}
		_ = w.WriteMsg(m) // the test sees what does not arrive
	}
	for kind, c := range map[string]struct {
		answer       func(dns.ResponseWriter, *dns.Msg)
		first, later int64 // packets
	}{
		"keeps case":                {keeping, 1, 1},
		"loses it over UDP":         {lowered(false), 2, 2},
		"loses it over TCP as well": {lowered(true), 2, 1},
	} {
		u := startUpstream(t, c.answer)
		f, err := NewForwarder()
		if err != nil {
			t.Fatal(err)
		}
		f.SetUpstreams(at(u))
		for i, packets := range []int64{c.first, c.later} {
			before := u.asked.Load()
			m, err := f.Exchange(t.Context(), Question{Name: name, Type: dns.TypeCNAME, CD: i == 1})
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if want := "NOERROR\n" + name + " 60 IN CNAME x." + name; text(m) != want {
				t.Errorf("%s: got\n%s\nwant\n%s", kind, text(m), want)
			}
			if n := u.asked.Load() - before; n != packets {
				t.Errorf("%s, query %d: %d packets, want %d", kind, i, n, packets)
			}
		}
		f.Close()
	}
	if a, b := <-spelled, <-spelled; a == b || a == name {
		t.Errorf("asked for %s and %s", a, b)
	}
}

// A server that loses the case and has no TCP is believed without.
func TestCaseRandomisation_NoTCP(t *testing.T) {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Question[0].Name = strings.ToLower(q.Question[0].Name)
		rr, _ := dns.NewRR("www.some-example.test. 60 IN A 192.0.2.1")
		m.Answer = []dns.RR{rr}
		_ = w.WriteMsg(m) // the test sees what does not arrive
	})}
	ended := make(chan error, 1)
	ready := make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	go func() { ended <- server.ActivateAndServe() }()
	<-ready
	f, err := NewForwarder()
	if err != nil {
		t.Fatal(err)
	}
	f.SetUpstreams([]netip.AddrPort{udp.LocalAddr().(*net.UDPAddr).AddrPort()})
	m, err := f.Exchange(t.Context(), Question{Name: "www.some-example.test.", Type: dns.TypeA})
	if err != nil || text(m) != "NOERROR\nwww.some-example.test. 60 IN A 192.0.2.1" {
		t.Errorf("%v %v", m, err)
	}
	f.Close()
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestUnmix(t *testing.T) {
	for _, c := range []struct{ s, want string }{
		{"WwW.eXample.", "www.example."}, {"a.WwW.eXample.", "a.www.example."}, {"mail.eXample.", "mail.example."},
		{"WWW.Example.", "WWW.Example."}, {"xeXample.", "xeXample."}, {".", "."}, {"other.TEST.", "other.TEST."},
	} {
		if got := unmix(c.s, "WwW.eXample.", "www.example."); got != c.want {
			t.Errorf("%s: %s, want %s", c.s, got, c.want)
		}
	}
}
