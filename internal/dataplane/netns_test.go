//go:build linux

package dataplane

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"

	"seamark/internal/driver/network/netns"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// needRoot skips a test without root, or fails it where CI says that there is one.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
		t.Fatal("root is required")
	}
	t.Skip("needs root")
}

// namespaces is a directory of namespaces, removed with the test.
func namespaces(t *testing.T) string {
	t.Helper()
	needRoot(t)
	base, err := os.MkdirTemp("/run", "seamark-test-") //nolint:usetesting // namespaces are bound where they are on a machine
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "netns")
	t.Cleanup(func() {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			if err := netns.Delete(filepath.Join(dir, e.Name())); err != nil {
				t.Error(err)
			}
		}
		if gone, err := netns.RemoveDirectory(dir); err != nil || !gone {
			t.Errorf("RemoveDirectory: %v, %v", gone, err)
		}
		if err := os.Remove(base); err != nil {
			t.Error(err)
		}
	})
	if err := netns.MakeDirectory(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// namespace makes one as a VPC's: the resolver's addresses are on lo.
func namespace(t *testing.T, path string) {
	t.Helper()
	if err := netns.Create(path); err != nil {
		t.Fatal(err)
	}
	err := netns.InNamespace(path, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		for _, a := range resolverAddresses() {
			if err := netlink.AddrAdd(lo, &netlink.Addr{IPNet: &net.IPNet{IP: a.Addr().AsSlice(), Mask: net.CIDRMask(32, 32)}}); err != nil {
				return err
			}
		}
		return netlink.LinkSetUp(lo)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func resolverAddresses() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53"), netip.MustParseAddrPort("169.254.169.253:53")}
}

// lookupIn asks from inside a namespace.
func lookupIn(t *testing.T, path, network string, at netip.AddrPort, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	conn, err := netns.Dial(ctx, path, network, at.String())
	if err != nil {
		return "no connection"
	}
	defer func() { _ = conn.Close() }() // a test's connection
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &dns.Conn{Conn: conn}
	if err := c.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeA)); err != nil {
		return "not sent"
	}
	r, err := c.ReadMsg()
	if err != nil {
		return "no answer"
	}
	if len(r.Answer) == 0 {
		return dns.RcodeToString[r.Rcode]
	}
	return r.Answer[0].(*dns.A).A.String()
}

func expectIn(t *testing.T, path, name, want string) {
	t.Helper()
	for _, at := range resolverAddresses() {
		for _, network := range []string{"udp", "tcp"} {
			if got := lookupIn(t, path, network, at, name); got != want {
				t.Errorf("%s at %s over %s: %s, want %s", name, at, network, got, want)
			}
		}
	}
}

func namespaceVPC(id world.VPCID, path string, generation int) VPC {
	v := testVPC(id, 10, generation)
	v.Listen = Listen{Namespace: path, Addresses: resolverAddresses()}
	return v
}

// Two VPCs with one CIDR, each with its resolver at the same addresses.
func TestNamespaces(t *testing.T) {
	dir := namespaces(t)
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	namespace(t, one)
	namespace(t, two)
	planes(t, func(t *testing.T, p Plane) {
		empty := namespaceVPC("vpc-2", two, 2)
		empty.Table.Zones = []zone.Zone{}
		ack := replace(t, p, 1, namespaceVPC("vpc-1", one, 1), empty)
		if got := ack.Bound["vpc-1"]; len(got) != 2 || got[0] != resolverAddresses()[0] || got[1] != resolverAddresses()[1] {
			t.Errorf("bound %v", got)
		}
		expectIn(t, one, "host3.z.", "10.0.1.3")
		expectIn(t, two, "host3.z.", "SERVFAIL") // goes upstream, and there is none
		expectIn(t, two, "ip-10-0-0-7.ec2.internal.", "10.0.0.7")

		// Another namespace under the same path: bound anew, by itself.
		if err := netns.Delete(one); err != nil {
			t.Fatal(err)
		}
		namespace(t, one)
		eventually(t, 5*time.Second, "an answer in the new namespace", func() bool {
			return lookupIn(t, one, "udp", resolverAddresses()[0], "host3.z.") == "10.0.1.3"
		})
		// And at once with a Set.
		if err := netns.Delete(one); err != nil {
			t.Fatal(err)
		}
		namespace(t, one)
		v := namespaceVPC("vpc-1", one, 5)
		if _, err := p.Sync(t.Context(), 2, []Change{{Set: &v}}); err != nil {
			t.Fatal(err)
		}
		expectIn(t, one, "host3.z.", "10.0.5.3")

		replace(t, p, 3)
		if got := lookupIn(t, one, "udp", resolverAddresses()[0], "host3.z."); got != "no answer" {
			t.Errorf("after removal: %s", got)
		}
	})
}

// A new process takes over from a live one in a namespace without losing a
// query: sockets of both share the addresses until the old one has ended.
func TestTakeOverWithoutGap(t *testing.T) {
	path := filepath.Join(namespaces(t), "one")
	namespace(t, path)
	dir := t.TempDir()
	s := supervise(t, dir, nil)
	c := started(t, s)
	replace(t, c, 1, namespaceVPC("vpc-1", path, 1))
	keptRevision(t, dir, 1)
	old := c.PID()

	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asked := 0
	asking.Go(func() {
		for ctx.Err() == nil {
			asked++
			if got := lookupIn(t, path, "udp", resolverAddresses()[0], "host3.z."); got != "10.0.1.3" {
				t.Errorf("query %d: %s", asked, got)
			}
		}
	})
	if err := s.launch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.client.PID() == old {
		t.Error("no new process")
	}
	if err := syscall.Kill(old, 0); err == nil {
		eventually(t, 5*time.Second, "the end of the old process", func() bool { _, err := startTime(old); return err != nil })
	}
	cancel()
	asking.Wait()
	if asked < 10 {
		t.Errorf("only %d queries", asked)
	}
	closing(t, c)
	stopped(t, s)
}
