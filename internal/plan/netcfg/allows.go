package netcfg

import (
	"net/netip"
	"slices"

	"seamark/internal/world"
)

// Packet is the first packet of a connection as a security group sees it.
type Packet struct {
	Protocol int
	// Port is the destination port of TCP and UDP.
	Port uint16
	// Type and Code are those of ICMP.
	Type, Code uint8
	// IPv6: it goes from one's IPv6 address to the other's.
	IPv6 bool
}

// Allows says whether the interface from may open a connection with p to the
// interface to: from's egress and to's ingress rules both must allow it.
func (v VPC) Allows(from, to world.NetworkInterfaceID, p Packet) bool {
	a, ok := v.Interface(from)
	if !ok {
		return false
	}
	b, ok := v.Interface(to)
	if !ok {
		return false
	}
	source, destination := a.Address, b.Address
	if p.IPv6 {
		source, destination = a.IPv6, b.IPv6
	}
	return source.IsValid() && destination.IsValid() && v.match(a.Egress, destination, p) && v.match(b.Ingress, source, p)
}

// Interface finds an interface by its id.
func (v VPC) Interface(id world.NetworkInterfaceID) (Interface, bool) {
	n, ok := slices.BinarySearchFunc(v.Interfaces, id, func(i Interface, id world.NetworkInterfaceID) int {
		switch {
		case i.ID < id:
			return -1
		case i.ID > id:
			return 1
		}
		return 0
	})
	if !ok {
		return Interface{}, false
	}
	return v.Interfaces[n], true
}

func (v VPC) match(rules []Rule, peer netip.Addr, p Packet) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool {
		return r.covers(p) && (r.Peer.IsValid() && r.Peer.Contains(peer) || r.Group != "" && v.member(r.Group, peer))
	})
}

func (v VPC) member(id world.SecurityGroupID, a netip.Addr) bool {
	return slices.ContainsFunc(v.Groups, func(g Group) bool {
		return g.ID == id && slices.Contains(g.Members, a)
	})
}

// covers says whether the rule is about such packets, from whomever.
func (r Rule) covers(p Packet) bool {
	if r.Protocol == ProtocolAll {
		return true
	}
	if r.Protocol != p.Protocol {
		return false
	}
	switch r.Protocol {
	case ProtocolTCP, ProtocolUDP:
		return r.From <= int32(p.Port) && int32(p.Port) <= r.To
	case ProtocolICMP, ProtocolICMPv6:
		return r.From == -1 || r.From == int32(p.Type) && (r.To == -1 || r.To == int32(p.Code))
	}
	return true
}
