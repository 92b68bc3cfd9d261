package networktest

import (
	"net/netip"
	"testing"

	"seamark/internal/driver/network"
	"seamark/internal/plan/netcfg"
)

func tcp6(n int, port uint16) Target {
	t := tcp(n, port)
	t.IPv6 = true
	return t
}

func ping6(n int) Target {
	return Target{Interface: ID(n), Protocol: netcfg.ProtocolICMPv6, IPv6: true}
}

// ipv6: inside a subnet and across, each rule is about its own family, and an
// interface without an address is not there.
func ipv6(t *testing.T, d network.Driver, p Probe) {
	four, six := TCP(80, 80, "0.0.0.0/0"), TCP(90, 90, "fd5e:a:1::/64")
	ping := netcfg.Rule{Protocol: netcfg.ProtocolICMPv6, From: 128, To: 0, Peer: netip.MustParsePrefix("::/0")}
	set(t, d, With(DualStackVPC(vpc1), DualStack(1, 1, 10), DualStack(2, 1, 11, four, six), DualStack(3, 2, 10, ping), DualStack(4, 2, 11, All("::/0")), Interface(5, 1, 12, All("0.0.0.0/0"))))
	reaches(t, p, vpc1, ID(1), tcp(2, 80))
	blocked(t, p, vpc1, ID(1), tcp(2, 90))
	reaches(t, p, vpc1, ID(1), tcp6(2, 90))
	blocked(t, p, vpc1, ID(1), tcp6(2, 80))
	blocked(t, p, vpc1, ID(3), tcp6(2, 90)) // not of that prefix
	reaches(t, p, vpc1, ID(1), ping6(3))
	blocked(t, p, vpc1, ID(1), tcp6(3, 80))
	reaches(t, p, vpc1, ID(1), ping6(4))
	reaches(t, p, vpc1, ID(2), tcp6(4, 9000))
	reaches(t, p, vpc1, ID(1), Target{Interface: ID(4), Protocol: netcfg.ProtocolUDP, Port: 9000, IPv6: true})
	blocked(t, p, vpc1, ID(1), tcp(4, 9000))
	reaches(t, p, vpc1, ID(1), tcp(5, 80))
	blocked(t, p, vpc1, ID(5), tcp6(4, 9000))
}

func ipv6Groups(t *testing.T, d network.Driver, p Probe) {
	a, b, c := DualStack(1, 1, 10), DualStack(2, 2, 10), DualStack(3, 1, 12, TCPFrom(80, 80, GroupWeb))
	v := With(DualStackVPC(vpc1), a, b, c)
	set(t, d, Members(v, GroupWeb, a))
	reaches(t, p, vpc1, ID(1), tcp6(3, 80))
	reaches(t, p, vpc1, ID(1), tcp(3, 80))
	blocked(t, p, vpc1, ID(2), tcp6(3, 80))
	set(t, d, Members(v, GroupWeb, b))
	reaches(t, p, vpc1, ID(2), tcp6(3, 80))
	blocked(t, p, vpc1, ID(1), tcp6(3, 80))
	set(t, d, Members(v, GroupWeb))
	blocked(t, p, vpc1, ID(2), tcp6(3, 80))
}

func ipv6Services(t *testing.T, d network.Driver, p Probe) {
	closedIn := DualStack(1, 1, 10)
	closedIn.Egress = nil // security groups do not filter the resolver
	v := With(DualStackVPC(vpc1), closedIn)
	set(t, d, v)
	resolver := v.Services[2].Address
	for _, protocol := range []int{netcfg.ProtocolUDP, netcfg.ProtocolTCP} {
		reaches(t, p, vpc1, ID(1), Target{Address: resolver, Protocol: protocol, Port: 53})
		blocked(t, p, vpc1, ID(1), Target{Address: resolver, Protocol: protocol, Port: 54})
	}
}

// ipv6ComesAndGoes: a VPC has no IPv6 at first, then it has, then not any more.
func ipv6ComesAndGoes(t *testing.T, d network.Driver, p Probe) {
	without := With(VPC(vpc1), Interface(1, 1, 10), Interface(2, 1, 11, All("0.0.0.0/0")))
	set(t, d, without)
	c := reaches(t, p, vpc1, ID(1), tcp(2, 80))
	// The VPC has a block, and those that were there have no address.
	open := With(DualStackVPC(vpc1), without.Interfaces...)
	set(t, d, open)
	if err := c.Exchange(); err != nil {
		t.Errorf("the connection ended when the VPC got IPv6: %v", err)
	}
	more := With(open, DualStack(3, 1, 12), DualStack(4, 1, 13, All("::/0")))
	set(t, d, more)
	reaches(t, p, vpc1, ID(3), tcp6(4, 80))
	set(t, d, more)
	reaches(t, p, vpc1, ID(3), tcp6(4, 81))
	set(t, d, without)
	reaches(t, p, vpc1, ID(1), tcp(2, 81))
	set(t, d, more)
	reaches(t, p, vpc1, ID(3), tcp6(4, 82))
}
