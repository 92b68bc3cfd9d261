package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

// randomVPC draws zones and names that get in each other's way.
func randomVPC(t *rapid.T) zone.VPC {
	v := zone.VPC{Head: testHead()}
	v.Hostnames = rapid.Bool().Draw(t, "hostnames")
	v.Authoritative = rapid.Bool().Draw(t, "authoritative")
	if rapid.Bool().Draw(t, "rules") {
		v.Rules = []zone.Rule{
			{ID: "rslvr-rr-1", Domain: pick(t, ".", "a.", "x.a.", "ec2.internal."), Targets: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")}},
			{ID: "rslvr-rr-2", Domain: pick(t, "b.a.", "y.x.a.", "internal."), System: true},
		}
	}
	if rapid.Bool().Draw(t, "firewall") {
		v.Firewall = []zone.FirewallRule{
			{Action: "ALLOW", Qtype: pick(t, 0, dns.TypeA), Domains: []string{pick(t, "x.a.", "*.a.")}},
			{Action: "BLOCK", Response: pick(t, "NODATA", "NXDOMAIN", "OVERRIDE"), OverrideName: "x.b.a.", OverrideTTL: 7, TrustRedirect: rapid.Bool().Draw(t, "trust"), Domains: []string{pick(t, "*.x.a.", "q.a.", "x.b.a.")}},
		}
	}
	for i, origin := range []string{"a.", "b.a.", "internal.", "a."} {
		if rapid.Bool().Draw(t, "zone") {
			continue
		}
		z := zone.Zone{ZoneHead: testZoneHead(fmt.Sprintf("Z%d", i), origin)}
		z.SOA.TTL = pick[uint32](t, 15, 60)
		names := map[zone.NameKey]zone.Name{}
		for range rapid.IntRange(0, 8).Draw(t, "names") {
			k := zone.NameKey{Owner: pick(t, "", "x.", "y.x.", "*.x.", "*.", "z.y.x.", "ec2.") + origin, Source: pick[world.DiscoveryServiceID](t, "", "srv-1")}
			typ := pick(t, zone.TypeA, zone.TypeCNAME)
			record := pick(t, "10.0.0.1", "10.0.0.2")
			if typ == zone.TypeCNAME {
				// One target for each owner: of two, one would be drawn at random.
				record = map[bool]string{true: "x.b.a.", false: "x.a."}[len(k.Owner)%2 == 0]
			}
			s := zone.Set{Type: typ, TTL: 5, Records: []string{record}}
			// Under owners of their own, or one would be drawn among several sources.
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				k = zone.NameKey{Owner: pick(t, "al.x.", "*.al.") + origin}
				s = zone.Set{Type: zone.TypeA, Alias: pick(t, "x.a.", "ch.a.", "nowhere.", "z.y.x.a.")}
			case 1:
				k = zone.NameKey{Owner: "ch." + origin}
				s = zone.Set{Type: typ, Policy: zone.Choose, Choices: []zone.Choice{{Weight: 3, TTL: 9, Records: []string{record}}}}
			case 2:
				if k.Owner != origin && !strings.HasPrefix(k.Owner, "*") {
					s = zone.Set{Type: zone.TypeNS, TTL: 5, Records: []string{"x.a."}}
				}
			}
			names[k] = zone.Name{NameKey: k, Sets: []zone.Set{s}}
		}
		z.Names = slices.SortedFunc(maps.Values(names), func(a, b zone.Name) int { return a.Compare(b.NameKey) })
		v.Zones = append(v.Zones, z)
	}
	return v
}

// difference is the delta from one VPC to another.
func difference(a, b zone.VPC) zone.Delta {
	d := zone.Delta{VPC: b.ID}
	if !reflect.DeepEqual(a.Head, b.Head) {
		d.Head = &b.Head
	}
	old := map[world.HostedZoneID]zone.Zone{}
	for _, z := range a.Zones {
		old[z.ID] = z
	}
	for _, z := range b.Zones {
		was, had := old[z.ID]
		delete(old, z.ID)
		zd := zone.ZoneDelta{ID: z.ID}
		if !had || was.SOA != z.SOA {
			zd.Head = &z.ZoneHead
		}
		zd.Put, zd.Drop = zone.Diff(was.Names, z.Names)
		d.Zones = append(d.Zones, zd)
	}
	for id := range old {
		d.Zones = append(d.Zones, zone.ZoneDelta{ID: id, Removed: true})
	}
	slices.SortFunc(d.Zones, func(x, y zone.ZoneDelta) int { return cmp.Compare(x.ID, y.ID) })
	return d
}

// A table that was changed step by step answers as one that was compiled whole,
// gives back what it was made from, and leaves the tables before it alone.
func TestApply_EqualsNewTable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		before := randomVPC(rt)
		table, problems := NewTable(before)
		if len(problems) > 0 {
			rt.Fatal(problems)
		}
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			after := randomVPC(rt)
			next, problems, err := table.Apply(difference(before, after))
			if err != nil || len(problems) > 0 {
				rt.Fatal(err, problems)
			}
			if d := gocmp.Diff(before, table.VPC(), cmpopts.EquateEmpty(), cmpopts.EquateComparable(before.CIDR, netip.AddrPort{})); d != "" {
				rt.Fatalf("the older table changed:\n%s", d)
			}
			if d := gocmp.Diff(after, next.VPC(), cmpopts.EquateEmpty(), cmpopts.EquateComparable(after.CIDR, netip.AddrPort{})); d != "" {
				rt.Fatalf("what the table was made from:\n%s", d)
			}
			full, _ := NewTable(after)
			for _, name := range []string{"a.", "x.a.", "y.x.a.", "w.x.a.", "v.w.x.a.", "q.a.", "z.y.x.a.", "b.a.", "x.b.a.", "w.b.a.", "internal.", "ec2.internal.", "x.internal.", "ip-10-0-0-1.ec2.internal.", "b.", "al.x.a.", "w.al.a.", "ch.a.", "al.x.b.a."} {
				for _, typ := range []uint16{dns.TypeA, dns.TypeCNAME, dns.TypeSOA, dns.TypeTXT, dns.TypeNS, dns.TypeDS} {
					got, want := text(reply(t, next, ask(name, typ), false)), text(reply(t, full, ask(name, typ), false))
					if got != want {
						rt.Fatalf("%s %s: changed table says\n%s\nwhole table says\n%s", name, dns.TypeToString[typ], got, want)
					}
				}
			}
			before, table = after, next
		}
	})
}

func TestApply_RefusesWhatDoesNotFit(t *testing.T) {
	table := testTable(t, testZone(t, "Z1", "z.", "a 5 A 10.0.0.1"))
	same, _, err := table.Apply(zone.Delta{VPC: "vpc-1", Zones: []zone.ZoneDelta{{ID: "Z1", Removed: true}, {ID: "Z2"}}})
	if err == nil || same != table || len(same.VPC().Zones) != 1 {
		t.Errorf("applied: %v %v", same.VPC(), err)
	}
}

func BenchmarkApply(b *testing.B) {
	table := testTable(b, hotZone(b))
	d := zone.Delta{VPC: "vpc-1", Zones: []zone.ZoneDelta{{ID: "Z1", Put: []zone.Name{{
		NameKey: zone.NameKey{Owner: "s500.myapp.local."},
		Sets:    []zone.Set{{Type: zone.TypeA, TTL: 10, Policy: zone.MultiValue, Records: []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}}},
	}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := table.Apply(d); err != nil {
			b.Fatal(err)
		}
	}
}
