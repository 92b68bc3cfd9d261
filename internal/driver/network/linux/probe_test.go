//go:build linux

package linux_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// probe connects for real: echo servers in the target's namespace, clients in
// the sender's.
type probe struct {
	t testing.TB
	d network.Driver

	mu        sync.Mutex
	servers   map[serverKey]bool
	addresses map[addressKey]netip.Addr
	done      sync.WaitGroup
}

type serverKey struct {
	namespace netns.ID
	protocol  int
	at        netip.AddrPort
}

type addressKey struct {
	id  world.NetworkInterfaceID
	six bool
}

func newProbe(t testing.TB, d network.Driver) *probe {
	p := &probe{t: t, d: d, servers: map[serverKey]bool{}, addresses: map[addressKey]netip.Addr{}}
	t.Cleanup(p.done.Wait) // after the servers' own cleanups, which were registered later
	return p
}

func (p *probe) Connect(ctx context.Context, vpc world.VPCID, from world.NetworkInterfaceID, to networktest.Target) (networktest.Conn, error) {
	at, err := p.serve(vpc, to)
	if err != nil {
		return nil, err
	}
	inside := p.d.Paths().Interface(from)
	if to.Protocol == netcfg.ProtocolICMP || to.Protocol == netcfg.ProtocolICMPv6 {
		if !at.IsValid() {
			return nil, errors.New("the target has no address of that family")
		}
		return ping(ctx, inside, at.Addr())
	}
	name := "tcp"
	if to.Protocol == netcfg.ProtocolUDP {
		name = "udp"
	}
	c, err := netns.Dial(ctx, inside, name, at.String())
	if err != nil {
		return nil, err
	}
	e := echo{c}
	deadline, _ := ctx.Deadline()
	if err := e.exchange(deadline); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return e, nil
}

// serve starts an echo server at the target unless it runs. For an interface
// that is gone it only knows the address that it had.
func (p *probe) serve(vpc world.VPCID, to networktest.Target) (netip.AddrPort, error) {
	path, address := p.d.Paths().VPC(vpc), to.Address
	if to.Interface != "" {
		path = p.d.Paths().Interface(to.Interface)
		known, err := p.addressOf(addressKey{to.Interface, to.IPv6}, path)
		if err != nil {
			return netip.AddrPort{}, err
		}
		address = known
	}
	at := netip.AddrPortFrom(address, to.Port)
	if path == "" || !at.IsValid() || to.Protocol == netcfg.ProtocolICMP || to.Protocol == netcfg.ProtocolICMPv6 {
		return at, nil
	}
	id, err := netns.Identify(path)
	if err != nil {
		return at, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := serverKey{id, to.Protocol, at}
	if p.servers[key] {
		return at, nil
	}
	p.servers[key] = true
	if to.Protocol == netcfg.ProtocolUDP {
		return at, p.serveUDP(path, at)
	}
	return at, p.serveTCP(path, at)
}

func (p *probe) addressOf(key addressKey, path string) (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == "" {
		return p.addresses[key], nil
	}
	err := netns.InNamespace(path, func() error {
		eth, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		all, err := eth.Addrs()
		if err != nil {
			return err
		}
		found := map[bool][]netip.Addr{}
		for _, a := range all {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				return err
			}
			found[prefix.Addr().Is6()] = append(found[prefix.Addr().Is6()], prefix.Addr())
		}
		if len(found[false]) != 1 || len(found[true]) > 1 {
			return fmt.Errorf("eth0 has the addresses %v, want one, and one for IPv6 at most", all)
		}
		delete(p.addresses, key)
		for _, a := range found[key.six] {
			p.addresses[key] = a
		}
		return nil
	})
	return p.addresses[key], err
}

func (p *probe) serveTCP(path string, at netip.AddrPort) error {
	l, err := netns.Listen(path, "tcp", at.String())
	if err != nil {
		return err
	}
	p.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// The client may vanish with its interface and never say so.
			p.t.Cleanup(func() { _ = c.Close() })
			p.done.Go(func() {
				defer func() { _ = c.Close() }() // the client sees any loss
				_, _ = io.Copy(c, c)             // ends with either
			})
		}
	})
	p.t.Cleanup(func() { _ = l.Close() }) // its namespace may be gone
	return nil
}

func (p *probe) serveUDP(path string, at netip.AddrPort) error {
	c, err := netns.ListenPacket(path, "udp", at.String())
	if err != nil {
		return err
	}
	p.done.Go(func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(b[:n], from) // a lost answer is what the client looks for
		}
	})
	p.t.Cleanup(func() { _ = c.Close() })
	return nil
}

// echo is a connection to an echo server.
type echo struct{ net.Conn }

func (e echo) Exchange() error { return e.exchange(time.Now().Add(10 * time.Second)) }

func (e echo) exchange(deadline time.Time) error {
	if err := e.SetDeadline(deadline); err != nil {
		return err
	}
	sent := []byte("over and back")
	if _, err := e.Write(sent); err != nil {
		return err
	}
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(e, got); err != nil {
		return err
	}
	if !bytes.Equal(got, sent) {
		return fmt.Errorf("got %q back", got)
	}
	return nil
}

// ping sends one ICMP echo request and waits for the reply.
func ping(ctx context.Context, path string, to netip.Addr) (networktest.Conn, error) {
	var c *net.IPConn
	err := netns.InNamespace(path, func() (err error) {
		name := "ip4:icmp"
		if to.Is6() {
			name = "ip6:ipv6-icmp"
		}
		c, err = net.DialIP(name, nil, &net.IPAddr{IP: to.AsSlice()})
		return err
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // nothing is buffered
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return nil, err
	}
	request, answer := []byte{8, 0, 0, 0, 0x5e, 0xa0, 0, 1}, byte(0)
	if to.Is6() {
		request[0], answer = 128, 129 // the kernel computes ICMPv6's checksum
	} else {
		binary.BigEndian.PutUint16(request[2:], checksum(request))
	}
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	reply := make([]byte, 1500)
	for {
		n, _, err := c.ReadFrom(reply) // Read would keep the IP header
		if err != nil {
			return nil, err
		}
		if n >= 8 && reply[0] == answer && bytes.Equal(reply[4:8], request[4:8]) {
			return pong{}, nil
		}
	}
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// pong is the connection that ping does not have.
type pong struct{}

func (pong) Exchange() error { return nil }
func (pong) Close() error    { return nil }
