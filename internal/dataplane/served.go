package dataplane

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"

	"seamark/internal/resolver"
	"seamark/internal/world"
)

// served is one VPC that is being answered. Only the server's loop uses it.
type served struct {
	id       world.VPCID
	resolver *resolver.Resolver
	pollers  *resolver.Pollers
	logger   *slog.Logger

	listen    Listen
	namespace identity   // of the namespace that the bindings are in
	bindings  []*binding // one for each of listen.Addresses; nil: not bound
	failed    error
	// ports are those that port 0 stood for when the kept snapshot was written.
	// While restoring, no other is taken: clients know these, and a data plane
	// that is about to end may still have them.
	ports     []netip.AddrPort
	restoring bool
}

func newServed(id world.VPCID, t *resolver.Table, s *Server) *served {
	return &served{
		id: id, pollers: s.pollers, logger: s.opts.Logger.With("vpc", id),
		resolver: resolver.New(t, s.forwarder, s.opts.Logger.With("vpc", id)),
	}
}

// set serves a table on the given addresses. Sockets that are already right are
// kept.
func (v *served) set(t *resolver.Table, listen Listen) {
	v.resolver.Swap(t)
	if listen.Namespace != v.listen.Namespace || !slices.Equal(listen.Addresses, v.listen.Addresses) {
		v.unbind()
		v.listen = listen
	}
	v.check()
}

// check binds what is not bound, and binds anew where the namespace is another
// one under the same path. A namespace that is gone must not be kept alive by
// sockets in it.
func (v *served) check() {
	is, err := identify(v.listen.Namespace)
	if err != nil || is != v.namespace {
		v.unbind()
	}
	if err == nil {
		v.namespace = is
		err = v.bind()
	}
	if text(err) != text(v.failed) {
		v.tell(err)
	}
	v.failed = err
}

func (v *served) tell(err error) {
	if err != nil {
		v.logger.Error("resolver does not listen on all addresses", "err", err)
		return
	}
	v.logger.Info("resolver listens", "addresses", v.bound())
}

// bind opens the sockets of all addresses that have none.
func (v *served) bind() error {
	if v.bindings == nil {
		v.bindings = make([]*binding, len(v.listen.Addresses))
	}
	var errs []error
	for i, at := range v.listen.Addresses {
		if v.bindings[i] != nil {
			continue
		}
		b, err := v.open(i, at)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		v.bindings[i] = b
		b.serve(v.resolver, v.pollers, v.logger)
	}
	return errors.Join(errs...)
}

// open prefers the port that an address had before a restart.
func (v *served) open(i int, at netip.AddrPort) (*binding, error) {
	if at.Port() == 0 && i < len(v.ports) && v.ports[i].Addr() == at.Addr() && v.ports[i].Port() != 0 {
		if b, err := openBinding(v.listen.Namespace, v.ports[i], true, v.pollers.Len()); err == nil || v.restoring {
			return b, err
		}
	}
	return openBinding(v.listen.Namespace, at, at.Port() == 0, v.pollers.Len())
}

func (v *served) unbind() {
	for _, b := range v.bindings {
		if b != nil {
			b.close(v.logger)
		}
	}
	v.bindings = nil
}

func (v *served) close() {
	v.unbind()
	v.resolver.Close()
}

// bound are the addresses, as far as they are bound; the zero AddrPort stands
// for one that is not.
func (v *served) bound() []netip.AddrPort {
	out := make([]netip.AddrPort, len(v.listen.Addresses))
	for i, b := range v.bindings {
		if b != nil {
			out[i] = b.at
		}
	}
	return out
}

func (v *served) status() VPCStatus {
	return VPCStatus{Bound: v.bound(), Failed: text(v.failed), Counters: counters(v.resolver.Counters())}
}

func counters(c resolver.Counters) Counters {
	out := Counters{
		Queries: c.Queries, TCP: c.TCP, Forwarded: c.Forwarded, Truncated: c.Truncated, Malformed: c.Malformed,
		Rcodes: map[uint16]uint64{},
	}
	for rcode, n := range c.Rcodes {
		if n > 0 {
			out.Rcodes[uint16(rcode)] = n
		}
	}
	return out
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
