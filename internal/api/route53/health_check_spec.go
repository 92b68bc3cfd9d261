package route53

import (
	"slices"
	"strings"

	"seamark/internal/api/optional"
	"seamark/internal/world"
)

// newSpec is a health check's specification with Route 53's defaults.
func newSpec(c *HealthCheckConfig) (world.HealthCheckSpec, error) {
	s := world.HealthCheckSpec{
		Type: *c.Type, IPAddress: optional.Value(c.IPAddress), DomainName: optional.Value(c.FullyQualifiedDomainName), Port: optional.Value(c.Port),
		ResourcePath: optional.Value(c.ResourcePath), SearchString: optional.Value(c.SearchString), MeasureLatency: optional.Value(c.MeasureLatency),
		Inverted: optional.Value(c.Inverted), Disabled: optional.Value(c.Disabled), Regions: c.Regions, HealthThreshold: optional.Value(c.HealthThreshold),
	}
	for _, id := range c.ChildHealthChecks {
		s.Children = append(s.Children, world.HealthCheckID(id))
	}
	switch s.Type {
	case HealthCheckTypeCloudwatchMetric, HealthCheckTypeRecoveryControl:
		return s, invalid("Health checks of the type %s are not built in Seamark yet.", s.Type)
	case HealthCheckTypeCalculated:
		if c.HealthThreshold == nil || len(s.Children) == 0 {
			return s, invalid("A CALCULATED health check needs ChildHealthChecks and a HealthThreshold.")
		}
		if c.RequestInterval != nil || c.FailureThreshold != nil || c.EnableSNI != nil {
			return s, invalid("RequestInterval, FailureThreshold and EnableSNI are not permitted for CALCULATED health checks.")
		}
		return s, nil
	case HealthCheckTypeHttps, HealthCheckTypeHttpsStrMatch:
		s.EnableSNI = optional.Or(c.EnableSNI, true)
		s.Port = optional.Or(c.Port, 443)
	case HealthCheckTypeHttp, HealthCheckTypeHttpStrMatch:
		s.Port = optional.Or(c.Port, 80)
	}
	if c.HealthThreshold != nil || len(s.Children) > 0 {
		return s, invalid("ChildHealthChecks and HealthThreshold are permitted for CALCULATED health checks only.")
	}
	s.RequestInterval, s.FailureThreshold = optional.Or(c.RequestInterval, 30), optional.Or(c.FailureThreshold, 3)
	return s, nil
}

// checkSpec checks what the members of a health check demand of each other
// (HealthCheckConfig in the API reference).
func checkSpec(w world.World, s world.HealthCheckSpec) error {
	matches := strings.HasSuffix(s.Type, "_STR_MATCH")
	switch {
	case s.Type == HealthCheckTypeCalculated:
		return checkChildren(w, s)
	case len(s.Children) > 0 || s.HealthThreshold != 0:
		return invalid("ChildHealthChecks and HealthThreshold are permitted for CALCULATED health checks only.")
	case s.IPAddress == "" && s.DomainName == "":
		return invalid("Invalid parameter : Either IPAddress or FullyQualifiedDomainName must be specified.")
	case s.Type == HealthCheckTypeTcp && s.Port == 0:
		return invalid("Invalid parameter : Port must be specified for TCP health checks.")
	case s.Type == HealthCheckTypeTcp && (s.ResourcePath != "" || s.EnableSNI):
		return invalid("Invalid parameter : ResourcePath and EnableSNI are not permitted for TCP health checks.")
	case matches && s.SearchString == "":
		return invalid("Invalid parameter : SearchString must be specified for %s health checks.", s.Type)
	case !matches && s.SearchString != "":
		return invalid("Invalid parameter : SearchString is not permitted for %s health checks.", s.Type)
	case s.RequestInterval != 10 && s.RequestInterval != 30:
		return invalid("Invalid parameter : RequestInterval must be 10 or 30.")
	case strings.ContainsAny(s.ResourcePath, " \r\n\t"):
		return invalid("Invalid parameter : ResourcePath contains characters that are not permitted.")
	}
	if s.DomainName != "" {
		if _, err := dnsName(s.DomainName); err != nil {
			return invalid("Invalid fully qualified domain name: %s", s.DomainName)
		}
	}
	return nil
}

func checkChildren(w world.World, s world.HealthCheckSpec) error {
	if s.IPAddress != "" || s.DomainName != "" || s.Port != 0 || s.ResourcePath != "" || s.SearchString != "" || s.MeasureLatency || len(s.Regions) > 0 {
		return invalid("What an endpoint is checked with is not permitted for CALCULATED health checks.")
	}
	for i, id := range s.Children {
		child := w.HealthChecks.Get(string(id))
		switch {
		case child == nil:
			return invalid("The child health check %s does not exist.", id)
		case child.Spec.Type == HealthCheckTypeCalculated:
			return invalid("The child health check %s is itself a CALCULATED one.", id)
		case slices.Contains(s.Children[:i], id):
			return invalid("The child health check %s is named twice.", id)
		}
	}
	return nil
}

// updated is a specification after UpdateHealthCheck.
func updated(s world.HealthCheckSpec, in *UpdateHealthCheckInput) world.HealthCheckSpec {
	for _, name := range in.ResetElements {
		switch name {
		case ResettableElementNameFullyQualifiedDomainName:
			s.DomainName = ""
		case ResettableElementNameRegions:
			s.Regions = nil
		case ResettableElementNameResourcePath:
			s.ResourcePath = ""
		case ResettableElementNameChildHealthChecks:
			s.Children = nil
		}
	}
	s.IPAddress, s.DomainName = optional.Or(in.IPAddress, s.IPAddress), optional.Or(in.FullyQualifiedDomainName, s.DomainName)
	s.Port, s.ResourcePath = optional.Or(in.Port, s.Port), optional.Or(in.ResourcePath, s.ResourcePath)
	s.SearchString = optional.Or(in.SearchString, s.SearchString)
	s.FailureThreshold, s.HealthThreshold = optional.Or(in.FailureThreshold, s.FailureThreshold), optional.Or(in.HealthThreshold, s.HealthThreshold)
	s.Inverted, s.Disabled = optional.Or(in.Inverted, s.Inverted), optional.Or(in.Disabled, s.Disabled)
	s.EnableSNI = optional.Or(in.EnableSNI, s.EnableSNI)
	if in.Regions != nil {
		s.Regions = in.Regions
	}
	if in.ChildHealthChecks != nil {
		s.Children = nil
		for _, id := range in.ChildHealthChecks {
			s.Children = append(s.Children, world.HealthCheckID(id))
		}
	}
	return s
}

func showHealthCheck(h *world.DNSHealthCheck) *HealthCheck {
	s := h.Spec
	c := &HealthCheckConfig{
		Type: &s.Type, IPAddress: optional.Text(s.IPAddress), FullyQualifiedDomainName: optional.Text(s.DomainName), ResourcePath: optional.Text(s.ResourcePath),
		SearchString: optional.Text(s.SearchString), Inverted: &s.Inverted, Disabled: &s.Disabled, Regions: s.Regions,
	}
	if s.Type == HealthCheckTypeCalculated {
		c.HealthThreshold = &s.HealthThreshold
		for _, id := range s.Children {
			c.ChildHealthChecks = append(c.ChildHealthChecks, string(id))
		}
	} else {
		c.Port, c.RequestInterval, c.FailureThreshold, c.MeasureLatency, c.EnableSNI = &s.Port, &s.RequestInterval, &s.FailureThreshold, &s.MeasureLatency, &s.EnableSNI
	}
	return &HealthCheck{Id: new(string(h.ID)), CallerReference: &h.CallerReference, HealthCheckVersion: &h.Version, HealthCheckConfig: c}
}
