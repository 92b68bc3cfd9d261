// Package instance moves one EC2 instance through its states. It is pure.
package instance

import (
	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// Plan brings the instance of that id as far as it can go now.
//
// An instance that shuts itself down is terminated: Seamark's instances keep
// no volume that another start could use.
func Plan(d *plan.Draft, id world.InstanceID) {
	for {
		i := d.World.Instances.Get(string(id))
		if i == nil {
			return
		}
		next := *i
		if !advance(d, &next) {
			return
		}
		d.Put(&next)
	}
}

func advance(d *plan.Draft, i *world.Instance) bool {
	switch i.State {
	case world.InstancePending, world.InstanceRunning:
		return up(i, d)
	case world.InstanceShuttingDown:
		return down(i, d)
	}
	return false
}

func up(i *world.Instance, d *plan.Draft) bool {
	switch {
	case i.Observed.Failure != "":
		i.StateReason, i.StateMessage = "Server.InternalError", "Server.InternalError: "+i.Observed.Failure
	case i.Observed.ExitCode != nil:
		i.StateReason, i.StateMessage = "Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
	case i.State == world.InstancePending && i.Observed.Running:
		i.State = world.InstanceRunning
		return true
	default:
		return false
	}
	i.State = world.InstanceShuttingDown
	return true
}

func down(i *world.Instance, d *plan.Draft) bool {
	if n := d.World.NetworkInterfaces.Get(string(i.Interface)); n != nil && i.Observed.Stopped {
		place.Release(d, n, 0)
	}
	if !i.Observed.Released {
		return false
	}
	i.State = world.InstanceTerminated
	i.TerminatedAt = d.Now
	return true
}
