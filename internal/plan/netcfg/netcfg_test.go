package netcfg_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

func vpc(dns bool) *world.VPC {
	return &world.VPC{ID: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: dns}
}

func subnet(n int) *world.Subnet {
	return &world.Subnet{
		ID: world.SubnetID(fmt.Sprintf("subnet-%d", n)), VPC: "vpc-1",
		CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n), 0}), 24),
	}
}

func eni(n int, owner world.OwnerKind, groups ...world.SecurityGroupID) *world.NetworkInterface {
	return &world.NetworkInterface{
		ID: world.NetworkInterfaceID(fmt.Sprintf("eni-%d", n)), VPC: "vpc-1", Subnet: "subnet-1", OwnerKind: owner,
		Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(10 + n)}), MAC: fmt.Sprintf("02:00:00:00:00:%02x", n), SecurityGroups: groups,
	}
}

func group(id world.SecurityGroupID, rules ...world.SecurityGroupRule) *world.SecurityGroup {
	return &world.SecurityGroup{ID: id, VPC: "vpc-1", Rules: rules}
}

func from(cidr, protocol string, first, last int32) world.SecurityGroupRule {
	return world.SecurityGroupRule{Protocol: protocol, FromPort: first, ToPort: last, CIDR: netip.MustParsePrefix(cidr)}
}

func fromGroup(id world.SecurityGroupID, protocol string, first, last int32) world.SecurityGroupRule {
	return world.SecurityGroupRule{Protocol: protocol, FromPort: first, ToPort: last, Group: id}
}

func out(r world.SecurityGroupRule) world.SecurityGroupRule {
	r.Egress = true
	return r
}

func compile(t *testing.T, objects ...world.Object) netcfg.VPC {
	t.Helper()
	w := world.New()
	for _, o := range objects {
		w.Put(o)
	}
	v, ok := netcfg.Compile(w, "vpc-1")
	if !ok {
		t.Fatal("the VPC is missing")
	}
	return v
}

func TestCompile(t *testing.T) {
	const header = "vpc vpc-1 10.0.0.0/16\n  service 10.0.0.2 udp [53] tcp [53]\n  service 169.254.169.253 udp [53] tcp [53]\n"
	for _, c := range []struct {
		name  string
		world []world.Object
		want  string
	}{
		{"Empty", []world.Object{vpc(true)}, header},
		{
			"DNSSupportOff",
			[]world.Object{vpc(false)},
			"vpc vpc-1 10.0.0.0/16\n  service 10.0.0.2 udp [] tcp []\n  service 169.254.169.253 udp [] tcp []\n",
		},
		{
			"OnlyAttachedInterfaces",
			[]world.Object{
				vpc(true), subnet(1), eni(1, world.OwnedByUser), eni(2, world.OwnedByTask),
				eni(3, world.OwnedByInstance), eni(4, world.OwnedBySession),
			},
			header +
				"  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02 unprivileged-ports\n" +
				"  interface eni-3 10.0.1.13 in 10.0.1.0/24 mac 02:00:00:00:00:03\n" +
				"  interface eni-4 10.0.1.14 in 10.0.1.0/24 mac 02:00:00:00:00:04\n",
		},
		{
			"RulesOfSeveralGroupsAreMergedAndSorted",
			[]world.Object{
				vpc(true), subnet(1), eni(2, world.OwnedByInstance, "sg-2", "sg-1"),
				group("sg-1", from("10.0.0.0/8", "tcp", 80, 80), from("0.0.0.0/0", "-1", -1, -1), out(from("0.0.0.0/0", "-1", -1, -1))),
				group("sg-2", from("10.1.2.3/8", "tcp", 80, 80), from("10.0.0.0/8", "tcp", 22, 22), from("::/0", "tcp", 22, 22)),
			},
			header + "  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02\n" +
				"    in all 0.0.0.0/0\n    in tcp 22-22 10.0.0.0/8\n    in tcp 22-22 ::/0\n    in tcp 80-80 10.0.0.0/8\n    out all 0.0.0.0/0\n",
		},
		{
			"GroupReferencesAndTheirMembers",
			[]world.Object{
				vpc(true), subnet(1), eni(1, world.OwnedByUser, "sg-a"), eni(2, world.OwnedByInstance, "sg-a"),
				eni(3, world.OwnedByInstance, "sg-b"), eni(4, world.OwnedByInstance, "sg-a", "sg-b"),
				group("sg-a", fromGroup("sg-a", "-1", -1, -1)), group("sg-b", fromGroup("sg-gone", "udp", 1, 2), out(fromGroup("sg-a", "tcp", 1, 2))),
			},
			header + "  group sg-a [10.0.1.12 10.0.1.14]\n  group sg-gone []\n" +
				"  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02\n    in all sg-a\n" +
				"  interface eni-3 10.0.1.13 in 10.0.1.0/24 mac 02:00:00:00:00:03\n    in udp 1-2 sg-gone\n    out tcp 1-2 sg-a\n" +
				"  interface eni-4 10.0.1.14 in 10.0.1.0/24 mac 02:00:00:00:00:04\n    in all sg-a\n    in udp 1-2 sg-gone\n    out tcp 1-2 sg-a\n",
		},
		{
			"Protocols",
			[]world.Object{
				vpc(true), subnet(1), eni(2, world.OwnedByInstance, "sg-1"),
				group("sg-1", from("0.0.0.0/0", "icmp", -1, -1), from("0.0.0.0/0", "icmp", 8, -1), from("0.0.0.0/0", "icmp", 3, 4),
					from("0.0.0.0/0", "icmp", -1, 7), from("0.0.0.0/0", "icmpv6", -1, -1), from("0.0.0.0/0", "50", -1, -1),
					from("0.0.0.0/0", "6", 1, 2), from("0.0.0.0/0", "udp", -1, -1), from("0.0.0.0/0", "50", 7, 9)),
			},
			header + "  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02\n" +
				"    in icmp type -1 code -1 0.0.0.0/0\n    in icmp type 3 code 4 0.0.0.0/0\n    in icmp type 8 code -1 0.0.0.0/0\n" +
				"    in tcp 1-2 0.0.0.0/0\n    in udp 0-65535 0.0.0.0/0\n    in protocol 50 0.0.0.0/0\n    in icmpv6 type -1 code -1 0.0.0.0/0\n",
		},
		{
			"NonsenseAllowsNothing",
			[]world.Object{
				vpc(true), subnet(1), eni(2, world.OwnedByInstance, "sg-1", "sg-gone"),
				group("sg-1", from("0.0.0.0/0", "sctp?", 1, 2), from("0.0.0.0/0", "tcp", 9, 1), from("0.0.0.0/0", "tcp", 1, 70000),
					from("0.0.0.0/0", "256", -1, -1), from("0.0.0.0/0", "", -1, -1), from("0.0.0.0/0", "icmp", 256, -1),
					world.SecurityGroupRule{Protocol: "-1", FromPort: -1, ToPort: -1}),
			},
			header + "  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compile(t, c.world...).String(); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestCompile_UnknownVPC(t *testing.T) {
	if v, ok := netcfg.Compile(world.New(), "vpc-1"); ok {
		t.Errorf("got %v", v)
	}
}

func TestCompile_LeavesOtherVPCsOut(t *testing.T) {
	other := eni(9, world.OwnedByTask, "sg-a")
	other.VPC = "vpc-2"
	v := compile(t, vpc(true), subnet(1), other, &world.VPC{ID: "vpc-2", CIDR: netip.MustParsePrefix("10.0.0.0/16")},
		eni(1, world.OwnedByTask, "sg-a"), group("sg-a", fromGroup("sg-a", "-1", -1, -1)))
	if len(v.Interfaces) != 1 || len(v.Groups) != 1 || len(v.Groups[0].Members) != 1 {
		t.Errorf("got\n%s", v)
	}
}

// TestCompile_Properties: the order in which the world came about changes
// nothing, all lists are sorted without duplicates, and what rules refer to is
// there.
func TestCompile_Properties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := someWorld(t)
		v := compiled(objects)
		for range 3 {
			shuffled := rapid.Permutation(objects).Draw(t, "order")
			if again := compiled(shuffled); !again.Equal(v) || again.String() != v.String() {
				t.Fatalf("another order gave\n%s\ninstead of\n%s", again, v)
			}
		}
		if !slices.IsSortedFunc(v.Interfaces, func(a, b netcfg.Interface) int { return cmpString(a.ID, b.ID) }) {
			t.Fatalf("interfaces out of order:\n%s", v)
		}
		groups := map[world.SecurityGroupID]bool{}
		for _, g := range v.Groups {
			if groups[g.ID] {
				t.Fatalf("group %s twice", g.ID)
			}
			groups[g.ID] = true
			if n := len(slices.Compact(slices.Clone(g.Members))); n != len(g.Members) || !slices.IsSortedFunc(g.Members, netip.Addr.Compare) {
				t.Fatalf("members of %s: %v", g.ID, g.Members)
			}
		}
		for _, i := range v.Interfaces {
			for _, rules := range [][]netcfg.Rule{i.Ingress, i.Egress} {
				seen := map[netcfg.Rule]bool{}
				for _, r := range rules {
					if seen[r] || r.Group != "" && !groups[r.Group] || (r.Group == "") != r.Peer.IsValid() {
						t.Fatalf("rule %v of %s in\n%s", r, i.ID, v)
					}
					seen[r] = true
				}
			}
		}
	})
}

func cmpString[S ~string](a, b S) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compiled(objects []world.Object) netcfg.VPC {
	w := world.New()
	for _, o := range objects {
		w.Put(o)
	}
	v, _ := netcfg.Compile(w, "vpc-1")
	return v
}

func someWorld(t *rapid.T) []world.Object {
	groups := []world.SecurityGroupID{"sg-a", "sg-b", "sg-c"}
	objects := []world.Object{vpc(rapid.Bool().Draw(t, "dns")), subnet(1)}
	for _, id := range groups {
		var rules []world.SecurityGroupRule
		for range rapid.IntRange(0, 4).Draw(t, "rules") {
			first := rapid.Int32Range(-1, 3).Draw(t, "from")
			protocol := rapid.SampledFrom([]string{"-1", "tcp", "udp", "icmp", "50"}).Draw(t, "protocol")
			r := from("10.0.0.0/8", protocol, first, first)
			if rapid.Bool().Draw(t, "by group") {
				r = fromGroup(rapid.SampledFrom(groups).Draw(t, "peer"), protocol, first, first)
			}
			r.Egress = rapid.Bool().Draw(t, "egress")
			rules = append(rules, r)
		}
		objects = append(objects, group(id, rules...))
	}
	for n := range rapid.IntRange(0, 6).Draw(t, "interfaces") {
		owner := rapid.SampledFrom([]world.OwnerKind{world.OwnedByUser, world.OwnedByTask, world.OwnedByInstance}).Draw(t, "owner")
		objects = append(objects, eni(n, owner, rapid.SliceOfNDistinct(rapid.SampledFrom(groups), 0, 3, rapid.ID[world.SecurityGroupID]).Draw(t, "groups")...))
	}
	return objects
}

func TestAllows(t *testing.T) {
	v := compile(t, vpc(true), subnet(1), eni(1, world.OwnedByTask, "sg-web"), eni(2, world.OwnedByTask, "sg-app"), eni(3, world.OwnedByTask),
		group("sg-web", out(from("0.0.0.0/0", "-1", -1, -1))),
		group("sg-app", fromGroup("sg-web", "tcp", 80, 82), from("10.0.1.11/32", "icmp", 8, -1)))
	for _, c := range []struct {
		from, to world.NetworkInterfaceID
		packet   netcfg.Packet
		want     bool
	}{
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 80}, true},
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 82}, true},
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 83}, false},
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolUDP, Port: 80}, false},
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolICMP, Type: 8}, true},
		{"eni-1", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolICMP, Type: 13}, false},
		{"eni-2", "eni-1", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 80}, false},
		{"eni-3", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 80}, false},
		{"eni-1", "eni-9", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 80}, false},
	} {
		if got := v.Allows(c.from, c.to, c.packet); got != c.want {
			t.Errorf("%s to %s %+v: %v, want %v", c.from, c.to, c.packet, got, c.want)
		}
	}
}

// TestCompile_IPv6: the resolver's address, an interface's, and group members of
// both families, in a VPC with IPv6.
func TestCompile_IPv6(t *testing.T) {
	six := vpc(true)
	six.IPv6 = []world.IPv6Block{{CIDR: netip.MustParsePrefix("fd5e:a::/56")}}
	dual := eni(2, world.OwnedByTask, "sg-a")
	dual.IPv6 = netip.MustParseAddr("fd5e:a::12")
	v := compile(t, six, subnet(1), dual, eni(3, world.OwnedByInstance, "sg-a"),
		group("sg-a", fromGroup("sg-a", "tcp", 80, 80), out(from("::/0", "-1", -1, -1)), out(from("0.0.0.0/0", "-1", -1, -1))))
	want := "vpc vpc-1 10.0.0.0/16\n  service 10.0.0.2 udp [53] tcp [53]\n  service 169.254.169.253 udp [53] tcp [53]\n  service fd00:ec2::253 udp [53] tcp [53]\n" +
		"  group sg-a [10.0.1.12 10.0.1.13 fd5e:a::12]\n" +
		"  interface eni-2 10.0.1.12 in 10.0.1.0/24 mac 02:00:00:00:00:02 ipv6 fd5e:a::12 unprivileged-ports\n    in tcp 80-80 sg-a\n    out all 0.0.0.0/0\n    out all ::/0\n" +
		"  interface eni-3 10.0.1.13 in 10.0.1.0/24 mac 02:00:00:00:00:03\n    in tcp 80-80 sg-a\n    out all 0.0.0.0/0\n    out all ::/0\n"
	if got := v.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if v.Allows("eni-3", "eni-2", netcfg.Packet{Protocol: netcfg.ProtocolTCP, Port: 80, IPv6: true}) {
		t.Error("an interface without IPv6 sends it")
	}
	if v.Equal(compile(t, six, subnet(1), eni(2, world.OwnedByTask, "sg-a"), eni(3, world.OwnedByInstance, "sg-a"), group("sg-a", fromGroup("sg-a", "tcp", 80, 80)))) {
		t.Error("equal without the IPv6 address")
	}
}
