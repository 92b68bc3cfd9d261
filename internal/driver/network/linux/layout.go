//go:build linux

package linux

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// layout is what one VPC is to be in the kernel: the value with the kernel's
// names and the rules, checked and compiled before anything is touched.
type layout struct {
	vpc       netcfg.VPC
	ports     []port // in the order of vpc.Interfaces
	addresses []netip.Addr
	// six: the VPC has IPv6.
	six   bool
	rules *ruleset
}

// port is an interface and its place at the router.
type port struct {
	netcfg.Interface
	link string // the router's end of the veth pair
	mac  net.HardwareAddr
}

func newLayout(v netcfg.VPC) (layout, error) {
	if !safeName(string(v.ID)) || !strings.HasPrefix(string(v.ID), "vpc-") {
		return layout{}, fmt.Errorf("%q is no VPC id", v.ID)
	}
	l := layout{vpc: v, addresses: localAddresses(v)}
	byLink := map[string]world.NetworkInterfaceID{}
	byAddress := map[netip.Addr]world.NetworkInterfaceID{}
	for _, i := range v.Interfaces {
		p, err := newPort(i)
		if err != nil {
			return layout{}, err
		}
		if other, taken := byLink[p.link]; taken {
			return layout{}, fmt.Errorf("interfaces %s and %s would both be called %s", other, i.ID, p.link)
		}
		if other, taken := byAddress[i.Address]; taken {
			return layout{}, fmt.Errorf("interfaces %s and %s both have the address %s", other, i.ID, i.Address)
		}
		if i.IPv6.IsValid() {
			if other, taken := byAddress[i.IPv6]; taken {
				return layout{}, fmt.Errorf("interfaces %s and %s both have the address %s", other, i.ID, i.IPv6)
			}
			byAddress[i.IPv6], l.six = i.ID, true
		}
		byLink[p.link], byAddress[i.Address] = i.ID, i.ID
		l.ports = append(l.ports, p)
	}
	l.six = l.six || slices.ContainsFunc(l.addresses, netip.Addr.Is6)
	l.rules = compileRules(v, l.ports)
	return l, nil
}

func newPort(i netcfg.Interface) (port, error) {
	if !safeName(string(i.ID)) || !strings.HasPrefix(string(i.ID), "eni-") {
		return port{}, fmt.Errorf("%q is no network interface id", i.ID)
	}
	mac, err := net.ParseMAC(i.MAC)
	if err != nil || len(mac) != 6 {
		return port{}, fmt.Errorf("interface %s: bad MAC address %q", i.ID, i.MAC)
	}
	if !i.Address.Is4() || !i.Subnet.Contains(i.Address) {
		return port{}, fmt.Errorf("interface %s: address %s is not in the IPv4 subnet %s", i.ID, i.Address, i.Subnet)
	}
	if i.IPv6.IsValid() && (!i.IPv6.Is6() || i.IPv6.Is4In6() || i.IPv6.Zone() != "" || !i.IPv6.IsGlobalUnicast()) {
		return port{}, fmt.Errorf("interface %s: %s is no unicast IPv6 address", i.ID, i.IPv6)
	}
	return port{Interface: i, link: linkName(i.ID), mac: mac}, nil
}

// linkName is the router's end of an interface: at most 15 bytes (IFNAMSIZ),
// so the last 14 of the id's 17 digits. The whole id is the link's alias.
func linkName(id world.NetworkInterfaceID) string {
	digits := strings.TrimPrefix(string(id), "eni-")
	return "v" + digits[max(0, len(digits)-14):]
}

// localAddresses are what the router itself has: the services' addresses and
// the gateway of every subnet, which must be there for its ARP to be answered.
func localAddresses(v netcfg.VPC) []netip.Addr {
	var out []netip.Addr
	for _, s := range v.Services {
		out = append(out, s.Address)
	}
	for _, i := range v.Interfaces {
		out = append(out, i.Gateway())
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// safeName says whether an id may be a file's and a link's name.
func safeName(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(id) > 4 && len(id) < 100
}
