package discover

import (
	"net/netip"
	"strconv"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/plan/probe"
	"seamark/internal/world"
)

// Check says what the health check of a service checks of one instance, and
// which status is known. It reports false where there is nothing to check: no
// HealthCheckConfig, or an alias, which has the health of what it points to.
// key is the instance's key in World.DiscoveryInstances.
//
// As Cloud Map documents it, the IPv4 address is checked where there is one, at
// the instance's port, every 30 seconds. Instances in a private namespace are
// checked from inside its VPC (docs/divergences.md).
func Check(w world.World, key string) (t probe.Target, known world.HealthStatus, ok bool) {
	i := w.DiscoveryInstances.Get(key)
	if i == nil {
		return probe.Target{}, "", false
	}
	ds := w.DiscoveryServices.Get(string(i.Service))
	if ds == nil || ds.HealthCheck == nil {
		return probe.Target{}, "", false
	}
	n := w.Namespaces.Get(string(ds.Namespace))
	address, has := addressOf(i)
	port, err := strconv.ParseUint(i.Attributes["AWS_INSTANCE_PORT"], 10, 16)
	if n == nil || !has || err != nil || port == 0 {
		return probe.Target{}, "", false
	}
	h := ds.HealthCheck
	t = probe.Target{
		Type: h.Type, VPC: n.VPC, Address: address, Port: uint16(port),
		Interval: probe.LongInterval, Threshold: int(h.FailureThreshold),
	}
	if h.Type != probe.TCP {
		t.Path = "/" + strings.TrimPrefix(h.ResourcePath, "/")
	}
	return t, i.Health, true
}

func addressOf(i *world.DiscoveryInstance) (netip.Addr, bool) {
	for _, key := range []string{"AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"} {
		if a, err := netip.ParseAddr(i.Attributes[key]); err == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Observe takes over what a health check found, unless the instance stands for
// another target meanwhile.
func Observe(d *plan.Draft, key string, t probe.Target, status world.HealthStatus) {
	now, known, ok := Check(d.World, key)
	if !ok || now != t || known == status {
		return
	}
	next := *d.World.DiscoveryInstances.Get(key)
	next.Health = status
	next.WasHealthy = next.WasHealthy || status == world.Healthy
	d.Put(&next)
}
