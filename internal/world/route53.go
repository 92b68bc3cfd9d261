package world

import (
	"slices"
	"strings"
	"time"
)

type (
	// HostedZoneID is the id of a Route 53 zone, Z…, without "/hostedzone/".
	HostedZoneID string
	// HealthCheckID is the id of a Route 53 health check, a UUID.
	HealthCheckID string
)

// HostedZone is a Route 53 zone. Its NS and SOA are as Route 53 makes them,
// unless there are record sets of these types at its name.
type HostedZone struct {
	ID      HostedZoneID
	Name    string // lower case, with the final dot
	Private bool
	VPCs    []VPCID // of a private zone, in the order of association
	// Authorized are VPCs that may be associated although they are another
	// account's.
	Authorized      []ForeignVPC
	CallerReference string
	Comment         string
	// Namespace is set for a zone that Cloud Map made and alone may edit.
	Namespace NamespaceID
	SOATTL    int64
	Tags      Tags
	CreatedAt time.Time
}

// ForeignVPC is a VPC of which only the name is known.
type ForeignVPC struct {
	Region string
	ID     VPCID
}

func (z *HostedZone) Kind() Kind  { return KindHostedZone }
func (z *HostedZone) Key() string { return string(z.ID) }

// zoneVPCs files a private zone under its VPCs, a public one under none.
func zoneVPCs(z *HostedZone) []string {
	if !z.Private {
		return []string{""}
	}
	var ids []string
	for _, v := range z.VPCs {
		ids = append(ids, string(v))
	}
	return ids
}

func zoneName(z *HostedZone) []string      { return []string{ReversedName(z.Name)} }
func zoneReference(z *HostedZone) []string { return []string{z.CallerReference} }

// RecordSet is a Route 53 resource record set.
type RecordSet struct {
	Zone HostedZoneID
	// Name as Route 53 writes it: lower case, with the final dot; what is no
	// letter, digit, hyphen, underscore or dot is \ooo in octal.
	Name string
	Type string
	// SetIdentifier tells sets of one name and type apart; empty with simple
	// routing.
	SetIdentifier string
	TTL           int64 // seconds
	// Values as they were given: in zone-file form, but with octets as \ooo in
	// octal. None with Alias.
	Values []string
	Alias  *AliasTarget
	// The routing policy: at most one of these is set.
	Weight     *int64
	MultiValue bool
	Failover   string // PRIMARY, SECONDARY
	Region     string // latency
	Location   *GeoLocation

	HealthCheck HealthCheckID
}

// AliasTarget is the name whose records an alias record set answers.
type AliasTarget struct {
	Zone           HostedZoneID
	Name           string // as RecordSet.Name
	EvaluateHealth bool
}

// GeoLocation is where queries come from. Country "*" is everywhere else.
type GeoLocation struct {
	Continent   string
	Country     string
	Subdivision string
}

// The routing policies.
const (
	RoutingSimple      = "simple"
	RoutingWeighted    = "weighted"
	RoutingMultiValue  = "multivalue answer"
	RoutingFailover    = "failover"
	RoutingLatency     = "latency"
	RoutingGeolocation = "geolocation"
)

// Routing is the set's routing policy.
func (r *RecordSet) Routing() string {
	switch {
	case r.Weight != nil:
		return RoutingWeighted
	case r.MultiValue:
		return RoutingMultiValue
	case r.Failover != "":
		return RoutingFailover
	case r.Region != "":
		return RoutingLatency
	case r.Location != nil:
		return RoutingGeolocation
	}
	return RoutingSimple
}

func (r *RecordSet) Kind() Kind { return KindRecordSet }

// Key orders a zone's record sets as ListResourceRecordSets does: by name with
// the labels reversed, then type, then identifier.
func (r *RecordSet) Key() string { return RecordSetKey(r.Zone, r.Name, r.Type, r.SetIdentifier) }

// RecordSetKey is the key of a record set. A space comes before everything that
// a name or a type has.
func RecordSetKey(zone HostedZoneID, name, typ, identifier string) string {
	return namePrefix(zone, name) + typ + " " + identifier
}

// RecordSetOwner is the zone and the name of the record set of that key.
func RecordSetOwner(key string) (zone HostedZoneID, name string) {
	id, rest, _ := strings.Cut(key, "/")
	reversed, _, _ := strings.Cut(rest, " ")
	return HostedZoneID(id), ReversedName(reversed)
}

func namePrefix(zone HostedZoneID, name string) string {
	return string(zone) + "/" + ReversedName(name) + " "
}

// ReversedName is a name, as Route 53 writes it, with its labels in reverse
// order: "com.example.www." of "www.example.com.".
func ReversedName(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + "."
}

func recordSetHealthCheck(r *RecordSet) []string {
	if r.HealthCheck == "" {
		return nil
	}
	return []string{string(r.HealthCheck)}
}

// recordSetTarget files an alias whose health is its target's under the target.
func recordSetTarget(r *RecordSet) []string {
	if r.Alias == nil || !r.Alias.EvaluateHealth {
		return nil
	}
	return []string{namePrefix(r.Alias.Zone, r.Alias.Name)}
}

// DNSHealthCheck is a Route 53 health check.
type DNSHealthCheck struct {
	ID              HealthCheckID
	CallerReference string
	Version         int64
	Spec            HealthCheckSpec
	Tags            Tags
	CreatedAt       time.Time
	// Observed is what the prober saw. Nobody else writes it.
	Observed HealthCheckObservation
}

// HealthCheckSpec says what is checked and what follows from it.
type HealthCheckSpec struct {
	Type             string // HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP, CALCULATED
	IPAddress        string
	DomainName       string
	Port             int32
	ResourcePath     string
	SearchString     string
	RequestInterval  int32 // seconds
	FailureThreshold int32
	EnableSNI        bool
	MeasureLatency   bool
	Inverted         bool
	Disabled         bool
	Regions          []string
	// Children and HealthThreshold of a CALCULATED one.
	Children        []HealthCheckID
	HealthThreshold int32
}

// HealthCheckObservation is the status of a health check that probes.
type HealthCheckObservation struct {
	Status HealthStatus // empty until there was enough to decide
	Text   string       // of the check that decided
	At     time.Time
}

func (h *DNSHealthCheck) Kind() Kind  { return KindHealthCheck }
func (h *DNSHealthCheck) Key() string { return string(h.ID) }

func healthCheckReference(h *DNSHealthCheck) []string { return []string{h.CallerReference} }

func healthCheckChildren(h *DNSHealthCheck) []string {
	var ids []string
	for _, id := range h.Spec.Children {
		ids = append(ids, string(id))
	}
	return ids
}

// ZonesIn yields the private hosted zones associated with a VPC.
func (w World) ZonesIn(id VPCID) Rows[HostedZone] {
	if id == "" {
		return func(func(*HostedZone) bool) {}
	}
	return by(w.HostedZones, 0, string(id))
}

// PublicZones yields the public hosted zones.
func (w World) PublicZones() Rows[HostedZone] { return by(w.HostedZones, 0, "") }

// ZonesNamed yields the hosted zones of a name.
func (w World) ZonesNamed(name string) Rows[HostedZone] {
	return by(w.HostedZones, 1, ReversedName(name))
}

// ZonesRequested yields the hosted zones that were made with a CallerReference.
func (w World) ZonesRequested(reference string) Rows[HostedZone] {
	return by(w.HostedZones, 2, reference)
}

// RecordSetsOf yields a zone's record sets.
func (w World) RecordSetsOf(id HostedZoneID) Rows[RecordSet] {
	return w.RecordSets.Prefix(string(id) + "/")
}

// RecordSetsNamed yields a zone's record sets of a name.
func (w World) RecordSetsNamed(id HostedZoneID, name string) Rows[RecordSet] {
	return w.RecordSets.Prefix(namePrefix(id, name))
}

// RecordSetsChecked yields the record sets that a health check decides on.
func (w World) RecordSetsChecked(id HealthCheckID) Rows[RecordSet] {
	return by(w.RecordSets, 0, string(id))
}

// RecordSetsAliased yields the aliases whose health is that of a name.
func (w World) RecordSetsAliased(id HostedZoneID, name string) Rows[RecordSet] {
	return by(w.RecordSets, 1, namePrefix(id, name))
}

// HealthChecksOver yields the calculated health checks that count another.
func (w World) HealthChecksOver(id HealthCheckID) Rows[DNSHealthCheck] {
	return by(w.HealthChecks, 0, string(id))
}

// HealthChecksRequested yields the health checks that were made with a
// CallerReference.
func (w World) HealthChecksRequested(reference string) Rows[DNSHealthCheck] {
	return by(w.HealthChecks, 1, reference)
}

// maxChecks bounds how deep calculated health checks may stand on each other:
// Route 53 allows none over another calculated one.
const maxChecks = 2

// Passes says whether Route 53 considers a health check healthy. One that is
// disabled or that nothing is known of yet is, as is one that does not exist
// (Route 53 API reference, HealthCheckConfig).
func (w World) Passes(id HealthCheckID) bool { return w.passes(id, maxChecks) }

func (w World) passes(id HealthCheckID, depth int) bool {
	h := w.HealthChecks.Get(string(id))
	if h == nil || depth == 0 {
		return true
	}
	healthy := true
	switch {
	case h.Spec.Disabled:
	case h.Spec.Type == "CALCULATED":
		passing := int32(0)
		for _, child := range h.Spec.Children {
			if w.HealthChecks.Get(string(child)) != nil && w.passes(child, depth-1) {
				passing++
			}
		}
		healthy = passing >= h.Spec.HealthThreshold
	default:
		healthy = h.Observed.Status != Unhealthy
	}
	return healthy != h.Spec.Inverted
}
