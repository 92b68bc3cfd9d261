//go:build !linux

package dataplane

import (
	"net"
	"net/netip"

	"seamark/internal/driver/network/netns"
	"seamark/internal/resolver"
)

// sharesPorts: one socket serves an address.
const sharesPorts = false

// identity is always the zero one.
type identity struct{}

func identify(path string) (identity, error) {
	if path != "" {
		return identity{}, netns.ErrUnsupported
	}
	return identity{}, nil
}

func listenUDP(_ string, at netip.AddrPort) (*resolver.UDPSocket, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	return resolver.NewUDPSocket(conn)
}

func listenTCP(_ string, at netip.AddrPort, _ bool) (net.Listener, error) {
	return net.Listen("tcp", at.String())
}

// drain does nothing: what is queued in the socket gets lost.
func drain(*resolver.UDPSocket, netip.AddrPort) error { return nil }

// setMark does nothing: packets have no marks here.
func setMark(*resolver.UDPSocket, int) error { return nil }
