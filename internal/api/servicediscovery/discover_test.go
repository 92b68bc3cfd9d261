package servicediscovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// discovered are the ids that DiscoverInstances finds, sorted; rest is more
// members.
func (h *harness) discovered(rest string) []string {
	h.Helper()
	ids := h.do("DiscoverInstances", `{"NamespaceName":"app","ServiceName":"web"`+rest+`}`).list("Instances", "InstanceId")
	slices.Sort(ids)
	return ids
}

func TestDiscoverInstances(t *testing.T) {
	h := newHarness(t)
	ns := h.namespace("app", vpcA)
	id := h.service(ns, "web", dnsA+custom)
	for i, health := range []string{"HEALTHY", "UNHEALTHY", "HEALTHY"} {
		h.register(id, fmt.Sprintf("i%d", i), fmt.Sprintf(`"AWS_INSTANCE_IPV4":"10.0.0.%d","AWS_INIT_HEALTH_STATUS":"%s","zone":"%c","empty":""`, i, health, 'a'+i%2))
	}
	for rest, want := range map[string][]string{
		``:                                      {"i0", "i2"},
		`,"HealthStatus":"HEALTHY"`:             {"i0", "i2"},
		`,"HealthStatus":"UNHEALTHY"`:           {"i1"},
		`,"HealthStatus":"ALL"`:                 {"i0", "i1", "i2"},
		`,"HealthStatus":"HEALTHY_OR_ELSE_ALL"`: {"i0", "i2"},
		`,"QueryParameters":{"zone":"a"}`:       {"i0", "i2"},
		`,"QueryParameters":{"zone":"a","AWS_INSTANCE_IPV4":"10.0.0.2"}`:    {"i2"},
		`,"QueryParameters":{"zone":"b"},"HealthStatus":"HEALTHY"`:          nil,
		`,"QueryParameters":{"zone":"b"}`:                                   {"i1"}, // none healthy: all
		`,"QueryParameters":{"none":""}`:                                    nil,
		`,"QueryParameters":{"empty":""}`:                                   {"i0", "i2"},
		`,"OptionalParameters":{"AWS_INSTANCE_IPV4":"10.0.0.2"}`:            {"i2"},
		`,"OptionalParameters":{"none":"x"}`:                                {"i0", "i2"}, // as if it were not there
		`,"OptionalParameters":{}`:                                          {"i0", "i2"},
		`,"QueryParameters":{"zone":"a"},"OptionalParameters":{"zone":"b"}`: {"i0", "i2"},
		`,"OwnerAccount":"123456789012"`:                                    {"i0", "i2"},
		`,"NamespaceName":"` + arnPrefix + `namespace/` + ns + `"`:          {"i0", "i2"},
	} {
		if got := h.discovered(rest); !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", rest, got, want)
		}
	}
	r := h.do("DiscoverInstances", `{"NamespaceName":"app","ServiceName":"web","HealthStatus":"UNHEALTHY"}`)
	r.want(`[{"Attributes":{"AWS_INIT_HEALTH_STATUS":"UNHEALTHY","AWS_INSTANCE_IPV4":"10.0.0.1","empty":"","zone":"b"},"HealthStatus":"UNHEALTHY","InstanceId":"i1","NamespaceName":"app","ServiceName":"web"}]`, "Instances")
	for _, c := range []struct{ body, code string }{
		{`{"NamespaceName":"none","ServiceName":"web"}`, "NamespaceNotFound"},
		{`{"NamespaceName":"APP","ServiceName":"web"}`, "NamespaceNotFound"},
		{`{"NamespaceName":"app","ServiceName":"none"}`, "ServiceNotFound"},
		{`{"NamespaceName":"app","ServiceName":"WEB"}`, "ServiceNotFound"},
		{`{"NamespaceName":"app","ServiceName":"web","OwnerAccount":"999999999999"}`, "NamespaceNotFound"},
		{`{"NamespaceName":"app","ServiceName":"web","MaxResults":0}`, "InvalidInput"},
		{`{"NamespaceName":"app","ServiceName":"web","MaxResults":1001}`, "InvalidInput"},
		{`{"NamespaceName":"app","ServiceName":"web","HealthStatus":"GOOD"}`, "InvalidInput"},
		{`{"NamespaceName":"app"}`, "InvalidInput"},
	} {
		h.fails("DiscoverInstances", c.body, c.code, "")
		if c.code != "InvalidInput" {
			h.fails("DiscoverInstancesRevision", c.body, c.code, "")
		}
	}
}

// TestDiscoverInstances_NobodyHealthy: HEALTHY means it, the default does not
// leave a caller with nothing.
func TestDiscoverInstances_NobodyHealthy(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("app", vpcA), "web", dnsA+custom)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1","AWS_INIT_HEALTH_STATUS":"UNHEALTHY"`)
	for rest, want := range map[string]int{``: 1, `,"HealthStatus":"HEALTHY"`: 0, `,"HealthStatus":"HEALTHY_OR_ELSE_ALL"`: 1, `,"HealthStatus":"ALL"`: 1} {
		if got := h.discovered(rest); len(got) != want {
			t.Errorf("%s: %v, expected %d", rest, got, want)
		}
	}
}

// TestDiscoverInstances_Unchecked: without a health check there is no health to
// filter by.
func TestDiscoverInstances_Unchecked(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("app", vpcA), "web", dnsA)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	for _, filter := range []string{"HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"} {
		r := h.do("DiscoverInstances", `{"NamespaceName":"app","ServiceName":"web","HealthStatus":"`+filter+`"}`)
		r.want(`"UNKNOWN"`, "Instances", 0, "HealthStatus")
	}
}

func TestDiscoverInstances_PicksAtRandom(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("app", vpcA), "web", dnsA)
	h.change(func(d *plan.Draft) { fill(d, world.DiscoveryServiceID(id), 150) })
	if got := h.discovered(""); len(got) != 100 || len(slices.Compact(got)) != 100 {
		t.Errorf("%d instances, of which %d differ", len(got), len(slices.Compact(got)))
	}
	if got := h.discovered(`,"MaxResults":1000`); len(slices.Compact(got)) != 150 {
		t.Errorf("%d instances differ", len(slices.Compact(got)))
	}
	first := map[string]bool{}
	for range 200 {
		r := h.do("DiscoverInstances", `{"NamespaceName":"app","ServiceName":"web","MaxResults":1}`)
		first[r.text("Instances", 0, "InstanceId")] = true
	}
	if len(first) < 50 { // 110 are expected; fewer than 50 happen never
		t.Errorf("200 answers with one of %d instances", len(first))
	}
}

// fill registers n instances.
func fill(d *plan.Draft, id world.DiscoveryServiceID, n int) {
	for i := range n {
		d.Put(&world.DiscoveryInstance{Service: id, ID: fmt.Sprintf("i%04d", i), Health: world.Healthy, Attributes: map[string]string{
			"AWS_INSTANCE_IPV4": fmt.Sprintf("10.0.%d.%d", i/256, i%256), "zone": strings.Repeat("a", i%2+1),
		}})
	}
}

func TestDiscoverInstances_Revision(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("app", vpcA), "web", dnsA+custom)
	revision := func() float64 {
		t.Helper()
		of := `{"NamespaceName":"app","ServiceName":"web"}`
		n := h.do("DiscoverInstancesRevision", of).at("InstancesRevision").(float64)
		h.do("DiscoverInstances", of).want(fmt.Sprint(n), "InstancesRevision")
		return n
	}
	last := revision()
	grows := func(what string, want bool) {
		t.Helper()
		now := revision()
		if grew := now > last; grew != want {
			t.Errorf("%s: revision %v after %v", what, now, last)
		}
		last = now
	}
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.1"`)
	grows("registered", true)
	h.do("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"UNHEALTHY"}`)
	grows("unhealthy", false)
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"10.0.0.2"`)
	grows("registered again", true)
	h.do("DeregisterInstance", `{"ServiceId":"`+id+`","InstanceId":"i"}`)
	grows("deregistered", true)
}

// TestDiscoverInstances_EveryKind: API-only services and those of HTTP
// namespaces are found as well.
func TestDiscoverInstances_EveryKind(t *testing.T) {
	h := newHarness(t)
	ns, web := h.namespace("app", vpcA), h.httpNamespace("http")
	h.register(h.service(ns, "api", `,"Type":"HTTP"`), "i", `"url":"x"`)
	h.register(h.service(web, "s", ""), "lower", "")
	h.register(h.service(web, "S", ""), "upper", "")
	for body, want := range map[string]string{
		`{"NamespaceName":"app","ServiceName":"api"}`: `"i"`,
		`{"NamespaceName":"http","ServiceName":"s"}`:  `"lower"`,
		`{"NamespaceName":"http","ServiceName":"S"}`:  `"upper"`,
	} {
		h.do("DiscoverInstances", body).want(want, "Instances", 0, "InstanceId")
	}
}

// BenchmarkDiscoverInstances measures the operation without its wire, in a
// world of 5,000 services.
func BenchmarkDiscoverInstances(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := apitest.Runner(b, world.Relaxed)
			apitest.Change(b, r, func(d *plan.Draft) {
				for i := range 5000 {
					d.Put(&world.DiscoveryService{ID: world.DiscoveryServiceID(fmt.Sprintf("srv-%d", i)), Namespace: "ns-1", Name: fmt.Sprintf("s%d", i)})
				}
				d.Put(&world.Namespace{ID: "ns-1", Name: "app", HTTPName: "app"})
			})
			for at := 0; at < n; at += 5000 {
				apitest.Change(b, r, func(d *plan.Draft) { fill(d, "srv-4999", min(n, at+5000)) })
			}
			s := New(Config{Changes: r, Scope: apitest.Scope()})
			in := &DiscoverInstancesInput{NamespaceName: new("app"), ServiceName: new("s4999")}
			for b.Loop() {
				out, err := s.DiscoverInstances(b.Context(), in)
				if err != nil || len(out.Instances) != min(n, 100) {
					b.Fatal(len(out.Instances), err)
				}
			}
		})
	}
}

// BenchmarkRegisterInstance measures the operation without its wire and without
// a disk.
func BenchmarkRegisterInstance(b *testing.B) {
	r := apitest.Runner(b, world.Relaxed)
	apitest.Change(b, r, func(d *plan.Draft) {
		d.Put(&world.Namespace{ID: "ns-1", Name: "app", HTTPName: "app", Type: "DNS_PRIVATE"})
		d.Put(&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", Name: "web", Records: []world.DNSRecord{{Type: "A", TTL: 60}}})
	})
	s := New(Config{Changes: r, Scope: apitest.Scope()})
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("i%d", i)
		_, err := s.RegisterInstance(b.Context(), &RegisterInstanceInput{
			ServiceId: new("srv-1"), InstanceId: &id, CreatorRequestId: &id, Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
