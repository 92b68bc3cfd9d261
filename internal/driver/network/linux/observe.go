//go:build linux

package linux

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// observed is what the router's namespace holds. Set reads it each time, so
// the dumps are parsed here for the few attributes that matter: 250 links
// take well under a millisecond.
type observed struct {
	links     map[string]observedLink
	routes    map[netip.Addr]int // /32 routes of the main table: link index
	addresses map[netip.Addr]bool
	delays    map[int]uint64 // proxy_delay in milliseconds by link index
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

	tableName4      = "arp_cache"
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
	if o.routes, err = n.routes(); err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	if o.addresses, err = n.addresses(o.links["lo"].index); err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	if o.delays, err = n.proxyDelays(); err != nil {
		return nil, fmt.Errorf("list neighbour parameters: %w", err)
	}
	return o, nil
}

// list dumps objects of one kind; header is the kind's fixed part.
func (n *namespace) list(kind netlink.HeaderType, header []byte, attributes ...netlink.Attribute) ([]netlink.Message, error) {
	attrs, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		return nil, err
	}
	return n.dump.Execute(netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Dump},
		Data:   append(header, attrs...),
	})
}

// each calls f with every attribute after the fixed header of a message.
func each(m netlink.Message, header int, f func(*netlink.AttributeDecoder)) error {
	if len(m.Data) < header {
		return errors.New("short message")
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[header:])
	if err != nil {
		return err
	}
	for ad.Next() {
		f(ad)
	}
	return ad.Err()
}

func (n *namespace) links() (map[string]observedLink, error) {
	msgs, err := n.list(unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg),
		netlink.Attribute{Type: unix.IFLA_EXT_MASK, Data: binary.NativeEndian.AppendUint32(nil, filterSkipStats)})
	if err != nil {
		return nil, err
	}
	out := make(map[string]observedLink, len(msgs))
	for _, m := range msgs {
		name, l := "", observedLink{}
		err := each(m, unix.SizeofIfInfomsg, func(ad *netlink.AttributeDecoder) {
			switch ad.Type() {
			case unix.IFLA_IFNAME:
				name = ad.String()
			case unix.IFLA_LINK:
				l.peer = int(ad.Uint32())
			case unix.IFLA_IFALIAS:
				l.alias = ad.String()
			case unix.IFLA_GROUP:
				group := ad.Uint32()
				l.ours = group == linkGroup || group == doomedGroup
			case unix.IFLA_AF_SPEC:
				ad.Nested(func(families *netlink.AttributeDecoder) error {
					l.forwards = forwards(families)
					return nil
				})
			}
		})
		if err != nil {
			return nil, err
		}
		l.index = int(binary.NativeEndian.Uint32(m.Data[4:8]))
		l.up = binary.NativeEndian.Uint32(m.Data[8:12])&unix.IFF_UP != 0
		out[name] = l
	}
	return out, nil
}

// forwards reads the IPv4 settings of a link out of its IFLA_AF_SPEC.
func forwards(families *netlink.AttributeDecoder) bool {
	ok := false
	for families.Next() {
		if families.Type() != unix.AF_INET {
			continue
		}
		families.Nested(func(inet *netlink.AttributeDecoder) error {
			for inet.Next() {
				if inet.Type() != inetConf {
					continue
				}
				conf := inet.Bytes()
				value := func(n int) uint32 {
					if len(conf) < 4*n {
						return 0
					}
					return binary.NativeEndian.Uint32(conf[4*(n-1):])
				}
				ok = value(confForward) == 1 && value(confProxyARP) == 1 && value(confRPFilter) == rpFilterStrict
			}
			return nil
		})
	}
	return ok
}

func (n *namespace) routes() (map[netip.Addr]int, error) {
	header := make([]byte, unix.SizeofRtMsg)
	header[0] = unix.AF_INET
	header[4] = unix.RT_TABLE_MAIN
	msgs, err := n.list(unix.RTM_GETROUTE, header)
	if err != nil {
		// The main table of a new namespace does not exist before its first route.
		if errors.Is(err, unix.ENOENT) {
			return map[netip.Addr]int{}, nil
		}
		return nil, err
	}
	out := make(map[netip.Addr]int, len(msgs))
	for _, m := range msgs {
		var to netip.Addr
		index := 0
		err := each(m, unix.SizeofRtMsg, func(ad *netlink.AttributeDecoder) {
			switch ad.Type() {
			case unix.RTA_DST:
				to, _ = netip.AddrFromSlice(ad.Bytes())
			case unix.RTA_OIF:
				index = int(ad.Uint32())
			}
		})
		if err != nil {
			return nil, err
		}
		if m.Data[1] == 32 && m.Data[7] == unix.RTN_UNICAST {
			out[to] = index
		}
	}
	return out, nil
}

// addresses are those of the link with that index.
func (n *namespace) addresses(index int) (map[netip.Addr]bool, error) {
	header := make([]byte, unix.SizeofIfAddrmsg)
	header[0] = unix.AF_INET
	binary.NativeEndian.PutUint32(header[4:], uint32(index))
	msgs, err := n.list(unix.RTM_GETADDR, header)
	if err != nil {
		return nil, err
	}
	out := make(map[netip.Addr]bool, len(msgs))
	for _, m := range msgs {
		err := each(m, unix.SizeofIfAddrmsg, func(ad *netlink.AttributeDecoder) {
			if ad.Type() == unix.IFA_LOCAL {
				if a, ok := netip.AddrFromSlice(ad.Bytes()); ok && m.Data[1] == 32 {
					out[a] = true
				}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *namespace) proxyDelays() (map[int]uint64, error) {
	msgs, err := n.list(unix.RTM_GETNEIGHTBL, []byte{unix.AF_INET, 0, 0, 0})
	if err != nil {
		return nil, err
	}
	out := make(map[int]uint64, len(msgs))
	for _, m := range msgs {
		err := each(m, 4, func(ad *netlink.AttributeDecoder) {
			if ad.Type() != tableAttrParams {
				return
			}
			ad.Nested(func(params *netlink.AttributeDecoder) error {
				index, delay := 0, uint64(0)
				for params.Next() {
					switch params.Type() {
					case paramIndex:
						index = int(params.Uint32())
					case paramProxyDelay:
						delay = params.Uint64()
					}
				}
				out[index] = delay
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// noProxyDelay makes the link answer proxied ARP at once. The default is a
// random delay of up to 0.8 s, which makes connections time out.
func (n *namespace) noProxyDelay(index int) error {
	params, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: paramIndex, Data: binary.NativeEndian.AppendUint32(nil, uint32(index))},
		{Type: paramProxyDelay, Data: make([]byte, 8)},
	})
	if err != nil {
		return err
	}
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: tableAttrName, Data: append([]byte(tableName4), 0)},
		{Type: tableAttrParams | unix.NLA_F_NESTED, Data: params},
	})
	if err != nil {
		return err
	}
	_, err = n.dump.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_SETNEIGHTBL, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append([]byte{unix.AF_INET, 0, 0, 0}, attrs...),
	})
	return err
}

// deleteGroup deletes all links of a group in one go. Deleting a veth takes
// the kernel some 15 ms, alone or with others.
func (n *namespace) deleteGroup(group uint32) error {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.IFLA_GROUP, Data: binary.NativeEndian.AppendUint32(nil, group)},
	})
	if err != nil {
		return err
	}
	_, err = n.dump.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_DELLINK, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append(make([]byte, unix.SizeofIfInfomsg), bytes.Clone(attrs)...),
	})
	return err
}
