package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Resolver asks one DNS server over one connected socket. It is for one goroutine.
type Resolver struct {
	conn net.Conn
	id   uint16
	in   [4096]byte
}

// NewResolver asks over a connection, which it closes in the end.
func NewResolver(conn net.Conn) *Resolver { return &Resolver{conn: conn} }

// Close ends the connection.
func (r *Resolver) Close() error { return r.conn.Close() }

// Answer is what one query brought.
type Answer struct {
	Rcode     int
	Addresses []netip.Addr
}

// lostAfter is when a query counts as unanswered: well above what a busy
// machine adds.
const lostAfter = 2 * time.Second

// ErrLost says that a query was not answered.
var ErrLost = errors.New("no answer")

// Ask sends one query for A records, by TCP's rules too small to need it: at
// most eight addresses are answered.
func (r *Resolver) Ask(name string) (Answer, error) {
	r.id++
	query := new(dns.Msg).SetQuestion(name, dns.TypeA)
	query.Id = r.id
	b, err := query.Pack()
	if err != nil {
		return Answer{}, err
	}
	if err := r.conn.SetDeadline(time.Now().Add(lostAfter)); err != nil {
		return Answer{}, err
	}
	if _, err := r.conn.Write(b); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrLost, err)
	}
	for {
		n, err := r.conn.Read(r.in[:])
		if err != nil {
			return Answer{}, fmt.Errorf("%w: %w", ErrLost, err)
		}
		var m dns.Msg
		if err := m.Unpack(r.in[:n]); err != nil {
			return Answer{}, err
		}
		if m.Id == r.id { // others answer queries that were given up
			return Answer{m.Rcode, addresses(&m)}, nil
		}
	}
}

func addresses(m *dns.Msg) []netip.Addr {
	var list []netip.Addr
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			if ip, ok := netip.AddrFromSlice(a.A.To4()); ok {
				list = append(list, ip)
			}
		}
	}
	return list
}
