//go:build linux

package linux

import (
	"encoding/binary"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"seamark/internal/plan/netcfg"
)

// addChain adds the chain of a set of rules. What matches an egress rule
// returns to the forward hook, which then asks the receiver's chain; what
// matches an ingress rule is accepted; what matches none is dropped.
//
//	chain egress-… { meta nfproto ipv4 ip daddr 10.0.0.0/16 return … drop }
//	chain ingress-… { meta nfproto ipv4 ip saddr @sg-1 meta l4proto tcp th dport 80 accept … drop }
func (t table) addChain(c *nftables.Conn, name string, ch chain) {
	to := c.AddChain(&nftables.Chain{Table: t.table, Name: name})
	match := expr.VerdictAccept
	if ch.direction == egress {
		match = expr.VerdictReturn
	}
	for _, r := range ch.rules {
		for _, six := range []bool{false, true} {
			if exprs, ok := matches(ch.direction, r, six); ok {
				c.AddRule(&nftables.Rule{Table: t.table, Chain: to, Exprs: append(exprs, &expr.Verdict{Kind: match})})
			}
		}
	}
	c.AddRule(&nftables.Rule{Table: t.table, Chain: to, Exprs: drop()})
}

// matches translates a rule for one family, if it is about that: a rule that
// names a group is about both, ICMP is IPv4's and ICMPv6 IPv6's.
func matches(d direction, r netcfg.Rule, six bool) ([]expr.Any, bool) {
	foreign := netcfg.ProtocolICMPv6
	if six {
		foreign = netcfg.ProtocolICMP
	}
	if (r.Group == "" && r.Peer.Addr().Is6() != six) || r.Protocol == foreign {
		return nil, false
	}
	family := ipv4()
	if six {
		family = ipv6()
	}
	out := join(family, peer(d, r, six))
	switch r.Protocol {
	case netcfg.ProtocolAll:
	case netcfg.ProtocolTCP, netcfg.ProtocolUDP:
		out = join(out, protocol(uint8(r.Protocol)), destinationPort(r.From, r.To))
	case netcfg.ProtocolICMP, netcfg.ProtocolICMPv6:
		out = join(out, protocol(uint8(r.Protocol)), icmp(r.From, r.To))
	default:
		out = join(out, protocol(uint8(r.Protocol)))
	}
	return out, true
}

// peer matches the other side: the source of what comes in, the destination
// of what goes out.
func peer(d direction, r netcfg.Rule, six bool) []expr.Any {
	load := sourceAddress(six, 1)
	if d == egress {
		load = destinationAddress(six, 1)
	}
	if r.Group != "" {
		return []expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: groupSet(string(r.Group), six)}}
	}
	if r.Peer.Bits() == 0 {
		return nil
	}
	width := r.Peer.Addr().BitLen()
	return []expr.Any{
		load,
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: uint32(width / 8), Mask: net.CIDRMask(r.Peer.Bits(), width), Xor: make([]byte, width/8)},
		equal(r.Peer.Masked().Addr().AsSlice()),
	}
}

// groupSet is the name of the set of a group's members of one family.
func groupSet(group string, six bool) string {
	if six {
		return group + "-ipv6"
	}
	return group
}

// destinationPort matches ports from first to last.
func destinationPort(first, last int32) []expr.Any {
	if first <= 0 && last >= 65535 {
		return nil
	}
	from := binary.BigEndian.AppendUint16(nil, uint16(first))
	load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	if first == last {
		return []expr.Any{load, equal(from)}
	}
	to := binary.BigEndian.AppendUint16(nil, uint16(last))
	return []expr.Any{load, &expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: from, ToData: to}}
}
