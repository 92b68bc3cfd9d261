//go:build linux

package linux

import (
	"encoding/binary"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

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
		if exprs, ok := matches(ch.direction, r); ok {
			c.AddRule(&nftables.Rule{Table: t.table, Chain: to, Exprs: append(exprs, &expr.Verdict{Kind: match})})
		}
	}
	c.AddRule(&nftables.Rule{Table: t.table, Chain: to, Exprs: drop()})
}

// matches translates a rule. One about IPv6 has no translation: interfaces
// have no IPv6 and the prerouting hook drops it all.
func matches(d direction, r netcfg.Rule) ([]expr.Any, bool) {
	if (r.Group == "" && !r.Peer.Addr().Is4()) || r.Protocol == netcfg.ProtocolICMPv6 {
		return nil, false
	}
	out := join(ipv4(), peer(d, r))
	switch r.Protocol {
	case netcfg.ProtocolAll:
	case netcfg.ProtocolTCP, netcfg.ProtocolUDP:
		out = join(out, protocol(uint8(r.Protocol)), destinationPort(r.From, r.To))
	case netcfg.ProtocolICMP:
		out = join(out, protocol(unix.IPPROTO_ICMP), icmp(r.From, r.To))
	default:
		out = join(out, protocol(uint8(r.Protocol)))
	}
	return out, true
}

// peer matches the other side: the source of what comes in, the destination
// of what goes out.
func peer(d direction, r netcfg.Rule) []expr.Any {
	offset := uint32(12) // source address in the IPv4 header
	if d == egress {
		offset = 16 // destination address
	}
	load := &expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4}
	if r.Group != "" {
		return []expr.Any{load, &expr.Lookup{SourceRegister: 1, SetName: string(r.Group)}}
	}
	if r.Peer.Bits() == 0 {
		return nil
	}
	address := r.Peer.Masked().Addr().As4()
	return []expr.Any{
		load,
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: net.CIDRMask(r.Peer.Bits(), 32), Xor: make([]byte, 4)},
		equal(address[:]),
	}
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
