package servicediscovery

import (
	"slices"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

const httpCheck = `,"HealthCheckConfig":{"Type":"HTTP","ResourcePath":"/health","FailureThreshold":2}`

func TestCreateService_HealthCheck(t *testing.T) {
	h := newHarness(t)
	web, public := h.httpNamespace("web"), h.publicNamespace("example.com")
	for name, c := range map[string]struct{ namespace, rest, want string }{
		"all given":      {web, httpCheck, `{"FailureThreshold":2,"ResourcePath":"/health","Type":"HTTP"}`},
		"defaults":       {web, `,"HealthCheckConfig":{"Type":"HTTPS"}`, `{"FailureThreshold":3,"ResourcePath":"/","Type":"HTTPS"}`},
		"TCP":            {web, `,"HealthCheckConfig":{"Type":"TCP","FailureThreshold":10}`, `{"FailureThreshold":10,"Type":"TCP"}`},
		"public":         {public, dnsA + httpCheck, `{"FailureThreshold":2,"ResourcePath":"/health","Type":"HTTP"}`},
		"public, no DNS": {public, `,"Type":"HTTP"` + httpCheck, `{"FailureThreshold":2,"ResourcePath":"/health","Type":"HTTP"}`},
	} {
		id := h.service(c.namespace, "s", c.rest)
		got := h.do("GetService", `{"Id":"`+id+`"}`)
		t.Log(name)
		got.want(c.want, "Service", "HealthCheckConfig")
		got.want(`null`, "Service", "HealthCheckCustomConfig")
		h.do("ListServices", `{}`).want(c.want, "Services", 0, "HealthCheckConfig")
		h.do("DeleteService", `{"Id":"`+id+`"}`)
	}
}

// In a private namespace AWS has no health checks, and neither has Seamark
// unless it is told so.
func TestCreateService_PrivateHealthCheck(t *testing.T) {
	h := harnessWith(t, world.Relaxed, Config{PrivateHealthChecks: true})
	id := h.service(h.namespace("a", vpcA), "s", dnsA+httpCheck)
	h.do("GetService", `{"Id":"`+id+`"}`).want(`"HTTP"`, "Service", "HealthCheckConfig", "Type")
}

func TestUpdateService_HealthCheck(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.publicNamespace("example.com"), "s", dnsA)
	const records = `"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":60}]}`
	update := func(rest string) reply {
		t.Helper()
		h.do("UpdateService", `{"Id":"`+id+`","Service":{`+records+rest+`}}`)
		return h.do("GetService", `{"Id":"`+id+`"}`)
	}
	status := func(want string) {
		t.Helper()
		h.do("GetInstancesHealthStatus", `{"ServiceId":"`+id+`"}`).want(`{"i":"`+want+`"}`, "Status")
	}
	update(httpCheck).want(`{"FailureThreshold":2,"ResourcePath":"/health","Type":"HTTP"}`, "Service", "HealthCheckConfig")
	h.register(id, "i", `"AWS_INSTANCE_IPV4":"192.0.2.1","AWS_INSTANCE_PORT":"80"`)
	status("UNKNOWN") // nothing was checked yet
	h.change(func(d *plan.Draft) {
		i := *d.World.Instance(world.DiscoveryServiceID(id), "i")
		i.Health = world.Unhealthy
		d.Put(&i)
	})
	update(`,"HealthCheckConfig":{"Type":"HTTP"}`).want(`{"FailureThreshold":3,"ResourcePath":"/","Type":"HTTP"}`, "Service", "HealthCheckConfig")
	status("UNHEALTHY") // the same check with another path goes on from there
	for rest, message := range map[string]string{
		`,"HealthCheckConfig":{"Type":"HTTPS"}`:                   "The type of a health check cannot be changed from HTTP to HTTPS.",
		`,"HealthCheckConfig":{"Type":"TCP","ResourcePath":"/x"}`: "ResourcePath cannot be specified for a health check of type TCP.",
	} {
		h.fails("UpdateService", `{"Id":"`+id+`","Service":{`+records+rest+`}}`, "InvalidInput", message)
	}
	update("").want(`null`, "Service", "HealthCheckConfig") // omitted: deleted
	status("UNKNOWN")
	update(`,"HealthCheckConfig":{"Type":"TCP"}`).want(`"TCP"`, "Service", "HealthCheckConfig", "Type")
	status("UNKNOWN") // what the deleted check found does not count

	private := h.service(h.namespace("a", vpcA), "s", dnsA)
	h.fails("UpdateService", `{"Id":"`+private+`","Service":{`+records+httpCheck+`}}`, "InvalidInput", "HealthCheckConfig cannot be specified for a service in a private DNS namespace.")
}

// Registered again, an instance has a new health check, which knows nothing yet.
func TestRegisterInstance_HealthCheckBeginsAnew(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.httpNamespace("web"), "s", httpCheck)
	register := func() {
		h.register(id, "i", `"AWS_INSTANCE_IPV4":"192.0.2.1","AWS_INSTANCE_PORT":"80"`)
	}
	register()
	h.change(func(d *plan.Draft) {
		i := *d.World.Instance(world.DiscoveryServiceID(id), "i")
		i.Health, i.WasHealthy = world.Unhealthy, true
		d.Put(&i)
	})
	register()
	if i := h.changes.View().Instance(world.DiscoveryServiceID(id), "i"); i.Health != world.HealthUnknown || !i.WasHealthy {
		t.Errorf("%+v", i)
	}
	h.fails("UpdateInstanceCustomHealthStatus", `{"ServiceId":"`+id+`","InstanceId":"i","Status":"HEALTHY"}`, "CustomHealthNotFound", "")
}

// Of an instance that was not checked yet nobody knows that it is healthy, or
// that it is not.
func TestDiscoverInstances_UnknownHealth(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.httpNamespace("app"), "web", httpCheck)
	for _, i := range []string{"good", "bad", "new"} {
		h.register(id, i, `"AWS_INSTANCE_IPV4":"192.0.2.1","AWS_INSTANCE_PORT":"80"`)
	}
	set := func(instance string, status world.HealthStatus) {
		h.change(func(d *plan.Draft) {
			i := *d.World.Instance(world.DiscoveryServiceID(id), instance)
			i.Health = status
			d.Put(&i)
		})
	}
	set("good", world.Healthy)
	set("bad", world.Unhealthy)
	want := func(filter string, ids ...string) {
		t.Helper()
		got := h.discovered(`,"HealthStatus":"` + filter + `"`)
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(got, ids) {
			t.Errorf("%s: %v, want %v", filter, got, ids)
		}
	}
	want("HEALTHY", "good")
	want("UNHEALTHY", "bad")
	want("ALL", "good", "bad", "new")
	want("HEALTHY_OR_ELSE_ALL", "good")
	set("good", world.Unhealthy)
	want("HEALTHY")
	want("UNHEALTHY", "good", "bad")
	want("HEALTHY_OR_ELSE_ALL", "good", "bad", "new")
}
