package zone

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"seamark/internal/world"
)

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
	Head  *Head       // set: replaces the table's head; see Complete
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

// Changed compares the tables of two worlds. Touched must name every object that
// differs between them and whose kind the tables read (see Reads); other kinds
// are passed over. What is not touched costs nothing.
func Changed(before, after world.World, touched []world.Ref, o Options) Changes {
	c := comparison{before: before, after: after, opts: o}
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
	for o := range c.owners {
		c.compareOwner(o)
	}
	for _, id := range sorted(c.services) {
		c.compareService(id, c.services[id])
	}
	out.Deltas = c.collect()
	return out
}

type comparison struct {
	before, after world.World
	opts          Options
	// The maps are nil until there is something to put in them (see put): most
	// changes are of one kind.

	// What to look at. A VPC that is handled whole stays in vpcs.
	vpcs     map[world.VPCID]bool
	zones    map[world.HostedZoneID]bool
	owners   map[owner]bool
	services map[world.DiscoveryServiceID][]string // with the keys of touched instances; see fewInstances

	seen   map[world.HostedZoneID][2]zoneView // see views
	whole  []world.VPCID                      // set or removed: no delta
	heads  map[world.VPCID]*Head
	deltas map[world.VPCID]map[world.HostedZoneID]ZoneDelta
}

// owner is a name of a zone's own record sets, as Route 53 writes it.
type owner struct {
	zone world.HostedZoneID
	name string
}

func (c *comparison) touch(r world.Ref) {
	switch r.Kind {
	case world.KindVPC:
		put(&c.vpcs, world.VPCID(r.Key), true)
	case world.KindHostedZone:
		c.touchZone(world.HostedZoneID(r.Key))
	case world.KindRecordSet:
		zone, name := world.RecordSetOwner(r.Key)
		c.touchOwner(owner{zone, name})
	case world.KindHealthCheck:
		c.touchHealthCheck(world.HealthCheckID(r.Key))
	case world.KindNamespace:
		for _, w := range []world.World{c.before, c.after} {
			if ns := w.Namespaces.Get(r.Key); ns != nil && ns.HostedZone != "" {
				put(&c.zones, ns.HostedZone, true)
			}
		}
	case world.KindDiscoveryService:
		id := world.DiscoveryServiceID(r.Key)
		put(&c.services, id, c.services[id])
	case world.KindDiscoveryInstance:
		c.touchInstance(r.Key)
	default:
		for _, w := range []world.World{c.before, c.after} {
			for _, id := range resolverTouched(w, r) {
				put(&c.vpcs, id, true)
			}
			c.touchBelow(ruleOf(w, r))
		}
	}
}

// ruleOf is the Resolver rule that an object of a world is or associates, or nil.
func ruleOf(w world.World, r world.Ref) *world.ResolverRule {
	switch r.Kind {
	case world.KindResolverRule:
		return w.ResolverRules.Get(r.Key)
	case world.KindResolverRuleAssociation:
		if a := w.ResolverRuleAssociations.Get(r.Key); a != nil {
			return w.ResolverRules.Get(string(a.Rule))
		}
	}
	return nil
}

// touchBelow has the public zones looked at that a rule may hide.
func (c *comparison) touchBelow(r *world.ResolverRule) {
	if r == nil {
		return
	}
	if domain, ok := canonical(r.Domain); ok {
		c.touchPublic(domain)
	}
}

// touchPublic has the public zones at and below a canonical name looked at.
func (c *comparison) touchPublic(name string) {
	for _, w := range []world.World{c.before, c.after} {
		for z := range w.PublicZones() {
			if origin, ok := canonical(z.Name); ok && inside(origin, name) {
				put(&c.zones, z.ID, true)
			}
		}
	}
}

func (c *comparison) touchInstance(key string) {
	service, _, _ := strings.Cut(key, "/")
	id := world.DiscoveryServiceID(service)
	if keys := c.services[id]; len(keys) <= fewInstances && !slices.Contains(keys, key) {
		put(&c.services, id, append(keys, key))
	}
}

// touchZone has a zone looked at and, where it is private, the public zones that
// it may hide.
func (c *comparison) touchZone(id world.HostedZoneID) {
	put(&c.zones, id, true)
	for _, v := range []zoneView{view(&c.before, id), view(&c.after, id)} {
		if v.zone != nil && v.zone.Private {
			c.touchPublic(v.origin)
		}
	}
}

// touchOwner has a name looked at, and the aliases whose health it decides on.
func (c *comparison) touchOwner(o owner) {
	if c.owners[o] {
		return
	}
	put(&c.owners, o, true)
	for _, w := range []world.World{c.before, c.after} {
		for r := range w.RecordSetsAliased(o.zone, o.name) {
			c.touchOwner(owner{r.Zone, r.Name})
		}
	}
}

// touchHealthCheck has the names looked at whose health a check decides on, by
// itself or as one that another one counts. No check counts itself.
func (c *comparison) touchHealthCheck(id world.HealthCheckID) {
	for _, w := range []world.World{c.before, c.after} {
		for r := range w.RecordSetsChecked(id) {
			c.touchOwner(owner{r.Zone, r.Name})
		}
		for over := range w.HealthChecksOver(id) {
			for r := range w.RecordSetsChecked(over.ID) {
				c.touchOwner(owner{r.Zone, r.Name})
			}
		}
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
	case was == nil || sees(was, c.opts) != sees(is, c.opts) || was.EnableDNSSupport != is.EnableDNSSupport:
		c.whole = append(c.whole, id)
		v, _ := Compile(c.after, id, c.opts)
		out.Set = append(out.Set, v)
	default:
		if h, old := head(c.after, is, c.opts), head(c.before, was, c.opts); !reflect.DeepEqual(h, old) {
			h = h.brief(old)
			put(&c.heads, id, &h)
		}
	}
}

// zoneView is a zone as it stands in one of the two worlds; nil zone: absent.
type zoneView struct {
	w      *world.World
	zone   *world.HostedZone
	origin string
}

func view(w *world.World, id world.HostedZoneID) zoneView {
	z := w.HostedZones.Get(string(id))
	if z == nil {
		return zoneView{w: w}
	}
	origin, ok := canonical(z.Name)
	if !ok {
		return zoneView{w: w}
	}
	return zoneView{w, z, origin}
}

func (v zoneView) head() ZoneHead { return zoneHead(*v.w, v.zone, v.origin) }

// in says whether the zone is in the table of a VPC, or of the public zones. A
// VPC's resolver finds public zones, as it finds all of public DNS, where neither
// a private zone nor a rule is in the way: what a private zone does not have does
// not exist, and what a rule is for is asked of its targets (Route 53 developer
// guide, "Considerations when working with private hosted zones").
func (v zoneView) in(id world.VPCID, o Options) bool {
	if v.zone == nil {
		return false
	}
	if id == PublicID {
		return o.Public && !v.zone.Private
	}
	vpc := v.w.VPCs.Get(string(id))
	if vpc == nil {
		return false
	}
	if v.zone.Private {
		return slices.Contains(v.zone.VPCs, id) && sees(vpc, o)
	}
	return vpc.EnableDNSSupport && !v.hidden(vpc, o)
}

// hidden says whether a private zone or a rule of the VPC hides this public one.
func (v zoneView) hidden(vpc *world.VPC, o Options) bool {
	if v.forwarded(vpc.ID) {
		return true
	}
	if !sees(vpc, o) {
		return false
	}
	for z := range v.w.ZonesIn(vpc.ID) {
		if origin, ok := canonical(z.Name); ok && inside(v.origin, origin) {
			return true
		}
	}
	return false
}

// forwarded says whether the most specific of the VPC's rules at and above the
// zone forwards: a system rule below a forwarding one has names answered as if
// there were neither.
func (v zoneView) forwarded(id world.VPCID) bool {
	var most string
	forwards := false
	for a := range v.w.RuleAssociationsIn(id) {
		r := v.w.ResolverRules.Get(string(a.Rule))
		if r == nil {
			continue
		}
		// Of two names above another the longer one is below the other.
		if domain, ok := canonical(r.Domain); ok && inside(v.origin, domain) && len(domain) > len(most) {
			most, forwards = domain, r.Type != world.SystemRule
		}
	}
	return forwards
}

// vpcs are those whose tables the zone may be in.
func (v zoneView) vpcs() []world.VPCID {
	if v.zone == nil {
		return nil
	}
	if v.zone.Private {
		return v.zone.VPCs
	}
	all := []world.VPCID{PublicID}
	for vpc := range v.w.VPCs.All() {
		all = append(all, vpc.ID)
	}
	return all
}

// sameNames says that both views have the same name and the same namespace, so
// that only touched names and services can differ.
func (v zoneView) sameNames(o zoneView) bool {
	return v.origin == o.origin && namespaceOf(*v.w, v.zone) != nil == (namespaceOf(*o.w, o.zone) != nil) &&
		v.zone.Namespace == o.zone.Namespace
}

// views are a zone before and after. The services of one are compared in groups.
func (c *comparison) views(id world.HostedZoneID) (was, is zoneView) {
	both, ok := c.seen[id]
	if !ok {
		both = [2]zoneView{view(&c.before, id), view(&c.after, id)}
		put(&c.seen, id, both)
	}
	return both[0], both[1]
}

func (c *comparison) compareZone(id world.HostedZoneID) {
	was, is := c.views(id)
	all := append(slices.Clone(was.vpcs()), is.vpcs()...)
	slices.Sort(all)
	var whole, changed *ZoneDelta // computed at most once for all VPCs
	for _, vpc := range slices.Compact(all) {
		switch had, has := was.in(vpc, c.opts), is.in(vpc, c.opts); {
		case had && !has:
			c.put(vpc, ZoneDelta{ID: id, Removed: true})
		case has && !had:
			if whole == nil {
				head := is.head()
				whole = &ZoneDelta{ID: id, Head: &head, Put: zoneNames(*is.w, is.zone, c.opts)}
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
	d := &ZoneDelta{ID: is.zone.ID, Head: newHead(was, is)}
	if was.sameNames(is) {
		return d
	}
	d.Put, d.Drop = Diff(zoneNames(*was.w, was.zone, c.opts), zoneNames(*is.w, is.zone, c.opts))
	return d
}

// newHead is a zone's head if it differs, or nil.
func newHead(was, is zoneView) *ZoneHead {
	if h := is.head(); !reflect.DeepEqual(was.head(), h) {
		return &h
	}
	return nil
}

// compareOwner compares one name of a zone's own record sets. Those at the zone's
// name may be its NS and SOA.
func (c *comparison) compareOwner(o owner) {
	was, is := c.views(o.zone)
	if was.zone == nil || is.zone == nil || !was.sameNames(is) {
		return // compareZone has seen all names
	}
	c.change(was, is, func() (put []Name, drop []NameKey) {
		return Diff(list(compileOwner(c.before, was.zone, o.name, c.opts)), list(compileOwner(c.after, is.zone, o.name, c.opts)))
	}, newHead(was, is))
}

func list(n Name, ok bool) []Name {
	if !ok {
		return nil
	}
	return []Name{n}
}

func (c *comparison) compareService(id world.DiscoveryServiceID, instances []string) {
	zone := c.serviceZone(id)
	if zone == "" {
		return
	}
	was, is := c.views(zone)
	if was.zone == nil || is.zone == nil || !was.sameNames(is) {
		return // compareZone has seen all names
	}
	c.change(was, is, func() ([]Name, []NameKey) { return c.compareInstances(id, instances) }, nil)
}

// change adds to the deltas of a zone, in all tables that had it and have it,
// what diff returns. Diff is called once at most.
func (c *comparison) change(was, is zoneView, diff func() ([]Name, []NameKey), head *ZoneHead) {
	var put []Name
	var drop []NameKey
	done := false
	for _, vpc := range is.vpcs() {
		if !was.in(vpc, c.opts) || !is.in(vpc, c.opts) {
			continue // whole, or not there
		}
		if !done {
			put, drop = diff()
			done = true
		}
		d := c.deltas[vpc][is.zone.ID]
		d.ID = is.zone.ID
		d.Put = append(slices.Clip(d.Put), put...)
		d.Drop = append(slices.Clip(d.Drop), drop...)
		if head != nil {
			d.Head = head
		}
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
	zones := c.deltas[vpc]
	put(&zones, d.ID, d)
	put(&c.deltas, vpc, zones)
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
		for _, zone := range sorted(c.deltas[id]) {
			if z := c.deltas[id][zone]; !z.empty() {
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

// put puts into a map that may be nil yet.
func put[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// sorted lists the keys of a map.
func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	if len(m) == 0 {
		return nil
	}
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
