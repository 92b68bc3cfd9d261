package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// outbound dials where users can aim Seamark, such as an image's registry or what
// a health check looks at. This
// host itself, and what is link-local to it, is refused unless allowed: else
// anybody who may register a task definition or an instance could reach services that listen
// on this host alone.
type outbound struct {
	allowed []netip.Prefix
	// own lists this host's addresses.
	own func() ([]net.Addr, error)
}

func newOutbound(allowed []string) (*outbound, error) {
	o := &outbound{own: net.InterfaceAddrs}
	for _, s := range allowed {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--allow-outbound %q: want a CIDR block", s)
		}
		o.allowed = append(o.allowed, p.Masked())
	}
	return o, nil
}

// DialContext dials. The address is checked after names were resolved, so a
// name that leads here is refused too.
func (o *outbound) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return o.check(address) }}
	return d.DialContext(ctx, network, address)
}

func (o *outbound) check(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("outbound connection to %q: %w", address, err)
	}
	a := to.Addr().Unmap()
	for _, p := range o.allowed {
		if p.Contains(a) {
			return nil
		}
	}
	if a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || a.IsInterfaceLocalMulticast() || o.isOwn(a) {
		return fmt.Errorf("outbound connection to %s refused: it is this host or link-local (see --allow-outbound)", a)
	}
	return nil
}

func (o *outbound) isOwn(a netip.Addr) bool {
	addrs, err := o.own()
	if err != nil {
		return true // unknown: refuse
	}
	for _, addr := range addrs {
		if p, err := netip.ParsePrefix(addr.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
