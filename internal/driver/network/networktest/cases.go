package networktest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"seamark/internal/driver/network"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

const vpc1, vpc2 = world.VPCID("vpc-00000000000000001"), world.VPCID("vpc-00000000000000002")

func sameAndOtherSubnet(t *testing.T, d network.Driver, p Probe) {
	web := TCP(80, 80, "10.0.0.0/16")
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10, web), Interface(2, 1, 11, web), Interface(3, 2, 10, web)))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	reaches(t, p, vpc1, ID(2), tcp(1, 80))
	reaches(t, p, vpc1, ID(1), tcp(3, 80))
	reaches(t, p, vpc1, ID(3), tcp(2, 80))
	blocked(t, p, vpc1, ID(1), tcp(2, 81))
	blocked(t, p, vpc1, ID(1), tcp(3, 81))
}

func nothingAllowed(t *testing.T, d network.Driver, p Probe) {
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, All("10.0.0.0/16"))))
	blocked(t, p, vpc1, ID(2), tcp(1, 80))
	reaches(t, p, vpc1, ID(1), tcp(2, 80)) // the reply passes though nothing may open a connection to 1
}

func revoke(t *testing.T, d network.Driver, p Probe) {
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, TCP(80, 80, "10.0.1.0/24"))))
	c := reaches(t, p, vpc1, ID(1), tcp(2, 80))
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11)))
	blocked(t, p, vpc1, ID(1), tcp(2, 80))
	if err := c.Exchange(); err != nil {
		t.Errorf("the established connection ended with the rule: %v", err)
	}
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, TCP(80, 80, "10.0.1.10/32"))))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
}

func groupReference(t *testing.T, d network.Driver, p Probe) {
	a, b, c := Interface(1, 1, 10), Interface(2, 2, 10), Interface(3, 1, 12, TCPFrom(80, 80, GroupWeb))
	v := With(VPC(vpc1), a, b, c)
	set(t, d, Members(v, GroupWeb, a))
	reaches(t, p, vpc1, ID(1), tcp(3, 80))
	blocked(t, p, vpc1, ID(2), tcp(3, 80))
	set(t, d, Members(v, GroupWeb, b))
	reaches(t, p, vpc1, ID(2), tcp(3, 80))
	blocked(t, p, vpc1, ID(1), tcp(3, 80))
	set(t, d, Members(v, GroupWeb))
	blocked(t, p, vpc1, ID(2), tcp(3, 80))
}

func selfReference(t *testing.T, d network.Driver, p Probe) {
	own := netcfg.Rule{Protocol: netcfg.ProtocolAll, From: -1, To: -1, Group: GroupApp}
	a, b, other := Interface(1, 1, 10, own), Interface(2, 2, 10, own), Interface(3, 1, 12)
	set(t, d, Members(With(VPC(vpc1), a, b, other), GroupApp, a, b))
	reaches(t, p, vpc1, ID(1), tcp(2, 8080))
	reaches(t, p, vpc1, ID(2), tcp(1, 8080))
	blocked(t, p, vpc1, ID(3), tcp(1, 8080))
}

func portRanges(t *testing.T, d network.Driver, p Probe) {
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10),
		Interface(2, 1, 11, TCP(80, 80, "10.0.0.0/16"), TCP(1000, 1002, "10.0.0.0/16"), TCP(8000, 8000, "10.0.2.0/24")),
		Interface(3, 1, 12, TCP(0, 65535, "10.0.1.10/32"))))
	for _, port := range []uint16{80, 1000, 1001, 1002} {
		reaches(t, p, vpc1, ID(1), tcp(2, port))
	}
	for _, port := range []uint16{79, 81, 999, 1003, 8000} {
		blocked(t, p, vpc1, ID(1), tcp(2, port))
	}
	reaches(t, p, vpc1, ID(1), tcp(3, 65535))
	reaches(t, p, vpc1, ID(1), tcp(3, 1))
	blocked(t, p, vpc1, ID(2), tcp(3, 1))
}

func protocols(t *testing.T, d network.Driver, p Probe) {
	all := netip.MustParsePrefix("0.0.0.0/0")
	udp := netcfg.Rule{Protocol: netcfg.ProtocolUDP, From: 7000, To: 7000, Peer: all}
	ping := netcfg.Rule{Protocol: netcfg.ProtocolICMP, From: 8, To: 0, Peer: all}
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, udp), Interface(3, 2, 11, ping), Interface(4, 2, 12, All("10.0.1.0/24"))))
	to := func(n, protocol int, port uint16) Target {
		return Target{Interface: ID(n), Protocol: protocol, Port: port}
	}
	reaches(t, p, vpc1, ID(1), to(2, netcfg.ProtocolUDP, 7000))
	blocked(t, p, vpc1, ID(1), to(2, netcfg.ProtocolUDP, 7001))
	blocked(t, p, vpc1, ID(1), to(2, netcfg.ProtocolTCP, 7000))
	blocked(t, p, vpc1, ID(1), to(2, netcfg.ProtocolICMP, 0))
	reaches(t, p, vpc1, ID(1), to(3, netcfg.ProtocolICMP, 0))
	blocked(t, p, vpc1, ID(1), to(3, netcfg.ProtocolUDP, 7000))
	for _, protocol := range []int{netcfg.ProtocolTCP, netcfg.ProtocolUDP, netcfg.ProtocolICMP} {
		reaches(t, p, vpc1, ID(1), to(4, protocol, 9))
	}
	blocked(t, p, vpc1, ID(3), to(4, netcfg.ProtocolICMP, 0))
}

func egressRules(t *testing.T, d network.Driver, p Probe) {
	limited := Interface(1, 1, 10)
	limited.Egress = []netcfg.Rule{TCP(80, 80, "10.0.1.11/32"), TCPFrom(90, 90, GroupApp)}
	mute := Interface(4, 1, 13)
	mute.Egress = nil
	b, c := Interface(2, 1, 11, All("0.0.0.0/0")), Interface(3, 2, 11, All("0.0.0.0/0"))
	set(t, d, Members(With(VPC(vpc1), limited, b, c, mute), GroupApp, c))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	blocked(t, p, vpc1, ID(1), tcp(2, 90))
	blocked(t, p, vpc1, ID(1), tcp(3, 80))
	reaches(t, p, vpc1, ID(1), tcp(3, 90))
	blocked(t, p, vpc1, ID(4), tcp(2, 80))
}

// sameAddresses: two VPCs with the same addresses exist side by side, each
// reaches its own and neither the other's.
func sameAddresses(t *testing.T, d network.Driver, p Probe) {
	web := TCP(80, 80, "0.0.0.0/0")
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10, web), Interface(2, 1, 11, web)))
	set(t, d, With(VPC(vpc2), Interface(11, 1, 10, web), Interface(12, 1, 12, web)))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	reaches(t, p, vpc2, ID(11), tcp(12, 80))
	// The address exists in the other VPC only.
	blocked(t, p, vpc1, ID(1), tcp(12, 80))
	blocked(t, p, vpc2, ID(11), tcp(2, 80))
	remove(t, d, vpc1)
	reaches(t, p, vpc2, ID(12), tcp(11, 80))
}

func services(t *testing.T, d network.Driver, p Probe) {
	closedIn := Interface(1, 1, 10)
	closedIn.Egress = nil // security groups do not filter the resolver
	v := With(VPC(vpc1), closedIn)
	set(t, d, v)
	for _, s := range v.Services {
		for _, protocol := range []int{netcfg.ProtocolUDP, netcfg.ProtocolTCP} {
			reaches(t, p, vpc1, ID(1), Target{Address: s.Address, Protocol: protocol, Port: 53})
			blocked(t, p, vpc1, ID(1), Target{Address: s.Address, Protocol: protocol, Port: 54})
		}
	}
	off := v
	off.Services = []netcfg.Service{{Address: v.Services[0].Address}, {Address: v.Services[1].Address}}
	set(t, d, off)
	blocked(t, p, vpc1, ID(1), Target{Address: v.Services[0].Address, Protocol: netcfg.ProtocolUDP, Port: 53})
	set(t, d, v)
	reaches(t, p, vpc1, ID(1), Target{Address: v.Services[0].Address, Protocol: netcfg.ProtocolUDP, Port: 53})
}

func setTwice(t *testing.T, d network.Driver, p Probe) {
	v := With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, TCP(80, 80, "0.0.0.0/0")))
	set(t, d, v)
	c := reaches(t, p, vpc1, ID(1), tcp(2, 80))
	path := d.Paths().Interface(ID(1))
	set(t, d, v)
	if again := d.Paths().Interface(ID(1)); again != path {
		t.Errorf("path changed from %q to %q", path, again)
	}
	if err := c.Exchange(); err != nil {
		t.Errorf("connection across the second Set: %v", err)
	}
}

func shrink(t *testing.T, d network.Driver, p Probe) {
	web := TCP(80, 80, "0.0.0.0/0")
	one, two, three := Interface(1, 1, 10, web), Interface(2, 1, 11, web), Interface(3, 1, 12, web)
	set(t, d, With(VPC(vpc1), one, two, three))
	c := reaches(t, p, vpc1, ID(1), tcp(2, 80))
	reaches(t, p, vpc1, ID(1), tcp(3, 80))
	set(t, d, With(VPC(vpc1), one, two))
	blocked(t, p, vpc1, ID(1), tcp(3, 80))
	if got := d.Paths().Interface(ID(3)); got != "" {
		t.Errorf("a removed interface still has the path %q", got)
	}
	if err := c.Exchange(); err != nil {
		t.Errorf("connection of those that stayed: %v", err)
	}
	set(t, d, VPC(vpc1))
	set(t, d, With(VPC(vpc1), one, three))
	reaches(t, p, vpc1, ID(1), tcp(3, 80))
}

func addressChanges(t *testing.T, d network.Driver, p Probe) {
	web := TCP(80, 80, "0.0.0.0/0")
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10, web), Interface(2, 1, 11, web)))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10, web), Interface(2, 2, 99, web)))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	reaches(t, p, vpc1, ID(2), tcp(1, 80))
	// Two interfaces change places.
	set(t, d, With(VPC(vpc1), Interface(1, 2, 99, web), Interface(2, 1, 10, web)))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
}

func removeEverything(t *testing.T, d network.Driver, _ Probe) {
	remove(t, d, vpc1) // was never there
	set(t, d, With(VPC(vpc2), Interface(2, 1, 10)))
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10)))
	listed(t, d, vpc1, vpc2)
	remove(t, d, vpc1)
	listed(t, d, vpc2)
	remove(t, d, vpc2)
	remove(t, d, vpc2)
	listed(t, d)
}

func hundred(t *testing.T, d network.Driver, p Probe) {
	v := VPC(vpc1)
	for n := range 100 {
		v = With(v, Interface(n+1, 1+n%2, 10+n, TCP(80, 80, "10.0.0.0/16")))
	}
	set(t, d, v)
	for n := range 100 {
		reaches(t, p, vpc1, ID(n+1), tcp((n+37)%100+1, 80))
	}
	blocked(t, p, vpc1, ID(1), tcp(100, 81))
	v.Interfaces = v.Interfaces[:10]
	set(t, d, v)
	reaches(t, p, vpc1, ID(10), tcp(1, 80))
}

// manyVPCs: calls for different VPCs and for the same one run at the same time.
func manyVPCs(t *testing.T, d network.Driver, p Probe) {
	web := TCP(80, 80, "0.0.0.0/0")
	value := func(n, more int) netcfg.VPC {
		v := VPC(world.VPCID(fmt.Sprintf("vpc-%017x", n)))
		for i := range more {
			v = With(v, Interface(n*100+i, 1, 10+i, web))
		}
		return v
	}
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for n := range errs {
		wg.Go(func() { errs[n] = d.Set(t.Context(), value(n%4+1, n%3+1)) })
	}
	wg.Wait()
	for n, err := range errs {
		if err != nil {
			t.Fatalf("Set %d: %v", n, err)
		}
	}
	for n := 1; n <= 4; n++ {
		v := value(n, 3)
		set(t, d, v)
		reaches(t, p, v.ID, ID(n*100), tcp(n*100+2, 80))
	}
}

func cancelled(t *testing.T, d network.Driver, p Probe) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, All("0.0.0.0/0")))
	if err := d.Set(ctx, v); err == nil {
		t.Error("Set with an ended context gave no error")
	}
	set(t, d, v)
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
}

func closed(t *testing.T, d network.Driver, _ Probe) {
	set(t, d, With(VPC(vpc1), Interface(1, 1, 10)))
	remove(t, d, vpc1)
	if err := d.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := d.Set(t.Context(), VPC(vpc1)); err == nil {
		t.Error("Set after Close gave no error")
	}
}

func tcp(n int, port uint16) Target {
	return Target{Interface: ID(n), Protocol: netcfg.ProtocolTCP, Port: port}
}

func set(t *testing.T, d network.Driver, v netcfg.VPC) {
	t.Helper()
	if err := d.Set(t.Context(), v); err != nil {
		t.Fatalf("Set: %v", err)
	}
}

func remove(t *testing.T, d network.Driver, id world.VPCID) {
	t.Helper()
	if err := d.Remove(t.Context(), id); err != nil {
		t.Fatalf("Remove: %v", err)
	}
}

func listed(t *testing.T, d network.Driver, want ...world.VPCID) {
	t.Helper()
	got, err := d.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("List is %v, want %v", got, want)
	}
}

// patience is how long what is allowed may take on a busy machine; silence is
// how long what is blocked is tried.
const (
	patience = 10 * time.Second
	silence  = 500 * time.Millisecond
)

// reaches expects a connection, and closes it with the test.
func reaches(t *testing.T, p Probe, vpc world.VPCID, from world.NetworkInterfaceID, to Target) Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := p.Connect(ctx, vpc, from, to)
	if err != nil {
		t.Fatalf("%s to %v: %v", from, to, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close connection: %v", err)
		}
	})
	return c
}

func blocked(t *testing.T, p Probe, vpc world.VPCID, from world.NetworkInterfaceID, to Target) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), silence)
	defer cancel()
	c, err := p.Connect(ctx, vpc, from, to)
	if err != nil {
		return
	}
	t.Errorf("%s reaches %v", from, to)
	if err := c.Close(); err != nil {
		t.Errorf("close connection: %v", err)
	}
}
