package zone

import (
	"slices"
	"strings"

	"seamark/internal/world"
)

// fewInstances is up to how many touched instances of a service are compared one
// by one. With more of them the service is compiled before and after.
const fewInstances = 32

// compareInstances compares the names of a service of which no instances differ but
// those with these keys. It comes to the same as compiling the service before and
// after, but a name of an instance that was not touched is not made at all, and
// the service's own name once from what has stayed.
func (c *comparison) compareInstances(id world.DiscoveryServiceID, keys []string) (put []Name, drop []NameKey) {
	was, had := recipeOf(c.before, id, c.opts)
	is, has := recipeOf(c.after, id, c.opts)
	if !had || !has || !was.equal(is) || is.portNames || len(keys) > fewInstances {
		return Diff(CompileService(c.before, id, c.opts), CompileService(c.after, id, c.opts))
	}
	p := partition{recipe: is}
	p.divide(c.before, c.after, id, keys)
	if len(p.gone) == 0 && len(p.come) == 0 {
		return nil, nil
	}
	before, after := p.own()
	if p.hasTargets() {
		shared := p.namesakes()
		before = p.withTargets(before, p.gone, shared)
		after = p.withTargets(after, p.come, shared)
	}
	return Diff(before, after)
}

// partition is the answerable instances of a service before and after, in the
// order of their keys. One that was changed is in gone and in come.
type partition struct {
	recipe
	kept, gone, come []instance
}

func (p *partition) divide(before, after world.World, id world.DiscoveryServiceID, keys []string) {
	slices.Sort(keys)
	changed := make([]*world.DiscoveryInstance, 0, len(keys)) // as they are after
	for _, key := range keys {
		was, is := before.DiscoveryInstances.Get(key), after.DiscoveryInstances.Get(key)
		if was == is {
			continue
		}
		if was != nil {
			p.gone = p.answerable(p.gone, was)
		}
		if is != nil {
			p.come = p.answerable(p.come, is)
			changed = append(changed, is)
		}
	}
	if len(p.gone) == 0 && len(p.come) == 0 {
		return
	}
	from, to := after.InstanceRanks(id)
	p.kept = make([]instance, 0, to-from)
	for i := range after.InstancesOf(id) {
		if len(changed) > 0 && changed[0] == i {
			changed = changed[1:]
			continue
		}
		p.kept = p.answerable(p.kept, i)
	}
}

// own is the service's own name before and after; none where nothing is answered.
func (p *partition) own() (before, after []Name) {
	var was, is []Set
	for _, r := range p.records {
		kept := p.given(r.Type, p.kept)
		was = appendSet(was, p.set(r, kept.and(p.given(r.Type, p.gone))))
		is = appendSet(is, p.set(r, kept.and(p.given(r.Type, p.come))))
	}
	if len(was) > 0 {
		before = append(before, p.name(p.owner, was))
	}
	if len(is) > 0 {
		after = append(after, p.name(p.owner, is))
	}
	return before, after
}

func (p *partition) hasTargets() bool {
	return slices.ContainsFunc(p.records, func(r world.DNSRecord) bool { return r.Type == "SRV" })
}

// namesakes are the kept instances whose names may be those of changed ones.
func (p *partition) namesakes() []instance {
	var out []instance
	for _, k := range p.kept {
		same := func(i instance) bool { return strings.EqualFold(i.ID, k.ID) } // see instanceOwner
		if slices.ContainsFunc(p.gone, same) || slices.ContainsFunc(p.come, same) {
			out = append(out, k)
		}
	}
	return out
}

// withTargets adds to names those of instances.
func (p *partition) withTargets(names []Name, of ...[]instance) []Name {
	c := compilation{recipe: p.recipe, sets: map[string][]Set{}}
	c.addTargets(slices.Concat(of...))
	names = append(names, c.names()...)
	sortNames(names)
	return names
}
