package zone

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"seamark/internal/world"
)

// Ref names an object that was put or deleted between two worlds.
type Ref struct {
	Kind world.Kind
	Key  string
}

// Changes is how the tables of all VPCs differ between two worlds. No VPC is
// in two of the lists.
type Changes struct {
	Set     []VPC         // new, or to be replaced whole; sorted by ID
	Removed []world.VPCID // sorted
	Deltas  []Delta       // sorted by VPC
}

// Empty says that nothing differs.
func (c Changes) Empty() bool { return len(c.Set) == 0 && len(c.Removed) == 0 && len(c.Deltas) == 0 }

// Delta changes one VPC's table.
type Delta struct {
	VPC   world.VPCID
	Head  *Head       // set: replaces the table's head
	Zones []ZoneDelta // sorted by ID
}

// ZoneDelta changes one zone of a VPC.
type ZoneDelta struct {
	ID      world.HostedZoneID
	Removed bool      // the VPC no longer has the zone; nothing else is set
	Head    *ZoneHead // set: the zone is new, or its head is replaced
	Put     []Name    // sorted
	Drop    []NameKey // sorted
}

func (d ZoneDelta) empty() bool {
	return !d.Removed && d.Head == nil && len(d.Put) == 0 && len(d.Drop) == 0
}

// Changed compares the tables of two worlds. Touched must name every VPC,
// namespace, hosted zone, discovery service and discovery instance that differs
// between them; other kinds are passed over. What is not touched costs nothing.
func Changed(before, after world.World, touched []Ref, o Options) Changes {
	c := comparison{before: before, after: after, opts: o,
		vpcs: map[world.VPCID]bool{}, zones: map[world.HostedZoneID]bool{}, services: map[world.DiscoveryServiceID]bool{},
		deltas: map[world.VPCID]map[world.HostedZoneID]ZoneDelta{}, heads: map[world.VPCID]*Head{}}
	for _, r := range touched {
		c.touch(r)
	}
	var out Changes
	for _, id := range sorted(c.vpcs) {
		c.compareVPC(id, &out)
	}
	for _, id := range sorted(c.zones) {
		c.compareZone(id)
	}
	for _, id := range sorted(c.services) {
		c.compareService(id)
	}
	out.Deltas = c.collect()
	return out
}

type comparison struct {
	before, after world.World
	opts          Options
	// What to look at. A VPC that is handled whole stays in vpcs.
	vpcs     map[world.VPCID]bool
	zones    map[world.HostedZoneID]bool
	services map[world.DiscoveryServiceID]bool

	whole  []world.VPCID // set or removed: no delta
	heads  map[world.VPCID]*Head
	deltas map[world.VPCID]map[world.HostedZoneID]ZoneDelta
}

func (c *comparison) touch(r Ref) {
	switch r.Kind {
	case world.KindVPC:
		c.vpcs[world.VPCID(r.Key)] = true
	case world.KindHostedZone:
		c.zones[world.HostedZoneID(r.Key)] = true
	case world.KindNamespace:
		for _, w := range []world.World{c.before, c.after} {
			if ns := w.Namespaces.Get(r.Key); ns != nil && ns.HostedZone != "" {
				c.zones[ns.HostedZone] = true
			}
		}
	case world.KindDiscoveryService:
		c.services[world.DiscoveryServiceID(r.Key)] = true
	case world.KindDiscoveryInstance:
		service, _, _ := strings.Cut(r.Key, "/")
		c.services[world.DiscoveryServiceID(service)] = true
	}
}

func (c *comparison) compareVPC(id world.VPCID, out *Changes) {
	was, is := c.before.VPCs.Get(string(id)), c.after.VPCs.Get(string(id))
	switch {
	case is == nil:
		c.whole = append(c.whole, id)
		if was != nil {
			out.Removed = append(out.Removed, id)
		}
	case was == nil || sees(was, c.opts) != sees(is, c.opts):
		c.whole = append(c.whole, id)
		v, _ := Compile(c.after, id, c.opts)
		out.Set = append(out.Set, v)
	default:
		if h := head(is, c.opts); !reflect.DeepEqual(h, head(was, c.opts)) {
			c.heads[id] = &h
		}
	}
}

// zoneView is a zone as it stands in one of the two worlds; nil zone: absent.
type zoneView struct {
	w    world.World
	zone *world.HostedZone
	head ZoneHead
}

func view(w world.World, id world.HostedZoneID) zoneView {
	z := w.HostedZones.Get(string(id))
	if z == nil {
		return zoneView{w: w}
	}
	h, ok := zoneHead(w, z)
	if !ok {
		return zoneView{w: w}
	}
	return zoneView{w, z, h}
}

func (v zoneView) in(id world.VPCID, o Options) bool {
	if v.zone == nil || !slices.Contains(v.zone.VPCs, id) {
		return false
	}
	vpc := v.w.VPCs.Get(string(id))
	return vpc != nil && sees(vpc, o)
}

func (v zoneView) vpcs() []world.VPCID {
	if v.zone == nil {
		return nil
	}
	return v.zone.VPCs
}

// sameNames says that both views name the same record sets and the same
// namespace, so that only touched services can differ.
func (v zoneView) sameNames(o zoneView) bool {
	return v.head.Origin == o.head.Origin && namespaceOf(v.w, v.zone) != nil == (namespaceOf(o.w, o.zone) != nil) &&
		v.zone.Namespace == o.zone.Namespace
}

func (c *comparison) compareZone(id world.HostedZoneID) {
	was, is := view(c.before, id), view(c.after, id)
	all := append(slices.Clone(was.vpcs()), is.vpcs()...)
	slices.Sort(all)
	var whole, changed *ZoneDelta // computed at most once for all VPCs
	for _, vpc := range slices.Compact(all) {
		switch had, has := was.in(vpc, c.opts), is.in(vpc, c.opts); {
		case had && !has:
			c.put(vpc, ZoneDelta{ID: id, Removed: true})
		case has && !had:
			if whole == nil {
				whole = &ZoneDelta{ID: id, Head: &is.head, Put: zoneNames(is.w, is.zone, c.opts)}
			}
			c.put(vpc, *whole)
		case had && has:
			if changed == nil {
				changed = c.zoneDelta(was, is)
			}
			c.put(vpc, *changed)
		}
	}
}

func (c *comparison) zoneDelta(was, is zoneView) *ZoneDelta {
	d := &ZoneDelta{ID: is.zone.ID}
	if !reflect.DeepEqual(was.head, is.head) {
		d.Head = &is.head
	}
	if was.sameNames(is) {
		d.Put, d.Drop = Diff(recordNames(was.zone), recordNames(is.zone))
		return d
	}
	d.Put, d.Drop = Diff(zoneNames(was.w, was.zone, c.opts), zoneNames(is.w, is.zone, c.opts))
	return d
}

func (c *comparison) compareService(id world.DiscoveryServiceID) {
	zone := c.serviceZone(id)
	if zone == "" {
		return
	}
	was, is := view(c.before, zone), view(c.after, zone)
	if was.zone == nil || is.zone == nil || !was.sameNames(is) {
		return // compareZone has seen all names
	}
	var put []Name
	var drop []NameKey
	done := false
	for _, vpc := range is.zone.VPCs {
		if !was.in(vpc, c.opts) || !is.in(vpc, c.opts) {
			continue // whole, or not there
		}
		if !done {
			put, drop = Diff(CompileService(c.before, id, c.opts), CompileService(c.after, id, c.opts))
			done = true
		}
		d := c.deltas[vpc][zone]
		d.ID = zone
		d.Put = append(slices.Clip(d.Put), put...)
		d.Drop = append(slices.Clip(d.Drop), drop...)
		c.put(vpc, d)
	}
}

// serviceZone is the zone of a service, in whichever world has it. A service
// never moves to another namespace.
func (c *comparison) serviceZone(id world.DiscoveryServiceID) world.HostedZoneID {
	for _, w := range []world.World{c.after, c.before} {
		if s := w.DiscoveryServices.Get(string(id)); s != nil {
			if z := zoneOf(w, s); z != nil {
				return z.ID
			}
		}
	}
	return ""
}

func (c *comparison) put(vpc world.VPCID, d ZoneDelta) {
	if c.deltas[vpc] == nil {
		c.deltas[vpc] = map[world.HostedZoneID]ZoneDelta{}
	}
	c.deltas[vpc][d.ID] = d
}

func (c *comparison) collect() []Delta {
	ids := map[world.VPCID]bool{}
	for id := range c.heads {
		ids[id] = true
	}
	for id := range c.deltas {
		ids[id] = true
	}
	for _, id := range c.whole {
		delete(ids, id)
	}
	var out []Delta
	for _, id := range sorted(ids) {
		d := Delta{VPC: id, Head: c.heads[id]}
		for _, z := range slices.SortedFunc(maps.Values(c.deltas[id]), func(a, b ZoneDelta) int { return cmp.Compare(a.ID, b.ID) }) {
			if !z.empty() {
				sortNames(z.Put)
				slices.SortFunc(z.Drop, NameKey.Compare)
				d.Zones = append(d.Zones, z)
			}
		}
		if d.Head != nil || len(d.Zones) > 0 {
			out = append(out, d)
		}
	}
	return out
}

// Diff compares two sorted lists of names: put are those of after that are new
// or differ, drop those that are gone.
func Diff(before, after []Name) (put []Name, drop []NameKey) {
	i := 0
	for _, n := range after {
		for i < len(before) && before[i].Compare(n.NameKey) < 0 {
			drop = append(drop, before[i].NameKey)
			i++
		}
		if i < len(before) && before[i].NameKey == n.NameKey {
			if !slices.EqualFunc(before[i].Sets, n.Sets, Set.equal) {
				put = append(put, n)
			}
			i++
			continue
		}
		put = append(put, n)
	}
	for _, n := range before[i:] {
		drop = append(drop, n.NameKey)
	}
	return put, drop
}

func (s Set) equal(o Set) bool {
	return s.Type == o.Type && s.TTL == o.TTL && s.Policy == o.Policy && s.Alias == o.Alias &&
		slices.Equal(s.Records, o.Records) && slices.EqualFunc(s.Choices, o.Choices, Choice.equal)
}

func (c Choice) equal(o Choice) bool {
	return c.Weight == o.Weight && c.TTL == o.TTL && c.Alias == o.Alias && slices.Equal(c.Records, o.Records)
}

func sorted[K cmp.Ordered](set map[K]bool) []K { return slices.Sorted(maps.Keys(set)) }
