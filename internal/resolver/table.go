package resolver

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// Table is one VPC's names, compiled. It is immutable: Apply returns a new one
// that shares what did not change.
type Table struct {
	head  zone.Head
	seed  maphash.Seed
	zones map[world.HostedZoneID]*zoneTable
	// origins finds a zone by the wire form of its name. Of two zones with one
	// name, which the API refuses to make, the one with the smaller id counts.
	origins tree[*zoneTable]
	// A rule stands there as a zone without names.
	made     *madeNames
	firewall *firewall // nil: no rules
}

// zoneTable is one zone.
type zoneTable struct {
	head   zone.ZoneHead
	origin string // wire form
	names  tree[*node]
	// negative is the SOA record of negative answers, whose TTL is the smaller
	// of the SOA's own and its minimum (RFC 2308 section 5). Its owner is to be
	// replaced by a pointer to the zone's name.
	negative  []byte
	wildcards int // names that start with "*."
	// below: a name that the resolver makes up lies in this zone's tree but
	// belongs to a more specific domain, so a match is not the last word.
	below bool
	cuts  int // names that are delegated
	// rule makes this no zone but a Resolver rule for origin. Its below is set.
	rule     *zone.Rule
	shadowed world.HostedZoneID // the zone of the rule's name; may be empty
}

// node is one owner name. One without sets exists because a name below it does.
type node struct {
	parts    []zone.Name // what each source says, sorted by source
	sets     []set       // of all parts, sorted by type
	alias    *set        // the CNAME set, if any
	children int         // nodes one label below
}

// NewTable compiles a VPC. Records that are not valid are left out of the table
// and named in the errors; the table is good all the same.
func NewTable(v zone.VPC) (*Table, []error) {
	seed := maphash.MakeSeed()
	t := &Table{head: v.Head, seed: seed, zones: map[world.HostedZoneID]*zoneTable{}, origins: newTree[*zoneTable](seed)}
	errs := t.setHead(v.Head, nil)
	e := new(edit)
	for i := range v.Zones {
		z, problems := newZone(seed, v.Zones[i].ZoneHead)
		errs = append(errs, problems...)
		if z == nil {
			continue
		}
		errs = append(errs, z.put(e, v.Zones[i].Names)...)
		t.zones[z.head.ID] = z
	}
	return t, append(errs, t.index()...)
}

// setHead compiles what belongs to no zone, but for the rules. The firewall of
// an older table is used on where it is the same.
func (t *Table) setHead(h zone.Head, old *Table) []error {
	t.head = h
	t.made = makeNames(h)
	if old != nil && reflect.DeepEqual(old.head.Firewall, h.Firewall) {
		return nil
	}
	if old != nil && sameDomains(old.head.Firewall, h.Firewall) {
		t.firewall = old.firewall.with(h.Firewall)
		return nil
	}
	var problems []error
	t.firewall, problems = newFirewall(h.Firewall)
	return problems
}

// Apply returns the table after a change. The error is for a change that does
// not fit this table; records that are not valid are reported as by NewTable.
func (t *Table) Apply(d zone.Delta) (*Table, []error, error) {
	next := *t
	var problems []error
	if d.Head != nil {
		head, ok := d.Head.Complete(t.head)
		if !ok {
			return t, nil, fmt.Errorf("the table of %s lacks a firewall domain list", t.head.ID)
		}
		problems = next.setHead(head, t)
	}
	next.zones = maps.Clone(t.zones)
	reindex := d.Head != nil
	for _, z := range d.Zones {
		more, errs, err := next.applyZone(z)
		if err != nil {
			return t, nil, err
		}
		problems = append(problems, errs...)
		reindex = reindex || more
	}
	if reindex {
		return &next, append(problems, next.index()...), nil
	}
	e := new(edit)
	for _, d := range d.Zones {
		z := next.zones[d.ID]
		if old, ok := next.origins.at(z.origin); ok && old.head.ID == d.ID {
			next.origins = next.origins.put(e, z.origin, z)
		}
	}
	return &next, problems, nil
}

// applyZone changes one zone of a table that is still private to the caller. It
// reports whether the set of zones changed.
func (t *Table) applyZone(d zone.ZoneDelta) (bool, []error, error) {
	if d.Removed {
		delete(t.zones, d.ID)
		return true, nil, nil
	}
	old := t.zones[d.ID]
	var z *zoneTable
	var problems []error
	reindex := false
	switch {
	case old == nil && d.Head == nil:
		return false, nil, fmt.Errorf("zone %s is not in the table of %s", d.ID, t.head.ID)
	case old == nil || d.Head != nil && old.head.Origin != d.Head.Origin:
		z, problems = newZone(t.seed, *d.Head)
		if z == nil {
			return false, problems, nil
		}
		reindex = true
	default:
		copied := *old
		z = &copied
		if d.Head != nil {
			problems = z.setHead(*d.Head)
		}
	}
	e := new(edit)
	z.drop(e, d.Drop)
	problems = append(problems, z.put(e, d.Put)...)
	t.zones[d.ID] = z
	return reindex, problems, nil
}

// index rebuilds what is derived from the set of zones and from the head.
func (t *Table) index() []error {
	t.origins = newTree[*zoneTable](t.seed)
	e := new(edit)
	for _, z := range t.sortedZones() {
		if _, taken := t.origins.at(z.origin); taken {
			continue
		}
		if below := t.made.below(z.origin); below != z.below {
			copied := *z
			copied.below = below
			z = &copied
			t.zones[z.head.ID] = z
		}
		t.origins = t.origins.put(e, z.origin, z)
	}
	return t.indexRules(e)
}

func (t *Table) sortedZones() []*zoneTable {
	return slices.SortedFunc(maps.Values(t.zones), func(a, b *zoneTable) int { return cmp.Compare(a.head.ID, b.head.ID) })
}

// VPC returns what the table was compiled from.
func (t *Table) VPC() zone.VPC {
	v := zone.VPC{Head: t.head}
	for _, z := range t.sortedZones() {
		v.Zones = append(v.Zones, zone.Zone{ZoneHead: z.head, Names: z.sources()})
	}
	return v
}

func newZone(seed maphash.Seed, h zone.ZoneHead) (*zoneTable, []error) {
	origin, err := packLower(h.Origin)
	if err != nil {
		return nil, []error{fmt.Errorf("zone %s: %w", h.ID, err)}
	}
	z := &zoneTable{origin: origin, names: newTree[*node](seed)}
	z.names = z.names.put(new(edit), origin, &node{})
	return z, z.setHead(h)
}

// setHead compiles the SOA and NS sets into the apex.
func (z *zoneTable) setHead(h zone.ZoneHead) []error {
	z.head = h
	s := h.SOA
	negative, err := appendRecord(nil, zone.TypeSOA, min(s.TTL, s.Minimum), soaText(s))
	if err != nil {
		return []error{fmt.Errorf("zone %s: SOA: %w", h.ID, err)}
	}
	z.negative = negative
	apex, _ := z.names.at(z.origin)
	n, problems := z.compile(z.origin, apex.parts)
	n.children = apex.children
	z.names = z.names.put(new(edit), z.origin, n)
	return problems
}

func soaText(s zone.SOA) string {
	return fmt.Sprintf("%s %s %d %d %d %d %d", s.MName, s.RName, s.Serial, s.Refresh, s.Retry, s.Expire, s.Minimum)
}

// put adds or replaces what sources say about names.
func (z *zoneTable) put(e *edit, names []zone.Name) []error {
	var problems []error
	for _, n := range names {
		key, err := packLower(n.Owner)
		if err != nil || !hasSuffix(key, z.origin) {
			problems = append(problems, fmt.Errorf("zone %s: owner %q is no name of the zone", z.head.ID, n.Owner))
			continue
		}
		old := z.grow(e, key)
		parts := slices.Clone(old.parts)
		at, found := slices.BinarySearchFunc(parts, n.Source, bySource)
		if found {
			parts[at] = n
		} else {
			parts = slices.Insert(parts, at, n)
		}
		problems = append(problems, z.replace(e, key, old, parts)...)
	}
	return problems
}

// drop removes what sources say about names.
func (z *zoneTable) drop(e *edit, keys []zone.NameKey) {
	for _, k := range keys {
		key, err := packLower(k.Owner)
		if err != nil {
			continue // it was never put
		}
		old, ok := z.names.at(key)
		if !ok {
			continue
		}
		at, found := slices.BinarySearchFunc(old.parts, k.Source, bySource)
		if !found {
			continue
		}
		parts := slices.Delete(slices.Clone(old.parts), at, at+1)
		z.replace(e, key, old, parts) // what remains was reported when it was put
		z.shrink(e, key)
	}
}

func bySource(n zone.Name, source world.DiscoveryServiceID) int { return cmp.Compare(n.Source, source) }

// replace compiles a node anew from its parts.
func (z *zoneTable) replace(e *edit, key string, old *node, parts []zone.Name) []error {
	n, problems := z.compile(key, parts)
	n.children = old.children
	z.cuts += z.delegates(key, n) - z.delegates(key, old)
	if isWildcard(key) {
		if len(old.parts) == 0 && len(parts) > 0 {
			z.wildcards++
		}
		if len(old.parts) > 0 && len(parts) == 0 {
			z.wildcards--
		}
	}
	z.names = z.names.put(e, key, n)
	return problems
}

// compile makes a node. The apex has the zone's SOA and NS besides its parts.
func (z *zoneTable) compile(key string, parts []zone.Name) (*node, []error) {
	owner := z.head.Origin // for problems with the apex's own sets
	var sets []zone.Set
	if len(parts) > 0 {
		owner = parts[0].Owner
		sets = slices.Clone(zone.Merge(parts))
	}
	if key == z.origin {
		sets = slices.DeleteFunc(sets, func(s zone.Set) bool { return s.Type == zone.TypeSOA || s.Type == zone.TypeNS })
		sets = append(sets,
			zone.Set{Type: zone.TypeSOA, TTL: z.head.SOA.TTL, Records: []string{soaText(z.head.SOA)}},
			zone.Set{Type: zone.TypeNS, TTL: z.head.NSTTL, Records: z.head.NS})
		slices.SortFunc(sets, func(a, b zone.Set) int { return cmp.Compare(a.Type, b.Type) })
	}
	n := &node{parts: parts, sets: make([]set, 0, len(sets))}
	var problems []error
	for _, s := range sets {
		compiled, errs := compileSet(owner, s)
		problems = append(problems, errs...)
		if !compiled.empty() {
			n.sets = append(n.sets, compiled)
		}
	}
	n.alias = n.find(dns.TypeCNAME)
	return n, problems
}

// find returns the set of a type, or nil. Few names have more than three sets.
func (n *node) find(typ uint16) *set {
	for i := range n.sets {
		if n.sets[i].typ == typ {
			return &n.sets[i]
		}
	}
	return nil
}

// grow makes sure that a name and all names between it and the apex exist
// (RFC 8020: a name with a name below it exists), and returns its node.
func (z *zoneTable) grow(e *edit, key string) *node {
	if n, ok := z.names.at(key); ok {
		return n
	}
	parent := *z.grow(e, parentOf(key))
	parent.children++
	z.names = z.names.put(e, parentOf(key), &parent)
	n := &node{}
	z.names = z.names.put(e, key, n)
	return n
}

// shrink removes a name that has nothing left, and its parents likewise.
func (z *zoneTable) shrink(e *edit, key string) {
	for key != z.origin {
		n, ok := z.names.at(key)
		if !ok || len(n.parts) > 0 || n.children > 0 {
			return
		}
		z.names = z.names.remove(e, key)
		key = parentOf(key)
		above, ok := z.names.at(key)
		if !ok {
			return
		}
		parent := *above
		parent.children--
		z.names = z.names.put(e, key, &parent)
	}
}

// sources lists what the zone was compiled from.
func (z *zoneTable) sources() []zone.Name {
	var names []zone.Name
	for _, n := range z.names.all {
		names = append(names, n.parts...)
	}
	slices.SortFunc(names, func(a, b zone.Name) int { return a.Compare(b.NameKey) })
	return names
}

// parentOf is a wire name without its first label.
func parentOf(key string) string { return key[1+int(key[0]):] }

func isWildcard(key string) bool { return len(key) > 2 && key[0] == 1 && key[1] == '*' }

// hasSuffix says whether a wire name is at or under another. Comparing octets
// alone would take a label's content for a label.
func hasSuffix(key, origin string) bool {
	for len(key) > len(origin) {
		key = parentOf(key)
	}
	return key == origin
}
