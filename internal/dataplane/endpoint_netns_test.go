//go:build linux

package dataplane

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"

	"seamark/internal/driver/network/netns"
	"seamark/internal/plan/zone"
)

// cable joins two namespaces by a veth pair with an address at each end.
func cable(t *testing.T, from, fromAddress, to, toAddress string) {
	t.Helper()
	end := func(path, name, address string) {
		err := netns.InNamespace(path, func() error {
			l, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			a, err := netlink.ParseAddr(address + "/24")
			if err != nil {
				return err
			}
			if err := netlink.AddrAdd(l, a); err != nil {
				return err
			}
			return netlink.LinkSetUp(l)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	peer, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, peer)
	err = netns.InNamespace(from, func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "out"}, PeerName: "in", PeerNamespace: netlink.NsFd(int(peer.Fd()))})
	})
	if err != nil {
		t.Fatal(err)
	}
	end(from, "out", fromAddress)
	end(to, "in", toAddress)
}

func hasLink(t *testing.T, path, name string) bool {
	t.Helper()
	var err error
	if failed := netns.InNamespace(path, func() error {
		_, err = netlink.LinkByName(name)
		return nil
	}); failed != nil {
		t.Fatal(failed)
	}
	return err == nil
}

// asked is who has asked a server.
type asked struct {
	mu   sync.Mutex
	from []string
}

func (a *asked) see(from net.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.from = append(a.from, netip.MustParseAddrPort(from.String()).Addr().String())
}

// An inbound endpoint answers in its interface's namespace, an outbound one asks
// from there: nothing of it can be reached from, or comes from, anywhere else.
func TestEndpointsInNamespaces(t *testing.T) {
	dir := namespaces(t)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"vpc", "in", "out", "office", "corp"} {
		namespace(t, path(name))
	}
	cable(t, path("in"), "10.0.1.10", path("office"), "10.0.1.1")
	cable(t, path("out"), "10.99.0.10", path("corp"), "10.99.0.53")
	var seen asked
	udp, err := netns.ListenPacket(path("corp"), "udp", "10.99.0.53:53")
	if err != nil {
		t.Fatal(err)
	}
	serveCorporate(t, &dns.Server{PacketConn: udp}, "192.0.2.53", seen.see)

	// A link takes a moment until it carries packets.
	eventually(t, 10*time.Second, "the link to the corporate server", func() bool {
		return lookupIn(t, path("out"), "udp", netip.MustParseAddrPort("10.99.0.53:53"), "x.") == "192.0.2.53"
	})
	seen.mu.Lock()
	seen.from = nil
	seen.mu.Unlock()

	v := namespaceVPC("vpc-1", path("vpc"), 1)
	v.Table.LogQueries = true
	v.Table.Rules = []zone.Rule{{ID: "rslvr-rr-1", Domain: "corp.test.", Targets: []netip.AddrPort{netip.MustParseAddrPort("10.99.0.53:53")}, Endpoint: "rslvr-out-1"}}
	inbound := netip.MustParseAddrPort("10.0.1.10:53")
	v.Endpoints = []Endpoint{
		{ID: "rslvr-in-1", Inbound: true, Addresses: []EndpointAddress{{Interface: "eni-1", Namespace: path("in"), Address: inbound}}},
		{ID: "rslvr-out-1", Addresses: []EndpointAddress{{Interface: "eni-2", Namespace: path("out"), Address: netip.MustParseAddrPort("10.99.0.10:0")}}},
	}
	planes(t, func(t *testing.T, p Plane) {
		replace(t, p, 1, v)
		for _, network := range []string{"udp", "tcp"} {
			if got := lookupIn(t, path("office"), network, inbound, "host3.z."); got != "10.0.1.3" {
				t.Errorf("inbound over %s: %s", network, got)
			}
			if got := lookupIn(t, path("office"), network, inbound, "a.corp.test."); got != "192.0.2.53" {
				t.Errorf("inbound and out again over %s: %s", network, got)
			}
		}
		expectIn(t, path("vpc"), "b.corp.test.", "192.0.2.53")
		seen.mu.Lock()
		for _, from := range seen.from {
			if from != "10.99.0.10" {
				t.Errorf("the corporate server was asked by %s", from)
			}
		}
		if len(seen.from) == 0 {
			t.Error("the corporate server was not asked")
		}
		seen.mu.Unlock()
		queries, _, err := p.TakeQueries(t.Context())
		if err != nil || len(queries) != 8 || queries[0].Source.Addr().String() != "10.0.1.1" || queries[0].Interface != "eni-1" {
			t.Errorf("%+v %v", queries, err)
		}

		// The interface goes, and comes again.
		if err := netns.Delete(path("in")); err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "the endpoint fails", func() bool {
			return status(t, p).Endpoints["rslvr-in-1"].Addresses[0].Failed != ""
		})
		eventually(t, 10*time.Second, "the end of the link", func() bool { return !hasLink(t, path("office"), "in") })
		namespace(t, path("in"))
		cable(t, path("in"), "10.0.1.10", path("office"), "10.0.1.1")
		eventually(t, 10*time.Second, "the endpoint answers in its new namespace", func() bool {
			return lookupIn(t, path("office"), "udp", inbound, "host3.z.") == "10.0.1.3"
		})
	})
}
