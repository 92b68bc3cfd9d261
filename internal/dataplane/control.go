package dataplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// statusEvery is how often a data plane tells its status by itself.
const statusEvery = time.Second

// control serves the control connections of a Server: one at a time, of which
// the newest is the one.
type control struct {
	server   *Server
	listener *net.UnixListener
}

// listenControl opens the socket for the owner alone. What is left of an older
// process under that path is replaced.
func listenControl(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	// A process that takes over has its own socket there by the time this one ends.
	l.SetUnlinkOnClose(false)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// run accepts connections until ctx ends.
func (c *control) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.listener.Close() }) // ends Accept
	defer stop()
	var last *session
	defer func() { last.end() }()
	for {
		conn, err := c.listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close() // too late to be served
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept control connection: %w", err)
		}
		last.end()
		last = newSession(c.server, conn)
	}
}

// session is one control connection.
type session struct {
	server  *Server
	conn    net.Conn
	out     chan []byte
	ctx     context.Context // ends with the session
	cancel  context.CancelFunc
	running sync.WaitGroup
	// replaced: a whole snapshot came over this connection. Only read uses it.
	replaced bool
}

func newSession(s *Server, conn net.Conn) *session {
	c := &session{server: s, conn: conn, out: make(chan []byte)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.running.Go(func() { c.close(c.read()) })
	c.running.Go(func() { c.close(c.write()) })
	return c
}

// end closes a session and waits for it. There may be none.
func (c *session) end() {
	if c == nil {
		return
	}
	c.close(nil)
	c.running.Wait()
}

// close ends both goroutines, once either has an end.
func (c *session) close(err error) {
	if c.ctx.Err() == nil && err != nil && !errors.Is(err, io.EOF) {
		c.server.opts.Logger.Warn("control connection ended", "err", err)
	}
	c.cancel()
	_ = c.conn.Close() // the session is over either way
}

// read takes requests one after the other.
func (c *session) read() error {
	in := bufio.NewReader(c.conn)
	for {
		var r request
		if err := readFrame(in, &r); err != nil {
			return err
		}
		if r.TakeQueries {
			// Unpacking many records takes a while, for which no change should wait.
			c.running.Go(func() { _ = c.send(c.answer(r)) }) // what fails has ended the session
			continue
		}
		if err := c.send(c.answer(r)); err != nil {
			return err
		}
	}
}

func (c *session) answer(r request) response {
	out := response{ID: r.ID}
	var err error
	switch {
	case r.Replace != nil:
		var ack Ack
		ack, err = c.server.Replace(c.ctx, r.Replace.Revision, r.Replace.Snapshot)
		out.Ack = &ack
		c.replaced = c.replaced || err == nil
	case r.Sync != nil:
		var ack Ack
		ack, err = c.sync(r.Sync)
		out.Ack = &ack
	case r.TakeQueries:
		var q queries
		q.Records, q.Dropped, err = c.server.TakeQueries(c.ctx)
		out.Queries = &q
	default:
		var st Status
		st, err = c.server.Status(c.ctx)
		out.Status = &st
	}
	if err != nil {
		return response{ID: r.ID, Error: err.Error(), NeedSnapshot: errors.Is(err, ErrNeedSnapshot)}
	}
	return out
}

// sync refuses changes to a state that the other side has not sent itself.
func (c *session) sync(r *syncRequest) (Ack, error) {
	if !c.replaced {
		return Ack{}, ErrNeedSnapshot
	}
	return c.server.Sync(c.ctx, r.Revision, r.Changes)
}

func (c *session) send(r response) error {
	b, err := frame(r)
	if err != nil {
		return err
	}
	select {
	case c.out <- b:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
}

// write sends the hello, the responses and, once a second, the status.
func (c *session) write() error {
	b, err := frame(hello{Service: serviceName, Protocol: Protocol, PID: os.Getpid()})
	if err != nil {
		return err
	}
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		if _, err := c.conn.Write(b); err != nil {
			return err
		}
		select {
		case b = <-c.out:
		case <-tick.C:
			st, err := c.server.Status(c.ctx)
			if err != nil {
				return err
			}
			if b, err = frame(response{Status: &st}); err != nil {
				return err
			}
		case <-c.ctx.Done():
			return nil
		}
	}
}
