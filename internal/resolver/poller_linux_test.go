package resolver

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestPace: a poller is busy where queries come faster than one in
// busyInterval, and only as long as they do.
func TestPace(t *testing.T) {
	p := new(pace)
	for i, c := range []struct {
		after  time.Duration // since the last look
		served int
		want   bool
	}{
		{time.Hour, 64, false},
		{busyInterval, 1, false},
		{busyInterval - 1, 1, true},
		{busyInterval - 1, 0, false},
		{30 * busyInterval, 31, true},
		{30 * busyInterval, 30, false},
		{0, 0, false},
	} {
		p.served = c.served
		if got := p.busy(p.at + c.after); got != c.want {
			t.Errorf("step %d: %d served in %v: busy %t", i, c.served, c.after, got)
		}
	}
}

// TestDirectPollers: what waits without the scheduler's knowledge answers, from
// many clients and from one, and ends; the garbage collector, which stops
// everything, comes in between.
func TestDirectPollers(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + 1)
	defer runtime.GOMAXPROCS(before)
	s := serveWith(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1\n")), true)
	for _, clients := range []int{1, 16} {
		var asking sync.WaitGroup
		for range clients {
			asking.Go(func() {
				conn, err := dns.DialTimeout("udp", s.address, 5*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = conn.Close() }() // a test's connection
				c := &dns.Client{Timeout: 5 * time.Second}
				for i := range 200 {
					if r, _, err := c.ExchangeWithConn(ask("a.z.", dns.TypeA), conn); err != nil || len(r.Answer) != 1 {
						t.Errorf("%v %v", r, err)
						return
					}
					if i%20 == 0 {
						runtime.GC()
					}
				}
			})
		}
		asking.Wait()
	}
}
