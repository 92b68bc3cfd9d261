package route53

import (
	"fmt"
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

func newBatch(d *plan.Draft, z *world.HostedZone) *batch {
	apex, _ := zone.Written(z.Name)
	return &batch{d: d, zone: z, apex: apex}
}

// wellFormed checks the shape of each record set: what it answers with and how
// it is chosen. All that is wrong is in one InvalidInput.
func wellFormed(changes []Change) error {
	var problems []string
	for _, c := range changes {
		for _, text := range shape(c.ResourceRecordSet) {
			problems = append(problems, "Invalid request: "+text+" in Change with "+which(c))
		}
	}
	if len(problems) > 0 {
		return ErrInvalidInput(strings.Join(problems, ", "))
	}
	return nil
}

func which(c Change) string {
	r := c.ResourceRecordSet
	return fmt.Sprintf("[Action=%s, Name=%s, Type=%s, SetIdentifier=%s]", *c.Action, *r.Name, *r.Type, optional.Or(r.SetIdentifier, "null"))
}

// shape says what is wrong with the members that are present.
func shape(r *ResourceRecordSet) []string {
	var out []string
	switch {
	case r.TrafficPolicyInstanceId != nil:
		out = append(out, "TrafficPolicyInstanceId is not built in Seamark yet")
	case r.GeoProximityLocation != nil:
		out = append(out, "GeoProximityLocation is not built in Seamark yet")
	case r.CidrRoutingConfig != nil:
		out = append(out, "CidrRoutingConfig is not built in Seamark yet")
	}
	const answers = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found "
	records := r.TTL != nil && len(r.ResourceRecords) > 0
	switch {
	case len(out) > 0:
	case r.AliasTarget == nil && !records:
		out = append(out, answers+"none")
	case r.AliasTarget != nil && (r.TTL != nil || len(r.ResourceRecords) > 0):
		out = append(out, answers+"more than one")
	}
	return append(out, routingShape(r)...)
}

// policies are the members of which one says how sets of a name are chosen.
const policies = "[Weight, Region, Failover, GeoLocation, or MultiValueAnswer]"

func routingShape(r *ResourceRecordSet) []string {
	multi := optional.Value(r.MultiValueAnswer)
	chosen := 0
	for _, present := range []bool{r.Weight != nil, r.Region != nil, r.Failover != nil, r.GeoLocation != nil, multi} {
		if present {
			chosen++
		}
	}
	var out []string
	switch {
	case chosen > 1:
		out = append(out, "Expected exactly one of "+policies+", but found more than one")
	case chosen == 1 && r.SetIdentifier == nil:
		out = append(out, "Missing field 'SetIdentifier'")
	case chosen == 0 && r.SetIdentifier != nil:
		out = append(out, "Expected exactly one of "+policies+", but found none")
	case chosen == 0 && r.HealthCheckId != nil:
		out = append(out, "HealthCheckId is not permitted without a routing policy")
	}
	if multi && (r.AliasTarget != nil || slices.Contains([]string{RRTypeCname, RRTypeNs}, *r.Type)) {
		out = append(out, "MultiValueAnswer is not permitted with AliasTarget or the types CNAME and NS")
	}
	if optional.Value(r.Failover) == ResourceRecordSetFailoverPrimary && r.AliasTarget == nil && r.HealthCheckId == nil {
		out = append(out, "Missing field 'HealthCheckId'")
	}
	if l := r.GeoLocation; l != nil {
		out = append(out, locationShape(l)...)
	}
	return out
}

// locationShape: a continent, or a country that may have a subdivision
// (GeoLocation in the API reference). Subdivisions are those of the United
// States, and of Ukraine.
func locationShape(l *GeoLocation) []string {
	continents := []string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
	switch country := optional.Value(l.CountryCode); {
	case (l.ContinentCode == nil) == (l.CountryCode == nil):
		return []string{"Expected exactly one of [ContinentCode, or CountryCode] in GeoLocation"}
	case l.ContinentCode != nil && !slices.Contains(continents, *l.ContinentCode):
		return []string{"GeoLocation ContinentCode " + *l.ContinentCode + " is not valid"}
	case l.SubdivisionCode != nil && country != "US" && country != "UA":
		return []string{"SubdivisionCode is not permitted without the CountryCode US or UA"}
	case l.CountryCode != nil && country != "*" && (len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != ""):
		return []string{"GeoLocation CountryCode " + country + " is not valid"}
	}
	return nil
}

// recordSet is a well-formed record set as the world has it; false where the name is
// none in this zone, which is among the problems then.
func (b *batch) recordSet(in *ResourceRecordSet) (*world.RecordSet, bool) {
	name, err := dnsName(*in.Name)
	if err != nil {
		b.problem("FATAL problem: DomainNameInvalid (Domain name is not valid) encountered with '%s'", *in.Name)
		return nil, false
	}
	if name != b.apex && b.apex != "." && !strings.HasSuffix(name, "."+b.apex) {
		b.problem("RRSet with DNS name %s is not permitted in zone %s", name, b.apex)
		return nil, false
	}
	r := &world.RecordSet{
		Zone: b.zone.ID, Name: name, Type: *in.Type, SetIdentifier: optional.Value(in.SetIdentifier), TTL: optional.Value(in.TTL),
		Weight: in.Weight, MultiValue: optional.Value(in.MultiValueAnswer), Failover: optional.Value(in.Failover), Region: optional.Value(in.Region),
		HealthCheck: world.HealthCheckID(optional.Value(in.HealthCheckId)),
	}
	for _, v := range in.ResourceRecords {
		r.Values = append(r.Values, *v.Value)
	}
	if l := in.GeoLocation; l != nil {
		r.Location = &world.GeoLocation{Continent: optional.Value(l.ContinentCode), Country: optional.Value(l.CountryCode), Subdivision: optional.Value(l.SubdivisionCode)}
	}
	if a := in.AliasTarget; a != nil {
		target, err := dnsName(*a.DNSName)
		if err != nil {
			b.problem("FATAL problem: DomainNameInvalid (Domain name is not valid) encountered with '%s'", *a.DNSName)
			return nil, false
		}
		r.Alias = &world.AliasTarget{Zone: world.HostedZoneID(zoneID(*a.HostedZoneId)), Name: target, EvaluateHealth: *a.EvaluateTargetHealth}
	}
	return r, true
}

// checkPlace: where a type may stand.
func (b *batch) checkPlace(r *world.RecordSet) {
	switch {
	case r.Type == RRTypeSoa && r.Name != b.apex:
		b.problem("A HostedZone must contain exactly one SOA record.")
	case r.Type == RRTypeDs && r.Name == b.apex:
		b.problem("RRSet of type DS with DNS name %s is not permitted at apex in zone %s", r.Name, b.apex)
	case essential(b.zone, r) && r.Routing() != world.RoutingSimple:
		b.problem("RRSet with DNS name %s, type %s cannot be created as other RRSets exist with the same name and type.", r.Name, r.Type)
	}
}

// checkAlias: an alias of one's own zones leads to a name of the same zone
// (Route 53 developer guide, "Choosing between alias and non-alias records"). Other
// zones are those of AWS's services.
func (b *batch) checkAlias(r *world.RecordSet) {
	if r.Alias == nil {
		return
	}
	if r.Type == RRTypeNs || r.Type == RRTypeSoa {
		b.problem("RRSet of type %s with DNS name %s cannot be an alias", r.Type, r.Name)
	}
	other := b.d.World.HostedZones.Get(string(r.Alias.Zone)) != nil && r.Alias.Zone != b.zone.ID
	outside := r.Alias.Zone == b.zone.ID && r.Alias.Name != b.apex && !strings.HasSuffix(r.Alias.Name, "."+b.apex)
	if other || outside {
		b.problem("Tried to create an alias that targets %s, type %s in zone %s, but the alias target name does not lie within the target zone", r.Alias.Name, r.Type, r.Alias.Zone)
	}
	if r.Alias.Zone == b.zone.ID && r.Alias.Name == r.Name && r.SetIdentifier == "" {
		b.problem("Tried to create an alias that targets %s, type %s in zone %s, but an alias cannot target itself", r.Alias.Name, r.Type, r.Alias.Zone)
	}
}
