package dataplane

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"

	"seamark/internal/driver/network/netns"
	"seamark/internal/resolver"
	"seamark/internal/world"
)

// servedEndpoint is a Resolver endpoint that a VPC has.
type servedEndpoint struct {
	Endpoint
	addresses []*servedAddress // in the order of Addresses
}

// servedAddress is one interface of it. One of in and out is set.
type servedAddress struct {
	EndpointAddress
	in     *resolver.Inbound
	listen listening // of in
	out    *resolver.Source
	failed error // of out
}

// setEndpoints makes the VPC's endpoints those given. Interfaces that stay keep
// their sockets and counts.
func (v *served) setEndpoints(endpoints []Endpoint) {
	old := map[EndpointAddress]*servedAddress{}
	for _, e := range v.endpoints {
		for _, a := range e.addresses {
			old[a.EndpointAddress] = a
		}
	}
	v.endpoints = nil
	outbound := map[world.ResolverEndpointID][]*resolver.Source{}
	for _, e := range endpoints {
		s := servedEndpoint{Endpoint: e}
		for _, at := range e.Addresses {
			a := old[at]
			if a == nil || (a.in != nil) != e.Inbound || a.in != nil && a.in.Endpoint != e.ID {
				a = v.newAddress(e, at)
			} else {
				delete(old, at)
			}
			s.addresses = append(s.addresses, a)
			if a.out != nil {
				outbound[e.ID] = append(outbound[e.ID], a.out)
			}
		}
		v.endpoints = append(v.endpoints, s)
	}
	for _, a := range old {
		a.listen.unbind()
	}
	v.resolver.SetOutbound(outbound)
	v.checkEndpoints()
}

func (v *served) newAddress(e Endpoint, at EndpointAddress) *servedAddress {
	a := &servedAddress{EndpointAddress: at}
	if !e.Inbound {
		a.out = &resolver.Source{Interface: at.Interface, Namespace: at.Namespace, Address: at.Address.Addr()}
		return a
	}
	a.in = v.resolver.Inbound(e.ID, at.Interface)
	a.listen = listening{
		answerer: a.in, pollers: v.main.pollers, logger: v.main.logger.With("endpoint", e.ID, "interface", at.Interface),
		listen: Listen{Namespace: at.Namespace, Addresses: []netip.AddrPort{at.Address}},
		ports:  v.ports[at.Interface],
	}
	return a
}

// checkEndpoints compares the endpoints' interfaces with what they should be.
func (v *served) checkEndpoints() {
	for _, e := range v.endpoints {
		for _, a := range e.addresses {
			if a.in != nil {
				a.listen.restoring = v.main.restoring
				a.listen.check()
				continue
			}
			_, a.failed = identify(a.Namespace)
		}
	}
}

func (v *served) closeEndpoints() {
	for _, e := range v.endpoints {
		for _, a := range e.addresses {
			a.listen.unbind()
		}
	}
}

// inboundPorts are the addresses on which the interfaces of inbound endpoints
// listen, to be kept for a restart.
func (v *served) inboundPorts() map[world.NetworkInterfaceID][]netip.AddrPort {
	out := map[world.NetworkInterfaceID][]netip.AddrPort{}
	for _, e := range v.endpoints {
		for _, a := range e.addresses {
			if a.in != nil {
				out[a.Interface] = a.listen.bound()
			}
		}
	}
	return out
}

// configured are the endpoints as they were given.
func (v *served) configured() []Endpoint {
	var out []Endpoint
	for _, e := range v.endpoints {
		out = append(out, e.Endpoint)
	}
	return out
}

func (e servedEndpoint) status() EndpointStatus {
	var out EndpointStatus
	for _, a := range e.addresses {
		s := AddressStatus{Interface: a.Interface}
		if a.in != nil {
			s.Bound, s.Failed, s.Queries = a.listen.bound()[0], text(a.listen.failed), a.in.Queries()
		} else {
			s.Failed, s.Queries = text(a.failed), a.out.Sent()
		}
		out.Addresses = append(out.Addresses, s)
	}
	return out
}

func rules(r *resolver.Resolver) map[world.ResolverRuleID]RuleStatus {
	out := map[world.ResolverRuleID]RuleStatus{}
	for id, n := range r.Rules() {
		out[id] = RuleStatus{Queries: n[0], Failed: n[1]}
	}
	return out
}

// dialFrom connects to a server from an interface.
func dialFrom(ctx context.Context, from *resolver.Source, network string, to netip.AddrPort) (net.Conn, error) {
	if from == nil || from.Namespace == "" {
		return resolver.DialOwn(ctx, from, network, to)
	}
	return netns.Dial(ctx, from.Namespace, network, to.String())
}

// endpointFailures describes the endpoints' interfaces that do not work.
func (v *served) endpointFailures() map[string]string {
	out := map[string]string{}
	for _, e := range v.endpoints {
		for i, s := range e.status().Addresses {
			if s.Failed != "" {
				out[string(e.ID)+"/"+string(e.addresses[i].Interface)] = s.Failed
			}
		}
	}
	return out
}

// failures is why not all of a VPC is served, in one text.
func (v *served) failures() string {
	out := text(v.main.failed)
	failed := v.endpointFailures()
	for _, at := range slices.Sorted(maps.Keys(failed)) {
		if out != "" {
			out += "\n"
		}
		out += at + ": " + failed[at]
	}
	return out
}
