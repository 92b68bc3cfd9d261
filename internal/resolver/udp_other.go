//go:build !linux

package resolver

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Pollers serve UDP sockets; outside Linux each socket has a goroutine of its own.
type Pollers struct{ n int }

// NewPollers returns Pollers.
func NewPollers(n int, _ bool) (*Pollers, error) { return &Pollers{n}, nil }

// Len is how many sockets may share an address.
func (p *Pollers) Len() int { return p.n }

// Close does nothing.
func (*Pollers) Close() error { return nil }

// UDPSocket is a UDP socket to be served.
type UDPSocket struct{ conn *net.UDPConn }

// NewUDPSocket takes over a socket.
func NewUDPSocket(conn *net.UDPConn) (*UDPSocket, error) { return &UDPSocket{conn}, nil }

// Close ends the socket.
func (s *UDPSocket) Close() error { return s.conn.Close() }

// ServeUDP answers what arrives on a socket until the socket is closed.
func (r *Resolver) ServeUDP(s *UDPSocket, _ *Pollers) error { return r.serveUDP(s, nil) }

// ServeUDP answers what comes in by an inbound endpoint, as Resolver.ServeUDP.
func (in *Inbound) ServeUDP(s *UDPSocket, _ *Pollers) error { return in.resolver.serveUDP(s, in) }

func (r *Resolver) serveUDP(s *UDPSocket, in *Inbound) error {
	w := newWorker(r, false, in)
	b := make([]byte, maxUDP)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve udp: %w", err)
		}
		if l := w.limiter(); l != nil && !l.allow(from.Addr(), time.Now().UnixNano()) {
			w.counted.Limited++
			w.flush()
			continue
		}
		t := r.Table()
		size, c := w.handle(t, b, n)
		w.flush()
		if size > 0 && t.head.LogQueries {
			r.log.add(b[:size], logEntry{source: from, in: in, match: w.match})
		}
		// UDP: a reply that cannot be sent is one that got lost.
		if size > 0 {
			_, _ = s.conn.WriteToUDPAddrPort(b[:size], from)
		}
		if c != nil {
			c.from = from
			r.finish(c, func(reply []byte) { _, _ = s.conn.WriteToUDPAddrPort(reply, from) }, func() {})
		}
	}
}
