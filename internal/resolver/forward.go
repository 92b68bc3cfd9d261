package resolver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Bounds of asking upstream.
const (
	attemptTimeout  = 1500 * time.Millisecond
	exchangeTimeout = 5 * time.Second // glibc gives up after five seconds
	attemptRounds   = 2
	maxFlights      = 1024
)

// Reasons why nothing was learned upstream.
var (
	ErrNoUpstream = errors.New("no upstream resolver is configured")
	ErrBusy       = errors.New("too many questions are being asked upstream")
)

// Forwarder asks the upstream resolvers, from the network of the process. One
// serves all VPCs. It caches answers, and asks a question that several clients
// wait for only once.
type Forwarder struct {
	upstreams atomic.Pointer[[]netip.AddrPort]
	cache     *cache
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc

	mu      sync.Mutex
	flights map[Question]*flight
	closed  bool
	running sync.WaitGroup
}

// flight is a question under way.
type flight struct {
	done   chan struct{}
	answer *dns.Msg // never changed; set before done is closed
	err    error
}

// NewForwarder returns a Forwarder without upstreams.
func NewForwarder() (*Forwarder, error) {
	c, err := newCache()
	if err != nil {
		return nil, err
	}
	f := &Forwarder{cache: c, flights: map[Question]*flight{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.upstreams.Store(new([]netip.AddrPort))
	return f, nil
}

// SetUpstreams replaces the upstreams and forgets what the old ones said.
func (f *Forwarder) SetUpstreams(servers []netip.AddrPort) {
	f.upstreams.Store(&servers)
	f.cache.clear()
}

// Close ends what is under way and waits for it.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.running.Wait()
}

// Exchange returns the answer to a question. The caller owns the message.
func (f *Forwarder) Exchange(ctx context.Context, q Question) (*dns.Msg, error) {
	if m := f.cache.get(q, time.Now()); m != nil {
		return m, nil
	}
	fl, err := f.join(q)
	if err != nil {
		return nil, err
	}
	select {
	case <-fl.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if fl.err != nil {
		return nil, fl.err
	}
	return fl.answer.Copy(), nil
}

// join returns the flight of a question, starting it if there is none.
func (f *Forwarder) join(q Question) (*flight, error) {
	servers := *f.upstreams.Load()
	if len(servers) == 0 {
		return nil, ErrNoUpstream
	}
	key := q.key()
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl, ok := f.flights[key]; ok {
		return fl, nil
	}
	if f.closed {
		return nil, net.ErrClosed
	}
	if len(f.flights) >= maxFlights {
		return nil, ErrBusy
	}
	fl := &flight{done: make(chan struct{})}
	f.flights[key] = fl
	f.running.Go(func() {
		fl.answer, fl.err = f.ask(q, servers)
		if fl.err == nil {
			f.cache.put(q, fl.answer, time.Now())
		}
		f.mu.Lock()
		delete(f.flights, key)
		f.mu.Unlock()
		close(fl.done)
	})
	return fl, nil
}

// ask tries the servers in order, twice. A server that fails or refuses does
// not end the search, but its answer is better than none.
func (f *Forwarder) ask(q Question, servers []netip.AddrPort) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(f.ctx, exchangeTimeout)
	defer cancel()
	var worse *dns.Msg
	var errs []error
	for range attemptRounds {
		for _, server := range servers {
			m, err := f.attempt(ctx, q, server)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", server, err))
				continue
			}
			if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError {
				return m, nil
			}
			worse = m
		}
		if worse != nil || ctx.Err() != nil {
			break
		}
	}
	if worse != nil {
		return worse, nil
	}
	return nil, errors.Join(errs...)
}

// attempt asks one server: over UDP, over TCP where that answer was cut, and
// without EDNS where the server does not know it (RFC 6891 section 7).
func (f *Forwarder) attempt(ctx context.Context, q Question, server netip.AddrPort) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	edns := true
	m, err := exchange(ctx, q, server, "udp", edns)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) && !q.DO {
		edns = false
		m, err = exchange(ctx, q, server, "udp", edns)
	}
	if err == nil && m.Truncated {
		m, err = exchange(ctx, q, server, "tcp", edns)
	}
	return m, err
}

// exchange sends one query over a socket of its own, so that port and id are
// both fresh (RFC 5452 section 4.5), and waits for what answers it.
func exchange(ctx context.Context, q Question, server netip.AddrPort, network string, edns bool) (*dns.Msg, error) {
	m, wire, err := request(q, edns)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // nothing is buffered in it
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" {
		return overTCP(conn, m, wire)
	}
	return overUDP(conn, m, wire)
}

func request(q Question, edns bool) (*dns.Msg, []byte, error) {
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, nil, err
	}
	m := &dns.Msg{Question: []dns.Question{{Name: q.Name, Qtype: q.Type, Qclass: dns.ClassINET}}}
	m.Id = binary.BigEndian.Uint16(id[:])
	m.RecursionDesired = true
	m.CheckingDisabled = q.CD
	if edns {
		m.SetEdns0(maxUDP, q.DO)
	}
	wire, err := m.Pack()
	return m, wire, err
}

// overUDP drops packets that do not answer the query until the deadline: a
// forger must not be able to end the wait.
func overUDP(conn net.Conn, m *dns.Msg, wire []byte) (*dns.Msg, error) {
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return nil, err
		}
		r := new(dns.Msg)
		if r.Unpack(b[:n]) == nil && isAnswer(m, r) {
			return r, nil
		}
	}
}

func overTCP(conn net.Conn, m *dns.Msg, wire []byte) (*dns.Msg, error) {
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err := conn.Write(framed); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, err
	}
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		return nil, err
	}
	if !isAnswer(m, r) {
		return nil, errors.New("the answer is to another question")
	}
	return r, nil
}

// isAnswer compares id and question. Servers that cannot read a query at all
// answer FORMERR or NOTIMP without it.
func isAnswer(m, r *dns.Msg) bool {
	if !r.Response || r.Id != m.Id || r.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(r.Question) == 0 {
		return r.Rcode == dns.RcodeFormatError || r.Rcode == dns.RcodeNotImplemented
	}
	asked, got := m.Question[0], r.Question[0]
	return len(r.Question) == 1 && got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && strings.EqualFold(got.Name, asked.Name)
}
