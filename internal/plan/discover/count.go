package discover

import (
	"seamark/internal/plan"
	"seamark/internal/world"
)

// Count counts a registration or deregistration in a service's InstancesRevision.
func Count(d *plan.Draft, ds *world.DiscoveryService) {
	d.Put(&world.InstancesRevision{Service: ds.ID, Count: d.World.InstancesRevision(ds) + 1})
}
