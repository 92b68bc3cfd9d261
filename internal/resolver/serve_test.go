package resolver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestServe(t *testing.T) {
	var lines strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lines, "big 5 A 10.0.1.%d\nn%d 5 A 10.0.2.%d\n", i, i, i)
	}
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", lines.String())))

	t.Run("udp", func(t *testing.T) {
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				c := &dns.Client{Timeout: 5 * time.Second}
				for range 200 {
					i := rand.IntN(200)
					r, _, err := c.Exchange(ask(fmt.Sprintf("n%d.z.", i), dns.TypeA), s.address)
					if err != nil {
						t.Error(err)
						return
					}
					if len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != fmt.Sprintf("10.0.2.%d", i) {
						t.Errorf("n%d: %v", i, r)
					}
				}
			})
		}
		clients.Wait()
	})
	t.Run("tcp pipelined", func(t *testing.T) {
		conn, err := dns.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // a test's connection
		want := map[uint16]string{}
		for i := range 50 {
			m := ask(fmt.Sprintf("n%d.z.", i), dns.TypeA)
			m.Id = uint16(i)
			want[m.Id] = fmt.Sprintf("10.0.2.%d", i)
			if err := conn.WriteMsg(m); err != nil {
				t.Fatal(err)
			}
		}
		for range 50 {
			r, err := conn.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Answer[0].(*dns.A).A.String(); got != want[r.Id] {
				t.Errorf("%d: %s, want %s", r.Id, got, want[r.Id])
			}
			delete(want, r.Id)
		}
		if len(want) > 0 {
			t.Errorf("not answered: %v", want)
		}
	})
	t.Run("truncated, then tcp", func(t *testing.T) {
		r, _, err := (&dns.Client{}).Exchange(ask("big.z.", dns.TypeA), s.address)
		if err != nil || !r.Truncated || len(r.Answer) != 30 {
			t.Fatalf("udp: %v %v", r, err)
		}
		r, _, err = (&dns.Client{Net: "tcp"}).Exchange(ask("big.z.", dns.TypeA), s.address)
		if err != nil || r.Truncated || len(r.Answer) != 200 {
			t.Fatalf("tcp: %v %v", r, err)
		}
	})
	t.Run("garbage over tcp ends the connection", func(t *testing.T) {
		conn, err := net.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }() // a test's connection
		if _, err := conn.Write([]byte{0, 3, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("read %d octets", n)
		}
	})
	c := s.Counters()
	if c.Queries != 8*200+50+2 || c.TCP != 51 || c.Rcodes[0] != c.Queries || c.Truncated != 1 || c.Malformed != 1 {
		t.Errorf("counters: %+v", c)
	}
}

// The answers of a swapped table start with the first query after Swap.
func TestSwap(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.0")))
	c := &dns.Client{Timeout: 5 * time.Second}
	for i := range 100 {
		s.Swap(testTable(t, testZone(t, "Z1", "z.", fmt.Sprintf("a 5 A 10.0.0.%d", i))))
		r, _, err := c.Exchange(ask("a.z.", dns.TypeA), s.address)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.Answer[0].(*dns.A).A.String(), fmt.Sprintf("10.0.0.%d", i); got != want {
			t.Fatalf("got %s after swapping to %s", got, want)
		}
	}
}

// A VPC's clients cannot take more connections than there are, and a connection
// that ends makes room.
func TestServe_ConnectionLimit(t *testing.T) {
	s := serve(t, testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1")))
	works := func() (net.Conn, bool) {
		conn, err := net.DialTimeout("tcp", s.address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		c := &dns.Conn{Conn: conn}
		if c.WriteMsg(ask("a.z.", dns.TypeA)) != nil {
			return conn, false
		}
		_, err = c.ReadMsg()
		return conn, err == nil
	}
	var open []net.Conn
	for range maxConnections {
		conn, ok := works()
		if !ok {
			t.Fatalf("connection %d is refused", len(open))
		}
		open = append(open, conn)
	}
	conn, ok := works()
	if ok {
		t.Error("one connection too many")
	}
	_ = conn.Close() // a test's connection
	_ = open[0].Close()
	deadline := time.Now().Add(5 * time.Second)
	for ok = false; !ok && time.Now().Before(deadline); {
		conn, ok = works()
		_ = conn.Close() // a test's connection
	}
	if !ok {
		t.Error("a connection that ended made no room")
	}
	for _, conn := range open[1:] {
		_ = conn.Close() // a test's connection
	}
}
