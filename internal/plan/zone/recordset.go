package zone

import (
	"slices"

	"seamark/internal/world"
)

// compileOwner makes one name of a zone's own record sets; name is as Route 53
// writes it. It reports false where there is nothing that the zone can answer.
func compileOwner(w world.World, z *world.HostedZone, name string, o Options) (Name, bool) {
	origin, ok := canonical(z.Name)
	owner, legal := canonical(name)
	if !ok || !legal || !inside(owner, origin) {
		return Name{}, false
	}
	c := routing{w: w, region: o.Region}
	out := Name{NameKey: NameKey{Owner: owner}}
	exists := false
	for _, group := range byType(w.RecordSetsNamed(z.ID, name)) {
		number := recordType(group[0].Type)
		if number == 0 || owner == origin && (number == TypeSOA || number == TypeNS) {
			continue // in the zone's head
		}
		exists = true
		out.Sets = append(out.Sets, c.sets(number, group)...)
	}
	out.Sets = tidy(out.Sets)
	return out, exists
}

// byType groups record sets of one name, which are in the order of their types.
func byType(rows world.Rows[world.RecordSet]) [][]*world.RecordSet {
	var groups [][]*world.RecordSet
	for r := range rows {
		last := len(groups) - 1
		if last < 0 || groups[last][0].Type != r.Type {
			groups = append(groups, nil)
			last++
		}
		groups[last] = append(groups[last], r)
	}
	return groups
}

// routing decides which of the record sets that share a name and type are
// answered (Route 53 developer guide, "Choosing a routing policy" and "How Amazon
// Route 53 chooses records when health checking is configured").
type routing struct {
	w      world.World
	region string
}

// sets compiles the record sets of one name and type. They have one policy.
func (c routing) sets(number uint16, group []*world.RecordSet) []Set {
	switch group[0].Routing() {
	case world.RoutingMultiValue:
		return c.multiValue(number, group)
	case world.RoutingWeighted:
		return c.weighted(number, group)
	case world.RoutingFailover:
		return c.only(number, c.failover(group))
	case world.RoutingLatency:
		return c.only(number, c.nearest(group))
	case world.RoutingGeolocation:
		return c.only(number, c.located(group))
	}
	return c.only(number, group[0])
}

// only answers one record set; nil: nothing.
func (c routing) only(number uint16, r *world.RecordSet) []Set {
	if r == nil {
		return nil
	}
	s := Set{Type: number, TTL: ttl(r.TTL), Records: zoneFile(r.Values), Alias: aliasOf(r)}
	if s.Alias != "" {
		s.Records, s.TTL = nil, 0
	}
	if s.Alias == "" && len(s.Records) == 0 {
		return nil
	}
	return []Set{s}
}

// aliasOf is the name that an alias record set answers, or empty.
func aliasOf(r *world.RecordSet) string {
	if r.Alias == nil {
		return ""
	}
	name, _ := canonical(r.Alias.Name)
	return name
}

func (c routing) multiValue(number uint16, group []*world.RecordSet) []Set {
	var out []Set
	for _, r := range c.healthyOrAll(group) {
		if values := zoneFile(r.Values); len(values) > 0 {
			out = append(out, Set{Type: number, TTL: ttl(r.TTL), Policy: MultiValue, Records: values})
		}
	}
	return out
}

// weighted makes choices of the healthy record sets. One of weight 0 is a choice
// only where none has another weight ("Values specific for weighted records").
func (c routing) weighted(number uint16, group []*world.RecordSet) []Set {
	healthy := c.healthyOrAll(group)
	positive := slices.DeleteFunc(slices.Clone(healthy), func(r *world.RecordSet) bool { return *r.Weight == 0 })
	weight := func(r *world.RecordSet) uint32 { return uint32(*r.Weight) }
	if len(positive) == 0 {
		positive, weight = healthy, func(*world.RecordSet) uint32 { return 1 }
	}
	s := Set{Type: number, Policy: Choose}
	for _, r := range positive {
		choice := Choice{Weight: weight(r), TTL: ttl(r.TTL), Records: slices.Sorted(slices.Values(zoneFile(r.Values))), Alias: aliasOf(r)}
		if choice.Alias != "" {
			choice.TTL, choice.Records = 0, nil
		}
		if choice.Alias != "" || len(choice.Records) > 0 {
			s.Choices = append(s.Choices, choice)
		}
	}
	if len(s.Choices) == 0 {
		return nil
	}
	return []Set{s}
}

// failover is the primary record set while it is healthy, the secondary while
// that alone is.
func (c routing) failover(group []*world.RecordSet) *world.RecordSet {
	i := slices.IndexFunc(group, func(r *world.RecordSet) bool { return r.Failover == "PRIMARY" })
	j := slices.IndexFunc(group, func(r *world.RecordSet) bool { return r.Failover == "SECONDARY" })
	switch {
	case i < 0:
		return group[j]
	case j >= 0 && !c.healthy(group[i], 0) && c.healthy(group[j], 0):
		return group[j]
	}
	return group[i]
}

// nearest is the healthy record set of the Region that is nearest.
func (c routing) nearest(group []*world.RecordSet) *world.RecordSet {
	return slices.MinFunc(c.healthyOrAll(group), func(a, b *world.RecordSet) int { return nearer(c.region, a.Region, b.Region) })
}

// located is the healthy record set of the smallest area that this Region is in;
// where none of them is healthy, that of the smallest.
func (c routing) located(group []*world.RecordSet) *world.RecordSet {
	var areas []*world.RecordSet // the smallest first
	at := placeOf(c.region)
	for _, match := range []world.GeoLocation{
		{Country: at.country, Subdivision: at.subdivision}, {Country: at.country}, {Continent: at.continent}, {Country: "*"},
	} {
		for _, r := range group {
			if *r.Location == match {
				areas = append(areas, r)
			}
		}
	}
	for _, r := range areas {
		if c.healthy(r, 0) {
			return r
		}
	}
	if len(areas) == 0 {
		return nil
	}
	return areas[0]
}

// healthyOrAll are the healthy record sets or, where none is, all.
func (c routing) healthyOrAll(group []*world.RecordSet) []*world.RecordSet {
	healthy := slices.DeleteFunc(slices.Clone(group), func(r *world.RecordSet) bool { return !c.healthy(r, 0) })
	if len(healthy) == 0 {
		return group
	}
	return healthy
}

// maxAliases bounds how long chains of aliases may be that evaluate health.
const maxAliases = 16

func (c routing) healthy(r *world.RecordSet, depth int) bool {
	if r.HealthCheck != "" && !c.w.Passes(r.HealthCheck) {
		return false
	}
	return r.Alias == nil || !r.Alias.EvaluateHealth || depth == maxAliases || c.targetHealthy(r, depth+1)
}

// targetHealthy says whether one of the record sets that an alias answers is
// healthy. Of targets that are not in the alias's own zone, such as load balancers,
// nothing is known here: they count as healthy. Other zones of Route 53's own are
// no targets (see ChangeResourceRecordSets).
func (c routing) targetHealthy(r *world.RecordSet, depth int) bool {
	if r.Alias.Zone != r.Zone {
		return true
	}
	for t := range c.w.RecordSetsNamed(r.Alias.Zone, r.Alias.Name) {
		if t.Type == r.Type && c.healthy(t, depth) {
			return true
		}
	}
	return false
}
