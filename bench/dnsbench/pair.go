//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// pair is two namespaces connected by a veth: a server's and its client's.
type pair struct{ server, client *os.File }

// Addresses of both ends.
var (
	serverAddress = netip.MustParseAddr("10.77.0.2")
	clientAddress = netip.MustParseAddr("10.77.0.10")
)

const prefixBits = 24

func newPair(l *launcher) (*pair, error) {
	server, err := l.newNamespace()
	if err != nil {
		return nil, err
	}
	client, err := l.newNamespace()
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	p := &pair{server, client}
	if err := p.connect(); err != nil {
		return nil, errors.Join(fmt.Errorf("connect namespaces: %w", err), p.close())
	}
	return p, nil
}

// close gives the namespaces up: with the last program in them they end, and
// the veth with them.
func (p *pair) close() error { return errors.Join(p.server.Close(), p.client.Close()) }

func (p *pair) connect() error {
	h, err := netlink.NewHandleAt(netns.NsHandle(p.server.Fd()))
	if err != nil {
		return err
	}
	defer h.Close()
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(p.client.Fd())),
	}
	if err := h.LinkAdd(veth); err != nil {
		return err
	}
	return errors.Join(address4(p.server, serverAddress), address4(p.client, clientAddress))
}

// address4 gives an end its address and brings it up.
func address4(namespace *os.File, a netip.Addr) error {
	h, err := netlink.NewHandleAt(netns.NsHandle(namespace.Fd()))
	if err != nil {
		return err
	}
	defer h.Close()
	for _, name := range []string{"lo", "eth0"} {
		link, err := h.LinkByName(name)
		if err != nil {
			return err
		}
		if name == "eth0" {
			ip := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(prefixBits, a.BitLen())}
			if err := h.AddrAdd(link, &netlink.Addr{IPNet: ip}); err != nil {
				return err
			}
		}
		if err := h.LinkSetUp(link); err != nil {
			return err
		}
	}
	return nil
}
