package dataplane

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// helloTimeout is how long a data plane may take to introduce itself. After
// that it tells its status every second: when silent for silenceTimeout it hangs.
const (
	helloTimeout   = 2 * time.Second
	silenceTimeout = 15 * time.Second
)

// ErrProtocol says that the data plane speaks another version of the protocol.
var ErrProtocol = errors.New("data plane speaks another version of the protocol")

// Client speaks to a data plane in another process.
type Client struct {
	conn net.Conn
	pid  int
	out  chan []byte
	done chan struct{}

	running sync.WaitGroup
	closing sync.Once

	mu      sync.Mutex
	nextID  uint64
	waiting map[uint64]chan response
	last    Status
	err     error
}

// Dial connects to a data plane's socket. The data plane ends an older
// connection in favour of this one.
func Dial(ctx context.Context, socket string) (*Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("data plane: %w", err)
	}
	h, err := greet(ctx, conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data plane: %w", err), conn.Close())
	}
	c := &Client{conn: conn, pid: h.PID, out: make(chan []byte), done: make(chan struct{}), waiting: map[uint64]chan response{}}
	c.running.Go(c.read)
	c.running.Go(c.write)
	return c, nil
}

// greet reads the hello and nothing beyond it.
func greet(ctx context.Context, conn net.Conn) (hello, error) {
	var h hello
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends the read
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return h, err
	}
	if err := readFrame(conn, &h); err != nil {
		return h, err
	}
	if h.Service != serviceName {
		return h, fmt.Errorf("%q is not a data plane", h.Service)
	}
	if h.Protocol != Protocol {
		return h, fmt.Errorf("%w: %d instead of %d", ErrProtocol, h.Protocol, Protocol)
	}
	if ctx.Err() != nil {
		return h, context.Cause(ctx)
	}
	return h, conn.SetDeadline(time.Time{})
}

// PID is the process that answers.
func (c *Client) PID() int { return c.pid }

// Replace implements Plane.
func (c *Client) Replace(ctx context.Context, revision int64, s Snapshot) (Ack, error) {
	return c.acked(ctx, request{Replace: &replaceRequest{revision, s}})
}

// Sync implements Plane.
func (c *Client) Sync(ctx context.Context, revision int64, changes []Change) (Ack, error) {
	return c.acked(ctx, request{Sync: &syncRequest{revision, changes}})
}

// Status implements Plane.
func (c *Client) Status(ctx context.Context) (Status, error) {
	r, err := c.call(ctx, request{})
	if err != nil {
		return Status{}, err
	}
	if r.Status == nil {
		return Status{}, errors.New("data plane: response without a status")
	}
	return *r.Status, nil
}

// TakeQueries implements Plane.
func (c *Client) TakeQueries(ctx context.Context) ([]Query, uint64, error) {
	r, err := c.call(ctx, request{TakeQueries: true})
	if err != nil {
		return nil, 0, err
	}
	if r.Queries == nil {
		return nil, 0, errors.New("data plane: response without queries")
	}
	return r.Queries.Records, r.Queries.Dropped, nil
}

// Last is the latest status that the data plane has sent by itself, which it
// does every second; also after the connection has ended.
func (c *Client) Last() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// Done is closed when the connection has ended; Err then says why.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is why the connection ended, or nil while it lasts.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close implements Plane.
func (c *Client) Close() error {
	c.end(ErrClosed)
	c.running.Wait()
	return nil
}

// end closes the connection once and fails all who wait.
func (c *Client) end(err error) {
	c.closing.Do(func() {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		close(c.done)
		_ = c.conn.Close() // the connection is given up
	})
}

func (c *Client) acked(ctx context.Context, r request) (Ack, error) {
	got, err := c.call(ctx, r)
	if err != nil {
		return Ack{}, err
	}
	if got.Ack == nil {
		return Ack{}, errors.New("data plane: response without an acknowledgement")
	}
	return *got.Ack, nil
}

// call sends a request and waits for its response. Requests reach the data
// plane in the order in which the channel takes them.
func (c *Client) call(ctx context.Context, r request) (response, error) {
	answer := make(chan response, 1)
	r.ID = c.expect(answer)
	defer c.forget(r.ID)
	b, err := frame(r)
	if err != nil {
		return response{}, err
	}
	select {
	case c.out <- b:
	case <-c.done:
		return response{}, c.lost()
	case <-ctx.Done():
		return response{}, context.Cause(ctx)
	}
	select {
	case got := <-answer:
		return got, got.err()
	case <-c.done:
		return response{}, c.lost()
	case <-ctx.Done():
		return response{}, context.Cause(ctx)
	}
}

func (c *Client) expect(answer chan response) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextID++
	c.waiting[c.nextID] = answer
	return c.nextID
}

func (c *Client) lost() error {
	if err := c.Err(); !errors.Is(err, ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return ErrClosed
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (r response) err() error {
	switch {
	case r.NeedSnapshot:
		return fmt.Errorf("%w (%s)", ErrNeedSnapshot, r.Error)
	case r.Error != "":
		return fmt.Errorf("data plane: %s", r.Error)
	}
	return nil
}

func (c *Client) write() {
	for {
		select {
		case b := <-c.out:
			if _, err := c.conn.Write(b); err != nil {
				c.end(err)
				return
			}
		case <-c.done:
			return
		}
	}
}

func (c *Client) read() {
	in := bufio.NewReader(c.conn)
	for {
		var r response
		err := c.conn.SetReadDeadline(time.Now().Add(silenceTimeout))
		if err == nil {
			err = readFrame(in, &r)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("ended by the data plane")
			}
			c.end(err)
			return
		}
		c.deliver(r)
	}
}

func (c *Client) deliver(r response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ID == 0 && r.Status != nil {
		c.last = *r.Status
	}
	if answer, ok := c.waiting[r.ID]; ok {
		answer <- r // has room for the one response there is
		delete(c.waiting, r.ID)
	}
}
