package zone

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// hostmaster and nsTTL are in the SOA and NS that Route 53 makes for each zone
// (AWS documentation, "SOA and NS records that Route 53 creates").
const (
	hostmaster = "awsdns-hostmaster.amazon.com."
	nsTTL      = 172800
)

// NameServers are the name servers of a zone, the primary first. Those of
// private zones are the four that Route 53 shows for all of them. Those of
// public zones are the example of its API reference (CreateHostedZone), since
// real ones would lead to AWS: numbers above 2047 are not in use. Nothing
// answers on either.
func NameServers(z *world.HostedZone) []string {
	if z.Private {
		return []string{"ns-1536.awsdns-00.co.uk.", "ns-0.awsdns-00.com.", "ns-1024.awsdns-00.org.", "ns-512.awsdns-00.net."}
	}
	return []string{"ns-2048.awsdns-64.com.", "ns-2049.awsdns-65.net.", "ns-2050.awsdns-66.org.", "ns-2051.awsdns-67.co.uk."}
}

// PublicID stands for a VPC's id in the table of all public zones.
const PublicID world.VPCID = "public"

// Compile makes the whole table of a VPC, or of the public zones. It reports
// false when there is no such VPC.
func Compile(w world.World, id world.VPCID, o Options) (VPC, bool) {
	if id == PublicID {
		return compilePublic(w, o), o.Public
	}
	v := w.VPCs.Get(string(id))
	if v == nil {
		return VPC{}, false
	}
	out := VPC{Head: head(w, v, o)}
	for z := range w.ZonesIn(id) {
		out.add(view(&w, z.ID), id, o)
	}
	for z := range w.PublicZones() {
		out.add(view(&w, z.ID), id, o)
	}
	slices.SortFunc(out.Zones, func(a, b Zone) int { return cmp.Compare(a.ID, b.ID) })
	return out, true
}

// compilePublic makes the table of the public zones.
func compilePublic(w world.World, o Options) VPC {
	out := VPC{Head: Head{ID: PublicID, Enabled: true, Authoritative: true}}
	for z := range w.PublicZones() {
		out.add(view(&w, z.ID), PublicID, o)
	}
	return out
}

func (v *VPC) add(z zoneView, id world.VPCID, o Options) {
	if z.in(id, o) {
		v.Zones = append(v.Zones, Zone{ZoneHead: z.head(), Names: zoneNames(*z.w, z.zone, o)})
	}
}

// sees says whether private zones are answered in the VPC.
func sees(v *world.VPC, o Options) bool {
	return v.EnableDNSSupport && (v.EnableDNSHostnames || !o.Fidelity.NeedsDNSHostnames())
}

func head(w world.World, v *world.VPC, o Options) Head {
	config := w.ResolverConfigs.Get(string(v.ID))
	return Head{
		ID:        v.ID,
		Enabled:   v.EnableDNSSupport,
		Hostnames: v.EnableDNSHostnames || !o.Fidelity.NeedsDNSHostnames(),
		CIDR:      v.CIDR,
		Domain:    Domain(o.Region),
		NoReverse: config != nil && config.NoReverse,

		Rules: rules(w, v.ID), Firewall: firewall(w, v.ID), LogQueries: logsQueries(w, v.ID),
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

// zoneHead makes the zone's SOA and NS.
func zoneHead(w world.World, z *world.HostedZone, origin string) ZoneHead {
	h := ZoneHead{ID: z.ID, Origin: origin}
	ns, soa := ownSets(w, z)
	h.NS, h.NSTTL = zoneFile(ns.Values), ttl(ns.TTL)
	if values := zoneFile(soa.Values); len(values) == 1 {
		h.SOA, _ = parseSOA(values[0])
		h.SOA.TTL = ttl(soa.TTL)
	}
	return h
}

// ownSets are the NS and SOA record sets at the zone's name: those that were
// put there, or those that Route 53 makes.
func ownSets(w world.World, z *world.HostedZone) (ns, soa *world.RecordSet) {
	name, _ := Written(z.Name)
	ns = w.RecordSets.Get(world.RecordSetKey(z.ID, name, "NS", ""))
	if ns == nil {
		ns = &world.RecordSet{Zone: z.ID, Name: name, Type: "NS", TTL: nsTTL, Values: NameServers(z)}
	}
	soa = w.RecordSets.Get(world.RecordSetKey(z.ID, name, "SOA", ""))
	if soa == nil {
		seconds := z.SOATTL
		if n := namespaceOf(w, z); n != nil {
			seconds = n.SOATTL
		}
		soa = &world.RecordSet{Zone: z.ID, Name: name, Type: "SOA", TTL: seconds,
			Values: []string{NameServers(z)[0] + " " + hostmaster + " 1 7200 900 1209600 86400"}}
	}
	return ns, soa
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
	var names []Name
	last := ""
	for r := range w.RecordSetsOf(z.ID) {
		if r.Name == last {
			continue
		}
		last = r.Name
		if n, ok := compileOwner(w, z, r.Name, o); ok {
			names = append(names, n)
		}
	}
	if ns := namespaceOf(w, z); ns != nil {
		for s := range w.ServicesOf(ns.ID) {
			names = append(names, CompileService(w, s.ID, o)...)
		}
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
