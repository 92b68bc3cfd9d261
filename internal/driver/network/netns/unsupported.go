//go:build !linux

package netns

import (
	"context"
	"net"
	"net/netip"
)

// InNamespace returns ErrUnsupported.
func InNamespace(string, func() error) error { return ErrUnsupported }

// Listen returns ErrUnsupported.
func Listen(_, _, address string) (net.Listener, error) {
	if _, err := literal(address); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// ListenPacket returns ErrUnsupported.
func ListenPacket(_, _, address string) (net.PacketConn, error) {
	if _, err := literal(address); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// Dial returns ErrUnsupported.
func Dial(_ context.Context, _, _, address string) (net.Conn, error) {
	if _, err := literal(address); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// DialFrom returns ErrUnsupported.
func DialFrom(ctx context.Context, path string, _ Origin, network, address string) (net.Conn, error) {
	return Dial(ctx, path, network, address)
}

// Listens returns ErrUnsupported.
func Listens(_, _ string, _ netip.AddrPort) (bool, error) { return false, ErrUnsupported }
