//go:build !linux

package resolver

import (
	"errors"
	"fmt"
	"net"
)

// Buffers are the memory that UDP sockets share. Outside Linux they have their own.
type Buffers struct{}

// NewBuffers returns empty Buffers.
func NewBuffers() *Buffers { return &Buffers{} }

// ServeUDP answers what arrives on a socket until the socket is closed.
func (r *Resolver) ServeUDP(conn *net.UDPConn, _ *Buffers) error {
	w := newWorker(r, false)
	b := make([]byte, maxUDP)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve udp: %w", err)
		}
		size, c := w.handle(r.Table(), b, n)
		w.flush()
		// UDP: a reply that cannot be sent is one that got lost.
		if size > 0 {
			_, _ = conn.WriteToUDPAddrPort(b[:size], from)
		}
		if c != nil {
			r.finish(c, func(reply []byte) { _, _ = conn.WriteToUDPAddrPort(reply, from) }, func() {})
		}
	}
}
