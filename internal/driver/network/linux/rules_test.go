//go:build linux

package linux

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// someNetwork draws a VPC of up to eight interfaces with rules out of few, so that
// two draws have much in common.
func someNetwork(t *rapid.T) netcfg.VPC {
	groups := []world.SecurityGroupID{"sg-a", "sg-b", "sg-c"}
	rule := rapid.Custom(func(t *rapid.T) netcfg.Rule {
		r := netcfg.Rule{
			Protocol: rapid.SampledFrom([]int{netcfg.ProtocolAll, netcfg.ProtocolTCP, netcfg.ProtocolUDP}).Draw(t, "protocol"),
			From:     80, To: rapid.Int32Range(80, 82).Draw(t, "to"),
		}
		if rapid.Bool().Draw(t, "by group") {
			r.Group = rapid.SampledFrom(groups).Draw(t, "group")
		} else {
			r.Peer = netip.PrefixFrom(netip.IPv4Unspecified(), rapid.IntRange(0, 2).Draw(t, "bits"))
		}
		return r
	})
	v := netcfg.VPC{ID: "vpc-1"}
	for n := range 8 {
		if rapid.Bool().Draw(t, "exists") {
			v.Interfaces = append(v.Interfaces, netcfg.Interface{
				ID:      world.NetworkInterfaceID(fmt.Sprintf("eni-%d", n)),
				Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(rapid.IntRange(n*10, n*10+2).Draw(t, "host"))}),
				Ingress: rapid.SliceOfN(rule, 0, 3).Draw(t, "ingress"),
				Egress:  rapid.SliceOfN(rule, 0, 3).Draw(t, "egress"),
			})
		}
	}
	for _, id := range groups {
		g := netcfg.Group{ID: id}
		for _, i := range v.Interfaces {
			if rapid.Bool().Draw(t, "member") {
				g.Members = append(g.Members, i.Address)
			}
		}
		v.Groups = append(v.Groups, g)
	}
	if rapid.Bool().Draw(t, "dns") {
		v.Services = []netcfg.Service{{Address: netip.AddrFrom4([4]byte{10, 0, 0, 2}), UDP: []uint16{53}, TCP: []uint16{53}}}
	}
	return v
}

func compiled(v netcfg.VPC) *ruleset {
	var ports []port
	for _, i := range v.Interfaces {
		ports = append(ports, port{Interface: i, link: linkName(i.ID)})
	}
	return compileRules(v, ports)
}

// TestChange: applying the difference of two rulesets to the first gives the
// second, names nothing that does not exist, and takes away nothing that is
// still referred to.
func TestChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := compiled(someNetwork(t)), compiled(someNetwork(t))
		d := newChange(have, want)
		if got := applied(t, have, d); !reflect.DeepEqual(got, want) {
			t.Fatalf("applied: %+v\nwant: %+v", got, want)
		}
		if again := newChange(want, want); !again.empty() {
			t.Fatalf("difference to itself: %+v", again)
		}
		if !reflect.DeepEqual(d, newChange(have, want)) {
			t.Fatal("the same difference came out in another order")
		}
	})
}

// applied is what the kernel would do with a change, in the transaction's order.
func applied(t *rapid.T, have *ruleset, d change) *ruleset {
	r := &ruleset{
		sources: maps.Clone(have.sources), egress: maps.Clone(have.egress), ingress: maps.Clone(have.ingress),
		chains: maps.Clone(have.chains), groups: map[string]map[netip.Addr]struct{}{}, services: maps.Clone(have.services),
	}
	for name, members := range have.groups {
		r.groups[name] = maps.Clone(members)
	}
	for _, g := range d.addGroups {
		r.groups[g] = map[netip.Addr]struct{}{}
	}
	for _, c := range d.addChains {
		for _, rule := range c.rules {
			if rule.Group != "" && r.groups[string(rule.Group)] == nil {
				t.Fatalf("chain %s refers to the missing set %s", c.name, rule.Group)
			}
		}
		r.chains[c.name] = c.chain
	}
	elements(t, r.sources, d.deleteSources, d.addSources)
	elements(t, r.services, d.delServices, d.addServices)
	verdictElements(t, r.egress, d.delEgress, d.addEgress)
	verdictElements(t, r.ingress, d.delIngress, d.addIngress)
	for _, m := range d.deleteMembers {
		elements(t, r.groups[m.group], []netip.Addr{m.address}, nil)
	}
	for _, m := range d.addMembers {
		elements(t, r.groups[m.group], nil, []netip.Addr{m.address})
	}
	for _, c := range d.deleteChains {
		for _, used := range []map[string]string{r.egress, r.ingress} {
			if slices.Contains(slices.Collect(maps.Values(used)), c.name) {
				t.Fatalf("chain %s is deleted in use", c.name)
			}
		}
		delete(r.chains, c.name)
	}
	for _, g := range d.deleteGroups {
		for name, c := range r.chains {
			if slices.ContainsFunc(c.rules, func(r netcfg.Rule) bool { return string(r.Group) == g }) {
				t.Fatalf("set %s is deleted while %s refers to it", g, name)
			}
		}
		delete(r.groups, g)
	}
	return r
}

func elements[K comparable](t *rapid.T, set map[K]struct{}, del, add []K) {
	for _, k := range del {
		if _, ok := set[k]; !ok {
			t.Fatalf("%v is deleted and not there", k)
		}
		delete(set, k)
	}
	for _, k := range add {
		if _, ok := set[k]; ok {
			t.Fatalf("%v is added twice", k)
		}
		set[k] = struct{}{}
	}
}

func verdictElements(t *rapid.T, m map[string]string, del []string, add []verdict) {
	for _, link := range del {
		if _, ok := m[link]; !ok {
			t.Fatalf("%s is deleted and not there", link)
		}
		delete(m, link)
	}
	for _, v := range add {
		if _, ok := m[v.link]; ok {
			t.Fatalf("%s is added twice", v.link)
		}
		m[v.link] = v.chain
	}
}

func TestLinkName(t *testing.T) {
	for id, want := range map[world.NetworkInterfaceID]string{
		"eni-0123456789abcdef0": "v3456789abcdef0",
		"eni-00000000000000001": "v00000000000001",
		"eni-1":                 "v1",
	} {
		if got := linkName(id); got != want || len(got) > 15 {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
