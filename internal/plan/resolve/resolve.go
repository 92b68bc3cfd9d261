// Package resolve plans Resolver endpoints: what of them this machine serves,
// and the states that follow from it. It is pure.
package resolve

import (
	"slices"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// Observe records by which interfaces the data plane serves an endpoint now.
func Observe(d *plan.Draft, id world.ResolverEndpointID, serving []world.NetworkInterfaceID) {
	e := d.World.ResolverEndpoints.Get(string(id))
	if e == nil {
		return
	}
	next := *e
	next.Observed = world.EndpointObserved{Operational: e.Observed.Operational}
	for _, a := range e.Addresses {
		now := slices.Contains(serving, a.Interface)
		if now {
			next.Observed.Serving = append(next.Observed.Serving, a.Interface)
		}
		if now || slices.Contains(e.Observed.Served, a.Interface) {
			next.Observed.Served = append(next.Observed.Served, a.Interface)
		}
	}
	slices.Sort(next.Observed.Serving)
	slices.Sort(next.Observed.Served)
	if len(next.Observed.Serving) == len(e.Addresses) {
		next.Observed.Operational = true
	}
	if !same(e.Observed, next.Observed) {
		d.Put(&next)
	}
}

func same(a, b world.EndpointObserved) bool {
	return a.Operational == b.Operational && slices.Equal(a.Serving, b.Serving) && slices.Equal(a.Served, b.Served)
}

// Status is an endpoint's status: OPERATIONAL when all its addresses serve,
// AUTO_RECOVERING while one is missing that did (Route 53 Resolver API
// reference, ResolverEndpoint).
func Status(e *world.ResolverEndpoint) string {
	status := "OPERATIONAL"
	for _, a := range e.Addresses {
		switch AddressStatus(e, a) {
		case "REMAP_ATTACHING":
			return "AUTO_RECOVERING"
		case "ATTACHING":
			status = "UPDATING"
		}
	}
	if !e.Observed.Operational {
		return "CREATING"
	}
	return status
}

// AddressStatus is the status of one of the endpoint's addresses.
func AddressStatus(e *world.ResolverEndpoint, a world.EndpointAddress) string {
	switch {
	case slices.Contains(e.Observed.Serving, a.Interface):
		return "ATTACHED"
	case slices.Contains(e.Observed.Served, a.Interface):
		return "REMAP_ATTACHING"
	}
	return "ATTACHING"
}
