//go:build linux

package linux_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

const vpcID = world.VPCID("vpc-00000000000000001")

// routerLink is what the router calls interface 2.
const routerLink = "v00000000000002"

// pair is two interfaces: 1 may open port 80 of 2, and nothing else.
func pair() netcfg.VPC {
	return networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10),
		networktest.Interface(2, 1, 11, networktest.TCP(80, 80, "10.0.1.10/32")))
}

func web(port uint16) networktest.Target {
	return networktest.Target{Interface: networktest.ID(2), Protocol: netcfg.ProtocolTCP, Port: port}
}

// TestSetHeals breaks one thing at a time and expects the next Set to repair
// it, once.
func TestSetHeals(t *testing.T) {
	requireRoot(t)
	router := func(p network.Paths) string { return p.VPC(vpcID) }
	second := func(p network.Paths) string { return p.Interface(networktest.ID(2)) }
	for name, damage := range map[string]struct {
		in func(network.Paths) string
		do func(path string) error
	}{
		"RouterLinkDeleted":    {router, inside(linkNamed(routerLink, vishvananda.LinkDel))},
		"InterfaceDeleted":     {second, inside(linkNamed("eth0", vishvananda.LinkDel))},
		"RouterLinkDown":       {router, inside(linkNamed(routerLink, vishvananda.LinkSetDown))},
		"RouteDeleted":         {router, inside(linkNamed(routerLink, deleteRoute))},
		"ResolverGone":         {router, inside(linkNamed("lo", deleteAddress("10.0.0.2/32")))},
		"GatewayGone":          {router, inside(linkNamed("lo", deleteAddress("10.0.1.1/32")))},
		"ForwardingOff":        {router, inside(sysctl("ipv4/ip_forward", "0"))},
		"ProxyARPOff":          {router, inside(sysctl("ipv4/conf/"+routerLink+"/proxy_arp", "0"))},
		"ReversePathFilterOff": {router, inside(sysctl("ipv4/conf/"+routerLink+"/rp_filter", "0"))},
		"ProxyDelay":           {router, inside(sysctl("ipv4/neigh/"+routerLink+"/proxy_delay", "80"))},
		"RouterUnmounted":      {router, func(path string) error { return unix.Unmount(path, unix.MNT_DETACH) }},
		"RouterDeleted":        {router, netns.Delete},
		"InterfaceUnmounted":   {second, func(path string) error { return unix.Unmount(path, unix.MNT_DETACH) }},
		"InterfaceNSDeleted":   {second, netns.Delete},
		"InterfaceNSReplaced":  {second, replaceNamespace},
		"TableDeleted":         {router, rules(func(c *nftables.Conn, t *nftables.Table) { c.DelTable(t) })},
		"RuleAddedToTable":     {router, rules(acceptAll)},
		"UnrelatedTableAdded": {router, rules(func(c *nftables.Conn, t *nftables.Table) {
			c.AddTable(&nftables.Table{Name: "other", Family: nftables.TableFamilyIPv4})
		})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logs := &warnings{}
			d := newLoggingDriver(t, runDir(t), logs)
			p := newProbe(t, d)
			v := pair()
			set(t, d, v)
			reaches(t, p, networktest.ID(1), web(80))
			if err := damage.do(damage.in(d.Paths())); err != nil {
				t.Fatalf("damage: %v", err)
			}
			set(t, d, v)
			reaches(t, p, networktest.ID(1), web(80))
			reaches(t, p, networktest.ID(1), networktest.Target{Address: v.Services[0].Address, Protocol: netcfg.ProtocolUDP, Port: 53})
			blocked(t, p, networktest.ID(1), web(81))
			before := logs.count()
			set(t, d, v)
			if after := logs.count(); after != before {
				t.Errorf("the Set after the repair repaired again: %v", logs.lines[before:])
			}
		})
	}
}

// TestRouterUnmountedKeepsConnections: the namespace is still held open, so it
// is mounted again and not made anew.
func TestRouterUnmountedKeepsConnections(t *testing.T) {
	d := newDriver(t, runDir(t))
	p := newProbe(t, d)
	set(t, d, pair())
	c := reaches(t, p, networktest.ID(1), web(80))
	before := identify(t, d.Paths().VPC(vpcID))
	if err := netns.Delete(d.Paths().VPC(vpcID)); err != nil {
		t.Fatal(err)
	}
	set(t, d, pair())
	if after := identify(t, d.Paths().VPC(vpcID)); after != before {
		t.Errorf("another namespace: %v, want %v", after, before)
	}
	if err := c.Exchange(); err != nil {
		t.Errorf("connection: %v", err)
	}
}

// TestRouterLostBetweenProcesses: nothing holds the old router, the interfaces
// are still there and are connected to a new one.
func TestRouterLostBetweenProcesses(t *testing.T) {
	dir := runDir(t)
	first := newDriver(t, dir)
	set(t, first, pair())
	inner := identify(t, first.Paths().Interface(networktest.ID(2)))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := netns.Delete(filepath.Join(dir, "netns", string(vpcID), "router")); err != nil {
		t.Fatal(err)
	}
	d := newDriver(t, dir)
	p := newProbe(t, d)
	set(t, d, pair())
	if again := identify(t, d.Paths().Interface(networktest.ID(2))); again != inner {
		t.Errorf("the interface's namespace was replaced")
	}
	reaches(t, p, networktest.ID(1), web(80))
	blocked(t, p, networktest.ID(1), web(81))
}

// TestPartialFailure: what one Set could not make, the next one makes.
func TestPartialFailure(t *testing.T) {
	d := newDriver(t, runDir(t))
	p := newProbe(t, d)
	set(t, d, pair())
	obstacle := filepath.Join(filepath.Dir(d.Paths().VPC(vpcID)), string(networktest.ID(3)))
	if err := os.MkdirAll(filepath.Join(obstacle, "in-the-way"), 0o700); err != nil {
		t.Fatal(err)
	}
	more := networktest.With(pair(), networktest.Interface(3, 1, 12), networktest.Interface(4, 1, 13, networktest.All("0.0.0.0/0")))
	if err := d.Set(t.Context(), more); err == nil || !strings.Contains(err.Error(), string(networktest.ID(3))) {
		t.Fatalf("Set with an obstacle: %v, want an error that names the interface", err)
	}
	fourth := networktest.Target{Interface: networktest.ID(4), Protocol: netcfg.ProtocolTCP, Port: 80}
	reaches(t, p, networktest.ID(1), fourth) // the others are not held up
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	set(t, d, more)
	reaches(t, p, networktest.ID(3), fourth)
}

func inside(f func() error) func(string) error {
	return func(path string) error { return netns.InNamespace(path, f) }
}

func linkNamed(name string, f func(vishvananda.Link) error) func() error {
	return func() error {
		l, err := vishvananda.LinkByName(name)
		if err != nil {
			return err
		}
		return f(l)
	}
}

func deleteRoute(l vishvananda.Link) error {
	to := &net.IPNet{IP: net.IPv4(10, 0, 1, 11), Mask: net.CIDRMask(32, 32)}
	return vishvananda.RouteDel(&vishvananda.Route{LinkIndex: l.Attrs().Index, Dst: to, Scope: vishvananda.SCOPE_LINK})
}

func deleteAddress(cidr string) func(vishvananda.Link) error {
	return func(l vishvananda.Link) error {
		a, err := vishvananda.ParseAddr(cidr)
		if err != nil {
			return err
		}
		return vishvananda.AddrDel(l, a)
	}
}

func sysctl(name, value string) func() error {
	return func() error { return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0) }
}

func replaceNamespace(path string) error {
	if err := netns.Delete(path); err != nil {
		return err
	}
	return netns.Create(path)
}

// rules changes the nftables of a namespace behind the driver's back.
func rules(f func(*nftables.Conn, *nftables.Table)) func(string) error {
	return func(path string) error {
		ns, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = ns.Close() }()
		c, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
		if err != nil {
			return err
		}
		f(c, &nftables.Table{Name: "seamark", Family: nftables.TableFamilyINet})
		return c.Flush()
	}
}

// acceptAll flushes the chain that drops.
func acceptAll(c *nftables.Conn, t *nftables.Table) {
	accept := nftables.ChainPolicyAccept
	chain := c.AddChain(&nftables.Chain{
		Table: t, Name: "forward", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward,
		Priority: nftables.ChainPriorityFilter, Policy: &accept,
	})
	c.FlushChain(chain)
}

// warnings keeps the driver's log.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, string(b))
	return len(b), nil
}

func (w *warnings) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines)
}

func newLoggingDriver(t *testing.T, dir string, w *warnings) *linux.Driver {
	t.Helper()
	d, err := linux.New(linux.Options{InstanceID: "7e57", RunDir: dir, Logger: slog.New(slog.NewTextHandler(w, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

func set(t *testing.T, d network.Driver, v netcfg.VPC) {
	t.Helper()
	if err := d.Set(t.Context(), v); err != nil {
		t.Fatalf("Set: %v", err)
	}
}

func identify(t *testing.T, path string) netns.ID {
	t.Helper()
	id, err := netns.Identify(path)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func reaches(t *testing.T, p *probe, from world.NetworkInterfaceID, to networktest.Target) networktest.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := p.Connect(ctx, vpcID, from, to)
	if err != nil {
		t.Fatalf("%s to %v: %v", from, to, err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may have lost its namespace
	return c
}

func blocked(t *testing.T, p *probe, from world.NetworkInterfaceID, to networktest.Target) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := p.Connect(ctx, vpcID, from, to); err == nil {
		t.Errorf("%s reaches %v", from, to)
		_ = c.Close()
	}
}
