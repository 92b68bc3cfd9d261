package dataplane

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"

	"seamark/internal/resolver"
)

// listening is the sockets of a Listen. Only the server's loop uses it.
type listening struct {
	answerer answerer
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

// set listens on the given addresses. Sockets that are already right are kept.
func (v *listening) set(listen Listen) {
	if listen.Namespace != v.listen.Namespace || !slices.Equal(listen.Addresses, v.listen.Addresses) {
		v.unbind()
		v.listen = listen
	}
	if v.listen.Mark != listen.Mark {
		v.listen.Mark = listen.Mark
		v.mark()
	}
	v.check()
}

// check binds what is not bound, and binds anew where the namespace is another
// one under the same path. A namespace that is gone must not be kept alive by
// sockets in it.
func (v *listening) check() {
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

func (v *listening) tell(err error) {
	if err != nil {
		v.logger.Error("resolver does not listen on all addresses", "err", err)
		return
	}
	v.logger.Info("resolver listens", "addresses", v.bound())
}

// bind opens the sockets of all addresses that have none.
func (v *listening) bind() error {
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
		b.mark(v.listen.Mark, v.logger)
		b.serve(v.answerer, v.pollers, v.logger)
	}
	return errors.Join(errs...)
}

// open prefers the port that an address had before a restart.
func (v *listening) open(i int, at netip.AddrPort) (*binding, error) {
	if at.Port() == 0 && i < len(v.ports) && v.ports[i].Addr() == at.Addr() && v.ports[i].Port() != 0 {
		if b, err := openBinding(v.listen.Namespace, v.ports[i], true, v.pollers.Len()); err == nil || v.restoring {
			return b, err
		}
	}
	return openBinding(v.listen.Namespace, at, at.Port() == 0, v.pollers.Len())
}

// mark gives another mark to the sockets that there are.
func (v *listening) mark() {
	for _, b := range v.bindings {
		if b != nil {
			b.mark(v.listen.Mark, v.logger)
		}
	}
}

func (v *listening) unbind() {
	for _, b := range v.bindings {
		if b != nil {
			b.close(v.logger)
		}
	}
	v.bindings = nil
}

// bound are the addresses, as far as they are bound; the zero AddrPort stands
// for one that is not.
func (v *listening) bound() []netip.AddrPort {
	out := make([]netip.AddrPort, len(v.listen.Addresses))
	for i, b := range v.bindings {
		if b != nil {
			out[i] = b.at
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
