// Package networktest is the contract of package network as tests. Every
// driver runs them; what a driver cannot be asked through its interface, such
// as who reaches whom, a Probe observes from outside.
package networktest

import (
	"context"
	"net/netip"
	"testing"

	"seamark/internal/driver/network"
	"seamark/internal/world"
)

// Target is something to connect to: an interface or an address of a VPC.
type Target struct {
	Interface world.NetworkInterfaceID
	Address   netip.Addr // of a service, when Interface is empty
	Protocol  int        // netcfg.ProtocolTCP, ProtocolUDP, ProtocolICMP or ProtocolICMPv6
	Port      uint16
	// IPv6: the interface's IPv6 address is meant.
	IPv6 bool
}

// Probe observes what a driver has made.
type Probe interface {
	// Connect opens a connection from an interface and exchanges data over it.
	// The probe sees to it that something answers at the target. An error
	// means that the target is not reachable; a real one tries until ctx ends.
	Connect(ctx context.Context, vpc world.VPCID, from world.NetworkInterfaceID, to Target) (Conn, error)
}

// Conn is an open connection.
type Conn interface {
	// Exchange sends data and gets it back.
	Exchange() error
	Close() error
}

// NewDriver makes a driver without any network and its probe, independent of
// others that run at the same time. It registers their end with t.Cleanup.
type NewDriver func(t *testing.T) (network.Driver, Probe)

// Run runs the contract on the drivers that newDriver makes.
func Run(t *testing.T, newDriver NewDriver) {
	for _, c := range []struct {
		name string
		test func(*testing.T, network.Driver, Probe)
	}{
		{"SameAndOtherSubnet", sameAndOtherSubnet},
		{"NothingAllowed", nothingAllowed},
		{"RevokeCutsNewAndKeepsEstablished", revoke},
		{"GroupReference", groupReference},
		{"SelfReference", selfReference},
		{"PortRanges", portRanges},
		{"Protocols", protocols},
		{"EgressRules", egressRules},
		{"SameAddressesInTwoVPCs", sameAddresses},
		{"ServicesOpenOnlyTheirPorts", services},
		{"SetTwice", setTwice},
		{"ShrinkRemoves", shrink},
		{"AddressChanges", addressChanges},
		{"RemoveEverything", removeEverything},
		{"IPv6", ipv6},
		{"IPv6GroupReference", ipv6Groups},
		{"IPv6Services", ipv6Services},
		{"IPv6ComesAndGoes", ipv6ComesAndGoes},
		{"HundredInterfaces", hundred},
		{"ManyVPCsAtOnce", manyVPCs},
		{"Cancelled", cancelled},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, p := newDriver(t)
			c.test(t, d, p)
		})
	}
}
