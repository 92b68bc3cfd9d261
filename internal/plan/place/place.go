// Package place decides where things go: which subnet and address an
// interface gets. It is pure.
package place

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// Reserved addresses of a subnet: network, router, DNS, future use, and the
// last one (VPC user guide, "Subnet sizing").
const reservedLow, reservedHigh = 4, 1

// Free is the number of addresses of a subnet that no interface uses.
func Free(w world.World, s *world.Subnet) int {
	used := 0
	for range w.InterfacesIn(s.ID) {
		used++
	}
	return Size(s.CIDR) - used
}

// Size is the number of usable addresses of a subnet's CIDR.
func Size(cidr netip.Prefix) int {
	return 1<<(cidr.Addr().BitLen()-cidr.Bits()) - reservedLow - reservedHigh
}

// Usable says whether an address may be given to an interface of the subnet.
func Usable(cidr netip.Prefix, a netip.Addr) bool {
	if !cidr.Contains(a) {
		return false
	}
	n := offset(cidr, a)
	return n >= reservedLow && n < Size(cidr)+reservedLow
}

// Address picks an address: the lowest that was never used, else the one
// whose rest ended longest ago, else (early is true) the one that was released
// longest ago and still rests. It fails with ErrExhausted when interfaces use
// them all.
func Address(w world.World, s *world.Subnet, now time.Time) (a netip.Addr, early bool, err error) {
	taken := map[netip.Addr]bool{}
	for n := range w.InterfacesIn(s.ID) {
		taken[n.Address] = true
	}
	var oldest *world.AddressRest
	for r := range w.AddressRests.Prefix(string(s.ID) + "/") {
		if taken[r.Address] {
			continue
		}
		taken[r.Address] = true
		if oldest == nil || sooner(r, oldest, now) {
			oldest = r
		}
	}
	a = s.CIDR.Addr()
	for range reservedLow {
		a = a.Next()
	}
	for range Size(s.CIDR) {
		if !taken[a] {
			return a, false, nil
		}
		a = a.Next()
	}
	if oldest == nil {
		return netip.Addr{}, false, fmt.Errorf("subnet %s has no free address: %w", s.ID, world.ErrExhausted)
	}
	return oldest.Address, now.Before(oldest.Until), nil
}

// sooner orders rests: those that are over first, then by the time of release.
func sooner(a, b *world.AddressRest, now time.Time) bool {
	overA, overB := !now.Before(a.Until), !now.Before(b.Until)
	if overA != overB {
		return overA
	}
	return a.ReleasedAt.Before(b.ReleasedAt)
}

// Subnet picks the subnet for one more task: of the zone with the fewest, and
// there the one with the most free addresses. peers are the tasks to spread
// against. It fails with ErrExhausted when every subnet is full.
func Subnet(w world.World, subnets []world.SubnetID, peers []*world.Task) (*world.Subnet, error) {
	inZone := map[string]int{}
	for _, t := range peers {
		inZone[t.AvailabilityZone]++
	}
	var best *world.Subnet
	var bestFree int
	for _, id := range subnets {
		s := w.Subnets.Get(string(id))
		if s == nil {
			return nil, fmt.Errorf("subnet %s: %w", id, world.ErrNotFound)
		}
		free := Free(w, s)
		if free <= 0 {
			continue
		}
		if best == nil || less(inZone[s.AvailabilityZone], -free, inZone[best.AvailabilityZone], -bestFree) {
			best, bestFree = s, free
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no free address in %v: %w", subnets, world.ErrExhausted)
	}
	return best, nil
}

func less(a1, a2, b1, b2 int) bool { return a1 < b1 || a1 == b1 && a2 < b2 }

// Interface makes a network interface in a subnet with a fresh address. groups
// empty: the VPC's default group. early says that the address had to be taken
// before its rest was over.
func Interface(d *plan.Draft, s *world.Subnet, groups []world.SecurityGroupID, owner world.OwnerKind, ownerID string) (n *world.NetworkInterface, early bool, err error) {
	a, early, err := Address(d.World, s, d.Now)
	if err != nil {
		return nil, false, err
	}
	if r := d.World.AddressRests.Get(string(s.ID) + "/" + a.String()); r != nil {
		d.Delete(r)
	}
	n = interfaceAt(d, s, a, groups, owner, ownerID)
	d.Put(n)
	return n, early, nil
}

// InterfaceAt makes a network interface with a given address, which must be
// usable and free.
func InterfaceAt(d *plan.Draft, s *world.Subnet, a netip.Addr, groups []world.SecurityGroupID, owner world.OwnerKind, ownerID string) *world.NetworkInterface {
	n := interfaceAt(d, s, a, groups, owner, ownerID)
	d.Put(n)
	return n
}

func interfaceAt(d *plan.Draft, s *world.Subnet, a netip.Addr, groups []world.SecurityGroupID, owner world.OwnerKind, ownerID string) *world.NetworkInterface {
	if len(groups) == 0 {
		if v := d.World.VPCs.Get(string(s.VPC)); v != nil {
			groups = []world.SecurityGroupID{v.DefaultSecurityGroup}
		}
	}
	return &world.NetworkInterface{
		ID: world.NetworkInterfaceID(d.Draw.EC2("eni")), VPC: s.VPC, Subnet: s.ID,
		AvailabilityZone: s.AvailabilityZone, Address: a, MAC: d.Draw.MAC(),
		SecurityGroups: slices.Clone(groups), OwnerKind: owner, OwnerID: ownerID, CreatedAt: d.Now,
	}
}

// Release removes an interface and lets its address rest for that long.
func Release(d *plan.Draft, n *world.NetworkInterface, rest time.Duration) {
	d.Delete(n)
	d.Put(&world.AddressRest{Subnet: n.Subnet, Address: n.Address, ReleasedAt: d.Now, Until: d.Now.Add(rest)})
}

// InUse says whether an interface of the subnet has the address.
func InUse(w world.World, s world.SubnetID, a netip.Addr) bool {
	for n := range w.InterfacesIn(s) {
		if n.Address == a {
			return true
		}
	}
	return false
}

// offset is a's distance from the start of cidr.
func offset(cidr netip.Prefix, a netip.Addr) int {
	base, at := cidr.Addr().As4(), a.As4()
	n := 0
	for i := range base {
		n = n<<8 + int(at[i]) - int(base[i])
	}
	return n
}
