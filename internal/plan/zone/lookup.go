package zone

import (
	"slices"

	"seamark/internal/world"
)

// Lookup finds what a zone answers for a name, whatever the type: its sets, or
// those of the wildcard that covers it (RFC 4592). exists is false for a name
// that the zone does not have. It compiles the whole zone; it is for one question
// by the API, not for DNS.
func Lookup(w world.World, z *world.HostedZone, name string, o Options) (sets []Set, exists bool) {
	origin, ok := canonical(z.Name)
	l, legal := labels(name)
	if !ok || !legal || !inside(present(l), origin) {
		return nil, false
	}
	all := compiled{zoneHead(w, z, origin), zoneNames(w, z, o)}
	if sets, exists := all.at(present(l)); exists {
		return sets, true
	}
	for len(l) > 0 {
		l = l[1:]
		encloser := present(l)
		if _, exists := all.at(encloser); exists {
			return all.star(encloser)
		}
	}
	return nil, false
}

// compiled is a zone that is looked into.
type compiled struct {
	head  ZoneHead
	names []Name
}

// at returns the sets of an owner, which exists also where only a name below it
// does (RFC 8020).
func (c compiled) at(owner string) (sets []Set, exists bool) {
	var parts []Name
	for _, n := range c.names {
		if n.Owner == owner {
			parts = append(parts, n)
		}
		exists = exists || inside(n.Owner, owner)
	}
	if len(parts) > 0 {
		sets = Merge(parts)
	}
	if owner == c.head.Origin {
		exists = true
		sets = append(slices.Clip(sets),
			Set{Type: TypeNS, TTL: c.head.NSTTL, Records: c.head.NS},
			Set{Type: TypeSOA, TTL: c.head.SOA.TTL, Records: []string{c.head.SOA.String()}})
	}
	return sets, exists
}

func (c compiled) star(encloser string) (sets []Set, exists bool) {
	owner := "*." + encloser
	if encloser == "." {
		owner = "*."
	}
	for _, n := range c.names {
		if n.Owner == owner {
			return n.Sets, true
		}
	}
	return nil, false
}
