package zone

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// CompileService makes the names of one Cloud Map service: its own and, for
// SRV records, one for each instance. They are sorted by Owner. A service that
// is not in DNS, or without an instance to answer with, has none.
func CompileService(w world.World, id world.DiscoveryServiceID, o Options) []Name {
	r, ok := recipeOf(w, id, o)
	if !ok {
		return nil
	}
	c := compilation{recipe: r, sets: map[string][]Set{}}
	from, to := w.InstanceRanks(id)
	instances := make([]instance, 0, to-from)
	for i := range w.InstancesOf(id) {
		instances = r.answerable(instances, i)
	}
	c.sets[r.owner] = r.own(instances)
	c.addTargets(instances)
	if r.portNames {
		c.addPortNames(instances)
	}
	return c.names()
}

// recipe is how the names of a Cloud Map service are made of its instances: all
// that is read of the service, its namespace and its zone.
type recipe struct {
	source    world.DiscoveryServiceID
	owner     string // the service's own name
	records   []world.DNSRecord
	policy    Policy
	checked   bool // instances may be unhealthy
	failsOpen bool // also to instances that were never healthy
	portNames bool
}

// recipeOf reports false for a service that is not in DNS.
func recipeOf(w world.World, id world.DiscoveryServiceID, o Options) (recipe, bool) {
	s := w.DiscoveryServices.Get(string(id))
	if s == nil || len(s.Records) == 0 {
		return recipe{}, false
	}
	z := zoneOf(w, s)
	if z == nil {
		return recipe{}, false
	}
	origin, ok := canonical(z.Name)
	if !ok {
		return recipe{}, false
	}
	owner, ok := below(s.Name, origin)
	return recipe{
		source: id, owner: owner, records: s.Records, policy: policy(s), portNames: s.PortNames(),
		checked: s.CustomHealth || s.HealthCheck != nil, failsOpen: o.Fidelity.AnswersNeverHealthy(),
	}, ok
}

func (r recipe) equal(o recipe) bool {
	return r.source == o.source && r.owner == o.owner && slices.Equal(r.records, o.records) && r.policy == o.policy &&
		r.checked == o.checked && r.failsOpen == o.failsOpen && r.portNames == o.portNames
}

// zoneOf is the hosted zone that the service's records are written to.
func zoneOf(w world.World, s *world.DiscoveryService) *world.HostedZone {
	ns := w.Namespaces.Get(string(s.Namespace))
	if ns == nil || ns.HostedZone == "" {
		return nil
	}
	z := w.HostedZones.Get(string(ns.HostedZone))
	if z == nil || z.Namespace != ns.ID {
		return nil
	}
	return z
}

// instance is one that may be answered.
type instance struct {
	*world.DiscoveryInstance
	healthy bool
}

// answerable appends an instance if answers may be made of it. On AWS these
// are all, since a set without a healthy record fails open; in relaxed fidelity
// one that was never healthy (a task that has not started yet) is no answer.
func (r recipe) answerable(to []instance, i *world.DiscoveryInstance) []instance {
	healthy := !r.checked || i.Health != world.Unhealthy
	if healthy || i.WasHealthy || r.failsOpen {
		to = append(to, instance{i, healthy})
	}
	return to
}

// own makes the sets at the service's own name.
func (r recipe) own(instances []instance) []Set {
	var sets []Set
	for _, record := range r.records {
		sets = appendSet(sets, r.set(record, r.given(record.Type, instances)))
	}
	return sets
}

// appendSet leaves a set out that answers nothing.
func appendSet(sets []Set, s Set) []Set {
	if len(s.Records) == 0 && len(s.Choices) == 0 {
		return sets
	}
	return append(sets, s)
}

// answers are what instances give: records, and aliases of load balancers.
type answers struct{ records, aliases []string }

func (a answers) empty() bool { return len(a.records) == 0 && len(a.aliases) == 0 }

func (a *answers) add(one answer) {
	if one.alias != "" {
		a.aliases = append(a.aliases, one.alias)
		return
	}
	a.records = append(a.records, one.record)
}

// and is both in new slices.
func (a answers) and(b answers) answers {
	return answers{merged(a.records, b.records), slices.Concat(a.aliases, b.aliases)}
}

// merged is two sorted lists as one.
func merged(a, b []string) []string {
	out := make([]string, 0, len(a)+len(b))
	for _, s := range b {
		n, _ := slices.BinarySearch(a, s)
		out = append(append(out, a[:n]...), s)
		a = a[n:]
	}
	return append(out, a...)
}

// given is what instances give for one record type. Records are sorted.
type given struct{ healthy, unhealthy answers }

func (g given) and(o given) given {
	if g.healthy.empty() && o.healthy.empty() {
		return given{unhealthy: g.unhealthy.and(o.unhealthy)}
	}
	return given{healthy: g.healthy.and(o.healthy)} // the others are not answered
}

func (r recipe) given(typ string, instances []instance) given {
	var g given
	for _, i := range instances {
		a, ok := answerOf(i.DiscoveryInstance, typ, r.owner)
		if !ok {
			continue
		}
		to := &g.unhealthy
		if i.healthy {
			to = &g.healthy
		}
		if to.records == nil {
			to.records = make([]string, 0, len(instances))
		}
		to.add(a)
	}
	slices.Sort(g.healthy.records)
	slices.Sort(g.unhealthy.records)
	return g
}

// set makes the set of one record type, and keeps the slices of g: the answers of
// the healthy instances, or of all where none is healthy. With an alias among them
// each is a choice of its own; all choices weigh the same.
func (r recipe) set(record world.DNSRecord, g given) Set {
	a := g.healthy
	if a.empty() {
		a = g.unhealthy
	}
	s := Set{Type: recordType(record.Type), TTL: ttl(record.TTL), Policy: r.policy}
	if len(a.aliases) == 0 {
		s.Records = a.records
		return s
	}
	s.Policy = Choose
	for _, to := range a.aliases {
		s.Choices = append(s.Choices, Choice{Weight: 1, Alias: to})
	}
	for _, text := range a.records {
		s.Choices = append(s.Choices, Choice{Weight: 1, TTL: s.TTL, Records: []string{text}})
	}
	return s
}

// answer is what one instance gives: a record, or an alias of a load balancer.
type answer struct{ record, alias string }

// answerOf is the answer of an instance of the service with that name. An alias
// stands for addresses only, and only under weighted routing (Cloud Map API
// reference, RegisterInstance).
func answerOf(i *world.DiscoveryInstance, typ, owner string) (answer, bool) {
	if name := i.Attributes["AWS_ALIAS_DNS_NAME"]; name != "" {
		to, ok := canonical(name)
		return answer{alias: to}, ok && (typ == "A" || typ == "AAAA")
	}
	text, ok := recordOf(i, typ, owner)
	return answer{record: text}, ok
}

// compilation is the names of one service while they are made.
type compilation struct {
	recipe
	sets map[string][]Set // by owner
}

// addTargets adds the addresses of the names that SRV records point to. AWS
// writes them without a health check: they stay while the instance does.
func (c *compilation) addTargets(instances []instance) {
	for _, r := range c.records {
		if r.Type != "SRV" {
			continue
		}
		for _, i := range instances {
			if _, ok := port(i.DiscoveryInstance); !ok {
				continue
			}
			if owner, ok := instanceOwner(i.DiscoveryInstance, c.owner); ok {
				c.addTarget(i.DiscoveryInstance, owner, r)
			}
		}
	}
}

func (c *compilation) addTarget(i *world.DiscoveryInstance, owner string, r world.DNSRecord) {
	if a, ok := address4(i); ok {
		c.put(owner, Set{Type: TypeA, TTL: ttl(r.TTL), Records: []string{a}})
	}
	if a, ok := address6(i); ok {
		c.put(owner, Set{Type: TypeAAAA, TTL: ttl(r.TTL), Records: []string{a}})
	}
}

func (c *compilation) put(owner string, s Set) { c.sets[owner] = appendSet(c.sets[owner], s) }

func (c *compilation) names() []Name {
	names := make([]Name, 0, len(c.sets))
	for owner, sets := range c.sets {
		if len(sets) > 0 {
			names = append(names, c.name(owner, sets))
		}
	}
	sortNames(names)
	return names
}

func (r recipe) name(owner string, sets []Set) Name {
	return Name{NameKey: NameKey{Owner: owner, Source: r.source}, Sets: tidy(sets)}
}

// tidy sorts sets by type, joins those of one type and sorts their records, all
// in place: nobody else may have the slices.
func tidy(sets []Set) []Set {
	slices.SortStableFunc(sets, func(a, b Set) int { return cmp.Compare(a.Type, b.Type) })
	out := sets[:0]
	for _, s := range sets {
		last := len(out) - 1
		if last < 0 || out[last].Type != s.Type {
			out = append(out, s)
			continue
		}
		out[last] = joined(out[last], s)
	}
	clear(sets[len(out):])
	for i := range out {
		slices.Sort(out[i].Records)
		if out[i].Policy != Weighted {
			out[i].Records = slices.Compact(out[i].Records)
		}
		slices.SortFunc(out[i].Choices, Choice.compare)
	}
	return out
}

// joined is two sets of one type as one: the policy is the first's, unless one
// of them has an alias or choices, which then are all drawn from.
func joined(a, b Set) Set {
	if a.Alias == "" && b.Alias == "" && a.Policy != Choose && b.Policy != Choose {
		a.Records = append(a.Records, b.Records...)
		a.TTL = min(a.TTL, b.TTL)
		return a
	}
	return Set{Type: a.Type, TTL: min(a.TTL, b.TTL), Policy: Choose, Choices: append(choicesOf(a), choicesOf(b)...)}
}

// choicesOf is a set as something to draw from.
func choicesOf(s Set) []Choice {
	switch {
	case s.Alias != "":
		return []Choice{{Weight: 1, Alias: s.Alias}}
	case s.Policy == Choose:
		return s.Choices
	case s.Policy != Weighted:
		return []Choice{{Weight: 1, TTL: s.TTL, Records: slices.Compact(slices.Sorted(slices.Values(s.Records)))}}
	}
	var out []Choice
	for _, r := range s.Records {
		out = append(out, Choice{Weight: 1, TTL: s.TTL, Records: []string{r}})
	}
	return out
}

func (c Choice) compare(o Choice) int {
	return cmp.Or(cmp.Compare(c.Alias, o.Alias), slices.Compare(c.Records, o.Records), cmp.Compare(c.Weight, o.Weight), cmp.Compare(c.TTL, o.TTL))
}

// Merge joins what several sources say about one owner name: records of one
// type become one set with the shortest TTL and the first source's policy.
func Merge(parts []Name) []Set {
	if len(parts) == 1 {
		return parts[0].Sets
	}
	var sets []Set
	for _, p := range parts {
		for _, s := range p.Sets {
			s.Records, s.Choices = slices.Clone(s.Records), slices.Clone(s.Choices)
			sets = append(sets, s)
		}
	}
	return tidy(sets)
}

func policy(s *world.DiscoveryService) Policy {
	switch {
	case s.RoutingPolicy == "WEIGHTED":
		return Weighted
	case s.AllAnswers():
		return Simple
	}
	return MultiValue
}

// ttl keeps a TTL within RFC 2181 section 8.
func ttl(seconds int64) uint32 { return uint32(min(max(seconds, 0), 1<<31-1)) }

// address4 is the text as it was given: an IPv4 address has one form only.
func address4(i *world.DiscoveryInstance) (string, bool) {
	text := i.Attributes["AWS_INSTANCE_IPV4"]
	a, err := netip.ParseAddr(text)
	return text, err == nil && a.Is4()
}

func address6(i *world.DiscoveryInstance) (string, bool) {
	text := i.Attributes["AWS_INSTANCE_IPV6"]
	if text == "" {
		return "", false
	}
	a, err := netip.ParseAddr(text)
	return a.String(), err == nil && a.Is6() && a.Zone() == ""
}

func target(i *world.DiscoveryInstance) (string, bool) {
	name := i.Attributes["AWS_INSTANCE_CNAME"]
	if name == "" {
		return "", false
	}
	return canonical(name)
}

// srv is the SRV record of an instance: priority and weight are always 1
// (Cloud Map API reference, DnsRecord).
func srv(i *world.DiscoveryInstance, owner string) (string, bool) {
	number, ok := port(i)
	if !ok {
		return "", false
	}
	name, ok := instanceOwner(i, owner)
	return "1 1 " + number + " " + name, ok
}

// port is the number as it is written, without zeros in front.
func port(i *world.DiscoveryInstance) (string, bool) {
	text := i.Attributes["AWS_INSTANCE_PORT"]
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || text[0] == '0' {
		text = strconv.FormatUint(n, 10)
	}
	return text, err == nil
}

// instanceOwner is the name of an instance under a service's. Two ids have the
// same one only if they differ in the case of letters at most.
func instanceOwner(i *world.DiscoveryInstance, owner string) (string, bool) {
	if plain(i.ID) && plain(owner) && !strings.HasSuffix(i.ID, ".") {
		name := i.ID + "." + owner
		return name, len(name)+1 <= maxName
	}
	name, ok := InstanceName(i.ID)
	if !ok {
		return "", false
	}
	under, _ := parsed(owner)
	own, ok := parsed(name)
	return name + owner, ok && legal(append(own, under...))
}

func sortNames(names []Name) {
	slices.SortFunc(names, func(a, b Name) int { return a.Compare(b.NameKey) })
}

// Compare orders names by owner, then source.
func (k NameKey) Compare(other NameKey) int {
	return cmp.Or(cmp.Compare(k.Owner, other.Owner), cmp.Compare(k.Source, other.Source))
}
