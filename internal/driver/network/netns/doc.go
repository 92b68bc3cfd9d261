// Package netns enters, makes and removes network namespaces by path.
//
// A namespace belongs to a thread, a goroutine does not. InNamespace runs a
// function on a thread of its own inside the namespace and gives the thread
// back only after it has returned to where it was. A socket keeps the
// namespace that it was made in, so Dial, Listen and ListenPacket are inside
// only for the time of one system call and their results are used from any
// goroutine.
//
//	conn, err := netns.Dial(ctx, "/run/seamark/4f1a/netns/vpc-1/eni-1", "tcp", "10.0.1.5:80")
//
// Inside a namespace names must not be resolved and nothing may be started
// that runs on other goroutines: those are on other threads and so outside.
// Dial, Listen and ListenPacket therefore take address literals only.
//
// On systems other than Linux every function returns ErrUnsupported.
package netns

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrUnsupported says that this system has no network namespaces.
var ErrUnsupported = errors.New("network namespaces need Linux")

// Origin is where a connection comes from.
type Origin struct {
	// Address is the source address; the zero value leaves it to the kernel.
	Address netip.Addr
	// Mark is the mark of the connection's packets (SO_MARK), by which rules know
	// them; 0 is none.
	Mark int
}

// literal parses "10.0.0.2:53" and refuses names, so that nothing is resolved.
func literal(address string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q is not an IP literal with a port: %w", address, err)
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}
