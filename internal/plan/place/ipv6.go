package place

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// lowIPv6 and the last one are the addresses of an IPv6 subnet that AWS keeps
// (VPC user guide, "Subnet sizing for IPv6").
const lowIPv6 = 4

// WithIPv6 gives an interface an IPv6 address of its subnet, which must have a
// block. It is drawn, as AWS draws it, so that an address of one that is gone is
// as good as never given out again while an answer may name it.
func WithIPv6(d *plan.Draft, s *world.Subnet, n *world.NetworkInterface) *world.NetworkInterface {
	next := *n
	for !next.IPv6.IsValid() {
		if a := drawn(d, s.IPv6); UsableIPv6(s.IPv6, a) && !IPv6InUse(d.World, s.ID, a) {
			next.IPv6 = a
		}
	}
	d.Put(&next)
	return &next
}

// drawn is an address of the prefix, whose length is 64 at most, with the lower
// 64 bits at random.
func drawn(d *plan.Draft, p netip.Prefix) netip.Addr {
	a := p.Addr().As16()
	copy(a[8:], d.Draw.Bytes(8))
	return netip.AddrFrom16(a)
}

// UsableIPv6 says whether an address may be given to an interface of a subnet
// with that block.
func UsableIPv6(p netip.Prefix, a netip.Addr) bool {
	if !p.IsValid() || !p.Contains(a) {
		return false
	}
	b := a.As16()
	low := binary.BigEndian.Uint64(b[8:])
	return low >= lowIPv6 && low != 1<<64-1
}

// IPv6InUse says whether an interface of the subnet has the address.
func IPv6InUse(w world.World, s world.SubnetID, a netip.Addr) bool {
	for n := range w.InterfacesIn(s) {
		if n.IPv6 == a {
			return true
		}
	}
	return false
}

// IPv6Block draws a /56 for a VPC, in place of one that Amazon would provide. It
// is a unique local prefix with a Global ID and eight more bits at random (RFC
// 4193 section 3.2), so it is nobody's on any network that this machine may be in.
func IPv6Block(d *plan.Draft) (netip.Prefix, error) {
	const attempts = 100
	for range attempts {
		var a [16]byte
		a[0] = 0xfd
		copy(a[1:7], d.Draw.Bytes(6))
		p := netip.PrefixFrom(netip.AddrFrom16(a), 56)
		if !ServiceIPv6().Overlaps(p) && !blockInUse(d.World, p) {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("no free IPv6 block: %w", world.ErrExhausted)
}

// ServiceIPv6 is where AWS has its own services in every VPC, the resolver at
// fd00:ec2::253 among them (VPC user guide, "Amazon DNS server").
func ServiceIPv6() netip.Prefix { return netip.MustParsePrefix("fd00:ec2::/32") }

func blockInUse(w world.World, p netip.Prefix) bool {
	for v := range w.VPCs.All() {
		for _, b := range v.IPv6 {
			if b.CIDR.Overlaps(p) {
				return true
			}
		}
	}
	return false
}
