//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"seamark/bench/rig"
	"seamark/internal/admin"
	"seamark/internal/driver/network/netns"
)

// probe asks a VPC's resolver from an interface inside that VPC.
type probe struct {
	conn net.Conn
	end  func() error
	id   uint16
	in   [1500]byte
}

func newProbe(ctx context.Context, s admin.Session, end func() error) (*probe, error) {
	conn, err := netns.Dial(ctx, s.Namespace, "udp", s.Resolver.String())
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return &probe{conn: conn, end: end}, nil
}

func (p *probe) close() error { return errors.Join(p.conn.Close(), p.end()) }

// answer is what one query brought: addresses, or why there was no answer.
type answer struct {
	addresses []netip.Addr
	err       error
}

// lostAfter is when a query counts as unanswered. The resolver answers within
// microseconds; a closed port is refused at once.
const lostAfter = 5 * time.Millisecond

// ask sends one query for A records.
func (p *probe) ask(name string) answer {
	p.id++
	query := new(dns.Msg).SetQuestion(name, dns.TypeA)
	query.Id = p.id
	b, err := query.Pack()
	if err != nil {
		return answer{err: err}
	}
	if _, err := p.conn.Write(b); err != nil {
		return answer{err: err}
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(lostAfter)); err != nil {
		return answer{err: err}
	}
	for {
		n, err := p.conn.Read(p.in[:])
		if err != nil {
			return answer{err: err}
		}
		var m dns.Msg
		if err := m.Unpack(p.in[:n]); err != nil {
			return answer{err: err}
		}
		if m.Id == p.id { // others answer queries that were given up
			return addresses(&m)
		}
	}
}

func addresses(m *dns.Msg) answer {
	var a answer
	for _, rr := range m.Answer {
		if rr, ok := rr.(*dns.A); ok {
			if ip, ok := netip.AddrFromSlice(rr.A.To4()); ok {
				a.addresses = append(a.addresses, ip)
			}
		}
	}
	return a
}

// until asks again and again until an answer satisfies ok, and returns when
// that answer came.
func (p *probe) until(ctx context.Context, name string, every time.Duration, ok func(answer) bool) (time.Time, error) {
	var last answer
	var at time.Time
	err := rig.Poll(ctx, every, func() (bool, error) {
		last = p.ask(name)
		at = time.Now()
		return ok(last), nil
	})
	if err != nil {
		return at, fmt.Errorf("%s: last answer %v %w: %w", name, last.addresses, errors.Join(last.err), err)
	}
	return at, nil
}
