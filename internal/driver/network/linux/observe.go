//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// observed is what the router's namespace holds. Set reads it each time, so
// the dumps are parsed here for the few attributes that matter: 250 links
// take well under a millisecond.
type observed struct {
	links     map[string]observedLink
	routes    map[netip.Addr]int // host routes of the main table: link index
	addresses map[netip.Addr]bool
	delays    map[int]uint64 // proxy_delay in milliseconds by link index
	// gateways are the links that have fe80::1.
	gateways map[int]bool
}

type observedLink struct {
	index, peer int
	up, ours    bool
	alias       string
	// forwards: forwarding and proxy_arp are on and rp_filter is strict.
	forwards bool
}

// linkGroup marks the router's ends of the veth pairs, so that they can be
// told from other links and be deleted in one request.
const linkGroup = 0x5ea

// Constants of linux/if_link.h, linux/ip.h and linux/neighbour.h that
// golang.org/x/sys/unix lacks.
const (
	filterSkipStats = 1 << 3 // RTEXT_FILTER_SKIP_STATS

	inetConf       = 1 // IFLA_INET_CONF
	confForward    = 1 // IPV4_DEVCONF_FORWARDING; the array starts with 1
	confProxyARP   = 3 // IPV4_DEVCONF_PROXY_ARP
	confRPFilter   = 8 // IPV4_DEVCONF_RP_FILTER
	rpFilterStrict = 1

	arpTable        = "arp_cache"
	tableAttrName   = 1  // NDTA_NAME
	tableAttrParams = 6  // NDTA_PARMS
	paramIndex      = 1  // NDTPA_IFINDEX
	paramProxyDelay = 13 // NDTPA_PROXY_DELAY, milliseconds
)

func (n *namespace) observe() (*observed, error) {
	o := &observed{}
	var err error
	if o.links, err = n.links(); err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	o.routes, o.addresses, o.gateways = map[netip.Addr]int{}, map[netip.Addr]bool{}, map[int]bool{}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := n.routes(family, o.routes); err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
		if err := n.addresses(family, o); err != nil {
			return nil, fmt.Errorf("list addresses: %w", err)
		}
	}
	if o.delays, err = n.proxyDelays(); err != nil {
		return nil, fmt.Errorf("list neighbour parameters: %w", err)
	}
	return o, nil
}

// dumpAttempts bounds how often a dump is asked for again that was
// interrupted by a change, which makes it incomplete.
const dumpAttempts = 10

// list dumps objects of one kind and calls f with each. header is the kind's
// fixed part.
func (n *namespace) list(ask, answer uint16, header []byte, f func(message []byte)) error {
	for range dumpAttempts {
		req := nl.NewNetlinkRequest(int(ask), unix.NLM_F_DUMP)
		req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: n.dump}
		req.AddRawData(header)
		msgs, err := req.Execute(unix.NETLINK_ROUTE, answer)
		if errors.Is(err, nl.ErrDumpInterrupted) {
			continue
		}
		for _, m := range msgs {
			f(m)
		}
		return err
	}
	return nl.ErrDumpInterrupted
}

// attributes yields type and value of the netlink attributes in b.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if size < unix.SizeofRtAttr || size > len(b) || !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

// number reads a value of four bytes; a shorter one is 0.
func number(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func text(b []byte) string { return unix.ByteSliceToString(b) }

func (n *namespace) links() (map[string]observedLink, error) {
	header := append(make([]byte, unix.SizeofIfInfomsg),
		nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(filterSkipStats)).Serialize()...)
	out := map[string]observedLink{}
	err := n.list(unix.RTM_GETLINK, unix.RTM_NEWLINK, header, func(m []byte) {
		l := observedLink{index: int(number(m[4:])), up: number(m[8:])&unix.IFF_UP != 0}
		name := ""
		for kind, value := range attributes(m[unix.SizeofIfInfomsg:]) {
			switch kind {
			case unix.IFLA_IFNAME:
				name = text(value)
			case unix.IFLA_LINK:
				l.peer = int(number(value))
			case unix.IFLA_IFALIAS:
				l.alias = text(value)
			case unix.IFLA_GROUP:
				l.ours = number(value) == linkGroup || number(value) == doomedGroup
			case unix.IFLA_AF_SPEC:
				l.forwards = forwards(value)
			}
		}
		out[name] = l
	})
	return out, err
}

// forwards reads the IPv4 settings of a link out of its IFLA_AF_SPEC.
func forwards(families []byte) bool {
	for family, spec := range attributes(families) {
		if family != unix.AF_INET {
			continue
		}
		for kind, conf := range attributes(spec) {
			if kind != inetConf || len(conf) < 4*confRPFilter {
				continue
			}
			value := func(n int) uint32 { return number(conf[4*(n-1):]) }
			return value(confForward) == 1 && value(confProxyARP) == 1 && value(confRPFilter) == rpFilterStrict
		}
	}
	return false
}

// routes adds the host routes of a family.
func (n *namespace) routes(family uint8, out map[netip.Addr]int) error {
	header := make([]byte, unix.SizeofRtMsg)
	header[0] = family
	header[4] = unix.RT_TABLE_MAIN
	err := n.list(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, header, func(m []byte) {
		if m[1] != hostBits(family) || m[7] != unix.RTN_UNICAST {
			return
		}
		var to netip.Addr
		index := 0
		for kind, value := range attributes(m[unix.SizeofRtMsg:]) {
			switch kind {
			case unix.RTA_DST:
				to, _ = netip.AddrFromSlice(value)
			case unix.RTA_OIF:
				index = int(number(value))
			}
		}
		out[to] = index
	})
	// The main table of a new namespace does not exist before its first route.
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func hostBits(family uint8) uint8 {
	if family == unix.AF_INET6 {
		return 128
	}
	return 32
}

// addresses adds the host addresses of lo, and the links that are gateways.
func (n *namespace) addresses(family uint8, o *observed) error {
	lo := o.links["lo"].index
	header := make([]byte, unix.SizeofIfAddrmsg)
	header[0] = family
	if family == unix.AF_INET {
		binary.NativeEndian.PutUint32(header[4:], uint32(lo))
	}
	return n.list(unix.RTM_GETADDR, unix.RTM_NEWADDR, header, func(m []byte) {
		index := int(number(m[4:]))
		for kind, value := range attributes(m[unix.SizeofIfAddrmsg:]) {
			a, ok := netip.AddrFromSlice(value)
			// IPv6 addresses without a peer have IFA_ADDRESS only.
			if !ok || m[1] != hostBits(family) || kind != unix.IFA_LOCAL && (family == unix.AF_INET || kind != unix.IFA_ADDRESS) {
				continue
			}
			switch {
			case index == lo && !a.IsLoopback():
				o.addresses[a] = true
			case a == gatewayIPv6():
				o.gateways[index] = true
			}
		}
	})
}

func (n *namespace) proxyDelays() (map[int]uint64, error) {
	out := map[int]uint64{}
	header := []byte{unix.AF_INET, 0, 0, 0}
	err := n.list(unix.RTM_GETNEIGHTBL, unix.RTM_NEWNEIGHTBL, header, func(m []byte) {
		for kind, params := range attributes(m[len(header):]) {
			if kind != tableAttrParams {
				continue
			}
			index, delay := 0, uint64(0)
			for kind, value := range attributes(params) {
				switch {
				case kind == paramIndex:
					index = int(number(value))
				case kind == paramProxyDelay && len(value) == 8:
					delay = binary.NativeEndian.Uint64(value)
				}
			}
			out[index] = delay
		}
	})
	return out, err
}

// gatewayIPv6 is the address of the router on every link with IPv6.
func gatewayIPv6() netip.Addr { return netip.MustParseAddr("fe80::1") }

// noProxyDelay makes the link answer proxied ARP at once. The default is a
// random delay of up to 0.8 s, which makes connections time out.
func (n *namespace) noProxyDelay(index int) error {
	params := nl.NewRtAttr(tableAttrParams|unix.NLA_F_NESTED, nil)
	params.AddRtAttr(paramIndex, nl.Uint32Attr(uint32(index)))
	params.AddRtAttr(paramProxyDelay, make([]byte, 8))
	return n.request(unix.RTM_SETNEIGHTBL, []byte{unix.AF_INET, 0, 0, 0},
		nl.NewRtAttr(tableAttrName, nl.ZeroTerminated(arpTable)), params)
}

// deleteGroup deletes all links of a group in one go. Deleting a veth takes
// the kernel some 15 ms, alone or with others.
func (n *namespace) deleteGroup(group uint32) error {
	return n.request(unix.RTM_DELLINK, make([]byte, unix.SizeofIfInfomsg),
		nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
}

func (n *namespace) request(kind int, header []byte, attributes ...*nl.RtAttr) error {
	for _, a := range attributes {
		header = append(header, a.Serialize()...)
	}
	req := nl.NewNetlinkRequest(kind, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: n.dump}
	req.AddRawData(header)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
