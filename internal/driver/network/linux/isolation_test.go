//go:build linux

package linux_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
)

// TestSpoofedSourceIsDropped: an interface sends from its own address only,
// to other interfaces and to the resolver.
func TestSpoofedSourceIsDropped(t *testing.T) {
	d := newDriver(t, runDir(t))
	everything := networktest.All("0.0.0.0/0")
	set(t, d, networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10, everything),
		networktest.Interface(2, 1, 11, everything), networktest.Interface(3, 1, 12, everything)))
	for _, c := range []struct{ name, path, at string }{
		{"Interface", d.Paths().Interface(networktest.ID(2)), "10.0.1.11:9000"},
		{"Resolver", d.Paths().VPC(vpcID), "10.0.0.2:53"},
	} {
		t.Run(c.name, func(t *testing.T) {
			arrivesFrom(t, d.Paths().Interface(networktest.ID(1)), "10.0.1.10", c.path, c.at, "10.0.1.12", "10.0.1.99")
		})
	}
}

// arrivesFrom sends datagrams from a namespace to an address of another: with
// sources that are not its own, then with its own, and hears of the last alone.
func arrivesFrom(t *testing.T, from, own, path, at string, others ...string) {
	t.Helper()
	l, err := netns.ListenPacket(path, "udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, source := range others {
		send(t, from, source, at, true)
	}
	send(t, from, own, at, false) // arrives after the others would have
	if err := l.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, sender, err := l.ReadFrom(make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	if host, _, err := net.SplitHostPort(sender.String()); err != nil || host != own {
		t.Errorf("a packet from %s arrived (%v)", sender, err)
	}
}

// TestOnlyChecksBeginAtTheRouter: what Seamark itself opens from a VPC's router
// passes by its mark, whatever the security groups say; nothing else does.
func TestOnlyChecksBeginAtTheRouter(t *testing.T) {
	d := newDriver(t, runDir(t))
	set(t, d, networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10)))
	l, err := netns.Listen(d.Paths().Interface(networktest.ID(1)), "tcp", "10.0.1.10:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	resolver := netip.MustParseAddr("10.0.0.2")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := netns.DialFrom(ctx, d.Paths().VPC(vpcID), netns.Origin{Address: resolver, Mark: linux.CheckMark}, "tcp", "10.0.1.10:8080")
	if err != nil {
		t.Fatalf("with the mark: %v", err)
	}
	defer func() { _ = c.Close() }()
	seen, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = seen.Close() }()
	if from := netip.MustParseAddrPort(seen.RemoteAddr().String()).Addr(); from != resolver {
		t.Errorf("the check comes from %s", from)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := netns.DialFrom(short, d.Paths().VPC(vpcID), netns.Origin{Address: resolver}, "tcp", "10.0.1.10:8080"); err == nil {
		t.Error("a connection without the mark went through")
	}
}

// send sends a datagram with a source address, which the sender gives itself
// where it is a false one.
func send(t *testing.T, path, source, to string, isFalse bool) {
	t.Helper()
	err := netns.InNamespace(path, func() error {
		if isFalse {
			if err := giveAddress(source); err != nil {
				return err
			}
		}
		dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(source)}}
		c, err := dialer.DialContext(t.Context(), "udp", to)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		_, err = c.Write([]byte("from " + source))
		return err
	})
	if err != nil {
		t.Fatalf("send from %s: %v", source, err)
	}
}

// giveAddress gives eth0 of this namespace one more address.
func giveAddress(address string) error {
	eth, err := vishvananda.LinkByName("eth0")
	if err != nil {
		return err
	}
	ip := net.ParseIP(address)
	bits := 8 * len(ip)
	if v4 := ip.To4(); v4 != nil {
		ip, bits = v4, 32
	}
	return vishvananda.AddrReplace(eth, &vishvananda.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}, Flags: unix.IFA_F_NODAD})
}

// capture yields the IPv4 packets that arrive at eth0 of a namespace, but for
// its own.
func capture(t *testing.T, path string) <-chan []byte {
	t.Helper()
	const ipv4 = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8 // in network order
	fd := -1
	err := netns.InNamespace(path, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, ipv4)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "capture")
	packets := make(chan []byte, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b := make([]byte, 2000)
			n, err := f.Read(b)
			if err != nil {
				return
			}
			packets <- b[:n]
		}
	}()
	t.Cleanup(func() {
		_ = f.Close()
		<-done
	})
	return packets
}

// TestHostIsUntouched compares the host's network before, during and after.
func TestHostIsUntouched(t *testing.T) {
	dir := runDir(t)
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	before := hostNetwork(t)
	d, err := linux.New(linux.Options{InstanceID: "7e57", RunDir: dir, Logger: newLogger()})
	if err != nil {
		t.Fatal(err)
	}
	v := large(20)
	set(t, d, v)
	if during := hostNetwork(t); during != before {
		t.Errorf("the host's network changed from\n%s\nto\n%s", before, during)
	}
	if n := len(mounts(t, "self", dir)); n != 1+1+20 {
		t.Errorf("%d mounts in the run directory, want the directory, the router and 20 interfaces", n)
	}
	if err := d.Remove(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if after := hostNetwork(t); after != before {
		t.Errorf("the host's network changed from\n%s\nto\n%s", before, after)
	}
	if left := mounts(t, "self", dir); len(left) != 0 {
		t.Errorf("mounts left: %q", left)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("files left: %v, %v", left, err)
	}
	threadsAtHome(t, home)
}

// hostNetwork is the network of the namespace that the tests run in, as text:
// links, addresses, routes, rules and settings.
func hostNetwork(t *testing.T) string {
	t.Helper()
	var out []string
	links, err := vishvananda.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		addresses, err := vishvananda.AddrList(l, vishvananda.FAMILY_ALL)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(l.Attrs().Name, l.Attrs().Alias, l.Attrs().Flags&net.FlagUp, addresses))
	}
	routes, err := vishvananda.RouteListFiltered(vishvananda.FAMILY_V4, &vishvananda.Route{}, vishvananda.RT_FILTER_TABLE)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		out = append(out, r.String())
	}
	c, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := c.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		out = append(out, fmt.Sprint("table ", table.Family, table.Name))
	}
	for _, name := range []string{"ipv4/ip_forward", "ipv4/conf/all/*", "ipv4/conf/default/*", "ipv6/conf/all/*", "ipv4/ip_unprivileged_port_start", "ipv4/ping_group_range"} {
		files, err := filepath.Glob(filepath.Join("/proc/sys/net", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if value, err := os.ReadFile(f); err == nil { // some are write-only
				out = append(out, f+" "+strings.TrimSpace(string(value)))
			}
		}
	}
	if named, err := os.ReadDir("/run/netns"); err == nil {
		out = append(out, fmt.Sprint("named namespaces ", named))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// mounts are a process's mounts with that path.
func mounts(t *testing.T, pid, path string) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(b), "\n"), func(line string) bool { return !strings.Contains(line, path) })
}

// threadsAtHome: no thread of this process stays in a foreign namespace.
func threadsAtHome(t *testing.T, home string) {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(threads) == 0 {
		t.Fatalf("threads: %v, %v", threads, err)
	}
	for _, thread := range threads {
		if ns, err := os.Readlink(thread); err == nil && ns != home { // a thread may have ended
			t.Errorf("%s is %s, want %s", thread, ns, home)
		}
	}
}

// TestOtherMountNamespacesKeepNothing: a process that copied the mounts, as
// any container start does, holds no namespace after Remove.
func TestOtherMountNamespacesKeepNothing(t *testing.T) {
	dir := runDir(t)
	d := newDriver(t, dir)
	set(t, d, pair())
	other := exec.CommandContext(t.Context(), "sleep", "600")
	other.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = other.Process.Kill() // has ended with the context
		_ = other.Wait()
	})
	pid := fmt.Sprint(other.Process.Pid)
	if copied := mounts(t, pid, dir); len(copied) != 4 {
		t.Fatalf("the other process has not copied the mounts: %q", copied)
	}
	if err := d.Remove(t.Context(), vpcID); err != nil {
		t.Fatal(err)
	}
	if left := mounts(t, pid, filepath.Join(dir, "netns", string(vpcID))); len(left) != 0 {
		t.Errorf("still mounted elsewhere: %q", left)
	}
}

// TestInterfaceSettings looks into a task's and an instance's namespace.
func TestInterfaceSettings(t *testing.T) {
	d := newDriver(t, runDir(t))
	task := networktest.Interface(1, 1, 10)
	task.UnprivilegedPorts = true
	set(t, d, networktest.With(networktest.VPC(vpcID), task, networktest.Interface(2, 1, 11)))
	for n, port := range map[int]string{1: "0", 2: "1024"} {
		err := netns.InNamespace(d.Paths().Interface(networktest.ID(n)), func() error {
			for name, want := range map[string]string{
				"ipv4/ip_unprivileged_port_start": port,
				"ipv4/ping_group_range":           "0\t2147483647",
				"ipv6/conf/eth0/disable_ipv6":     "1",
			} {
				got, err := os.ReadFile(filepath.Join("/proc/sys/net", name))
				if err != nil {
					return err
				}
				if strings.TrimSpace(string(got)) != want {
					t.Errorf("interface %d: %s is %q, want %q", n, name, got, want)
				}
			}
			eth, err := vishvananda.LinkByName("eth0")
			if err != nil {
				return err
			}
			if got, want := eth.Attrs().HardwareAddr.String(), networktest.Interface(n, 1, 9+n).MAC; got != want {
				t.Errorf("interface %d: MAC %s, want %s", n, got, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestBadValuesAreRefused(t *testing.T) {
	d := newDriver(t, runDir(t))
	good := networktest.Interface(1, 1, 10)
	for name, change := range map[string]func(*netcfg.VPC, *netcfg.Interface){
		"VPCPath":       func(v *netcfg.VPC, _ *netcfg.Interface) { v.ID = "vpc-/../../x" },
		"VPCPrefix":     func(v *netcfg.VPC, _ *netcfg.Interface) { v.ID = "eni-000000001" },
		"InterfacePath": func(_ *netcfg.VPC, i *netcfg.Interface) { i.ID = "eni-../../x" },
		"MAC":           func(_ *netcfg.VPC, i *netcfg.Interface) { i.MAC = "02:00" },
		"OutsideSubnet": func(_ *netcfg.VPC, i *netcfg.Interface) { i.Address = networktest.Interface(1, 9, 9).Address },
		"SameAddress":   func(v *netcfg.VPC, i *netcfg.Interface) { *v = networktest.With(*v, networktest.Interface(2, 1, 10)) },
		"SameLinkPattern": func(v *netcfg.VPC, _ *netcfg.Interface) {
			other := networktest.Interface(1, 1, 77)
			other.ID = "eni-fff00000000000001"
			*v = networktest.With(*v, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, i := networktest.VPC(vpcID), good
			change(&v, &i)
			if err := d.Set(t.Context(), networktest.With(v, i)); err == nil {
				t.Error("no error")
			}
			if ids, err := d.List(t.Context()); err != nil || len(ids) != 0 {
				t.Errorf("a refused value left %v, %v", ids, err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	requireRoot(t)
	for name, o := range map[string]linux.Options{
		"NoInstance":  {RunDir: "/run/seamark-test-none", Logger: newLogger()},
		"NoDirectory": {InstanceID: "7e57", Logger: newLogger()},
		"NoLogger":    {InstanceID: "7e57", RunDir: "/run/seamark-test-none"},
		"Unwritable":  {InstanceID: "7e57", RunDir: "/proc/seamark-test", Logger: newLogger()},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := linux.New(o); err == nil {
				t.Error("no error")
				_ = d.Close()
			}
		})
	}
}
