// Package discover moves what Cloud Map does by itself: a custom health status
// that was asked for becomes effective when its delay is over, and what the
// health check of a service finds becomes the health of its instances. It is
// pure.
package discover

import (
	"seamark/internal/plan"
	"seamark/internal/world"
)

// Plan makes a pending health status of one instance effective when its time
// has come. key is the instance's key in World.DiscoveryInstances.
func Plan(d *plan.Draft, key string) {
	i := d.World.DiscoveryInstances.Get(key)
	if i == nil || i.Pending == "" {
		return
	}
	if d.Now.Before(i.PendingAt) {
		d.Again(i.PendingAt)
		return
	}
	next := *i
	next.Health, next.Pending = i.Pending, ""
	next.WasHealthy = next.WasHealthy || next.Health == world.Healthy
	d.Put(&next)
}
