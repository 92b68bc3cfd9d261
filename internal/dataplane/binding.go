package dataplane

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"seamark/internal/resolver"
)

// binding is the sockets of one address: UDP sockets that share it, one for
// each poller, between which the kernel spreads the clients, and a TCP listener.
type binding struct {
	at      netip.AddrPort
	udp     []*resolver.UDPSocket
	tcp     net.Listener
	serving sync.WaitGroup
}

// portAttempts is how many free TCP ports are tried before one is also free for UDP.
const portAttempts = 16

// openBinding opens the sockets of an address. Unless it is exclusive another
// process may have the same address open, which is how a new data plane takes
// over from an old one without a gap. An exclusive one may have port 0.
func openBinding(namespace string, at netip.AddrPort, exclusive bool, sockets int) (*binding, error) {
	var errs []error
	for range portAttempts {
		b, err := open(namespace, at, exclusive, sockets)
		if err == nil {
			return b, nil
		}
		errs = append(errs, err)
		if at.Port() != 0 {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func open(namespace string, at netip.AddrPort, exclusive bool, sockets int) (*binding, error) {
	tcp, err := listenTCP(namespace, at, !exclusive)
	if err != nil {
		return nil, fmt.Errorf("listen on tcp %s: %w", at, err)
	}
	b := &binding{tcp: tcp, at: tcp.Addr().(*net.TCPAddr).AddrPort()}
	b.at = netip.AddrPortFrom(b.at.Addr().Unmap(), b.at.Port())
	for range sockets {
		udp, err := listenUDP(namespace, b.at)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen on udp %s: %w", b.at, err), b.shut())
		}
		b.udp = append(b.udp, udp)
	}
	return b, nil
}

// mark sets the mark of answers over UDP. They get through without it, too, by
// rules that take longer.
func (b *binding) mark(mark int, logger *slog.Logger) {
	for _, c := range b.udp {
		if err := setMark(c, mark); err != nil {
			logger.Debug("answers have no mark", "address", b.at, "err", err)
		}
	}
}

// answerer is a Resolver, or an inbound endpoint's way to it.
type answerer interface {
	ServeUDP(s *resolver.UDPSocket, pool *resolver.Pollers) error
	ServeTCP(l net.Listener) error
}

// serve starts answering on all sockets.
func (b *binding) serve(r answerer, pollers *resolver.Pollers, logger *slog.Logger) {
	for _, c := range b.udp {
		b.serving.Go(func() { report(logger, b.at, r.ServeUDP(c, pollers)) })
	}
	b.serving.Go(func() { report(logger, b.at, r.ServeTCP(b.tcp)) })
}

func report(logger *slog.Logger, at netip.AddrPort, err error) {
	if err != nil {
		logger.Error("socket is no longer served", "address", at, "err", err)
	}
}

// close answers what has arrived, closes the sockets and waits until they are
// no longer served.
func (b *binding) close(logger *slog.Logger) {
	for _, c := range b.udp {
		if err := drain(c, b.at); err != nil {
			logger.Debug("socket closed before all its queries were answered", "address", b.at, "err", err)
		}
	}
	report(logger, b.at, b.shut())
	b.serving.Wait()
}

func (b *binding) shut() error {
	errs := []error{b.tcp.Close()}
	for _, c := range b.udp {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
