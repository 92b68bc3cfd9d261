//go:build linux

package linux_test

import (
	"bytes"
	"net"
	"os"
	"testing"

	vishvananda "github.com/vishvananda/netlink"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
)

// dualPair is two interfaces with IPv6: 1 may open port 80 of 2, and nothing else.
func dualPair() netcfg.VPC {
	return networktest.With(networktest.DualStackVPC(vpcID), networktest.DualStack(1, 1, 10),
		networktest.DualStack(2, 1, 11, networktest.TCP(80, 80, "fd5e:a:1::a/128")))
}

func web6(port uint16) networktest.Target {
	t := web(port)
	t.IPv6 = true
	return t
}

func TestSetHeals_IPv6(t *testing.T) {
	requireRoot(t)
	router := func(p network.Paths) string { return p.VPC(vpcID) }
	second := func(p network.Paths) string { return p.Interface(networktest.ID(2)) }
	for name, damage := range map[string]struct {
		in func(network.Paths) string
		do func(path string) error
	}{
		"GatewayGone":      {router, inside(linkNamed(routerLink, deleteAddress("fe80::1/128")))},
		"RouteDeleted":     {router, inside(linkNamed(routerLink, deleteRoute6))},
		"ResolverGone":     {router, inside(linkNamed("lo", deleteAddress("fd00:ec2::253/128")))},
		"SwitchedOff":      {router, inside(sysctl("ipv6/conf/"+routerLink+"/disable_ipv6", "1"))},
		"InterfaceDeleted": {second, inside(linkNamed("eth0", vishvananda.LinkDel))},
		"RouterDeleted":    {router, netns.Delete},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logs := &warnings{}
			d := newLoggingDriver(t, runDir(t), logs)
			p := newProbe(t, d)
			v := dualPair()
			set(t, d, v)
			reaches(t, p, networktest.ID(1), web6(80))
			if err := damage.do(damage.in(d.Paths())); err != nil {
				t.Fatalf("damage: %v", err)
			}
			set(t, d, v)
			reaches(t, p, networktest.ID(1), web6(80))
			reaches(t, p, networktest.ID(1), networktest.Target{Address: v.Services[2].Address, Protocol: netcfg.ProtocolUDP, Port: 53})
			blocked(t, p, networktest.ID(1), web6(81))
			before := logs.count()
			set(t, d, v)
			if after := logs.count(); after != before {
				t.Errorf("the Set after the repair repaired again: %v", logs.lines[before:])
			}
		})
	}
}

func deleteRoute6(link vishvananda.Link) error {
	_, to, err := net.ParseCIDR("fd5e:a:1::b/128")
	if err != nil {
		return err
	}
	return vishvananda.RouteDel(&vishvananda.Route{LinkIndex: link.Attrs().Index, Dst: to})
}

// TestAdoption_IPv6: a new process keeps what is there, and the connection.
func TestAdoption_IPv6(t *testing.T) {
	dir := runDir(t)
	first := newDriver(t, dir)
	set(t, first, dualPair())
	c := reaches(t, newProbe(t, first), networktest.ID(1), web6(80))
	inner := identify(t, first.Paths().Interface(networktest.ID(2)))
	d := newDriver(t, dir)
	set(t, d, dualPair())
	if err := c.Exchange(); err != nil {
		t.Errorf("connection after adoption: %v", err)
	}
	if identify(t, d.Paths().Interface(networktest.ID(2))) != inner {
		t.Error("adoption replaced a namespace")
	}
	blocked(t, newProbe(t, d), networktest.ID(1), web6(81))
}

// TestSpoofedSourceIsDropped_IPv6: an interface sends from its own address only.
func TestSpoofedSourceIsDropped_IPv6(t *testing.T) {
	d := newDriver(t, runDir(t))
	everything := networktest.All("::/0")
	set(t, d, networktest.With(networktest.DualStackVPC(vpcID), networktest.DualStack(1, 1, 10, everything),
		networktest.DualStack(2, 1, 11, everything), networktest.DualStack(3, 1, 12, everything)))
	for _, c := range []struct{ name, path, at string }{
		{"Interface", d.Paths().Interface(networktest.ID(2)), "[fd5e:a:1::b]:9000"},
		{"Resolver", d.Paths().VPC(vpcID), "[fd00:ec2::253]:53"},
	} {
		t.Run(c.name, func(t *testing.T) {
			arrivesFrom(t, d.Paths().Interface(networktest.ID(1)), "fd5e:a:1::a", c.path, c.at, "fd5e:a:1::c", "fd5e:a:1::63")
		})
	}
}

// TestIPv6IsOff where an interface has no address, also in a VPC with IPv6, and in
// the router of a VPC without.
func TestIPv6IsOff(t *testing.T) {
	d := newDriver(t, runDir(t))
	off := func(path, link string) {
		t.Helper()
		err := netns.InNamespace(path, func() error {
			b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + link + "/disable_ipv6")
			if err == nil && string(bytes.TrimSpace(b)) != "1" {
				t.Errorf("IPv6 is on at %s of %s", link, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(t, d, pair())
	off(d.Paths().VPC(vpcID), "lo")
	off(d.Paths().VPC(vpcID), routerLink)
	off(d.Paths().Interface(networktest.ID(2)), "eth0")
	mixed := networktest.With(networktest.DualStackVPC(vpcID), networktest.DualStack(1, 1, 10), networktest.Interface(2, 1, 11))
	set(t, d, mixed)
	off(d.Paths().VPC(vpcID), routerLink)
	off(d.Paths().Interface(networktest.ID(2)), "eth0")
	off(d.Paths().Interface(networktest.ID(2)), "lo")
	set(t, d, pair())
	off(d.Paths().VPC(vpcID), "lo")
	off(d.Paths().Interface(networktest.ID(1)), "eth0")
}
