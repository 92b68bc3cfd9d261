//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/driver/network/netns"
)

// typeA and typeAAAA are what the query file asks for.
const (
	typeA    = dns.TypeA
	typeAAAA = dns.TypeAAAA
)

// dial opens a socket in the namespace from which a server is asked.
func (s *server) dial(ctx context.Context) (net.Conn, error) {
	return netns.Dial(ctx, fmt.Sprintf("/proc/self/fd/%d", s.client.Fd()), "udp", s.address.String())
}

// ask sends one query as dnsperf does, with EDNS0.
func (s *server) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(4096, false)
	const patience = time.Second
	client := dns.Client{Net: "udp", UDPSize: 4096, Timeout: patience}
	answer, _, err := client.ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn, UDPSize: 4096})
	return answer, errors.Join(err, conn.Close())
}

// verify fails unless the server answers the three kinds of queries as the
// others do.
func (s *server) verify(ctx context.Context) error {
	for _, want := range []struct {
		name    string
		qtype   uint16
		rcode   int
		records int
		soa     int
	}{
		{serviceName(names / 2), typeA, dns.RcodeSuccess, s.records, 0},
		{serviceName(names / 2), typeAAAA, dns.RcodeSuccess, 0, 1},
		{"no-" + serviceName(1), typeA, dns.RcodeNameError, 0, 1},
	} {
		m, err := s.ask(ctx, want.name+"."+domain+".", want.qtype)
		if err != nil {
			return err
		}
		if m.Rcode != want.rcode || len(m.Answer) != want.records || len(m.Ns) != want.soa || m.IsEdns0() == nil || m.Truncated {
			return fmt.Errorf("%s answers not as the comparison needs it:\n%s", s.name, m)
		}
	}
	return nil
}
