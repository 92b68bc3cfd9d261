package route53

import (
	"context"
	"slices"
	"strconv"
	"strings"

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

// ListHostedZones lists zones by id.
func (s *Server) ListHostedZones(_ context.Context, in *ListHostedZonesInput) (*ListHostedZonesOutput, error) {
	w := s.cfg.Changes.View()
	zones := slices.Collect(w.HostedZones.All())
	limit, err := maxItems(in.MaxItems)
	if err != nil {
		return nil, err
	}
	cut, next, err := page.Cut(zones, zoneKey, or(in.Marker, ""), limit)
	if err != nil {
		return nil, ErrInvalidInput("The marker is not valid.")
	}
	out := &ListHostedZonesOutput{HostedZones: []HostedZone{}, IsTruncated: new(next != ""), MaxItems: new(strconv.Itoa(limit)), Marker: in.Marker}
	for _, z := range cut {
		out.HostedZones = append(out.HostedZones, *s.show(w, z))
	}
	if next != "" {
		out.NextMarker = &next
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
	cut, next, err := page.Cut(slices.Collect(w.ZonesIn(world.VPCID(*in.VPCId))), zoneKey, or(in.NextToken, ""), limit)
	if err != nil {
		return nil, ErrInvalidInput("The next token is not valid.")
	}
	out := &ListHostedZonesByVPCOutput{HostedZoneSummaries: []HostedZoneSummary{}, MaxItems: new(strconv.Itoa(limit))}
	for _, z := range cut {
		owner := &HostedZoneOwner{OwningAccount: &s.cfg.Scope.Account}
		if z.Namespace != "" {
			owner = &HostedZoneOwner{OwningService: new(cloudMap)}
		}
		out.HostedZoneSummaries = append(out.HostedZoneSummaries, HostedZoneSummary{HostedZoneId: new(string(z.ID)), Name: &z.Name, Owner: owner})
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
		Id: new("/hostedzone/" + string(z.ID)), Name: &z.Name, CallerReference: &z.CallerReference,
		Config:                 &HostedZoneConfig{PrivateZone: &z.Private},
		ResourceRecordSetCount: new(recordSets(w, z)),
	}
	if z.Comment != "" {
		out.Config.Comment = &z.Comment
	}
	if z.Namespace != "" {
		out.LinkedService = &LinkedService{
			ServicePrincipal: new(cloudMap), Description: new(s.cfg.Scope.ARN("servicediscovery", "namespace/"+string(z.Namespace))),
		}
	}
	return out
}

// recordSets counts a zone's record sets: its NS and SOA, its own and, in a
// zone of Cloud Map's, one for each record type of each instance and, with SRV,
// the target's addresses.
func recordSets(w world.World, z *world.HostedZone) int64 {
	n := int64(2 + len(z.RecordSets))
	if z.Namespace == "" {
		return n
	}
	for ds := range w.ServicesOf(z.Namespace) {
		srv := slices.ContainsFunc(ds.Records, func(r world.DNSRecord) bool { return r.Type == "SRV" })
		for i := range w.InstancesOf(ds.ID) {
			n += int64(len(ds.Records))
			for _, key := range []string{"AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"} {
				if _, ok := i.Attributes[key]; ok && srv {
					n++
				}
			}
		}
	}
	return n
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
