//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
)

// connectLimit is how long a pull may take to reach its registry, name
// resolution and all attempts included. Past it the registry is unreachable
// and the task should say so while its owner is still looking.
const connectLimit = 4 * time.Second

// answerLimit is how long a registry may take to begin an answer.
const answerLimit = 30 * time.Second

// pulls makes one pull of the pulls of one name that are asked for at once.
type pulls struct {
	mu     sync.Mutex
	byName map[string]*pull
}

type pull struct {
	done chan struct{}
	err  error // once done is closed
}

// pull fetches and unpacks an image. It goes on when ctx ends, for the others
// that wait for it, and so that a retry finds more of it.
func (d *Driver) pull(ctx context.Context, name string) error {
	p, first := d.pulls.join(name)
	if first {
		d.running.Go(func() {
			began := time.Now()
			d.opts.Logger.Info("pulling image", "image", name)
			if p.err = d.fetch(d.within(d.life), name); p.err == nil {
				d.opts.Logger.Info("pulled image", "image", name, "took", time.Since(began).Round(time.Millisecond))
			}
			d.pulls.leave(name)
			close(p.done)
		})
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pulls) join(name string) (found *pull, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found = p.byName[name]; found != nil {
		return found, false
	}
	if p.byName == nil {
		p.byName = map[string]*pull{}
	}
	found = &pull{done: make(chan struct{})}
	p.byName[name] = found
	return found, true
}

func (p *pulls) leave(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byName, name)
}

func (d *Driver) fetch(ctx context.Context, name string) error {
	transport := d.transport()
	defer transport.CloseIdleConnections()
	r := resolver(&http.Client{Transport: transport})
	return pastRemains(func() error {
		_, err := d.client.Pull(ctx, name, client.WithPlatformMatcher(d.platform), client.WithPullUnpack,
			client.WithPullSnapshotter(d.opts.Snapshotter), client.WithResolver(r))
		return err
	})
}

// resolver speaks to any registry over TLS, and to one on the loopback
// interface without.
func resolver(c *http.Client) remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{Hosts: docker.ConfigureDefaultRegistries(
		docker.WithClient(c),
		docker.WithAuthorizer(docker.NewDockerAuthorizer(docker.WithAuthClient(c))),
		docker.WithPlainHTTP(docker.MatchLocalhost),
	)})
}

func (d *Driver) transport() *http.Transport {
	dial := d.opts.DialContext
	if dial == nil {
		dial = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	first := firstContact{dial: dial, limit: time.Now().Add(connectLimit)}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           first.dialContext,
		TLSHandshakeTimeout:   connectLimit,
		ResponseHeaderTimeout: answerLimit,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          10,
		IdleConnTimeout:       answerLimit,
	}
}

// firstContact bounds the time until the first connection of a pull. Later
// ones may take as long as they take.
type firstContact struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	limit time.Time
	made  atomic.Bool
}

func (f *firstContact) dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if f.made.Load() {
		return f.dial(ctx, network, address)
	}
	ctx, cancel := context.WithDeadline(ctx, f.limit)
	defer cancel()
	c, err := f.dial(ctx, network, address)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("dial %s %s: no answer within %v: %w", network, address, connectLimit, err)
		}
		return nil, err
	}
	f.made.Store(true)
	return c, nil
}
