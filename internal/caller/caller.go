// Package caller is a client as a service's clients are: it calls a name over
// HTTP at a steady rate, asks DNS for it, and obeys the TTL of the answer to
// the millisecond. It repeats nothing, so what fails, fails.
//
// Tests and bench/rollout run it inside a VPC while the service changes.
package caller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Options are all required but for Pooled.
type Options struct {
	// Dial connects from where the client is. Its addresses are IP literals.
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Resolver netip.AddrPort
	Name     string // with the final dot
	Port     uint16
	Rate     int // requests per second
	// Pooled: connections are kept and used again, as by most HTTP clients;
	// otherwise each request has one of its own. A kept connection that the
	// server closed before the request was sent is replaced, as net/http does.
	Pooled bool
	// Timeout bounds a request, and a query.
	Timeout time.Duration
}

// Failure is a request, or a query, that failed.
type Failure struct {
	At     time.Duration // after the start
	Target string
	// Age is how long ago the target was answered.
	Age time.Duration
	Err error
}

func (f Failure) String() string {
	return fmt.Sprintf("after %v: %s, answered %v before: %v", f.At.Round(time.Millisecond), f.Target, f.Age.Round(time.Millisecond), f.Err)
}

// Result is what came of all requests.
type Result struct {
	Requests int
	Queries  int
	Failures []Failure
	Lasted   time.Duration
	// Targets are how many requests each address got.
	Targets map[netip.Addr]int
}

// Caller is a running client.
type Caller struct {
	opts    Options
	began   time.Time
	client  *http.Client
	stop    chan struct{}
	running sync.WaitGroup

	// Owned by the dispatcher.
	addresses []netip.Addr
	answered  time.Time
	ttl       time.Duration

	mu     sync.Mutex
	result Result
}

// Start begins to call.
func Start(o Options) *Caller {
	c := &Caller{opts: o, began: time.Now(), stop: make(chan struct{}), result: Result{Targets: map[netip.Addr]int{}}}
	c.client = &http.Client{Timeout: o.Timeout, Transport: &http.Transport{
		DialContext: o.Dial, DisableKeepAlives: !o.Pooled, MaxIdleConnsPerHost: o.Rate,
	}}
	c.running.Go(c.dispatch)
	return c
}

// Stop ends the calls, waits for those under way, and returns what came of all.
func (c *Caller) Stop() Result {
	close(c.stop)
	c.running.Wait()
	c.client.CloseIdleConnections()
	c.result.Lasted = time.Since(c.began)
	return c.result
}

// Failed is how many requests failed until now.
func (c *Caller) Failed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.result.Failures)
}

// dispatch keeps the rate on average: what a busy machine delays is made up for.
func (c *Caller) dispatch() {
	tick := time.NewTicker(time.Second / time.Duration(c.opts.Rate))
	defer tick.Stop()
	for sent := 0; ; {
		select {
		case <-c.stop:
			return
		case <-tick.C:
		}
		for due := int(time.Since(c.began).Seconds() * float64(c.opts.Rate)); sent < due; sent++ {
			if !c.fresh() {
				continue
			}
			a, answered := c.addresses[rand.IntN(len(c.addresses))], c.answered
			c.running.Go(func() { c.call(a, answered) })
		}
	}
}

// fresh asks DNS when the last answer is no longer valid. It reports false when
// there is none; that is a failed request.
func (c *Caller) fresh() bool {
	if time.Since(c.answered) < c.ttl {
		return true
	}
	c.addresses = nil
	addresses, ttl, err := c.ask()
	c.answered = time.Now()
	c.count(func(r *Result) { r.Queries++ })
	if err != nil {
		c.ttl = 0
		c.fail(c.opts.Name, c.answered, err)
		return false
	}
	c.addresses, c.ttl = addresses, ttl
	return true
}

// ask sends one query, without a second try.
func (c *Caller) ask() ([]netip.Addr, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
	defer cancel()
	conn, err := c.opts.Dial(ctx, "udp", c.opts.Resolver.String())
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = conn.Close() }() // the answer was read
	m, _, err := (&dns.Client{Timeout: c.opts.Timeout}).ExchangeWithConn(new(dns.Msg).SetQuestion(c.opts.Name, dns.TypeA), &dns.Conn{Conn: conn})
	if err != nil {
		return nil, 0, err
	}
	var addresses []netip.Addr
	ttl := time.Duration(0)
	for _, rr := range m.Answer {
		a, ok := rr.(*dns.A)
		if !ok {
			continue
		}
		if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
			addresses = append(addresses, addr)
			ttl = time.Duration(a.Hdr.Ttl) * time.Second
		}
	}
	if len(addresses) == 0 {
		return nil, 0, fmt.Errorf("%s without an address", dns.RcodeToString[m.Rcode])
	}
	return addresses, ttl, nil
}

// call makes one request.
func (c *Caller) call(to netip.Addr, answered time.Time) {
	err := c.get("http://" + netip.AddrPortFrom(to, c.opts.Port).String() + "/")
	c.count(func(r *Result) {
		r.Requests++
		r.Targets[to]++
	})
	if err != nil {
		c.fail(to.String(), answered, err)
	}
}

func (c *Caller) get(url string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func (c *Caller) count(f func(*Result)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.result)
}

func (c *Caller) fail(target string, answered time.Time, err error) {
	now := time.Now()
	c.count(func(r *Result) {
		r.Failures = append(r.Failures, Failure{At: now.Sub(c.began), Target: target, Age: now.Sub(answered), Err: err})
	})
}
