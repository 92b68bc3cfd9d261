package resolver

import "github.com/miekg/dns"

// outcome is what a table knows about a name and type.
type outcome uint8

const (
	elsewhere outcome = iota // in no private zone, in a made-up domain, or a rule's
	found                    // the set answers
	alias                    // the set is a CNAME to follow
	several                  // ANY: the name's sets answer
	delegated                // the set is the NS records of the zone cut above
	noData
	noName
)

// result is an outcome with what belongs to it. The zone of one that is elsewhere
// is a rule, if any.
type result struct {
	outcome outcome
	set     *set
	zone    *zoneTable
}

// lookup finds a name in lower-case wire form. The zone with the longest match
// is the only one that is asked: what it does not have does not exist (Route 53
// developer guide, "Working with private hosted zones").
func (t *Table) lookup(name []byte, typ uint16) result {
	z, own := t.zone(name)
	if z == nil {
		return result{}
	}
	if z.below || z.cuts > 0 {
		return t.detour(z, name, own, typ)
	}
	return z.lookup(name, own, typ)
}

// lookup finds a name, whose hash is own, in a zone that it belongs to.
func (z *zoneTable) lookup(name []byte, own uint64, typ uint16) result {
	n, ok := z.names.get(own, name)
	if !ok {
		if z.wildcards == 0 {
			return result{outcome: noName, zone: z}
		}
		if n, ok = z.wildcard(name); !ok {
			return result{outcome: noName, zone: z}
		}
	}
	return z.answer(n, typ)
}

func (z *zoneTable) answer(n *node, typ uint16) result {
	if s := n.find(typ); s != nil {
		return result{found, s, z}
	}
	if typ == dns.TypeANY && len(n.sets) > 0 {
		return result{several, &n.sets[0], z}
	}
	if n.alias != nil {
		return result{alias, n.alias, z}
	}
	return result{outcome: noData, zone: z}
}

// zone returns the zone with the longest match, and the hash of the whole name.
func (t *Table) zone(name []byte) (*zoneTable, uint64) {
	own := t.origins.hash(name)
	h := own
	for at := 0; ; {
		if z, ok := t.origins.get(h, name[at:]); ok {
			return z, own
		}
		if name[at] == 0 {
			return nil, own
		}
		at += int(name[at]) + 1
		h = t.origins.hash(name[at:])
	}
}

// madeFirst says whether a made-up domain matches longer than the zone.
func (t *Table) madeFirst(name []byte, z *zoneTable) bool {
	d, ok := t.made.find(string(name))
	return ok && len(d.origin) > len(z.origin)
}

// wildcard finds the wildcard that covers a name that does not exist: the one
// directly below the closest name that does (RFC 4592 section 3.3).
func (z *zoneTable) wildcard(name []byte) (*node, bool) {
	at := 0
	for len(name)-at > len(z.origin) {
		at += int(name[at]) + 1
		encloser := name[at:]
		if _, ok := z.names.get(z.names.hash(encloser), encloser); !ok {
			continue
		}
		var star [256]byte
		star[0], star[1] = 1, '*'
		key := star[:2+copy(star[2:], encloser)]
		return z.names.get(z.names.hash(key), key)
	}
	return nil, false
}
