package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"seamark/internal/world"
)

// sets puts record sets of type A at one name of a zone and returns the zone's
// names, printed.
func compiledSets(w world.World, sets ...world.RecordSet) string {
	w.Put(&world.HostedZone{ID: "Z", Name: "z."})
	for i, r := range sets {
		r.Zone, r.TTL = "Z", 60
		if r.Name == "" {
			r.Name = "www.z."
		}
		if r.Type == "" {
			r.Type = "A"
		}
		if r.SetIdentifier == "" {
			r.SetIdentifier = fmt.Sprint(i)
		}
		if r.Values == nil && r.Alias == nil {
			r.Values = []string{fmt.Sprintf("10.0.0.%d", i)}
		}
		w.Put(&r)
	}
	var lines []string
	for l := range strings.Lines(printNames(zoneNames(w, w.HostedZones.Get("Z"), options()))) {
		if l, ok := strings.CutPrefix(l, "www.z. "); ok {
			lines = append(lines, strings.TrimSpace(l))
		}
	}
	return strings.Join(lines, "; ")
}

// Each policy with what health makes of it. Set n answers 10.0.0.n; "down" is a
// health check that fails, "up" one that passes.
func TestRouting(t *testing.T) {
	w := world.New()
	w.Put(&world.DNSHealthCheck{ID: "up", Observed: world.HealthCheckObservation{Status: world.Healthy}})
	w.Put(&world.DNSHealthCheck{ID: "down", Observed: world.HealthCheckObservation{Status: world.Unhealthy}})
	type set = world.RecordSet
	weighted := func(n int64, check world.HealthCheckID) set { return set{Weight: &n, HealthCheck: check} }
	multi := func(check world.HealthCheckID) set { return set{MultiValue: true, HealthCheck: check} }
	role := func(f string, check world.HealthCheckID) set { return set{Failover: f, HealthCheck: check} }
	in := func(region string, check world.HealthCheckID) set { return set{Region: region, HealthCheck: check} }
	at := func(continent, country, subdivision string, check world.HealthCheckID) set {
		return set{Location: &world.GeoLocation{Continent: continent, Country: country, Subdivision: subdivision}, HealthCheck: check}
	}
	to := func(s set, zone world.HostedZoneID, name string, evaluate bool) set {
		s.Alias = &world.AliasTarget{Zone: zone, Name: name, EvaluateHealth: evaluate}
		return s
	}
	target := func(check world.HealthCheckID) set {
		return set{Name: "t.z.", Weight: new(int64(1)), HealthCheck: check}
	}
	for _, c := range []struct {
		what string
		sets []set
		want string
	}{
		{"weighted", []set{weighted(1, ""), weighted(3, "up")}, "60 1 choose 1: 10.0.0.0; 60 1 choose 3: 10.0.0.1"},
		{"unhealthy is no choice", []set{weighted(1, "up"), weighted(3, "down")}, "60 1 choose 1: 10.0.0.0"},
		{"weight 0 beside others", []set{weighted(0, ""), weighted(3, "")}, "60 1 choose 3: 10.0.0.1"},
		{"weight 0 where others are unhealthy", []set{weighted(0, ""), weighted(3, "down")}, "60 1 choose 1: 10.0.0.0"},
		{"all of weight 0", []set{weighted(0, ""), weighted(0, "")}, "60 1 choose 1: 10.0.0.0; 60 1 choose 1: 10.0.0.1"},
		{"none healthy", []set{weighted(0, "down"), weighted(3, "down"), weighted(5, "down")}, "60 1 choose 3: 10.0.0.1; 60 1 choose 5: 10.0.0.2"},
		{"weighted alias", []set{to(weighted(2, ""), "ZELB", "lb.example.", true)}, "0 1 choose 2: lb.example."},
		{"multivalue", []set{multi(""), multi("up"), multi("down")}, "60 1 multi 10.0.0.0; 60 1 multi 10.0.0.1"},
		{"multivalue, none healthy", []set{multi("down"), multi("down")}, "60 1 multi 10.0.0.0; 60 1 multi 10.0.0.1"},
		{"primary", []set{role("SECONDARY", ""), role("PRIMARY", "up")}, "60 1 simple 10.0.0.1"},
		{"secondary", []set{role("PRIMARY", "down"), role("SECONDARY", "")}, "60 1 simple 10.0.0.1"},
		{"both down", []set{role("PRIMARY", "down"), role("SECONDARY", "down")}, "60 1 simple 10.0.0.0"},
		{"primary alone", []set{role("PRIMARY", "down")}, "60 1 simple 10.0.0.0"},
		{"secondary alone", []set{role("SECONDARY", "down")}, "60 1 simple 10.0.0.0"},
		{"own Region", []set{in("us-east-2", ""), in("us-east-1", "")}, "60 1 simple 10.0.0.1"},
		{"nearest Region", []set{in("eu-west-1", ""), in("us-west-2", ""), in("sa-east-1", "")}, "60 1 simple 10.0.0.1"},
		{"nearest healthy Region", []set{in("eu-west-1", ""), in("us-west-2", "down")}, "60 1 simple 10.0.0.0"},
		{"no healthy Region", []set{in("eu-west-1", "down"), in("us-west-2", "down")}, "60 1 simple 10.0.0.1"},
		{"State", []set{at("", "US", "", ""), at("", "US", "VA", ""), at("NA", "", "", "")}, "60 1 simple 10.0.0.1"},
		{"country", []set{at("NA", "", "", ""), at("", "US", "", ""), at("", "*", "", "")}, "60 1 simple 10.0.0.1"},
		{"continent", []set{at("NA", "", "", ""), at("", "DE", "", ""), at("", "*", "", "")}, "60 1 simple 10.0.0.0"},
		{"everywhere", []set{at("EU", "", "", ""), at("", "*", "", "")}, "60 1 simple 10.0.0.1"},
		{"unhealthy country", []set{at("NA", "", "", ""), at("", "US", "", "down")}, "60 1 simple 10.0.0.0"},
		{"unhealthy everywhere", []set{at("", "*", "", "down"), at("", "US", "", "down")}, "60 1 simple 10.0.0.1"},
		{"nowhere", []set{at("EU", "", "", "")}, "exists"},
		{"alias", []set{to(set{}, "Z", "t.z.", false), target("")}, "0 1 simple alias t.z."},
		{"alias to what is healthy", []set{to(role("PRIMARY", ""), "Z", "t.z.", true), role("SECONDARY", ""), target("down"), target("up")}, "0 1 simple alias t.z."},
		{"alias to what is unhealthy", []set{to(role("PRIMARY", ""), "Z", "t.z.", true), role("SECONDARY", ""), target("down")}, "60 1 simple 10.0.0.1"},
		{"alias that does not care", []set{to(role("PRIMARY", ""), "Z", "t.z.", false), role("SECONDARY", ""), target("down")}, "0 1 simple alias t.z."},
		{"alias to nothing", []set{to(role("PRIMARY", ""), "Z", "t.z.", true), role("SECONDARY", "")}, "60 1 simple 10.0.0.1"},
		{"alias to itself", []set{to(role("PRIMARY", ""), "Z", "www.z.", true)}, "0 1 simple alias www.z."},
		{"unknown check", []set{weighted(1, "gone")}, "60 1 choose 1: 10.0.0.0"},
	} {
		if got := compiledSets(w, c.sets...); got != c.want {
			t.Errorf("%s: %q, expected %q", c.what, got, c.want)
		}
	}
}

// One record set that changes is one name in the delta, and a health check
// touches the names that depend on it.
func TestChanged_touchesItsOwnNames(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	w.Put(&world.HostedZone{ID: "Z", Name: "z.", Private: true, VPCs: []world.VPCID{"vpc-1"}})
	w.Put(&world.DNSHealthCheck{ID: "h", Observed: world.HealthCheckObservation{Status: world.Healthy}})
	for n := range 50 {
		w.Put(&world.RecordSet{Zone: "Z", Name: fmt.Sprintf("n%d.z.", n), Type: "A", TTL: 5, Values: []string{"10.0.0.1"}})
	}
	w.Put(&world.DNSHealthCheck{ID: "down", Observed: world.HealthCheckObservation{Status: world.Unhealthy}})
	for _, check := range []world.HealthCheckID{"h", "down"} {
		w.Put(&world.RecordSet{Zone: "Z", Name: "www.z.", Type: "A", SetIdentifier: string(check), Weight: new(int64(1)), TTL: 5, Values: []string{"10.0.0.1"}, HealthCheck: check})
	}
	w.Put(&world.RecordSet{Zone: "Z", Name: "up.z.", Type: "A", SetIdentifier: "1", Failover: "PRIMARY", Alias: &world.AliasTarget{Zone: "Z", Name: "www.z.", EvaluateHealth: true}})
	w.Put(&world.RecordSet{Zone: "Z", Name: "up.z.", Type: "A", SetIdentifier: "2", Failover: "SECONDARY", TTL: 5, Values: []string{"10.0.0.2"}})
	changed := func(o world.Object) []string {
		before := w
		w.Put(o)
		c := Changed(before, w, []world.Ref{world.RefOf(o)}, options())
		var owners []string
		for _, d := range c.Deltas {
			for _, z := range d.Zones {
				if z.Head != nil || len(z.Drop) > 0 {
					t.Errorf("%+v", z)
				}
				for _, n := range z.Put {
					owners = append(owners, n.Owner)
				}
			}
		}
		return owners
	}
	if got := changed(&world.RecordSet{Zone: "Z", Name: "n7.z.", Type: "TXT", TTL: 5, Values: []string{`"x"`}}); !slices.Equal(got, []string{"n7.z."}) {
		t.Errorf("a record changed %v", got)
	}
	if got := changed(&world.DNSHealthCheck{ID: "h", Observed: world.HealthCheckObservation{Status: world.Unhealthy}}); !slices.Equal(got, []string{"up.z.", "www.z."}) {
		t.Errorf("a health check changed %v", got)
	}
}

// Inside a VPC a public zone is answered unless a private one hides it.
func TestPublicZones(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	vpc(&w, "vpc-2")
	vpc(&w, "vpc-3").EnableDNSSupport = false
	for id, name := range map[world.HostedZoneID]string{"Z1": "example.com.", "Z2": "sub.example.com.", "Z3": "other.com."} {
		w.Put(&world.HostedZone{ID: id, Name: name})
	}
	seen := func(id world.VPCID) string {
		v, _ := Compile(w, id, options())
		var ids []string
		for _, z := range v.Zones {
			ids = append(ids, string(z.ID))
		}
		return strings.Join(ids, " ")
	}
	check := func(want map[world.VPCID]string) {
		t.Helper()
		for id, zones := range want {
			if got := seen(id); got != zones {
				t.Errorf("%s sees %s, expected %s", id, got, zones)
			}
		}
	}
	check(map[world.VPCID]string{"vpc-1": "Z1 Z2 Z3", "vpc-2": "Z1 Z2 Z3", "vpc-3": "", PublicID: "Z1 Z2 Z3"})
	w.Put(&world.HostedZone{ID: "Zp", Name: "example.com.", Private: true, VPCs: []world.VPCID{"vpc-1", "vpc-3"}})
	check(map[world.VPCID]string{"vpc-1": "Z3 Zp", "vpc-2": "Z1 Z2 Z3", "vpc-3": "", PublicID: "Z1 Z2 Z3"})
	// A rule goes before public zones at its domain and below, unless a more
	// specific one says otherwise.
	rule := func(id, typ, domain string, vpcs ...world.VPCID) {
		w.Put(&world.ResolverRule{ID: world.ResolverRuleID(id), Type: typ, Domain: domain})
		for _, vpc := range vpcs {
			w.Put(&world.ResolverRuleAssociation{ID: id + string(vpc), Rule: world.ResolverRuleID(id), VPC: vpc})
		}
	}
	rule("r1", world.ForwardRule, "sub.example.com.", "vpc-2")
	check(map[world.VPCID]string{"vpc-1": "Z3 Zp", "vpc-2": "Z1 Z3", PublicID: "Z1 Z2 Z3"})
	rule("r2", world.ForwardRule, "COM.", "vpc-1", "vpc-2")
	check(map[world.VPCID]string{"vpc-1": "Zp", "vpc-2": "", PublicID: "Z1 Z2 Z3"})
	rule("r3", world.SystemRule, "example.com.", "vpc-1", "vpc-2")
	check(map[world.VPCID]string{"vpc-1": "Zp", "vpc-2": "Z1", PublicID: "Z1 Z2 Z3"})
	rule("r1", world.SystemRule, "sub.example.com.")
	check(map[world.VPCID]string{"vpc-1": "Zp", "vpc-2": "Z1 Z2"})
	rule("r2", world.ForwardRule, "below.sub.example.com.")
	check(map[world.VPCID]string{"vpc-1": "Z3 Zp", "vpc-2": "Z1 Z2 Z3"})
	if _, ok := Compile(w, PublicID, Options{}); ok {
		t.Error("public zones are answered although nobody asked for it")
	}
}
