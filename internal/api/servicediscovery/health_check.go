package servicediscovery

import (
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/plan/probe"
	"seamark/internal/world"
)

// healthCheck checks a HealthCheckConfig for a service and fills in the
// defaults. Nil: there is none. The rules are those of the Cloud Map API
// reference, HealthCheckConfig.
func (s *Server) healthCheck(n *world.Namespace, ds *world.DiscoveryService, h *HealthCheckConfig) (*world.HealthCheckConfig, error) {
	cname := func(d world.DNSRecord) bool { return d.Type == RecordTypeCname }
	switch {
	case h == nil:
		return nil, nil
	case ds.CustomHealth:
		return nil, invalid("HealthCheckConfig and HealthCheckCustomConfig cannot both be specified.")
	case n.Type == NamespaceTypeDnsPrivate && !s.cfg.PrivateHealthChecks:
		return nil, invalid("HealthCheckConfig cannot be specified for a service in a private DNS namespace.")
	case slices.ContainsFunc(ds.Records, cname):
		return nil, invalid("HealthCheckConfig cannot be specified for a service with CNAME records.")
	case h.ResourcePath != nil && *h.Type == HealthCheckTypeTcp:
		return nil, invalid("ResourcePath cannot be specified for a health check of type TCP.")
	case !printable(optional.Value(h.ResourcePath)):
		return nil, invalid("ResourcePath is not a valid path: %s", *h.ResourcePath)
	}
	check := &world.HealthCheckConfig{Type: *h.Type, FailureThreshold: optional.Or(h.FailureThreshold, probe.UsualThreshold)}
	if *h.Type != HealthCheckTypeTcp {
		check.ResourcePath = optional.Or(h.ResourcePath, "/")
	}
	return check, nil
}

// printable says whether a text can stand in the first line of an HTTP request.
func printable(path string) bool {
	return !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' })
}

// changedCheck takes over an updated health check. What was found by a check
// that is there no more, or not yet, does not count for the new one.
func changedCheck(d *plan.Draft, ds *world.DiscoveryService, next *world.HealthCheckConfig) {
	if (ds.HealthCheck == nil) == (next == nil) {
		return
	}
	for i := range d.World.InstancesOf(ds.ID) {
		if i.Health == world.Unhealthy {
			unknown := *i
			unknown.Health = world.HealthUnknown
			d.Put(&unknown)
		}
	}
}
