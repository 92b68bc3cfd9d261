package world

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A zone's record sets are in the order of ListResourceRecordSets: names with
// their labels reversed, compared octet by octet.
func TestRecordSet_Order(t *testing.T) {
	// A hyphen comes before the dot, so that a-b is before a, which ends there.
	want := []string{
		"example.com. A ", "example.com. NS ", "-.example.com. A ", "a-b.example.com. A ", "a.example.com. A ", "a.example.com. A one",
		"a.example.com. A two", "a.example.com. AAAA ", "-x.a.example.com. A ", "b.a.example.com. A ", "b.example.com. A ",
	}
	w := New()
	for _, text := range want {
		f := strings.Split(text, " ")
		w.Put(&RecordSet{Zone: "Z1", Name: f[0], Type: f[1], SetIdentifier: f[2]})
	}
	w.Put(&RecordSet{Zone: "Z10", Name: "example.com.", Type: "A"})
	var got []string
	for r := range w.RecordSetsOf("Z1") {
		got = append(got, r.Name+" "+r.Type+" "+r.SetIdentifier)
		if zone, name := RecordSetOwner(r.Key()); zone != r.Zone || name != r.Name {
			t.Errorf("key %q is of %s in %s", r.Key(), name, zone)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := ids(w.RecordSetsNamed("Z1", "a.example.com."), func(r *RecordSet) string { return r.Type + r.SetIdentifier }); !slices.Equal(got, []string{"A", "Aone", "Atwo", "AAAA"}) {
		t.Errorf("sets of a.example.com.: %v", got)
	}
	for name, want := range map[string]string{".": ".", "com.": "com.", "www.example.com.": "com.example.www."} {
		if got := ReversedName(name); got != want {
			t.Errorf("%s reversed is %s", name, got)
		}
	}
}

func TestHostedZones_Indexes(t *testing.T) {
	w := New()
	w.Put(&HostedZone{ID: "Z1", Name: "a.", Private: true, VPCs: []VPCID{"vpc-1", "vpc-2"}, CallerReference: "one"})
	w.Put(&HostedZone{ID: "Z2", Name: "a.", VPCs: []VPCID{"vpc-1"}, CallerReference: "two"})
	w.Put(&HostedZone{ID: "Z3", Name: "b.a.", CallerReference: "three"})
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"of vpc-1", ids(w.ZonesIn("vpc-1"), (*HostedZone).Key), []string{"Z1"}},
		{"of no VPC", ids(w.ZonesIn(""), (*HostedZone).Key), nil},
		{"public", ids(w.PublicZones(), (*HostedZone).Key), []string{"Z2", "Z3"}},
		{"called a", ids(w.ZonesNamed("a."), (*HostedZone).Key), []string{"Z1", "Z2"}},
		{"requested as two", ids(w.ZonesRequested("two"), (*HostedZone).Key), []string{"Z2"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("zones %s: %v, expected %v", c.what, c.got, c.want)
		}
	}
}

func TestPasses(t *testing.T) {
	w := New()
	put := func(id HealthCheckID, s HealthStatus, spec HealthCheckSpec) {
		w.Put(&DNSHealthCheck{ID: id, Spec: spec, Observed: HealthCheckObservation{Status: s}})
	}
	all := []HealthCheckID{"up", "down", "new", "disabled", "gone"}
	put("up", Healthy, HealthCheckSpec{})
	put("down", Unhealthy, HealthCheckSpec{})
	put("new", "", HealthCheckSpec{})
	put("inverted", Unhealthy, HealthCheckSpec{Inverted: true})
	put("new, inverted", "", HealthCheckSpec{Inverted: true})
	put("disabled", Unhealthy, HealthCheckSpec{Disabled: true})
	put("disabled, inverted", Healthy, HealthCheckSpec{Disabled: true, Inverted: true})
	put("3 of 5", "", HealthCheckSpec{Type: "CALCULATED", Children: all, HealthThreshold: 3})
	put("4 of 5", "", HealthCheckSpec{Type: "CALCULATED", Children: all, HealthThreshold: 4})
	put("0 of none", "", HealthCheckSpec{Type: "CALCULATED"})
	put("itself", "", HealthCheckSpec{Type: "CALCULATED", Children: []HealthCheckID{"itself"}, HealthThreshold: 1})
	for id, want := range map[HealthCheckID]bool{
		"up": true, "down": false, "new": true, "gone": true, "inverted": true, "new, inverted": false, "disabled": true, "disabled, inverted": false,
		"3 of 5": true, "4 of 5": false, "0 of none": true, "itself": true,
	} {
		if got := w.Passes(id); got != want {
			t.Errorf("%s passes: %v", id, got)
		}
	}
	if got := ids(w.HealthChecksOver("down"), (*DNSHealthCheck).Key); !slices.Equal(got, []string{"3 of 5", "4 of 5"}) {
		t.Errorf("over down: %v", got)
	}
}

func TestChangeID(t *testing.T) {
	for _, at := range []time.Time{time.UnixMilli(0), time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)} {
		for _, revision := range []int64{0, 1, 12345678, 1 << 47} {
			id := NewChangeID(revision, at)
			r, when, ok := id.Of()
			if !ok || r != revision || !when.Equal(at) {
				t.Errorf("%s is revision %d at %v, %v; expected %d at %v", id, r, when, ok, revision, at)
			}
			if len("/change/"+id) > 32 {
				t.Errorf("%s is longer than Route 53's ids may be", id)
			}
			for n := range len(id) - 1 {
				forged := []byte(id)
				forged[n+1] = 'A' + (forged[n+1]-'A'+1)%26
				if _, _, ok := ChangeID(forged).Of(); ok {
					t.Errorf("%s passes for an id", forged)
				}
			}
		}
	}
	for _, id := range []ChangeID{"", "C", "C2682BO37G0ITF", "C-000000000000000000001", "c0000000000000000000000", ChangeID("C" + strings.Repeat("Z", 40))} {
		if _, _, ok := id.Of(); ok {
			t.Errorf("%q passes for an id", id)
		}
	}
}
