package control

import (
	"context"
	"maps"
	"reflect"
	"slices"

	"seamark/internal/dataplane"
	"seamark/internal/store"
	"seamark/internal/world"
)

// Applied is what has come to be served by a call to the data plane.
type Applied struct {
	Tasks     []world.TaskID             // whose registration or deregistration it is
	Endpoints []world.ResolverEndpointID // that are served by other interfaces than before
}

func (a Applied) empty() bool { return len(a.Tasks) == 0 && len(a.Endpoints) == 0 }

// Attached says that network interfaces of a VPC have come or gone.
func (a *Answers) Attached(id world.VPCID) {
	a.mu.Lock()
	a.attached[id] = true
	a.mu.Unlock()
	a.signal()
}

// Serving are the interfaces by which the data plane serves a Resolver endpoint.
func (a *Answers) Serving(id world.ResolverEndpointID) []world.NetworkInterfaceID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.serving[id])
}

// touchesEndpoints says whether a change may change which endpoints a VPC has.
func touchesEndpoints(c store.Change) bool {
	switch c.Kind {
	case world.KindResolverRule, world.KindResolverRuleAssociation:
		return true
	case world.KindResolverEndpoint:
		old, had := c.Old.(*world.ResolverEndpoint)
		now, has := c.New.(*world.ResolverEndpoint)
		return !had || !has || !slices.Equal(old.Addresses, now.Addresses)
	}
	return false
}

// endpointVPCs are the VPCs that may have another list of endpoints, as far as
// one world shows them.
func endpointVPCs(w world.World, touched []world.Ref, attached map[world.VPCID]bool) []world.VPCID {
	var ids []world.VPCID
	users := func(r world.ResolverRuleID) {
		for a := range w.RuleAssociationsOf(r) {
			ids = append(ids, a.VPC)
		}
	}
	endpoint := func(e *world.ResolverEndpoint) {
		ids = append(ids, e.VPC)
		for r := range w.RulesBy(e.ID) {
			users(r.ID)
		}
	}
	for _, r := range touched {
		switch r.Kind {
		case world.KindResolverEndpoint:
			if e := w.ResolverEndpoints.Get(r.Key); e != nil {
				endpoint(e)
			}
		case world.KindResolverRule:
			users(world.ResolverRuleID(r.Key))
		case world.KindResolverRuleAssociation:
			if a := w.ResolverRuleAssociations.Get(r.Key); a != nil {
				ids = append(ids, a.VPC)
			}
		}
	}
	for id := range attached {
		for e := range w.EndpointsIn(id) {
			endpoint(e)
		}
	}
	return ids
}

// endpoints are the Resolver endpoints that a VPC's resolver has to do with:
// those in the VPC, and the outbound ones that its rules ask from, wherever they
// are. Interfaces that do not exist yet are left out.
func (s *sender) endpoints(w world.World, id world.VPCID) []dataplane.Endpoint {
	found := map[world.ResolverEndpointID]*world.ResolverEndpoint{}
	for e := range w.EndpointsIn(id) {
		found[e.ID] = e
	}
	for a := range w.RuleAssociationsIn(id) {
		if r := w.ResolverRules.Get(string(a.Rule)); r != nil {
			if e := w.ResolverEndpoints.Get(string(r.Endpoint)); e != nil {
				found[e.ID] = e
			}
		}
	}
	var out []dataplane.Endpoint
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if e := s.endpoint(w, found[key]); len(e.Addresses) > 0 {
			out = append(out, e)
		}
	}
	return out
}

func (s *sender) endpoint(w world.World, e *world.ResolverEndpoint) dataplane.Endpoint {
	out := dataplane.Endpoint{ID: e.ID, Inbound: e.Direction == world.Inbound}
	for _, a := range e.Addresses {
		n := w.NetworkInterfaces.Get(string(a.Interface))
		if n == nil || s.a.o.Endpoint == nil {
			continue
		}
		if at, ok := s.a.o.Endpoint(e, n); ok {
			out.Addresses = append(out.Addresses, at)
		}
	}
	return out
}

// rebound are the VPCs whose endpoints differ from what was sent, sorted.
func (s *sender) rebound(w work) []dataplane.VPCEndpoints {
	var ids []world.VPCID
	for _, now := range []world.World{s.sent, w.world} {
		ids = append(ids, endpointVPCs(now, w.endpoints, w.attached)...)
	}
	slices.Sort(ids)
	var out []dataplane.VPCEndpoints
	for _, id := range slices.Compact(ids) {
		if !s.served[id] || w.rebind[id] {
			continue
		}
		if now := s.endpoints(w.world, id); !reflect.DeepEqual(now, s.bound[id]) {
			out = append(out, dataplane.VPCEndpoints{VPC: id, Endpoints: now})
		}
	}
	return out
}

// observe compares by what endpoints are served now with what was known, and
// returns those that differ.
func (s *sender) observe(w world.World) []world.ResolverEndpointID {
	serving := map[world.ResolverEndpointID][]world.NetworkInterfaceID{}
	for vpc, endpoints := range s.bound {
		for _, e := range endpoints {
			if host := w.ResolverEndpoints.Get(string(e.ID)); host == nil || host.VPC != vpc {
				continue
			}
			for _, a := range e.Addresses {
				if s.works(vpc, a.Interface) {
					serving[e.ID] = append(serving[e.ID], a.Interface)
				}
			}
		}
	}
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	var differ []world.ResolverEndpointID
	for e := range w.ResolverEndpoints.All() {
		if was, known := s.a.serving[e.ID]; !known || !slices.Equal(was, serving[e.ID]) {
			differ = append(differ, e.ID)
		}
		if _, ok := serving[e.ID]; !ok {
			serving[e.ID] = nil
		}
	}
	s.a.serving = serving
	return differ
}

// works says whether the data plane serves by an interface, as far as it is known.
func (s *sender) works(vpc world.VPCID, id world.NetworkInterfaceID) bool {
	broken, unbound := s.unbound[vpc]
	return !unbound || broken != nil && !broken[id]
}

// recheck asks after the VPCs that did not listen everywhere. The data plane
// goes on trying by itself.
func (s *sender) recheck(ctx context.Context) {
	if len(s.unbound) == 0 || s.plane == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, retryPlane)
	defer cancel()
	status, err := s.plane.Status(ctx)
	if err != nil {
		return // the next call tells
	}
	for id := range s.unbound {
		v, ok := status.VPCs[id]
		if !ok || v.Failed == "" {
			delete(s.unbound, id)
			continue
		}
		s.unbound[id] = map[world.NetworkInterfaceID]bool{}
		for _, e := range v.Endpoints {
			for _, a := range e.Addresses {
				s.unbound[id][a.Interface] = a.Failed != ""
			}
		}
	}
}
