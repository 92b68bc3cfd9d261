package resolver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(100)
	one, two := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	now := int64(5 * time.Hour)
	taken := func(a netip.Addr, asked int) int {
		n := 0
		for range asked {
			if l.allow(a, now) {
				n++
			}
		}
		return n
	}
	if n := taken(one, 500); n != 100 {
		t.Errorf("%d packets in the first moment", n)
	}
	if n := taken(two, 50); n != 50 {
		t.Errorf("%d packets of another source", n)
	}
	now += int64(time.Second) / 10
	if n := taken(one, 500); n != 10 {
		t.Errorf("%d packets after a tenth of a second", n)
	}
	now += int64(time.Hour)
	if n := taken(one, 500); n != 100 {
		t.Errorf("%d packets after an hour", n)
	}
	for i := range maxLimited + 10 {
		l.allow(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(l.full) > maxLimited {
		t.Errorf("%d addresses are remembered", len(l.full))
	}
}

func TestPacketLimit(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1")))
	s.SetPacketLimit(3)
	client := &dns.Client{Timeout: 300 * time.Millisecond}
	answered := 0
	begin := time.Now()
	for range 6 {
		if _, _, err := client.Exchange(ask("a.z.", dns.TypeA), s.address); err == nil {
			answered++
		}
	}
	// Three at once, and a third of a second for each one more.
	if most := 3 + int(3*time.Since(begin).Seconds()) + 1; answered < 3 || answered > most || s.Counters().Limited == 0 {
		t.Errorf("%d answers, at most %d, %d dropped", answered, most, s.Counters().Limited)
	}
	s.SetPacketLimit(0)
	for range 20 {
		exchangeOver(t, s, "udp", "a.z.", dns.TypeA)
	}
}
