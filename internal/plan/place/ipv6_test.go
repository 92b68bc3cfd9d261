package place

import (
	"net/netip"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestIPv6Block(t *testing.T) {
	d := &plan.Draft{World: world.New(), Draw: plan.NewDraw([32]byte{7})}
	for i := range 50 {
		p, err := IPv6Block(d)
		if err != nil {
			t.Fatal(err)
		}
		if p.Bits() != 56 || p != p.Masked() || !netip.MustParsePrefix("fd00::/8").Contains(p.Addr()) || ServiceIPv6().Overlaps(p) || blockInUse(d.World, p) {
			t.Errorf("block %s", p)
		}
		d.Put(&world.VPC{ID: world.VPCID(rune('a' + i)), IPv6: []world.IPv6Block{{CIDR: p}}})
	}
}

func TestWithIPv6(t *testing.T) {
	d := &plan.Draft{World: world.New(), Draw: plan.NewDraw([32]byte{7})}
	s := &world.Subnet{ID: "subnet-1", IPv6: netip.MustParsePrefix("fd5e:a:0:ff00::/60")}
	seen := map[netip.Addr]bool{}
	for i := range 50 {
		n := WithIPv6(d, s, &world.NetworkInterface{ID: world.NetworkInterfaceID(rune('a' + i)), Subnet: s.ID})
		if !UsableIPv6(s.IPv6, n.IPv6) || seen[n.IPv6] || d.World.NetworkInterfaces.Get(string(n.ID)).IPv6 != n.IPv6 {
			t.Errorf("address %s", n.IPv6)
		}
		seen[n.IPv6] = true
	}
}

func TestUsableIPv6(t *testing.T) {
	p := netip.MustParsePrefix("fd5e:a:0:1::/64")
	for a, want := range map[string]bool{
		"fd5e:a:0:1::": false, "fd5e:a:0:1::3": false, "fd5e:a:0:1::4": true, "fd5e:a:0:1:ffff:ffff:ffff:fffe": true,
		"fd5e:a:0:1:ffff:ffff:ffff:ffff": false, "fd5e:a:0:2::4": false, "10.0.0.4": false,
	} {
		if got := UsableIPv6(p, netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %t", a, got)
		}
	}
	if UsableIPv6(netip.Prefix{}, netip.MustParseAddr("fd5e:a:0:1::4")) {
		t.Error("usable in a subnet without IPv6")
	}
}
