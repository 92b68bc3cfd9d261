package zone

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"seamark/internal/world"
)

// CompileService makes the names of one Cloud Map service: its own and, for
// SRV records, one for each instance. They are sorted by Owner. A service that
// is not in DNS, or without an instance to answer with, has none.
func CompileService(w world.World, id world.DiscoveryServiceID, o Options) []Name {
	s := w.DiscoveryServices.Get(string(id))
	if s == nil || len(s.Records) == 0 {
		return nil
	}
	z := zoneOf(w, s)
	if z == nil {
		return nil
	}
	origin, ok := canonical(z.Name)
	if !ok {
		return nil
	}
	owner, ok := below(s.Name, origin)
	if !ok {
		return nil
	}
	c := compilation{service: s, owner: owner, sets: map[string][]Set{}}
	c.instances = answerable(w, s, o.Fidelity)
	for _, r := range s.Records {
		c.add(r)
	}
	if s.PortNames() {
		c.addPortNames()
	}
	return c.names()
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

// answerable lists the instances of which answers may be made. On AWS these
// are all, since a set without a healthy record fails open; in relaxed fidelity
// one that was never healthy (a task that has not started yet) is no answer.
func answerable(w world.World, s *world.DiscoveryService, f world.Fidelity) []instance {
	checked := s.CustomHealth || s.HealthCheck != nil
	var out []instance
	for i := range w.InstancesOf(s.ID) {
		healthy := !checked || i.Health != world.Unhealthy
		if healthy || i.WasHealthy || f.AnswersNeverHealthy() {
			out = append(out, instance{i, healthy})
		}
	}
	return out
}

// compilation is one service under compilation.
type compilation struct {
	service   *world.DiscoveryService
	owner     string
	instances []instance
	sets      map[string][]Set // by owner
}

func (c *compilation) add(r world.DNSRecord) {
	switch r.Type {
	case "A":
		c.addSet(TypeA, r, address4)
	case "AAAA":
		c.addSet(TypeAAAA, r, address6)
	case "CNAME":
		c.addSet(TypeCNAME, r, target)
	case "SRV":
		c.addSet(TypeSRV, r, func(i *world.DiscoveryInstance) (string, bool) { return srv(i, c.owner) })
		c.addTargets(r)
	}
}

// addSet adds the records of one type at the service's own name: those of the
// healthy instances, or of all where none is healthy.
func (c *compilation) addSet(typ uint16, r world.DNSRecord, record func(*world.DiscoveryInstance) (string, bool)) {
	var healthy, all []answer
	for _, i := range c.instances {
		a, ok := answerOf(i.DiscoveryInstance, typ, record)
		if !ok {
			continue
		}
		all = append(all, a)
		if i.healthy {
			healthy = append(healthy, a)
		}
	}
	if len(healthy) == 0 {
		healthy = all
	}
	c.put(c.owner, setOf(typ, r, policy(c.service), healthy))
}

// answer is what one instance gives: a record, or an alias of a load balancer.
type answer struct{ record, alias string }

// answerOf is the answer of an instance. An alias stands for addresses only, and
// only under weighted routing (Cloud Map API reference, RegisterInstance).
func answerOf(i *world.DiscoveryInstance, typ uint16, record func(*world.DiscoveryInstance) (string, bool)) (answer, bool) {
	if name := i.Attributes["AWS_ALIAS_DNS_NAME"]; name != "" {
		to, ok := canonical(name)
		return answer{alias: to}, ok && (typ == TypeA || typ == TypeAAAA)
	}
	text, ok := record(i)
	return answer{record: text}, ok
}

// setOf makes a set of answers. With an alias among them each is a choice of its
// own; all choices weigh the same.
func setOf(typ uint16, r world.DNSRecord, p Policy, answers []answer) Set {
	s := Set{Type: typ, TTL: ttl(r.TTL), Policy: p}
	if !slices.ContainsFunc(answers, func(a answer) bool { return a.alias != "" }) {
		for _, a := range answers {
			s.Records = append(s.Records, a.record)
		}
		return s
	}
	s.Policy = Choose
	for _, a := range answers {
		c := Choice{Weight: 1, Alias: a.alias}
		if a.alias == "" {
			c.TTL, c.Records = s.TTL, []string{a.record}
		}
		s.Choices = append(s.Choices, c)
	}
	return s
}

// addTargets adds the addresses of the names that SRV records point to. AWS
// writes them without a health check: they stay while the instance does.
func (c *compilation) addTargets(r world.DNSRecord) {
	for _, i := range c.instances {
		if _, ok := srv(i.DiscoveryInstance, c.owner); !ok {
			continue
		}
		owner, _ := instanceOwner(i.DiscoveryInstance, c.owner)
		c.addTarget(i.DiscoveryInstance, owner, r)
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

func (c *compilation) put(owner string, s Set) {
	if len(s.Records) > 0 || len(s.Choices) > 0 {
		c.sets[owner] = append(c.sets[owner], s)
	}
}

func (c *compilation) names() []Name {
	names := make([]Name, 0, len(c.sets))
	for owner, sets := range c.sets {
		names = append(names, Name{NameKey: NameKey{Owner: owner, Source: c.service.ID}, Sets: tidy(sets)})
	}
	sortNames(names)
	return names
}

// tidy sorts sets by type, joins those of one type and sorts their records.
func tidy(sets []Set) []Set {
	slices.SortStableFunc(sets, func(a, b Set) int { return cmp.Compare(a.Type, b.Type) })
	out := sets[:0:0]
	for _, s := range sets {
		last := len(out) - 1
		if last < 0 || out[last].Type != s.Type {
			s.Records, s.Choices = slices.Clone(s.Records), slices.Clone(s.Choices)
			out = append(out, s)
			continue
		}
		out[last] = joined(out[last], s)
	}
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
		sets = append(sets, p.Sets...)
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

func address4(i *world.DiscoveryInstance) (string, bool) {
	a, err := netip.ParseAddr(i.Attributes["AWS_INSTANCE_IPV4"])
	return a.String(), err == nil && a.Is4()
}

func address6(i *world.DiscoveryInstance) (string, bool) {
	a, err := netip.ParseAddr(i.Attributes["AWS_INSTANCE_IPV6"])
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
	port, err := strconv.ParseUint(i.Attributes["AWS_INSTANCE_PORT"], 10, 16)
	if err != nil {
		return "", false
	}
	name, ok := instanceOwner(i, owner)
	return fmt.Sprintf("1 1 %d %s", port, name), ok
}

func instanceOwner(i *world.DiscoveryInstance, owner string) (string, bool) {
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
