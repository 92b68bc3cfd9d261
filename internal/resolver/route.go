package resolver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"seamark/internal/world"
)

// Source is a network interface from which servers are asked.
type Source struct {
	Interface world.NetworkInterfaceID
	Namespace string     // path of its network namespace; empty for the process's own
	Address   netip.Addr // to ask from, in the process's own network; may be invalid
	sent      atomic.Uint64
}

// Sent is how many queries have left by the interface.
func (s *Source) Sent() uint64 { return s.sent.Load() }

// Dialer connects to a server from an interface; nil stands for the network of
// the process.
type Dialer func(ctx context.Context, from *Source, network string, to netip.AddrPort) (net.Conn, error)

// DialOwn connects from the network of the process; it is the Dialer of a Forwarder
// that was given no other.
func DialOwn(ctx context.Context, from *Source, network string, to netip.AddrPort) (net.Conn, error) {
	if from != nil && from.Namespace != "" {
		return nil, fmt.Errorf("interface %s is in a namespace that cannot be entered", from.Interface)
	}
	var d net.Dialer
	if from != nil && from.Address.IsValid() && !from.Address.IsUnspecified() {
		local := netip.AddrPortFrom(from.Address, 0)
		if network == "tcp" {
			d.LocalAddr = net.TCPAddrFromAddrPort(local)
		} else {
			d.LocalAddr = net.UDPAddrFromAddrPort(local)
		}
	}
	return d.DialContext(ctx, network, to.String())
}

// route is a way to learn an answer: servers, and interfaces to ask them from.
type route struct {
	// key tells routes apart in the cache: what one set of servers says is no
	// answer for those who ask another.
	key     string
	servers []netip.AddrPort
	sources []*Source // nil: the network of the process
	// spread: the load is shared among servers and interfaces; else the servers
	// are asked in their order.
	spread bool
	// iterative: the servers are name servers of a zone, which may refer to
	// others, and not resolvers.
	iterative bool
}

func newRoute(servers []netip.AddrPort, sources []*Source) route {
	var key strings.Builder
	for _, s := range servers {
		key.WriteString(s.String())
		key.WriteByte(' ')
	}
	for _, s := range sources {
		fmt.Fprintf(&key, "%s@%s ", s.Interface, s.Namespace)
	}
	return route{key: key.String(), servers: servers, sources: sources}
}

// hop is one server asked from one interface.
type hop struct {
	server netip.AddrPort
	source *Source
}

// hops lists the attempts of one round. turn moves on with each question: the
// first server is another one each time, the first interface when all servers
// had their turn.
func (r route) hops(turn uint64) []hop {
	out := make([]hop, len(r.servers))
	for i := range r.servers {
		at := i
		if r.spread {
			at = int((turn + uint64(i)) % uint64(len(r.servers)))
		}
		out[i].server = r.servers[at]
		if n := uint64(len(r.sources)); n > 0 {
			out[i].source = r.sources[(turn/uint64(len(r.servers))+uint64(i))%n]
		}
	}
	return out
}

// ruleCount is what became of the queries that a rule was for.
type ruleCount struct{ queries, failed atomic.Uint64 }

// SetOutbound replaces the interfaces of the outbound endpoints.
func (r *Resolver) SetOutbound(endpoints map[world.ResolverEndpointID][]*Source) {
	r.outbound.Store(&endpoints)
}

// Rules returns, for each forwarding rule of the table, how many queries it was
// for, and how many of them no target answered.
func (r *Resolver) Rules() map[world.ResolverRuleID][2]uint64 {
	out := map[world.ResolverRuleID][2]uint64{}
	for _, rule := range r.Table().head.Rules {
		if !rule.System {
			c := r.ruleCount(rule.ID)
			out[rule.ID] = [2]uint64{c.queries.Load(), c.failed.Load()}
		}
	}
	return out
}

func (r *Resolver) ruleCount(id world.ResolverRuleID) *ruleCount {
	if c, ok := r.rules.Load(id); ok {
		return c.(*ruleCount)
	}
	c, _ := r.rules.LoadOrStore(id, new(ruleCount))
	return c.(*ruleCount)
}
