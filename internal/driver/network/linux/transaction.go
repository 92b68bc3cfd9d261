//go:build linux

package linux

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// replace writes the whole table into c's batch, whatever the kernel holds
// now. A batch is one transaction: packets see the old table or the new one.
// Connection tracking goes on, because the new rules take hold of it before
// the old ones let go.
func replace(c *nftables.Conn, want *ruleset) error {
	t := newTable()
	// Deleting needs a table that exists; adding one that exists is no error.
	c.AddTable(t.table)
	c.DelTable(t.table)
	c.AddTable(t.table)
	for _, s := range []*nftables.Set{t.sources.four, t.sources.six, t.services.four, t.services.six, t.egress, t.ingress} {
		if err := c.AddSet(s, nil); err != nil {
			return err
		}
	}
	t.addHooks(c)
	return t.change(c, newChange(&ruleset{}, want))
}

// update writes the difference between two rulesets into c's batch and says
// whether there is any.
func update(c *nftables.Conn, have, want *ruleset) (bool, error) {
	d := newChange(have, want)
	if d.empty() {
		return false, nil
	}
	return true, newTable().change(c, d)
}

// change is the difference between two rulesets, each list sorted.
type change struct {
	addGroups, deleteGroups   []string
	addMembers, deleteMembers []member
	addChains, deleteChains   []named
	addSources, deleteSources []source
	addServices, delServices  []service
	addEgress, addIngress     []verdict
	delEgress, delIngress     []string
}

type member struct {
	group   string
	address netip.Addr
}

type named struct {
	name string
	chain
}

type verdict struct{ link, chain string }

func newChange(have, want *ruleset) change {
	var d change
	d.addGroups, d.deleteGroups = missing(want.groups, have.groups), missing(have.groups, want.groups)
	for group, members := range want.groups {
		d.addMembers = append(d.addMembers, absent(group, members, have.groups[group])...)
	}
	for group, members := range have.groups {
		if now, kept := want.groups[group]; kept { // a deleted set takes its members along
			d.deleteMembers = append(d.deleteMembers, absent(group, members, now)...)
		}
	}
	byMember := func(a, b member) int { return cmp.Or(cmp.Compare(a.group, b.group), a.address.Compare(b.address)) }
	slices.SortFunc(d.addMembers, byMember)
	slices.SortFunc(d.deleteMembers, byMember)
	for _, name := range missing(want.chains, have.chains) {
		d.addChains = append(d.addChains, named{name, want.chains[name]})
	}
	for _, name := range missing(have.chains, want.chains) {
		d.deleteChains = append(d.deleteChains, named{name, have.chains[name]})
	}
	d.addSources = subtract(want.sources, have.sources, compareSources)
	d.deleteSources = subtract(have.sources, want.sources, compareSources)
	d.addServices = subtract(want.services, have.services, compareServices)
	d.delServices = subtract(have.services, want.services, compareServices)
	d.addEgress, d.delEgress = verdicts(have.egress, want.egress)
	d.addIngress, d.delIngress = verdicts(have.ingress, want.ingress)
	return d
}

func (d change) empty() bool {
	return len(d.addGroups)+len(d.deleteGroups)+len(d.addMembers)+len(d.deleteMembers)+
		len(d.addChains)+len(d.deleteChains)+len(d.addSources)+len(d.deleteSources)+
		len(d.addServices)+len(d.delServices)+len(d.addEgress)+len(d.addIngress)+
		len(d.delEgress)+len(d.delIngress) == 0
}

// missing are the keys of a that b lacks.
func missing[V any](a, b map[string]V) []string {
	var out []string
	for k := range a {
		if _, ok := b[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// absent are the members of a group that are not in other.
func absent(group string, members, other map[netip.Addr]struct{}) []member {
	var out []member
	for a := range members {
		if _, ok := other[a]; !ok {
			out = append(out, member{group, a})
		}
	}
	return out
}

// subtract are the keys of a that b lacks.
func subtract[K comparable](a, b map[K]struct{}, order func(K, K) int) []K {
	var out []K
	for k := range a {
		if _, ok := b[k]; !ok {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, order)
	return out
}

func compareSources(a, b source) int {
	return cmp.Or(cmp.Compare(a.link, b.link), a.address.Compare(b.address))
}

func compareServices(a, b service) int {
	return cmp.Or(a.address.Compare(b.address), cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port, b.port))
}

// verdicts are the elements of a verdict map to add and to delete; one whose
// chain changed is in both.
func verdicts(have, want map[string]string) (add []verdict, del []string) {
	for _, link := range slices.Sorted(maps.Keys(want)) {
		if have[link] != want[link] {
			add = append(add, verdict{link, want[link]})
		}
	}
	for _, link := range slices.Sorted(maps.Keys(have)) {
		if have[link] != want[link] {
			del = append(del, link)
		}
	}
	return add, del
}

// change writes d in the order of what refers to what: elements before the
// chains they name go, chains before the sets their rules name.
func (t table) change(c *nftables.Conn, d change) error {
	for n, group := range d.addGroups {
		for half, six := range []bool{false, true} {
			if err := c.AddSet(t.group(group, six, idGroups+uint32(2*n+half)), nil); err != nil {
				return err
			}
		}
	}
	for _, ch := range d.addChains {
		t.addChain(c, ch.name, ch.chain)
	}
	if err := t.deleteElements(c, d); err != nil {
		return err
	}
	if err := t.addElements(c, d); err != nil {
		return err
	}
	for _, ch := range d.deleteChains {
		gone := &nftables.Chain{Table: t.table, Name: ch.name}
		c.FlushChain(gone)
		c.DelChain(gone)
	}
	for _, group := range d.deleteGroups {
		c.DelSet(t.group(group, false, 0))
		c.DelSet(t.group(group, true, 0))
	}
	return nil
}

// group is the set of a security group's members of one family.
func (t table) group(name string, six bool, id uint32) *nftables.Set {
	s := &nftables.Set{Table: t.table, Name: groupSet(name, six), ID: id, KeyType: nftables.TypeIPAddr}
	if six {
		s.KeyType = nftables.TypeIP6Addr
	}
	return s
}

// inFamilies applies to the elements of each family's set.
func inFamilies[E any](f families, all []E, address func(E) netip.Addr, key func(E) []byte, apply func(*nftables.Set, []nftables.SetElement) error) error {
	for _, set := range []*nftables.Set{f.four, f.six} {
		var elements []nftables.SetElement
		for _, e := range all {
			if f.of(address(e)) == set {
				elements = append(elements, nftables.SetElement{Key: key(e)})
			}
		}
		if err := inChunks(set, elements, apply); err != nil {
			return err
		}
	}
	return nil
}

func (t table) eachSource(all []source, apply func(*nftables.Set, []nftables.SetElement) error) error {
	return inFamilies(t.sources, all, func(s source) netip.Addr { return s.address }, sourceKey, apply)
}

func (t table) eachService(all []service, apply func(*nftables.Set, []nftables.SetElement) error) error {
	return inFamilies(t.services, all, func(s service) netip.Addr { return s.address }, serviceKey, apply)
}

func (t table) deleteElements(c *nftables.Conn, d change) error {
	var egress, ingress []nftables.SetElement
	for _, link := range d.delEgress {
		egress = append(egress, nftables.SetElement{Key: linkKey(link)})
	}
	for _, link := range d.delIngress {
		ingress = append(ingress, nftables.SetElement{Key: linkKey(link)})
	}
	del := c.SetDeleteElements
	if err := t.eachSource(d.deleteSources, del); err != nil {
		return err
	}
	if err := t.eachService(d.delServices, del); err != nil {
		return err
	}
	if err := inChunks(t.egress, egress, del); err != nil {
		return err
	}
	if err := inChunks(t.ingress, ingress, del); err != nil {
		return err
	}
	return t.members(d.deleteMembers, del)
}

func (t table) addElements(c *nftables.Conn, d change) error {
	var egress, ingress []nftables.SetElement
	for _, v := range d.addEgress {
		egress = append(egress, nftables.SetElement{Key: linkKey(v.link), VerdictData: &expr.Verdict{Kind: expr.VerdictJump, Chain: v.chain}})
	}
	for _, v := range d.addIngress {
		ingress = append(ingress, nftables.SetElement{Key: linkKey(v.link), VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: v.chain}})
	}
	add := c.SetAddElements
	if err := t.eachSource(d.addSources, add); err != nil {
		return err
	}
	if err := t.eachService(d.addServices, add); err != nil {
		return err
	}
	if err := inChunks(t.egress, egress, add); err != nil {
		return err
	}
	if err := inChunks(t.ingress, ingress, add); err != nil {
		return err
	}
	return t.members(d.addMembers, add)
}

// members adds or deletes group members, which are sorted by group and, since
// IPv4 addresses compare lower, by family.
func (t table) members(all []member, apply func(*nftables.Set, []nftables.SetElement) error) error {
	for start := 0; start < len(all); {
		end := start
		var elements []nftables.SetElement
		six := all[start].address.Is6()
		for ; end < len(all) && all[end].group == all[start].group && all[end].address.Is6() == six; end++ {
			elements = append(elements, nftables.SetElement{Key: all[end].address.AsSlice()})
		}
		if err := inChunks(t.group(all[start].group, six, 0), elements, apply); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// chunk is how many elements one message carries. A netlink attribute is at
// most 64 KiB long and an element of a verdict map takes about 120 bytes.
const chunk = 256

func inChunks(s *nftables.Set, all []nftables.SetElement, apply func(*nftables.Set, []nftables.SetElement) error) error {
	for part := range slices.Chunk(all, chunk) {
		if err := apply(s, part); err != nil {
			return err
		}
	}
	return nil
}
