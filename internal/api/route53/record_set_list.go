package route53

import (
	"context"
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// listed are a zone's record sets in Route 53's order.
func listed(w world.World, z *world.HostedZone) []*world.RecordSet { return zone.RecordSets(w, z) }

// ListResourceRecordSets lists a zone's record sets: by name with the labels
// reversed, type and identifier.
func (s *Server) ListResourceRecordSets(_ context.Context, in *ListResourceRecordSetsInput) (*ListResourceRecordSetsOutput, error) {
	w := s.cfg.Changes.View()
	z, err := s.zone(w, *in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	limit, err := maxItems(in.MaxItems, 300)
	if err != nil {
		return nil, err
	}
	switch {
	case in.StartRecordType != nil && in.StartRecordName == nil:
		return nil, invalid("The StartRecordType parameter needs the StartRecordName parameter.")
	case in.StartRecordIdentifier != nil && in.StartRecordType == nil:
		return nil, invalid("The StartRecordIdentifier parameter needs the StartRecordName and StartRecordType parameters.")
	}
	start := ""
	if in.StartRecordName != nil {
		name, err := dnsName(*in.StartRecordName)
		if err != nil {
			return nil, err
		}
		start = world.RecordSetKey(z.ID, name, optional.Value(in.StartRecordType), optional.Value(in.StartRecordIdentifier))
		if in.StartRecordType == nil {
			start = start[:len(start)-1] // before every type
		}
	}
	out := &ListResourceRecordSetsOutput{ResourceRecordSets: []ResourceRecordSet{}, IsTruncated: new(false), MaxItems: new(strconv.Itoa(limit))}
	for _, r := range listed(w, z) {
		if r.Key() < start {
			continue
		}
		if len(out.ResourceRecordSets) == limit {
			out.IsTruncated = new(true)
			out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = &r.Name, &r.Type, optional.Text(r.SetIdentifier)
			break
		}
		out.ResourceRecordSets = append(out.ResourceRecordSets, showRecordSet(r))
	}
	return out, nil
}

func showRecordSet(r *world.RecordSet) ResourceRecordSet {
	out := ResourceRecordSet{
		Name: &r.Name, Type: &r.Type, SetIdentifier: optional.Text(r.SetIdentifier), Weight: r.Weight, Failover: optional.Text(r.Failover),
		Region: optional.Text(r.Region), HealthCheckId: optional.Text(string(r.HealthCheck)),
	}
	if r.MultiValue {
		out.MultiValueAnswer = new(true)
	}
	if l := r.Location; l != nil {
		out.GeoLocation = &GeoLocation{ContinentCode: optional.Text(l.Continent), CountryCode: optional.Text(l.Country), SubdivisionCode: optional.Text(l.Subdivision)}
	}
	if a := r.Alias; a != nil {
		out.AliasTarget = &AliasTarget{HostedZoneId: new(string(a.Zone)), DNSName: &a.Name, EvaluateTargetHealth: &a.EvaluateHealth}
		return out
	}
	out.TTL = &r.TTL
	for _, v := range r.Values {
		out.ResourceRecords = append(out.ResourceRecords, ResourceRecord{Value: new(v)})
	}
	return out
}
