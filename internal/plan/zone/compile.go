package zone

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// The start of authority and the name servers of every private zone. Route 53
// shows these four fixed names (AWS documentation, "SOA and NS records that
// Route 53 creates"); nothing answers on them.
const (
	primaryServer = "ns-1536.awsdns-00.co.uk."
	hostmaster    = "awsdns-hostmaster.amazon.com."
	nsTTL         = 172800
)

func nameServers() []string {
	return []string{primaryServer, "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}
}

// Compile makes the whole table of a VPC. It reports false when there is no
// such VPC.
func Compile(w world.World, id world.VPCID, o Options) (VPC, bool) {
	v := w.VPCs.Get(string(id))
	if v == nil {
		return VPC{}, false
	}
	out := VPC{Head: head(v, o)}
	if !sees(v, o) {
		return out, true
	}
	for z := range w.ZonesIn(id) {
		h, ok := zoneHead(w, z)
		if ok {
			out.Zones = append(out.Zones, Zone{ZoneHead: h, Names: zoneNames(w, z, o)})
		}
	}
	slices.SortFunc(out.Zones, func(a, b Zone) int { return cmp.Compare(a.ID, b.ID) })
	return out, true
}

// sees says whether private zones are answered in the VPC.
func sees(v *world.VPC, o Options) bool {
	return v.EnableDNSSupport && (v.EnableDNSHostnames || !o.Fidelity.NeedsDNSHostnames())
}

func head(v *world.VPC, o Options) Head {
	return Head{
		ID:        v.ID,
		Enabled:   v.EnableDNSSupport,
		Hostnames: v.EnableDNSHostnames || !o.Fidelity.NeedsDNSHostnames(),
		CIDR:      v.CIDR,
		Domain:    Domain(o.Region),
	}
}

// Domain is the domain of the private names of addresses in a Region (EC2 user
// guide, "Instance hostname types"), without the final dot.
func Domain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// zoneHead makes the zone's SOA and NS. It reports false for a zone that is not
// private or whose name is not a DNS name.
func zoneHead(w world.World, z *world.HostedZone) (ZoneHead, bool) {
	origin, ok := canonical(z.Name)
	if !ok || !z.Private {
		return ZoneHead{}, false
	}
	seconds := z.SOATTL
	if ns := namespaceOf(w, z); ns != nil {
		seconds = ns.SOATTL
	}
	h := ZoneHead{
		ID: z.ID, Origin: origin, NS: nameServers(), NSTTL: nsTTL,
		SOA: SOA{
			MName: primaryServer, RName: hostmaster,
			Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minimum: 86400, TTL: ttl(seconds),
		},
	}
	for _, r := range z.RecordSets {
		if name, ok := canonical(r.Name); ok && name == origin {
			h.override(r)
		}
	}
	return h, true
}

// override takes over an SOA or NS record set that stands at the apex.
func (h *ZoneHead) override(r world.RecordSet) {
	switch r.Type {
	case "NS":
		h.NS, h.NSTTL = slices.Clone(r.Values), ttl(r.TTL)
	case "SOA":
		if len(r.Values) != 1 {
			return
		}
		if s, ok := parseSOA(r.Values[0]); ok {
			s.TTL = ttl(r.TTL)
			h.SOA = s
		}
	}
}

func parseSOA(text string) (SOA, bool) {
	f := strings.Fields(text)
	if len(f) != 7 {
		return SOA{}, false
	}
	var n [5]uint32
	for i := range n {
		v, err := strconv.ParseUint(f[i+2], 10, 32)
		if err != nil {
			return SOA{}, false
		}
		n[i] = uint32(v)
	}
	return SOA{MName: f[0], RName: f[1], Serial: n[0], Refresh: n[1], Retry: n[2], Expire: n[3], Minimum: n[4]}, true
}

// namespaceOf is the Cloud Map namespace that the zone belongs to, or nil.
func namespaceOf(w world.World, z *world.HostedZone) *world.Namespace {
	if z.Namespace == "" {
		return nil
	}
	ns := w.Namespaces.Get(string(z.Namespace))
	if ns == nil || ns.HostedZone != z.ID {
		return nil
	}
	return ns
}

// zoneNames makes all names of a zone.
func zoneNames(w world.World, z *world.HostedZone, o Options) []Name {
	names := recordNames(z)
	if ns := namespaceOf(w, z); ns != nil {
		for s := range w.ServicesOf(ns.ID) {
			names = append(names, CompileService(w, s.ID, o)...)
		}
	}
	sortNames(names)
	return names
}

// recordNames makes the names of the zone's own record sets, sorted by owner.
func recordNames(z *world.HostedZone) []Name {
	origin, ok := canonical(z.Name)
	if !ok {
		return nil
	}
	sets := map[string][]Set{}
	for _, r := range z.RecordSets {
		owner, ok := canonical(r.Name)
		number := recordType(r.Type)
		if !ok || number == 0 || len(r.Values) == 0 || !inside(owner, origin) {
			continue
		}
		if owner == origin && (number == TypeSOA || number == TypeNS) {
			continue // in the zone's head
		}
		sets[owner] = append(sets[owner], Set{Type: number, TTL: ttl(r.TTL), Records: r.Values})
	}
	names := make([]Name, 0, len(sets))
	for owner, s := range sets {
		names = append(names, Name{NameKey: NameKey{Owner: owner}, Sets: tidy(s)})
	}
	sortNames(names)
	return names
}

// recordType is the number of a record type that Route 53 knows, or 0 (IANA,
// "Resource Record (RR) TYPEs").
func recordType(name string) uint16 {
	switch name {
	case "A":
		return TypeA
	case "NS":
		return TypeNS
	case "CNAME":
		return TypeCNAME
	case "SOA":
		return TypeSOA
	case "PTR":
		return 12
	case "MX":
		return 15
	case "TXT":
		return 16
	case "AAAA":
		return TypeAAAA
	case "SRV":
		return TypeSRV
	case "NAPTR":
		return 35
	case "DS":
		return 43
	case "SSHFP":
		return 44
	case "TLSA":
		return 52
	case "SVCB":
		return 64
	case "HTTPS":
		return 65
	case "SPF":
		return 99
	case "CAA":
		return 257
	}
	return 0
}
