package route53

import (
	"context"
	"slices"

	"seamark/internal/wire"
	"seamark/internal/world"
)

// GetHealthCheckStatus shows what the checker of this machine saw. Route 53 has
// many, all over the world.
func (s *Server) GetHealthCheckStatus(_ context.Context, in *GetHealthCheckStatusInput) (*GetHealthCheckStatusOutput, error) {
	h, err := healthCheck(s.cfg.Changes.View(), *in.HealthCheckId)
	if err != nil {
		return nil, err
	}
	if h.Spec.Type == HealthCheckTypeCalculated {
		return nil, invalid("The status of CALCULATED health checks is not available by GetHealthCheckStatus.")
	}
	out := &GetHealthCheckStatusOutput{HealthCheckObservations: []HealthCheckObservation{}}
	if h.Observed.Status == "" {
		return out, nil // nothing seen yet
	}
	text := h.Observed.Text
	if text == "" {
		text = map[world.HealthStatus]string{world.Healthy: "Success", world.Unhealthy: "Failure"}[h.Observed.Status]
	}
	out.HealthCheckObservations = append(out.HealthCheckObservations, HealthCheckObservation{
		Region: new(s.checkerRegion(h)), IPAddress: new("127.0.0.1"),
		StatusReport: &StatusReport{Status: &text, CheckedTime: wire.At(h.Observed.At)},
	})
	return out, nil
}

// checkerRegion is the Region that the checker counts as: this one, if checks
// come from it, else the first of those that were asked for.
func (s *Server) checkerRegion(h *world.DNSHealthCheck) string {
	regions := h.Spec.Regions
	if len(regions) == 0 {
		regions = []string{
			HealthCheckRegionUsEast1, HealthCheckRegionUsWest1, HealthCheckRegionUsWest2, HealthCheckRegionEuWest1,
			HealthCheckRegionApSoutheast1, HealthCheckRegionApSoutheast2, HealthCheckRegionApNortheast1, HealthCheckRegionSaEast1,
		}
	}
	if slices.Contains(regions, s.cfg.Scope.Region) {
		return s.cfg.Scope.Region
	}
	return regions[0]
}
