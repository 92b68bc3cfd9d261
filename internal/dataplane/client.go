package dataplane

import (
	"context"
	"errors"
)

// Client speaks to a data plane in another process.
type Client struct {
}

// Dial connects to a data plane's socket. The data plane ends an older
// connection in favour of this one.
func Dial(ctx context.Context, socket string) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// Replace implements Plane.
func (c *Client) Replace(ctx context.Context, revision int64, s Snapshot) (Ack, error) {
	return Ack{}, errors.ErrUnsupported
}

// Sync implements Plane.
func (c *Client) Sync(ctx context.Context, revision int64, changes []Change) (Ack, error) {
	return Ack{}, errors.ErrUnsupported
}

// Status implements Plane.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return Status{}, errors.ErrUnsupported
}

// Done is closed when the connection has ended; Err then says why.
func (c *Client) Done() <-chan struct{} { return nil }

// Err is why the connection ended, or nil while it lasts.
func (c *Client) Err() error { return errors.ErrUnsupported }

// Close implements Plane.
func (c *Client) Close() error { return errors.ErrUnsupported }
