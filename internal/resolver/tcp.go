package resolver

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of a TCP connection (RFC 7766 section 6.2.3 advises a few seconds).
const (
	idleTimeout  = 10 * time.Second
	writeTimeout = 5 * time.Second
	maxPipeline  = 64 // answers of one connection that wait to be sent
)

// ServeTCP answers on the connections of a listener until it is closed.
// Connections beyond the VPC's bound are closed at once.
func (r *Resolver) ServeTCP(l net.Listener) error { return r.serveTCP(l, nil) }

// ServeTCP answers what comes in by an inbound endpoint, as Resolver.ServeTCP.
func (in *Inbound) ServeTCP(l net.Listener) error { return in.resolver.serveTCP(l, in) }

func (r *Resolver) serveTCP(l net.Listener, in *Inbound) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if isTemporary(err) {
			r.logger.Warn("accept failed", "listener", l.Addr(), "err", err)
			if !pause(r.ctx, 10*time.Millisecond) {
				return nil
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("serve tcp: %w", err)
		}
		select {
		case r.conns <- struct{}{}:
			r.running.Go(func() {
				defer func() { <-r.conns }()
				r.serveConn(conn, in)
			})
		default:
			_ = conn.Close() // nothing was read or written
		}
	}
}

// isTemporary says whether accepting may work again: the process or the machine
// is out of descriptors or memory, or the client was gone already.
func isTemporary(err error) bool {
	var e interface{ Temporary() bool }
	return errors.As(err, &e) && e.Temporary()
}

// pause waits, and reports false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connection is a TCP connection: one goroutine reads and looks up, another
// writes. Answers may overtake each other (RFC 7766 section 6.2.1.1).
type connection struct {
	resolver *Resolver
	conn     net.Conn
	from     netip.AddrPort
	worker   *worker
	replies  chan []byte
	broken   chan struct{} // closed when writing failed
	pending  sync.WaitGroup
}

func (r *Resolver) serveConn(conn net.Conn, in *Inbound) {
	c := &connection{resolver: r, conn: conn, from: remote(conn), worker: newWorker(r, true, in), replies: make(chan []byte, maxPipeline), broken: make(chan struct{})}
	stop := context.AfterFunc(r.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // unblocks both goroutines
	defer stop()
	var writing sync.WaitGroup
	writing.Go(c.write)
	c.read()
	c.pending.Wait()
	close(c.replies)
	writing.Wait()
	_ = conn.Close() // all replies were written or given up
}

// remote is the client's address; the zero AddrPort where it has none.
func remote(conn net.Conn) netip.AddrPort {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := a.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// answer answers one message.
func (c *connection) answer(b []byte, n int) (int, *chase) {
	w := c.worker
	defer w.flush()
	if l := w.limiter(); l != nil && !l.allow(c.from.Addr(), time.Now().UnixNano()) {
		w.counted.Limited++
		return 0, nil
	}
	t := c.resolver.Table()
	size, later := w.handle(t, b, n)
	if later != nil {
		later.from = c.from
	}
	if size > 0 && t.head.LogQueries {
		c.resolver.log.add(b[:size], logEntry{source: c.from, in: w.in, match: w.match, tcp: true})
	}
	return size, later
}

// read answers messages until the client is done, silent for too long, or not
// speaking DNS.
func (c *connection) read() {
	in := bufio.NewReader(c.conn)
	var b []byte
	for {
		if c.resolver.ctx.Err() != nil || c.conn.SetReadDeadline(time.Now().Add(idleTimeout)) != nil {
			return
		}
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return // the usual end of a connection
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if b == nil {
			b = make([]byte, maxBytes)
		}
		if _, err := io.ReadFull(in, b[:n]); err != nil {
			return
		}
		size, later := c.answer(b, n)
		switch {
		case later != nil:
			c.pending.Add(1)
			c.resolver.finish(later, func(reply []byte) { c.send(reply) }, c.pending.Done)
		case size == 0:
			return // no DNS, or the resolver is switched off
		default:
			if !c.send(slices.Clone(b[:size])) {
				return
			}
		}
	}
}

// send hands a reply to the writer. It reports false when nothing can be written.
func (c *connection) send(reply []byte) bool {
	select {
	case c.replies <- reply:
		return true
	case <-c.broken:
		return false
	}
}

// write writes replies until there are no more. Those that are there together
// leave together.
func (c *connection) write() {
	out := bufio.NewWriter(c.conn)
	for reply := range c.replies {
		if !c.writeOne(out, reply) {
			close(c.broken)
			for range c.replies { // the reader may be about to send
			}
			return
		}
	}
}

func (c *connection) writeOne(out *bufio.Writer, reply []byte) bool {
	if c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
		return false
	}
	var length [2]byte
	binary.BigEndian.PutUint16(length[:], uint16(len(reply)))
	// A buffered writer keeps its first error, so the last call tells of all.
	_, _ = out.Write(length[:])
	_, err := out.Write(reply)
	if err == nil && len(c.replies) == 0 {
		err = out.Flush()
	}
	return err == nil
}
