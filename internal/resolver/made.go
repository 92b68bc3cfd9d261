package resolver

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
)

// madeNames are the names that the resolver makes up: private host names of
// addresses, localhost, and the reverse trees of private addresses, which never
// leave the VPC (Amazon VPC user guide, "DNS attributes for your VPC"; RFC 6303;
// RFC 6761 section 6.3). In AWS's words these are the autodefined rules.
type madeNames struct {
	head zone.Head
	// domains has the kind of each, by the wire form of its apex.
	domains map[string]madeKind
}

type madeKind uint8

const (
	madeHost    madeKind = iota // ip-10-0-1-10.DOMAIN
	madeLocal                   // localhost
	madeReverse                 // 10.1.0.10.in-addr.arpa
	madeNothing                 // anything under a name that DNS never has
)

type madeDomain struct {
	origin string // wire form
	kind   madeKind
}

// madeTTL is the TTL of made-up names in seconds. AWS's own is not documented.
const madeTTL = 60

// hostReverse are the reverse trees of addresses that hosts have and that RFC 6303
// section 4 keeps from leaving a site, but for the many of 172.16.0.0/12.
func hostReverse() []string {
	return []string{"10.in-addr.arpa.", "168.192.in-addr.arpa.", "254.169.in-addr.arpa.", "d.f.ip6.arpa.", "c.f.ip6.arpa."}
}

// specialReverse are the others of RFC 6303 section 4 and RFC 7793, but for the
// many of 100.64.0.0/10.
func specialReverse() []string {
	return []string{
		"0.in-addr.arpa.", "127.in-addr.arpa.",
		"2.0.192.in-addr.arpa.", "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "255.255.255.255.in-addr.arpa.",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
		"8.e.f.ip6.arpa.", "9.e.f.ip6.arpa.", "a.e.f.ip6.arpa.", "b.e.f.ip6.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.",
	}
}

// specialUse are the top-level domains that never are in the public DNS, so that
// asking upstream only tells others of them: RFC 6761 sections 6.2 and 6.4, RFC
// 6762 section 22.1, RFC 7686 section 2, and "internal", which ICANN reserved in
// July 2024. A private zone below one of them goes first.
func specialUse() []string { return []string{"test.", "invalid.", "local.", "onion.", "internal."} }

func makeNames(h zone.Head) *madeNames {
	m := &madeNames{head: h, domains: map[string]madeKind{}}
	if h.Authoritative {
		return m
	}
	if !h.NoReverse {
		m.addHostReverse()
	}
	for _, origin := range specialReverse() {
		m.add(origin, madeReverse)
	}
	for i := 64; i < 128; i++ {
		m.add(fmt.Sprintf("%d.100.in-addr.arpa.", i), madeReverse)
	}
	for _, origin := range specialUse() {
		m.add(origin, madeNothing)
	}
	m.add("localhost.", madeLocal)
	if h.Hostnames && h.Domain != "" {
		m.add(h.Domain+".", madeHost)
	}
	return m
}

// addHostReverse adds what AWS calls the autodefined rules for reverse lookups,
// which a VPC may do without (Route 53 Resolver API reference, ResolverConfig).
func (m *madeNames) addHostReverse() {
	for _, origin := range hostReverse() {
		m.add(origin, madeReverse)
	}
	for i := 16; i < 32; i++ {
		m.add(fmt.Sprintf("%d.172.in-addr.arpa.", i), madeReverse)
	}
	if c := m.head.CIDR; c.IsValid() && c.Addr().Is4() {
		m.add(reverseOrigin(c), madeReverse)
	}
}

func (m *madeNames) add(origin string, kind madeKind) {
	// The origins are constants but for the Region's name; one that is no name
	// makes no domain.
	if wire, err := packLower(origin); err == nil {
		m.domains[wire] = kind
	}
}

// reverseOrigin is the reverse tree of a prefix, at the octet above its length:
// 0.10.in-addr.arpa for 10.0.0.0/16.
func reverseOrigin(p netip.Prefix) string {
	a := p.Masked().Addr().As4()
	origin := "in-addr.arpa."
	for i := range p.Bits() / 8 {
		origin = strconv.Itoa(int(a[i])) + "." + origin
	}
	return origin
}

// find returns the longest domain that a wire name in lower case is in.
func (m *madeNames) find(name string) (madeDomain, bool) {
	for {
		if kind, ok := m.domains[name]; ok {
			return madeDomain{name, kind}, true
		}
		if name == "\x00" {
			return madeDomain{}, false
		}
		name = parentOf(name)
	}
}

// below says whether a domain lies strictly under a zone's origin.
func (m *madeNames) below(origin string) bool {
	for d := range m.domains {
		if len(d) > len(origin) && hasSuffix(d, origin) {
			return true
		}
	}
	return false
}

// madeAnswer is what a made-up name has of a type.
type madeAnswer struct {
	records []dns.RR
	exists  bool // without records: NODATA rather than NXDOMAIN
}

// answer looks a name up in a domain. name is the client's spelling.
func (m *madeNames) answer(d madeDomain, name string, typ uint16) madeAnswer {
	wire, err := packLower(name)
	if err != nil {
		return madeAnswer{}
	}
	labels := dns.SplitDomainName(strings.ToLower(name))
	under := labels[:len(labels)-dns.CountLabel(originText(d.origin))]
	switch d.kind {
	case madeLocal:
		return m.local(name, typ)
	case madeHost:
		return m.host(name, under, typ)
	case madeNothing:
		return madeAnswer{}
	}
	return m.reverse(name, wire == d.origin, labels, typ)
}

func originText(wire string) string {
	name, err := unpackName([]byte(wire))
	if err != nil {
		return "."
	}
	return name
}

// local answers localhost and, as RFC 6761 section 6.3 asks, all names below it.
func (m *madeNames) local(name string, typ uint16) madeAnswer {
	switch typ {
	case dns.TypeA:
		return records(&dns.A{Hdr: madeHeader(name, typ), A: netip.AddrFrom4([4]byte{127, 0, 0, 1}).AsSlice()})
	case dns.TypeAAAA:
		return records(&dns.AAAA{Hdr: madeHeader(name, typ), AAAA: netip.IPv6Loopback().AsSlice()})
	}
	return madeAnswer{exists: true}
}

// host answers ip-10-0-1-10.ec2.internal, for addresses of this VPC and for
// private addresses of any other (Amazon VPC user guide, "Private DNS hostnames").
func (m *madeNames) host(name string, under []string, typ uint16) madeAnswer {
	if len(under) == 0 {
		return madeAnswer{exists: true}
	}
	if len(under) > 1 {
		return madeAnswer{}
	}
	a, ok := hostAddress(under[0])
	if !ok || !(m.head.CIDR.Contains(a) || a.IsPrivate()) {
		return madeAnswer{}
	}
	if typ != dns.TypeA {
		return madeAnswer{exists: true}
	}
	return records(&dns.A{Hdr: madeHeader(name, typ), A: a.AsSlice()})
}

// hostAddress reads ip-A-B-C-D, without leading zeros.
func hostAddress(label string) (netip.Addr, bool) {
	rest, ok := strings.CutPrefix(label, "ip-")
	if !ok || strings.Contains(rest, ".") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(strings.ReplaceAll(rest, "-", "."))
	return a, err == nil && a.Is4()
}

// reverse answers names under a private reverse tree: the VPC's own addresses
// have names, and the labels above them exist.
func (m *madeNames) reverse(name string, apex bool, labels []string, typ uint16) madeAnswer {
	none := madeAnswer{exists: apex}
	family := labels[len(labels)-2]
	if target, ok := loopbackName(labels); ok {
		if typ == dns.TypePTR {
			return records(&dns.PTR{Hdr: madeHeader(name, typ), Ptr: target})
		}
		return madeAnswer{exists: true}
	}
	if family != "in-addr" || !m.head.Hostnames || !m.head.CIDR.IsValid() {
		return none
	}
	p, ok := reversePrefix(labels[:len(labels)-2])
	if !ok || !p.Overlaps(m.head.CIDR) {
		return none
	}
	if p.Bits() < 32 || typ != dns.TypePTR {
		return madeAnswer{exists: true}
	}
	host := "ip-" + strings.ReplaceAll(p.Addr().String(), ".", "-") + "." + m.head.Domain + "."
	return records(&dns.PTR{Hdr: madeHeader(name, typ), Ptr: host})
}

// loopbackName knows the reverse names of 127.0.0.1 and ::1.
func loopbackName(labels []string) (string, bool) {
	switch strings.Join(labels, ".") {
	case "1.0.0.127.in-addr.arpa", "1" + strings.Repeat(".0", 31) + ".ip6.arpa":
		return "localhost.", true
	}
	return "", false
}

// reversePrefix reads the labels before in-addr.arpa, lowest octet first.
func reversePrefix(labels []string) (netip.Prefix, bool) {
	var a [4]byte
	if len(labels) > 4 {
		return netip.Prefix{}, false
	}
	for i := range labels {
		text := labels[len(labels)-1-i]
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || strconv.Itoa(int(n)) != text {
			return netip.Prefix{}, false
		}
		a[i] = byte(n)
	}
	return netip.PrefixFrom(netip.AddrFrom4(a), 8*len(labels)), true
}

func madeHeader(name string, typ uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: madeTTL}
}

func records(rr ...dns.RR) madeAnswer { return madeAnswer{records: rr, exists: true} }

// authority is the SOA of negative answers from a made-up domain. RFC 6303
// section 3 gives the values.
func (d madeDomain) authority() *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: originText(d.origin), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: madeTTL},
		Ns:  originText(d.origin), Mbox: "nobody.invalid.",
		Serial: 1, Refresh: 3600, Retry: 1200, Expire: 604800, Minttl: madeTTL,
	}
}
