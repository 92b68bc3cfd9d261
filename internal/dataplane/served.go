package dataplane

import (
	"net/netip"

	"seamark/internal/resolver"
	"seamark/internal/world"
)

// served is one VPC that is being answered. Only the server's loop uses it.
type served struct {
	id        world.VPCID
	resolver  *resolver.Resolver
	main      listening // on the VPC's own addresses
	endpoints []servedEndpoint
	// ports of inbound endpoints when the kept snapshot was written.
	ports map[world.NetworkInterfaceID][]netip.AddrPort
}

func newServed(id world.VPCID, t *resolver.Table, s *Server) *served {
	logger := s.opts.Logger.With("vpc", id)
	r := resolver.New(t, s.forwarder, logger)
	r.SetPacketLimit(packetLimit(s.config, id))
	return &served{id: id, resolver: r, main: listening{answerer: r, pollers: s.pollers, logger: logger}}
}

// set serves a table, and where they are given on other addresses and by other
// endpoints. Sockets that are already right are kept.
func (v *served) set(next *planned) {
	v.resolver.Swap(next.table)
	if next.listen != nil {
		v.main.set(*next.listen)
	} else {
		v.main.check()
	}
	if next.endpoints != nil {
		v.setEndpoints(*next.endpoints)
	}
}

// check compares all sockets with what they should be.
func (v *served) check() {
	v.main.check()
	v.checkEndpoints()
}

func (v *served) close() {
	v.main.unbind()
	v.closeEndpoints()
	v.resolver.Close()
}

func (v *served) status() VPCStatus {
	out := VPCStatus{
		Bound: v.main.bound(), Failed: v.failures(), Counters: counters(v.resolver.Counters()),
		Endpoints: map[world.ResolverEndpointID]EndpointStatus{}, Rules: rules(v.resolver),
	}
	for _, e := range v.endpoints {
		out.Endpoints[e.ID] = e.status()
	}
	return out
}

func counters(c resolver.Counters) Counters {
	out := Counters{
		Queries: c.Queries, TCP: c.TCP, Forwarded: c.Forwarded, Truncated: c.Truncated, Malformed: c.Malformed,
		Limited: c.Limited, Filtered: c.Filtered, Rcodes: map[uint16]uint64{},
	}
	for rcode, n := range c.Rcodes {
		if n > 0 {
			out.Rcodes[uint16(rcode)] = n
		}
	}
	return out
}
