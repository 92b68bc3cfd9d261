package discover

import (
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// WithStatus returns the instance with the custom health asked for, or nil if
// that changes nothing. In AWS's fidelity it becomes effective after 30 seconds,
// unless the opposite is asked for before (Cloud Map API reference,
// HealthCheckCustomConfig).
func WithStatus(d *plan.Draft, i world.DiscoveryInstance, status world.HealthStatus) *world.DiscoveryInstance {
	delay := d.Fidelity.CustomHealthDelay()
	switch {
	case i.Pending == status, i.Pending == "" && i.Health == status:
		return nil
	case i.Health == status:
		i.Pending, i.PendingAt = "", time.Time{}
	case delay > 0:
		i.Pending, i.PendingAt = status, d.Now.Add(delay)
	default:
		i.Health = status
		i.WasHealthy = i.WasHealthy || status == world.Healthy
	}
	return &i
}
