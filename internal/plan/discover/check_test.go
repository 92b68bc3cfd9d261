package discover

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/plan/probe"
	"seamark/internal/world"
)

// checked is a world with one instance of a service that has a health check.
func checked(namespace world.Namespace, check *world.HealthCheckConfig, attributes map[string]string) world.World {
	w := world.New()
	namespace.ID = "ns-1"
	w.Put(&namespace)
	w.Put(&world.DiscoveryService{ID: "srv-1", Namespace: "ns-1", HealthCheck: check})
	w.Put(&world.DiscoveryInstance{Service: "srv-1", ID: "i", Attributes: attributes, Health: world.HealthUnknown})
	return w
}

const key = "srv-1/i"

func TestCheck(t *testing.T) {
	web := &world.HealthCheckConfig{Type: "HTTP", ResourcePath: "/health", FailureThreshold: 2}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	usual := map[string]string{"AWS_INSTANCE_IPV4": "192.0.2.1", "AWS_INSTANCE_IPV6": "2001:db8::1", "AWS_INSTANCE_PORT": "8080"}
	without := func(keys ...string) map[string]string {
		m := maps.Clone(usual)
		for _, k := range keys {
			delete(m, k)
		}
		return m
	}
	want := probe.Target{Type: "HTTP", Address: v4, Port: 8080, Path: "/health", Interval: 30 * time.Second, Threshold: 2}
	with := func(change func(*probe.Target)) *probe.Target {
		c := want
		change(&c)
		return &c
	}
	for name, c := range map[string]struct {
		namespace  world.Namespace
		check      *world.HealthCheckConfig
		attributes map[string]string
		want       *probe.Target // nil: nothing to check
	}{
		"HTTP namespace":    {world.Namespace{Type: "HTTP"}, web, usual, &want},
		"public namespace":  {world.Namespace{Type: "DNS_PUBLIC"}, web, usual, &want},
		"private namespace": {world.Namespace{Type: "DNS_PRIVATE", VPC: "vpc-1"}, web, usual, with(func(t *probe.Target) { t.VPC = "vpc-1" })},
		"no IPv4":           {world.Namespace{}, web, without("AWS_INSTANCE_IPV4"), with(func(t *probe.Target) { t.Address = v6 })},
		"path without slash": {world.Namespace{}, &world.HealthCheckConfig{Type: "HTTPS", ResourcePath: "x?y", FailureThreshold: 2}, usual,
			with(func(t *probe.Target) { t.Type, t.Path = "HTTPS", "/x?y" })},
		"TCP":        {world.Namespace{}, &world.HealthCheckConfig{Type: "TCP", FailureThreshold: 10}, usual, with(func(t *probe.Target) { t.Type, t.Path, t.Threshold = "TCP", "", 10 })},
		"no check":   {world.Namespace{}, nil, usual, nil},
		"no port":    {world.Namespace{}, web, without("AWS_INSTANCE_PORT"), nil},
		"no address": {world.Namespace{}, web, without("AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"), nil},
		"alias":      {world.Namespace{}, web, map[string]string{"AWS_ALIAS_DNS_NAME": "lb.example.com"}, nil},
	} {
		got, known, ok := Check(checked(c.namespace, c.check, c.attributes), key)
		if ok != (c.want != nil) || ok && (got != *c.want || known != world.HealthUnknown) {
			t.Errorf("%s: %+v, %s, %v; want %+v", name, got, known, ok, c.want)
		}
	}
	if _, _, ok := Check(world.New(), key); ok {
		t.Error("an instance that is gone is checked")
	}
}

func TestObserve(t *testing.T) {
	web := &world.HealthCheckConfig{Type: "HTTP", ResourcePath: "/", FailureThreshold: 2}
	w := checked(world.Namespace{}, web, map[string]string{"AWS_INSTANCE_IPV4": "192.0.2.1", "AWS_INSTANCE_PORT": "80"})
	target, _, _ := Check(w, key)
	observe := func(key string, t probe.Target, status world.HealthStatus) *plan.Draft {
		d := &plan.Draft{World: w, Draw: plan.NewDraw([32]byte{})}
		Observe(d, key, t, status)
		return d
	}
	d := observe(key, target, world.Healthy)
	if i := d.World.Instance("srv-1", "i"); i.Health != world.Healthy || !i.WasHealthy {
		t.Errorf("healthy: %+v", i)
	}
	w = d.World
	if i := observe(key, target, world.Unhealthy).World.Instance("srv-1", "i"); i.Health != world.Unhealthy || !i.WasHealthy {
		t.Errorf("unhealthy: %+v", i)
	}
	other := target
	other.Port = 81
	for name, d := range map[string]*plan.Draft{
		"what it is":                  observe(key, target, world.Healthy),
		"of another target":           observe(key, other, world.Unhealthy),
		"of an instance that is gone": observe("srv-1/gone", target, world.Unhealthy),
	} {
		if !d.Empty() {
			t.Errorf("%s: something changed", name)
		}
	}
}
