package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// zones are the availability zones of the Region. us-east-1 has six; others
// have three here.
func (s *Server) zones() []string {
	letters := "abc"
	if s.cfg.Scope.Region == "us-east-1" {
		letters = "abcdef"
	}
	var zones []string
	for _, l := range letters {
		zones = append(zones, s.cfg.Scope.Region+string(l))
	}
	return zones
}

// zoneID is the id of a zone: use1-az1 for us-east-1a.
func (s *Server) zoneID(zone string) string {
	parts := strings.Split(s.cfg.Scope.Region, "-")
	if len(parts) != 3 || len(zone) == 0 {
		return zone
	}
	direction := map[string]string{
		"east": "e", "west": "w", "north": "n", "south": "s", "central": "c",
		"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
	}[parts[1]]
	number := int(zone[len(zone)-1]-'a') + 1
	return parts[0] + direction + parts[2] + "-az" + strconv.Itoa(number)
}

// DescribeAvailabilityZones lists the zones of the Region.
func (s *Server) DescribeAvailabilityZones(_ context.Context, in *DescribeAvailabilityZonesInput) (*DescribeAvailabilityZonesOutput, error) {
	if err := s.checkZones(in); err != nil {
		return nil, err
	}
	var zones []*string
	for _, z := range s.zones() {
		if (len(in.ZoneNames) == 0 || slices.Contains(in.ZoneNames, z)) && (len(in.ZoneIds) == 0 || slices.Contains(in.ZoneIds, s.zoneID(z))) {
			zones = append(zones, &z)
		}
	}
	l := listing[string]{
		rows: slices.Values(zones), id: func(z *string) string { return *z }, tags: func(*string) world.Tags { return nil },
		names: []string{"group-name", "message", "opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"},
		props: func(z *string) map[string][]string {
			return map[string][]string{
				"group-name": {s.cfg.Scope.Region + "-zg-1"}, "opt-in-status": {"opt-in-not-required"}, "region-name": {s.cfg.Scope.Region},
				"state": {"available"}, "zone-id": {s.zoneID(*z)}, "zone-name": {*z}, "zone-type": {"availability-zone"},
			}
		},
	}
	cut, _, err := l.describe(request{dryRun: in.DryRun, filters: in.Filters})
	if err != nil {
		return nil, err
	}
	out := &DescribeAvailabilityZonesOutput{AvailabilityZones: []AvailabilityZone{}}
	for _, z := range cut {
		out.AvailabilityZones = append(out.AvailabilityZones, AvailabilityZone{
			ZoneName: z, ZoneId: new(s.zoneID(*z)), RegionName: &s.cfg.Scope.Region, State: new("available"), ZoneType: new("availability-zone"),
			OptInStatus: new("opt-in-not-required"), GroupName: new(s.cfg.Scope.Region + "-zg-1"), NetworkBorderGroup: &s.cfg.Scope.Region,
		})
	}
	return out, nil
}

// checkZones refuses names and ids of zones that the Region does not have.
func (s *Server) checkZones(in *DescribeAvailabilityZonesInput) error {
	zones := s.zones()
	for _, name := range in.ZoneNames {
		if !slices.Contains(zones, name) {
			return fail("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	for _, id := range in.ZoneIds {
		if !slices.ContainsFunc(zones, func(z string) bool { return s.zoneID(z) == id }) {
			return fail("InvalidParameterValue", "Invalid availability zone-id: [%s]", id)
		}
	}
	return nil
}

// DescribeRegions lists the one Region that Seamark is.
func (s *Server) DescribeRegions(_ context.Context, in *DescribeRegionsInput) (*DescribeRegionsOutput, error) {
	for _, name := range in.RegionNames {
		if name != s.cfg.Scope.Region {
			return nil, fail("InvalidParameterValue", "Invalid region: [%s]", name)
		}
	}
	region := Region{
		RegionName: &s.cfg.Scope.Region, Endpoint: new("ec2." + s.cfg.Scope.Region + ".amazonaws.com"), OptInStatus: new("opt-in-not-required"),
	}
	l := listing[Region]{
		rows: slices.Values([]*Region{&region}), id: func(r *Region) string { return *r.RegionName }, tags: func(*Region) world.Tags { return nil },
		names: []string{"endpoint", "opt-in-status", "region-name"},
		props: func(r *Region) map[string][]string {
			return map[string][]string{"endpoint": {*r.Endpoint}, "opt-in-status": {*r.OptInStatus}, "region-name": {*r.RegionName}}
		},
	}
	cut, _, err := l.describe(request{dryRun: in.DryRun, filters: in.Filters})
	if err != nil {
		return nil, err
	}
	out := &DescribeRegionsOutput{Regions: []Region{}}
	for _, r := range cut {
		out.Regions = append(out.Regions, *r)
	}
	return out, nil
}
