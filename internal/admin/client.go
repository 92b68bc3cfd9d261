package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Client speaks to a running Seamark.
type Client struct{ http http.Client }

// NewClient returns a client of the socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Client{http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks how the instance is.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// LoadImage imports an archive, by its absolute path.
func (c *Client) LoadImage(ctx context.Context, path string) (names []string, err error) {
	return names, c.call(ctx, http.MethodPost, "/images", struct{ Path string }{path}, &names)
}

// Images lists local images.
func (c *Client) Images(ctx context.Context) (images []Image, err error) {
	return images, c.call(ctx, http.MethodGet, "/images", nil, &images)
}

// OpenSession opens a session that lasts until close is called or this process ends.
func (c *Client) OpenSession(ctx context.Context, r SessionRequest) (s Session, end func() error, err error) {
	resp, err := c.send(ctx, http.MethodPost, "/sessions", r)
	if err != nil {
		return Session{}, nil, err
	}
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return Session{}, nil, errors.Join(err, resp.Body.Close())
	}
	return s, resp.Body.Close, nil
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	resp, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	return errors.Join(json.NewDecoder(resp.Body).Decode(out), resp.Body.Close())
}

// send returns a response with status 200, or the error that the server told.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://seamark"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s", strings.TrimSpace(string(text)))
}
