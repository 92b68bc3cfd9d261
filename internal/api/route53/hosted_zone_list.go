package route53

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// GetHostedZone shows a zone with its VPCs or name servers.
func (s *Server) GetHostedZone(_ context.Context, in *GetHostedZoneInput) (*GetHostedZoneOutput, error) {
	w := s.cfg.Changes.View()
	z, err := s.zone(w, *in.Id)
	if err != nil {
		return nil, err
	}
	out := &GetHostedZoneOutput{HostedZone: s.show(w, z), DelegationSet: delegationSet(z)}
	if z.Private {
		for _, v := range z.VPCs {
			out.VPCs = append(out.VPCs, *s.vpc(v))
		}
	}
	return out, nil
}

func (s *Server) vpc(id world.VPCID) *VPC {
	return &VPC{VPCId: new(string(id)), VPCRegion: &s.cfg.Scope.Region}
}

// delegationSet are the name servers of a public zone. Private zones have none
// that could be delegated to.
func delegationSet(z *world.HostedZone) *DelegationSet {
	if z.Private {
		return nil
	}
	set := &DelegationSet{}
	for _, name := range zone.NameServers(z) {
		set.NameServers = append(set.NameServers, strings.TrimSuffix(name, "."))
	}
	return set
}

// GetHostedZoneCount counts the zones.
func (s *Server) GetHostedZoneCount(context.Context, *GetHostedZoneCountInput) (*GetHostedZoneCountOutput, error) {
	return &GetHostedZoneCountOutput{HostedZoneCount: new(int64(s.cfg.Changes.View().HostedZones.Len()))}, nil
}

// ListHostedZones lists zones by id. Its marker is the id of the first zone of
// the next page.
func (s *Server) ListHostedZones(_ context.Context, in *ListHostedZonesInput) (*ListHostedZonesOutput, error) {
	limit, err := maxItems(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	if in.DelegationSetId != nil {
		return nil, ErrNoSuchDelegationSet("No delegation set found with ID: " + *in.DelegationSetId) // none can be made
	}
	w := s.cfg.Changes.View()
	out := &ListHostedZonesOutput{HostedZones: []HostedZone{}, IsTruncated: new(false), MaxItems: new(strconv.Itoa(limit)), Marker: in.Marker}
	for z := range w.HostedZones.All() {
		if string(z.ID) < optional.Value(in.Marker) || in.HostedZoneType != nil && !z.Private {
			continue
		}
		if len(out.HostedZones) == limit {
			out.IsTruncated, out.NextMarker = new(true), new(string(z.ID))
			break
		}
		out.HostedZones = append(out.HostedZones, *s.show(w, z))
	}
	return out, nil
}

// ListHostedZonesByName lists zones by their names with the labels reversed.
func (s *Server) ListHostedZonesByName(_ context.Context, in *ListHostedZonesByNameInput) (*ListHostedZonesByNameOutput, error) {
	limit, err := maxItems(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	if in.HostedZoneId != nil && in.DNSName == nil {
		return nil, invalid("The parameter HostedZoneId needs the parameter DNSName.")
	}
	start := ""
	if in.DNSName != nil {
		name, err := dnsName(*in.DNSName)
		if err != nil {
			return nil, err
		}
		start = byName(name, zoneID(optional.Value(in.HostedZoneId)))
	}
	w := s.cfg.Changes.View()
	zones := slices.SortedFunc(w.HostedZones.All(), func(a, b *world.HostedZone) int {
		return strings.Compare(byName(a.Name, string(a.ID)), byName(b.Name, string(b.ID)))
	})
	out := &ListHostedZonesByNameOutput{
		HostedZones: []HostedZone{}, IsTruncated: new(false), MaxItems: new(strconv.Itoa(limit)), DNSName: in.DNSName, HostedZoneId: in.HostedZoneId,
	}
	for _, z := range zones {
		if byName(z.Name, string(z.ID)) < start {
			continue
		}
		if len(out.HostedZones) == limit {
			out.IsTruncated, out.NextDNSName, out.NextHostedZoneId = new(true), new(present(z.Name)), new(string(z.ID))
			break
		}
		out.HostedZones = append(out.HostedZones, *s.show(w, z))
	}
	return out, nil
}

func byName(name, id string) string { return world.ReversedName(name) + " " + id }

// ListHostedZonesByVPC lists the private zones associated with a VPC.
func (s *Server) ListHostedZonesByVPC(_ context.Context, in *ListHostedZonesByVPCInput) (*ListHostedZonesByVPCOutput, error) {
	w := s.cfg.Changes.View()
	if err := s.vpcExists(w, in.VPCId, in.VPCRegion); err != nil {
		return nil, err
	}
	limit, err := maxItems(in.MaxItems, 100)
	if err != nil {
		return nil, err
	}
	zones := slices.Collect(w.ZonesIn(world.VPCID(*in.VPCId)))
	cut, next, err := page.Cut(zones, (*world.HostedZone).Key, optional.Value(in.NextToken), limit)
	if err != nil {
		return nil, invalid("The next token is not valid.")
	}
	out := &ListHostedZonesByVPCOutput{HostedZoneSummaries: []HostedZoneSummary{}, MaxItems: new(strconv.Itoa(limit)), NextToken: optional.Text(next)}
	for _, z := range cut {
		owner := &HostedZoneOwner{OwningAccount: &s.cfg.Scope.Account}
		if z.Namespace != "" {
			owner = &HostedZoneOwner{OwningService: new(cloudMap)}
		}
		out.HostedZoneSummaries = append(out.HostedZoneSummaries, HostedZoneSummary{HostedZoneId: new(string(z.ID)), Name: new(present(z.Name)), Owner: owner})
	}
	return out, nil
}

func (s *Server) show(w world.World, z *world.HostedZone) *HostedZone {
	out := &HostedZone{
		Id: new("/hostedzone/" + string(z.ID)), Name: new(present(z.Name)), CallerReference: &z.CallerReference,
		Config:                 &HostedZoneConfig{PrivateZone: &z.Private, Comment: optional.Text(z.Comment)},
		ResourceRecordSetCount: new(recordSets(w, z)),
	}
	if z.Namespace != "" {
		out.LinkedService = &LinkedService{
			ServicePrincipal: new(cloudMap), Description: new(s.cfg.Scope.ARN("servicediscovery", "namespace/"+string(z.Namespace))),
		}
	}
	return out
}

// present writes a name as Route 53 does: what is no letter, digit, hyphen,
// underscore or dot is three octal digits behind a backslash (Route 53 developer
// guide, "DNS domain name format").
func present(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(`-_.\`, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\%03o`, c)
	}
	return b.String()
}

// recordSets counts a zone's record sets: its NS and SOA, its own and, in a zone
// of Cloud Map's, those that Cloud Map writes for instances.
func recordSets(w world.World, z *world.HostedZone) int64 {
	n := int64(2)
	for r := range w.RecordSetsOf(z.ID) {
		if r.Name != z.Name || r.Type != RRTypeNs && r.Type != RRTypeSoa {
			n++
		}
	}
	if z.Namespace == "" {
		return n
	}
	for ds := range w.ServicesOf(z.Namespace) {
		if len(ds.Records) == 0 {
			continue
		}
		for i := range w.InstancesOf(ds.ID) {
			n += setsOf(ds, i)
		}
	}
	return n
}

// setsOf counts the record sets of one instance: one for each record type of the
// service that it has a value for and, with SRV, the addresses of the target.
func setsOf(ds *world.DiscoveryService, i *world.DiscoveryInstance) int64 {
	has := func(key string) int64 {
		if i.Attributes[key] == "" {
			return 0
		}
		return 1
	}
	if has("AWS_ALIAS_DNS_NAME") > 0 {
		return int64(len(ds.Records)) // of the types A and AAAA
	}
	ipv4, ipv6 := has("AWS_INSTANCE_IPV4"), has("AWS_INSTANCE_IPV6")
	n := int64(0)
	for _, r := range ds.Records {
		switch r.Type {
		case "A":
			n += ipv4
		case "AAAA":
			n += ipv6
		case "CNAME":
			n += has("AWS_INSTANCE_CNAME")
		case "SRV":
			n += 1 + ipv4 + ipv6
		}
	}
	return n
}
