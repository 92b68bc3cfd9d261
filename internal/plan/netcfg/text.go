package netcfg

import (
	"fmt"
	"strings"
)

// String is the network as text, one thing a line, for goldens and for people.
func (v VPC) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vpc %s %s\n", v.ID, v.CIDR)
	for _, s := range v.Services {
		fmt.Fprintf(&b, "  service %s udp %v tcp %v\n", s.Address, s.UDP, s.TCP)
	}
	for _, g := range v.Groups {
		fmt.Fprintf(&b, "  group %s %v\n", g.ID, g.Members)
	}
	for _, i := range v.Interfaces {
		fmt.Fprintf(&b, "  interface %s %s in %s mac %s", i.ID, i.Address, i.Subnet, i.MAC)
		if i.IPv6.IsValid() {
			fmt.Fprintf(&b, " ipv6 %s", i.IPv6)
		}
		if i.UnprivilegedPorts {
			b.WriteString(" unprivileged-ports")
		}
		b.WriteByte('\n')
		for _, r := range i.Ingress {
			fmt.Fprintf(&b, "    in %s\n", r)
		}
		for _, r := range i.Egress {
			fmt.Fprintf(&b, "    out %s\n", r)
		}
	}
	return b.String()
}

// String is the rule as text: "tcp 80-90 10.0.0.0/16".
func (r Rule) String() string {
	peer := string(r.Group)
	if r.Group == "" {
		peer = r.Peer.String()
	}
	switch r.Protocol {
	case ProtocolAll:
		return "all " + peer
	case ProtocolTCP:
		return fmt.Sprintf("tcp %d-%d %s", r.From, r.To, peer)
	case ProtocolUDP:
		return fmt.Sprintf("udp %d-%d %s", r.From, r.To, peer)
	case ProtocolICMP:
		return fmt.Sprintf("icmp type %d code %d %s", r.From, r.To, peer)
	case ProtocolICMPv6:
		return fmt.Sprintf("icmpv6 type %d code %d %s", r.From, r.To, peer)
	}
	return fmt.Sprintf("protocol %d %s", r.Protocol, peer)
}
