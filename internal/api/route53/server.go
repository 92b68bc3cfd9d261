package route53

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/api/page"
	"seamark/internal/change"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct {
	Changes *change.Runner // required
	Scope   world.Scope
}

// Server is the part of the Route 53 API that shows the zones which Cloud Map
// makes. Zones of one's own are not built yet.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{
		GetHostedZone:        s.GetHostedZone,
		GetHostedZoneCount:   s.GetHostedZoneCount,
		ListHostedZones:      s.ListHostedZones,
		ListHostedZonesByVPC: s.ListHostedZonesByVPC,
	}
}

// GetHostedZone shows a zone and its VPCs.
func (s *Server) GetHostedZone(_ context.Context, in *GetHostedZoneInput) (*GetHostedZoneOutput, error) {
	w := s.cfg.Changes.View()
	id := strings.TrimPrefix(strings.TrimPrefix(*in.Id, "/"), "hostedzone/")
	z := w.HostedZones.Get(id)
	if z == nil {
		return nil, ErrNoSuchHostedZone("No hosted zone found with ID: " + id)
	}
	out := &GetHostedZoneOutput{HostedZone: s.show(w, z)}
	for _, v := range z.VPCs {
		out.VPCs = append(out.VPCs, VPC{VPCId: new(string(v)), VPCRegion: &s.cfg.Scope.Region})
	}
	return out, nil
}

// GetHostedZoneCount counts the zones.
func (s *Server) GetHostedZoneCount(context.Context, *GetHostedZoneCountInput) (*GetHostedZoneCountOutput, error) {
	return &GetHostedZoneCountOutput{HostedZoneCount: new(int64(s.cfg.Changes.View().HostedZones.Len()))}, nil
}

// ListHostedZones lists zones by id. Its marker is the id of the first zone of
// the next page.
func (s *Server) ListHostedZones(_ context.Context, in *ListHostedZonesInput) (*ListHostedZonesOutput, error) {
	limit, err := maxItems(in.MaxItems)
	if err != nil {
		return nil, err
	}
	if in.DelegationSetId != nil {
		return nil, ErrNoSuchDelegationSet("No delegation set found with ID: " + *in.DelegationSetId) // none can be made yet
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

// ListHostedZonesByVPC lists the private zones associated with a VPC.
func (s *Server) ListHostedZonesByVPC(_ context.Context, in *ListHostedZonesByVPCInput) (*ListHostedZonesByVPCOutput, error) {
	w := s.cfg.Changes.View()
	if *in.VPCRegion != s.cfg.Scope.Region || w.VPCs.Get(*in.VPCId) == nil {
		return nil, ErrInvalidVPCId("The VPC: " + *in.VPCId + " in Region " + *in.VPCRegion + " that you provided was not found.")
	}
	limit, err := maxItems(in.MaxItems)
	if err != nil {
		return nil, err
	}
	cut, next, err := page.Cut(slices.Collect(w.ZonesIn(world.VPCID(*in.VPCId))), zoneKey, optional.Value(in.NextToken), limit)
	if err != nil {
		return nil, ErrInvalidInput("The next token is not valid.")
	}
	out := &ListHostedZonesByVPCOutput{HostedZoneSummaries: []HostedZoneSummary{}, MaxItems: new(strconv.Itoa(limit))}
	for _, z := range cut {
		owner := &HostedZoneOwner{OwningAccount: &s.cfg.Scope.Account}
		if z.Namespace != "" {
			owner = &HostedZoneOwner{OwningService: new(cloudMap)}
		}
		out.HostedZoneSummaries = append(out.HostedZoneSummaries, HostedZoneSummary{HostedZoneId: new(string(z.ID)), Name: new(present(z.Name)), Owner: owner})
	}
	if next != "" {
		out.NextToken = &next
	}
	return out, nil
}

// cloudMap is the principal of the service that owns Cloud Map's zones.
const cloudMap = "servicediscovery.amazonaws.com"

func zoneKey(z *world.HostedZone) string { return string(z.ID) }

// maxItems is the size of a page: 100 unless asked for fewer.
func maxItems(s *string) (int, error) {
	if s == nil {
		return 100, nil
	}
	n, err := strconv.Atoi(*s)
	if err != nil || n < 1 {
		return 0, ErrInvalidInput("MaxItems must be a number from 1 to 100.")
	}
	return min(n, 100), nil
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
	n := int64(2 + len(z.RecordSets))
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
