package netns_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
)

// TestListens: what a client from elsewhere would find at the namespace's own
// addresses, 10.9.9.1 and fd00::1.
func TestListens(t *testing.T) {
	dir := directory(t)
	path := namespace(t, filepath.Join(dir, "a"))
	for _, address := range []string{"10.9.9.1/32", "fd00::1/128"} {
		onLoopback(t, path, address)
	}
	for _, c := range []struct {
		name    string
		network string
		bound   string
		v6only  bool
		v4, v6  bool // found at the IPv4 and at the IPv6 address
	}{
		{name: "tcp", network: "tcp", bound: "0.0.0.0:7000", v4: true},
		{name: "tcp6 takes IPv4, too", network: "tcp", bound: "[::]:7001", v4: true, v6: true},
		{name: "tcp6 alone", network: "tcp", bound: "[::]:7002", v6only: true, v6: true},
		{name: "tcp at the address", network: "tcp", bound: "10.9.9.1:7003", v4: true},
		{name: "tcp6 at the address", network: "tcp", bound: "[fd00::1]:7004", v6: true},
		{name: "tcp at loopback", network: "tcp", bound: "127.0.0.1:7005"},
		{name: "tcp6 at loopback", network: "tcp", bound: "[::1]:7006"},
		{name: "udp", network: "udp", bound: "0.0.0.0:7007", v4: true},
		{name: "udp6 takes IPv4, too", network: "udp", bound: "[::]:7008", v4: true, v6: true},
		{name: "udp6 alone", network: "udp", bound: "[::]:7009", v6only: true, v6: true},
		{name: "udp at loopback", network: "udp", bound: "127.0.0.1:7010"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bound := netip.MustParseAddrPort(c.bound)
			look := func(when string, v4, v6 bool) {
				t.Helper()
				for address, want := range map[string]bool{"10.9.9.1": v4, "fd00::1": v6} {
					at := netip.AddrPortFrom(netip.MustParseAddr(address), bound.Port())
					if got, err := netns.Listens(path, c.network, at); got != want || err != nil {
						t.Errorf("%s, at %s: %v, %v; want %v", when, at, got, err, want)
					}
				}
			}
			look("before", false, false)
			fd := socket(t, path, c.network, bound, c.v6only)
			if c.network == "tcp" {
				look("bound and not listening", false, false)
				if err := unix.Listen(fd, 1); err != nil {
					t.Fatal(err)
				}
			}
			look("listening", c.v4, c.v6)
		})
	}
}

// onLoopback gives the namespace's lo an address.
func onLoopback(t *testing.T, path, address string) {
	t.Helper()
	err := netns.InNamespace(path, func() error {
		lo, err := vishvananda.LinkByName("lo")
		if err != nil {
			return err
		}
		a, err := vishvananda.ParseAddr(address)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		return vishvananda.AddrAdd(lo, a)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// socket is a socket that is bound inside the namespace, and closed with the test.
func socket(t *testing.T, path, network string, at netip.AddrPort, v6only bool) int {
	t.Helper()
	family, kind := unix.AF_INET, unix.SOCK_STREAM
	var address unix.Sockaddr
	if at.Addr().Is4() {
		address = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	} else {
		family, address = unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	}
	if network == "udp" {
		kind = unix.SOCK_DGRAM
	}
	fd := -1
	err := netns.InNamespace(path, func() (err error) {
		fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	})
	if v6only {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err := errors.Join(err, unix.Bind(fd, address)); err != nil {
		t.Fatal(err)
	}
	return fd
}

// TestListens_NotElsewhere: neither connections, nor a client's socket, nor
// what listens in another namespace.
func TestListens_NotElsewhere(t *testing.T) {
	dir := directory(t)
	path, other := namespace(t, filepath.Join(dir, "a")), namespace(t, filepath.Join(dir, "b"))
	for _, network := range []string{"tcp", "udp"} {
		at := netip.MustParseAddrPort("127.0.0.1:7000")
		if network == "tcp" {
			l, err := netns.Listen(path, network, at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
		} else {
			p, err := netns.ListenPacket(path, network, at.String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = p.Close() }()
		}
		if got, err := netns.Listens(other, network, at); got || err != nil {
			t.Errorf("%s in another namespace: %v, %v", network, got, err)
		}
		c, err := netns.Dial(t.Context(), path, network, at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		client := netip.MustParseAddrPort(c.LocalAddr().String())
		if got, err := netns.Listens(path, network, client); got || err != nil {
			t.Errorf("%s at a client's socket: %v, %v", network, got, err)
		}
		if got, err := netns.Listens(path, network, at); !got || err != nil {
			t.Errorf("%s at the server's: %v, %v", network, got, err)
		}
	}
	if _, err := netns.Listens(path, "sctp", netip.MustParseAddrPort("127.0.0.1:1")); err == nil {
		t.Error("another protocol: no error")
	}
	if _, err := netns.Listens(path, "tcp", netip.AddrPort{}); err == nil {
		t.Error("no address: no error")
	}
	if _, err := netns.Listens(path+"-none", "tcp", netip.MustParseAddrPort("127.0.0.1:1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no namespace: %v", err)
	}
}

func BenchmarkListens(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	at := netip.MustParseAddrPort("127.0.0.1:9")
	for b.Loop() {
		if _, err := netns.Listens("/proc/self/ns/net", "tcp", at); err != nil {
			b.Fatal(err)
		}
	}
}
