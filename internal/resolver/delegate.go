package resolver

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// dnsPort is where name servers listen that are known by NS records.
const dnsPort = 53

// delegate finds the way to the name servers of a delegation in a private zone:
// those whose addresses the table has, asked from the VPC's outbound endpoints,
// since that is how a VPC asks servers in its network. It reports false where
// there are no such servers, or no such endpoint.
func (c *chase) delegate(wire string, res result) bool {
	_, at := res.zone.cut([]byte(wire), c.q.typ, false)
	owner, err := unpackName([]byte(wire)[at:])
	if err != nil {
		return false
	}
	var servers []netip.AddrPort
	for _, rr := range c.servers(owner, res.set) {
		if ns, ok := rr.(*dns.NS); ok {
			servers = append(servers, addresses(c.table.glue(ns.Ns))...)
		}
	}
	sources := c.resolver.allSources()
	if len(servers) == 0 || len(sources) == 0 {
		return false
	}
	slices.SortFunc(servers, netip.AddrPort.Compare)
	c.route = newRoute(slices.Compact(servers), sources)
	c.route.key += "iterative"
	c.route.spread, c.route.iterative = true, true
	return true
}

// addresses are the name servers at A and AAAA records.
func addresses(rr []dns.RR) []netip.AddrPort {
	var out []netip.AddrPort
	for _, r := range rr {
		var a netip.Addr
		var ok bool
		switch r := r.(type) {
		case *dns.A:
			a, ok = netip.AddrFromSlice(r.A.To4())
		case *dns.AAAA:
			a, ok = netip.AddrFromSlice(r.AAAA)
		}
		if ok {
			out = append(out, netip.AddrPortFrom(a, dnsPort))
		}
	}
	return out
}

// referral returns the servers that an answer refers to, as far as it has their
// addresses: nil where it is no referral to a zone that the name is in.
func referral(m *dns.Msg, name string) []netip.AddrPort {
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 || m.Authoritative {
		return nil
	}
	var out []netip.AddrPort
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || !dns.IsSubDomain(ns.Hdr.Name, name) {
			continue
		}
		for _, extra := range m.Extra {
			if dns.CanonicalName(extra.Header().Name) == dns.CanonicalName(ns.Ns) {
				out = append(out, addresses([]dns.RR{extra})...)
			}
		}
	}
	return out
}

// ruleRoute is the way of a forwarding rule: its targets, from the interfaces of
// its endpoint. Without interfaces there is no way.
func (r *Resolver) ruleRoute(rule *zone.Rule) route {
	sources := (*r.outbound.Load())[rule.Endpoint]
	out := newRoute(rule.Targets, sources)
	if len(sources) == 0 {
		out.servers = nil
	}
	out.key += string(rule.Endpoint) // never the key of the upstreams
	out.spread = true
	return out
}

// allSources are the interfaces of all outbound endpoints.
func (r *Resolver) allSources() []*Source {
	endpoints := *r.outbound.Load()
	ids := make([]world.ResolverEndpointID, 0, len(endpoints))
	for id := range endpoints {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var out []*Source
	for _, id := range ids {
		out = append(out, endpoints[id]...)
	}
	return out
}
