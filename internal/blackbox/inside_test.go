//go:build linux

package blackbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/admin"
	"seamark/internal/driver/network/netns"
)

// resolverAddress is the resolver of a VPC 10.0.0.0/16.
var resolverAddress = netip.MustParseAddrPort("10.0.0.2:53")

// place is a network namespace inside a VPC to ask and dial from.
type place struct {
	path     string
	resolver netip.AddrPort
}

// session opens an interface in a VPC or a subnet, gone at the test's end.
func (s *server) session(target string, groups ...string) place {
	s.t.Helper()
	opened, end, err := admin.NewClient(s.adminSocket()).OpenSession(context.Background(), admin.SessionRequest{Target: target, SecurityGroups: groups})
	if err != nil {
		s.t.Fatal(err)
	}
	s.sessions++
	s.t.Cleanup(func() { _ = end() }) // the server may have been killed meanwhile
	return place{opened.Namespace, opened.Resolver}
}

func (p place) dial(network string, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return netns.Dial(ctx, p.path, network, to.String())
}

// ask asks the resolver for the addresses of a name.
func (p place) ask(name string) (*dns.Msg, error) {
	conn, err := p.dial("udp", p.resolver)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, _, err := (&dns.Client{Timeout: 3 * time.Second}).ExchangeWithConn(new(dns.Msg).SetQuestion(name, dns.TypeA), &dns.Conn{Conn: conn})
	return answer, err
}

// lookup returns the addresses of a name, sorted; none for NXDOMAIN.
func (p place) lookup(name string) ([]netip.Addr, error) {
	answer, err := p.ask(name)
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, errors.New(dns.RcodeToString[answer.Rcode])
	}
	return addresses(answer), nil
}

func addresses(m *dns.Msg) []netip.Addr {
	var all []netip.Addr
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok {
			if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
				all = append(all, addr)
			}
		}
	}
	return sorted(all)
}

// answered waits until a name has that many addresses.
func (s *server) answered(p place, name string, count int) []netip.Addr {
	s.t.Helper()
	var last []netip.Addr
	s.eventually(fmt.Sprintf("%s has %d addresses", name, count), func() (err error) {
		if last, err = p.lookup(name); err != nil {
			return err
		}
		if len(last) != count {
			return fmt.Errorf("it has %v", last)
		}
		return nil
	})
	return last
}

// web is one HTTP connection that is never replaced by another.
type web struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

func (p place) connect(to netip.AddrPort) (*web, error) {
	conn, err := p.dial("tcp", to)
	if err != nil {
		return nil, err
	}
	return &web{conn, bufio.NewReader(conn), to.String()}, nil
}

// get asks for a path and returns the body of a 200.
func (w *web) get(path string) (string, error) {
	if err := w.conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	req, err := http.NewRequest(http.MethodGet, "http://"+w.host+path, nil)
	if err != nil {
		return "", err
	}
	if err := req.Write(w.conn); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(w.in, req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return string(body), nil
}

// quickly asks once, waits for the answer for a moment only, and returns how
// many addresses there were.
func (p place) quickly(name string) (int, error) {
	conn, err := p.dial("udp", p.resolver)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	answer, _, err := (&dns.Client{Timeout: 10 * time.Millisecond}).ExchangeWithConn(new(dns.Msg).SetQuestion(name, dns.TypeA), &dns.Conn{Conn: conn})
	if err != nil {
		return 0, err
	}
	return len(addresses(answer)), nil
}
