//go:build linux

package linux

import (
	"encoding/binary"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// tableName is the driver's only table in a router's namespace.
const tableName = "seamark"

// table is everything in the router's nftables by name. Values of it are made
// per transaction: the library writes into them.
type table struct {
	table             *nftables.Table
	sources, services families
	egress, ingress   *nftables.Set
}

// families is a set for each family: the elements of one have one length.
type families struct{ four, six *nftables.Set }

func (f families) of(a netip.Addr) *nftables.Set {
	if a.Is6() {
		return f.six
	}
	return f.four
}

// Ids of sets inside a transaction. They are chosen here because the
// library's own counter is shared by all connections and not synchronised.
const (
	idSources = iota + 1
	idSources6
	idServices
	idServices6
	idEgress
	idIngress
	idGroups // the first group's; the others follow
)

// newTable describes the table; as nft would print it:
//
//	table inet seamark {
//		set sources { type ifname . ipv4_addr }
//		set sources6 { type ifname . ipv6_addr }
//		set services { type ipv4_addr . inet_proto . inet_service }
//		set services6 { type ipv6_addr . inet_proto . inet_service }
//		map egress { type ifname : verdict }
//		map ingress { type ifname : verdict }
//	}
func newTable() table {
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: tableName}
	verdicts := func(name string, id uint32) *nftables.Set {
		return &nftables.Set{Table: t, Name: name, ID: id, IsMap: true, KeyType: nftables.TypeIFName, DataType: nftables.TypeVerdict, KeyByteOrder: binaryutil.NativeEndian}
	}
	concat := func(name string, id uint32, types ...nftables.SetDatatype) *nftables.Set {
		// Three types at most, so the concatenation never overflows.
		return &nftables.Set{Table: t, Name: name, ID: id, Concatenation: true, KeyType: nftables.MustConcatSetType(types...)}
	}
	return table{
		table: t,
		sources: families{
			concat("sources", idSources, nftables.TypeIFName, nftables.TypeIPAddr),
			concat("sources6", idSources6, nftables.TypeIFName, nftables.TypeIP6Addr),
		},
		services: families{
			concat("services", idServices, nftables.TypeIPAddr, nftables.TypeInetProto, nftables.TypeInetService),
			concat("services6", idServices6, nftables.TypeIP6Addr, nftables.TypeInetProto, nftables.TypeInetService),
		},
		egress:  verdicts("egress", idEgress),
		ingress: verdicts("ingress", idIngress),
	}
}

// addHooks adds the five chains through which every packet of the router
// goes. All but answers drop what they do not accept.
//
//	chain prerouting { type filter hook prerouting priority raw; policy drop;
//		meta nfproto ipv4 meta l4proto udp ip daddr . meta l4proto . th dport @services notrack
//		meta nfproto ipv4 iifname . ip saddr @sources accept
//		(the same for ipv6)
//		iifname "lo" accept
//	}
//	chain answers { type filter hook output priority raw; policy accept;
//		meta mark AnswerMark notrack accept
//		meta nfproto ipv4 meta l4proto udp ip saddr . meta l4proto . th sport @services notrack
//		(the same for ipv6)
//	}
//	chain input { type filter hook input priority filter; policy drop;
//		meta l4proto udp ct state untracked accept
//		iifname "lo" accept
//		ct state established,related accept
//		meta nfproto ipv4 ip daddr . meta l4proto . th dport @services accept
//		meta nfproto ipv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
//		meta nfproto ipv6 ip6 daddr . meta l4proto . th dport @services6 accept
//	}
//	chain forward { type filter hook forward priority filter; policy drop;
//		ct state established,related accept
//		ct state invalid drop
//		iifname vmap @egress
//		oifname vmap @ingress
//	}
//	chain output { type filter hook output priority filter; policy drop;
//		meta mark AnswerMark accept
//		meta l4proto udp ct state untracked accept
//		oifname "lo" accept
//		ct state established accept
//		meta mark CheckMark accept
//		icmp type time-exceeded accept
//		icmp type destination-unreachable icmp code frag-needed accept
//		icmpv6 type { packet-too-big, time-exceeded, nd-neighbor-solicit, nd-neighbor-advert } accept
//	}
//
// prerouting comes before connection tracking and is the anti-spoofing rule:
// a link sends from its own addresses only. Links that
// are no interface of the VPC are in none of the sets, so nothing is
// forwarded to or from them.
//
// Queries and answers are not tracked: a client that asks from a new port each
// time would fill the table of connections with entries that live for half a
// minute, and each packet would be looked up in it twice for nothing. No other
// UDP is without tracking, so input and output need not look at it again. They
// are the most frequent packets, so the rules for them are first: what the rules
// cost an answer was measured to be a fifteenth of all that it costs.
//
// output is silent where AWS is: no ICMP error tells that an address is
// unused or that nothing listens on a service's port. Connections that
// Seamark itself opens from the router, for health checks, carry CheckMark. No
// security group filters them, as none filters answers of DNS.
func (t table) addHooks(c *nftables.Conn) {
	hook := func(name string, where *nftables.ChainHook, when *nftables.ChainPriority, otherwise nftables.ChainPolicy, rules ...[]expr.Any) {
		chain := c.AddChain(&nftables.Chain{
			Table: t.table, Name: name, Type: nftables.ChainTypeFilter,
			Hooknum: where, Priority: when, Policy: &otherwise,
		})
		for _, exprs := range rules {
			c.AddRule(&nftables.Rule{Table: t.table, Chain: chain, Exprs: exprs})
		}
	}
	hook("prerouting", nftables.ChainHookPrerouting, nftables.ChainPriorityRaw, nftables.ChainPolicyDrop,
		join(ipv4(), protocol(unix.IPPROTO_UDP), toService(t.services.four), untrack()),
		join(ipv4(), fromOwnAddress(t.sources.four), accept()),
		join(ipv6(), protocol(unix.IPPROTO_UDP), toService(t.services.six), untrack()),
		join(ipv6(), fromOwnAddress(t.sources.six), accept()),
		join(link(expr.MetaKeyIIFNAME, "lo"), accept()))
	hook("answers", nftables.ChainHookOutput, nftables.ChainPriorityRaw, nftables.ChainPolicyAccept,
		join(marked(AnswerMark), untrack(), accept()),
		join(ipv4(), protocol(unix.IPPROTO_UDP), fromService(t.services.four), untrack()),
		join(ipv6(), protocol(unix.IPPROTO_UDP), fromService(t.services.six), untrack()))
	hook("input", nftables.ChainHookInput, nftables.ChainPriorityFilter, nftables.ChainPolicyDrop,
		join(protocol(unix.IPPROTO_UDP), tracked(expr.CtStateBitUNTRACKED), accept()),
		join(link(expr.MetaKeyIIFNAME, "lo"), accept()),
		join(tracked(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept()),
		join(ipv4(), toService(t.services.four), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(ndSolicit, -1), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(ndAdvert, -1), accept()),
		join(ipv6(), toService(t.services.six), accept()))
	hook("forward", nftables.ChainHookForward, nftables.ChainPriorityFilter, nftables.ChainPolicyDrop,
		join(tracked(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), accept()),
		join(tracked(expr.CtStateBitINVALID), drop()),
		dispatch(expr.MetaKeyIIFNAME, t.egress),
		dispatch(expr.MetaKeyOIFNAME, t.ingress))
	hook("output", nftables.ChainHookOutput, nftables.ChainPriorityFilter, nftables.ChainPolicyDrop,
		join(marked(AnswerMark), accept()),
		join(protocol(unix.IPPROTO_UDP), tracked(expr.CtStateBitUNTRACKED), accept()),
		join(link(expr.MetaKeyOIFNAME, "lo"), accept()),
		join(tracked(expr.CtStateBitESTABLISHED), accept()),
		join(marked(CheckMark), accept()),
		join(ipv4(), protocol(unix.IPPROTO_ICMP), icmp(icmpTimeExceeded, -1), accept()),
		join(ipv4(), protocol(unix.IPPROTO_ICMP), icmp(icmpUnreachable, icmpFragNeeded), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(icmpv6TooBig, -1), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(icmpv6TimeExceeded, -1), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(ndSolicit, -1), accept()),
		join(ipv6(), protocol(unix.IPPROTO_ICMPV6), icmp(ndAdvert, -1), accept()))
}

// CheckMark marks connections that Seamark opens from a VPC's router: only they
// may begin there. It has a meaning in routers' namespaces only.
const CheckMark = 0x5ea

// AnswerMark marks answers of a VPC's resolver. They are let out as well without
// it, by their source, but comparing a mark costs less. It, too, has a meaning in
// routers' namespaces only, and no packet keeps it on its way to another.
const AnswerMark = 0x5eb

// ICMP types and codes (RFC 792, RFC 1191, RFC 4443, RFC 4861).
const (
	icmpUnreachable  = 3
	icmpFragNeeded   = 4
	icmpTimeExceeded = 11

	icmpv6TooBig       = 2
	icmpv6TimeExceeded = 3
	ndSolicit          = 135
	ndAdvert           = 136
)

// fromOwnAddress matches "iifname . ip saddr" in sources. Registers 1 and 2
// lie side by side, 16 bytes each: together they hold the concatenated key.
func fromOwnAddress(sources *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		sourceAddress(isIPv6(sources), 2),
		&expr.Lookup{SourceRegister: 1, SetName: sources.Name, SetID: sources.ID},
	}
}

// toService matches "ip daddr . meta l4proto . th dport" in services.
func toService(services *nftables.Set) []expr.Any {
	const destinationPort = 2
	return endpoint(services, destinationAddress(isIPv6(services), unix.NFT_REG32_00), destinationPort)
}

// fromService matches "ip saddr . meta l4proto . th sport" in services.
func fromService(services *nftables.Set) []expr.Any {
	const sourcePort = 0
	return endpoint(services, sourceAddress(isIPv6(services), unix.NFT_REG32_00), sourcePort)
}

// endpoint looks up an address, the protocol and the port at an offset. An IPv6
// address takes four registers of four bytes, an IPv4 one takes one.
func endpoint(services *nftables.Set, address *expr.Payload, port uint32) []expr.Any {
	after := uint32(unix.NFT_REG32_01)
	if isIPv6(services) {
		after = unix.NFT_REG32_04
	}
	return []expr.Any{
		address,
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: after},
		&expr.Payload{DestRegister: after + 1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2},
		&expr.Lookup{SourceRegister: unix.NFT_REG32_00, SetName: services.Name, SetID: services.ID},
	}
}

// isIPv6 says whether a set of families is the one for IPv6.
func isIPv6(s *nftables.Set) bool { return s.ID == idSources6 || s.ID == idServices6 }

// sourceAddress and destinationAddress load an address out of the IPv4 header
// (RFC 791 section 3.1) or the IPv6 header (RFC 8200 section 3).
func sourceAddress(six bool, register uint32) *expr.Payload { return address(six, register, 12, 8) }

func destinationAddress(six bool, register uint32) *expr.Payload {
	return address(six, register, 16, 24)
}

func address(six bool, register, offset4, offset6 uint32) *expr.Payload {
	if six {
		return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset6, Len: 16}
	}
	return &expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset4, Len: 4}
}

// dispatch is "iifname vmap @map".
func dispatch(key expr.MetaKey, by *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Lookup{SourceRegister: 1, DestRegister: 0, IsDestRegSet: true, SetName: by.Name, SetID: by.ID},
	}
}

func link(key expr.MetaKey, name string) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, equal(linkKey(name))}
}

func ipv4() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, equal([]byte{unix.NFPROTO_IPV4})}
}

func ipv6() []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, equal([]byte{unix.NFPROTO_IPV6})}
}

func marked(mark uint32) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: 1}, equal(binaryutil.NativeEndian.PutUint32(mark))}
}

func protocol(number uint8) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equal([]byte{number})}
}

// icmp matches type and code; -1 matches any.
func icmp(kind, code int32) []expr.Any {
	var out []expr.Any
	for offset, value := range []int32{kind, code} {
		if value >= 0 {
			out = append(out,
				&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: uint32(offset), Len: 1},
				equal([]byte{byte(value)}))
		}
	}
	return out
}

func tracked(states uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Register: 1, Key: expr.CtKeySTATE},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(states), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func equal(data []byte) expr.Any { return &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data} }

func untrack() []expr.Any { return []expr.Any{&expr.Notrack{}} }

func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

func drop() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }

func join(parts ...[]expr.Any) []expr.Any {
	var out []expr.Any
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// linkKey is a link's name as nftables compares it: IFNAMSIZ bytes.
func linkKey(name string) []byte {
	key := make([]byte, unix.IFNAMSIZ)
	copy(key, name)
	return key
}

func sourceKey(s source) []byte {
	return append(linkKey(s.link), s.address.AsSlice()...)
}

// serviceKey pads every part to a register of four bytes.
func serviceKey(s service) []byte {
	key := append(s.address.AsSlice(), s.protocol, 0, 0, 0)
	return append(binary.BigEndian.AppendUint16(key, s.port), 0, 0)
}
