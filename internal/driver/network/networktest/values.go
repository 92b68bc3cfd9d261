package networktest

import (
	"fmt"
	"net/netip"
	"slices"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// The groups of the values below.
const (
	GroupWeb world.SecurityGroupID = "sg-0000000000000aeb0"
	GroupApp world.SecurityGroupID = "sg-000000000000a4400"
)

// VPC is a network 10.0.0.0/16 with the resolver's services and no interface.
func VPC(id world.VPCID) netcfg.VPC {
	open := []uint16{53}
	return netcfg.VPC{
		ID: id, CIDR: netip.MustParsePrefix("10.0.0.0/16"),
		Services: []netcfg.Service{
			{Address: netip.MustParseAddr("10.0.0.2"), UDP: open, TCP: open},
			{Address: netip.MustParseAddr("169.254.169.253"), UDP: open, TCP: open},
		},
	}
}

// ID is the id of the interface with that number.
func ID(n int) world.NetworkInterfaceID {
	return world.NetworkInterfaceID(fmt.Sprintf("eni-%017x", n))
}

// Interface is interface n at 10.0.subnet.host, with everything allowed out
// and what ingress says allowed in.
func Interface(n, subnet, host int, ingress ...netcfg.Rule) netcfg.Interface {
	return netcfg.Interface{
		ID:      ID(n),
		Address: netip.AddrFrom4([4]byte{10, 0, byte(subnet), byte(host)}),
		Subnet:  netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(subnet), 0}), 24),
		MAC:     fmt.Sprintf("02:00:0a:00:%02x:%02x", subnet, host),
		Ingress: ingress,
		Egress:  []netcfg.Rule{All("0.0.0.0/0")},
	}
}

// DualStack is Interface with an IPv6 address as well, and with everything allowed
// out there, too.
func DualStack(n, subnet, host int, ingress ...netcfg.Rule) netcfg.Interface {
	i := Interface(n, subnet, host, ingress...)
	i.IPv6 = netip.MustParseAddr(fmt.Sprintf("fd5e:a:%x::%x", subnet, host))
	i.Egress = append(i.Egress, All("::/0"))
	return i
}

// DualStackVPC is VPC with the resolver's IPv6 address.
func DualStackVPC(id world.VPCID) netcfg.VPC {
	v := VPC(id)
	open := v.Services[0].UDP
	v.Services = append(v.Services, netcfg.Service{Address: netip.MustParseAddr("fd00:ec2::253"), UDP: open, TCP: open})
	return v
}

// All allows everything from or to a prefix.
func All(prefix string) netcfg.Rule {
	return netcfg.Rule{Protocol: netcfg.ProtocolAll, From: -1, To: -1, Peer: netip.MustParsePrefix(prefix)}
}

// TCP allows ports from a prefix.
func TCP(from, to int32, prefix string) netcfg.Rule {
	return netcfg.Rule{Protocol: netcfg.ProtocolTCP, From: from, To: to, Peer: netip.MustParsePrefix(prefix)}
}

// TCPFrom allows ports from a group's members.
func TCPFrom(from, to int32, group world.SecurityGroupID) netcfg.Rule {
	return netcfg.Rule{Protocol: netcfg.ProtocolTCP, From: from, To: to, Group: group}
}

// With returns v with interfaces, sorted, and without changing v.
func With(v netcfg.VPC, interfaces ...netcfg.Interface) netcfg.VPC {
	v.Interfaces = slices.Concat(v.Interfaces, interfaces)
	slices.SortFunc(v.Interfaces, func(a, b netcfg.Interface) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return v
}

// Members returns v with the members of a group replaced.
func Members(v netcfg.VPC, id world.SecurityGroupID, members ...netcfg.Interface) netcfg.VPC {
	g := netcfg.Group{ID: id}
	for _, m := range members {
		g.Members = append(g.Members, m.Address)
		if m.IPv6.IsValid() {
			g.Members = append(g.Members, m.IPv6)
		}
	}
	slices.SortFunc(g.Members, netip.Addr.Compare)
	groups := slices.DeleteFunc(slices.Clone(v.Groups), func(g netcfg.Group) bool { return g.ID == id })
	v.Groups = append(groups, g)
	slices.SortFunc(v.Groups, func(a, b netcfg.Group) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return v
}
