package resolver

import (
	"fmt"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// indexRules puts the rules into the tree of origins, where they meet the zones:
// the longest match wins, and a rule goes before a zone of the same name (Route
// 53 developer guide, "Considerations when working with private hosted zones").
func (t *Table) indexRules(e *edit) []error {
	if t.head.Authoritative {
		return nil // a name server asks nobody
	}
	var problems []error
	for i := range t.head.Rules {
		r := &t.head.Rules[i]
		origin, err := packLower(r.Domain)
		if err != nil {
			problems = append(problems, fmt.Errorf("rule %s: %w", r.ID, err))
			continue
		}
		entry := &zoneTable{origin: origin, rule: r, below: true}
		if z, ok := t.origins.at(origin); ok && z.rule == nil {
			if r.System {
				continue // the zone answers as it would without the rule
			}
			entry.shadowed = z.head.ID
		}
		t.origins = t.origins.put(e, origin, entry)
	}
	return problems
}

// detour looks a name up where more than the zone with the longest match counts:
// rules, names that the resolver makes up, and delegations.
func (t *Table) detour(z *zoneTable, name []byte, own uint64, typ uint16) result {
	if z.rule != nil {
		// Autodefined rules are rules like others: the more specific one counts.
		if t.madeFirst(name, z) {
			return result{}
		}
		if !z.rule.System {
			return result{outcome: elsewhere, zone: z}
		}
		if z = t.withoutRules(z.origin); z == nil {
			return result{}
		}
	}
	if z.below && t.madeFirst(name, z) {
		return result{}
	}
	if z.cuts > 0 {
		if s, _ := z.cut(name, typ, t.head.Authoritative); s != nil {
			return result{delegated, s, z}
		}
	}
	return z.lookup(name, own, typ)
}

// withoutRules is the zone that a name belongs to if there were no rules; nil if
// none does.
func (t *Table) withoutRules(name string) *zoneTable {
	for {
		if z, ok := t.origins.at(name); ok {
			if z.rule == nil {
				return z
			}
			if shadowed := t.zones[z.shadowed]; shadowed != nil {
				return shadowed
			}
		}
		if name == "\x00" {
			return nil
		}
		name = parentOf(name)
	}
}

// cut finds the highest delegation at or above a name, and where in the name its
// owner starts (RFC 1034 section 4.2.1). DS records stand above it (RFC 4035
// section 3.1.4.1). For the records of a delegation themselves a name server
// refers to those who know better; a resolver that has them answers.
func (z *zoneTable) cut(name []byte, typ uint16, authoritative bool) (*set, int) {
	var found *set
	where := 0
	for at := 0; len(name)-at > len(z.origin); at += int(name[at]) + 1 {
		n, ok := z.names.get(z.names.hash(name[at:]), name[at:])
		if !ok {
			continue
		}
		if at == 0 && (typ == dns.TypeDS || typ == dns.TypeNS && !authoritative) {
			continue
		}
		if s := n.find(zone.TypeNS); s != nil {
			found, where = s, at
		}
	}
	return found, where
}

// delegates is 1 for a name that is a zone cut.
func (z *zoneTable) delegates(key string, n *node) int {
	if key == z.origin || isWildcard(key) || n.find(zone.TypeNS) == nil {
		return 0
	}
	return 1
}
