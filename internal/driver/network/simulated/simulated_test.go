package simulated_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"seamark/internal/driver/network"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/driver/network/simulated"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

func TestContract(t *testing.T) {
	networktest.Run(t, func(t *testing.T) (network.Driver, networktest.Probe) {
		d := simulated.New()
		return d, probe{d}
	})
}

// probe evaluates the rules on the model.
type probe struct{ d *simulated.Driver }

func (p probe) Connect(_ context.Context, id world.VPCID, from world.NetworkInterfaceID, to networktest.Target) (networktest.Conn, error) {
	v, ok := p.d.VPC(id)
	if !ok {
		return nil, errors.New("no such VPC")
	}
	packet := netcfg.Packet{Protocol: to.Protocol, Port: to.Port, IPv6: to.IPv6}
	switch to.Protocol {
	case netcfg.ProtocolICMP:
		packet.Type = 8
	case netcfg.ProtocolICMPv6:
		packet.Type = 128
	}
	if to.Interface == "" && serves(v, to) || to.Interface != "" && v.Allows(from, to.Interface, packet) {
		return conn{p.d, id, from, to.Interface}, nil
	}
	return nil, errors.New("blocked")
}

func serves(v netcfg.VPC, to networktest.Target) bool {
	return slices.ContainsFunc(v.Services, func(s netcfg.Service) bool {
		ports := s.TCP
		if to.Protocol == netcfg.ProtocolUDP {
			ports = s.UDP
		}
		return s.Address == to.Address && slices.Contains(ports, to.Port)
	})
}

// conn lives as long as both ends do.
type conn struct {
	d        *simulated.Driver
	vpc      world.VPCID
	from, to world.NetworkInterfaceID
}

func (c conn) Exchange() error {
	v, ok := c.d.VPC(c.vpc)
	if !ok {
		return errors.New("no such VPC")
	}
	for _, end := range []world.NetworkInterfaceID{c.from, c.to} {
		if _, ok := v.Interface(end); end != "" && !ok {
			return errors.New("no such interface")
		}
	}
	return nil
}

func (conn) Close() error { return nil }

func TestString(t *testing.T) {
	d := simulated.New()
	a := networktest.Interface(1, 1, 10, networktest.TCPFrom(80, 90, networktest.GroupWeb))
	a.UnprivilegedPorts = true
	v := networktest.Members(networktest.With(networktest.VPC("vpc-1"), a), networktest.GroupWeb, a)
	if err := d.Set(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	want := `vpc vpc-1 10.0.0.0/16
  service 10.0.0.2 udp [53] tcp [53]
  service 169.254.169.253 udp [53] tcp [53]
  group sg-0000000000000aeb0 [10.0.1.10]
  interface eni-00000000000000001 10.0.1.10 in 10.0.1.0/24 mac 02:00:0a:00:01:0a unprivileged-ports
    in tcp 80-90 sg-0000000000000aeb0
    out all 0.0.0.0/0
`
	if got := d.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
