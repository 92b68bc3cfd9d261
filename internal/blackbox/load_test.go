//go:build linux

package blackbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// load asks for one name at a steady rate, over a few sockets, and matches each
// answer with its query.
type load struct {
	t         testing.TB
	rate      int // queries per second over all sockets
	stop      chan struct{}
	asking    sync.WaitGroup // those who send
	listening sync.WaitGroup // those who receive
	socks     []*loadSocket
	began     time.Time
}

type loadSocket struct {
	conn net.Conn
	mu   sync.Mutex
	sent []time.Time     // by query id
	took []time.Duration // by query id; 0: unanswered
	bad  []string        // answers that are wrong
}

const loadSockets = 4

// startLoad asks for the addresses of a name from a place until end is called.
// want is how many addresses a right answer has at least.
func startLoad(t testing.TB, from place, name string, rate, want int) *load {
	t.Helper()
	l := &load{t: t, rate: rate, stop: make(chan struct{}), began: time.Now()}
	query, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for range loadSockets {
		conn, err := from.dial("udp", from.resolver)
		if err != nil {
			t.Fatal(err)
		}
		s := &loadSocket{conn: conn}
		l.socks = append(l.socks, s)
		l.listening.Go(func() { s.receive(want) })
		l.asking.Go(func() { s.send(slices.Clone(query), rate/loadSockets, l.stop) })
	}
	return l
}

// send keeps the rate on average: what a busy machine delays is made up for.
func (s *loadSocket) send(query []byte, rate int, stop <-chan struct{}) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		due := int(time.Since(began).Seconds() * float64(rate))
		for len(s.sent) < min(due, 1<<16) {
			s.mu.Lock()
			id := len(s.sent)
			s.sent, s.took = append(s.sent, time.Now()), append(s.took, 0)
			s.mu.Unlock()
			binary.BigEndian.PutUint16(query, uint16(id))
			_, _ = s.conn.Write(query) // what is lost counts as unanswered
		}
	}
}

// receive notes answers until the socket is closed. A port that nobody listens
// on shows as an error in between.
func (s *loadSocket) receive(want int) {
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		now := time.Now()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s.note(buf[:n], now, want)
	}
}

func (s *loadSocket) note(packet []byte, at time.Time, want int) {
	var m dns.Msg
	err := m.Unpack(packet)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.bad = append(s.bad, err.Error())
	case int(m.Id) >= len(s.sent):
		s.bad = append(s.bad, fmt.Sprintf("an answer to %d, which was not asked", m.Id))
	case m.Rcode != dns.RcodeSuccess || len(m.Answer) < want:
		s.bad = append(s.bad, fmt.Sprintf("%s with %d addresses after %v", dns.RcodeToString[m.Rcode], len(m.Answer), at.Sub(s.sent[0]).Round(time.Millisecond)))
		s.took[m.Id] = max(at.Sub(s.sent[m.Id]), 1)
	default:
		s.took[m.Id] = max(at.Sub(s.sent[m.Id]), 1)
	}
}

// result is what a load came to.
type result struct {
	sent, unanswered int
	bad              []string
	when             []time.Duration // the queries without an answer, after the load's start
	rate             float64         // per second, as it was
	median, p99, max time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("%d queries at %.0f/s: %d unanswered, %d wrong; median %v, p99 %v, max %v", r.sent, r.rate, r.unanswered, len(r.bad), r.median, r.p99, r.max)
}

// end stops asking, waits for the last answers and returns what came of it.
func (l *load) end() result {
	l.t.Helper()
	close(l.stop)
	l.asking.Wait()
	lasted := time.Since(l.began)
	deadline := time.Now().Add(2 * time.Second)
	for _, s := range l.socks {
		for s.open() > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
	}
	for _, s := range l.socks {
		if err := s.conn.Close(); err != nil {
			l.t.Error(err)
		}
	}
	l.listening.Wait()
	var r result
	var took []time.Duration
	for _, s := range l.socks {
		r.sent += len(s.sent)
		for id, took := range s.took {
			if took == 0 {
				r.unanswered++
				r.when = append(r.when, s.sent[id].Sub(l.began).Round(time.Millisecond))
			}
		}
		r.bad = append(r.bad, s.bad...)
		took = append(took, slices.DeleteFunc(s.took, func(d time.Duration) bool { return d == 0 })...)
	}
	r.rate = float64(r.sent) / lasted.Seconds()
	slices.Sort(took)
	if n := len(took); n > 0 {
		r.median, r.p99, r.max = took[n/2], took[n*99/100], took[n-1]
	}
	return r
}

// open is the number of queries without an answer.
func (s *loadSocket) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.took {
		if d == 0 {
			n++
		}
	}
	return n
}
