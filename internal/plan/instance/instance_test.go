package instance

import (
	"net/netip"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func draft(i world.Instance) *plan.Draft {
	w := world.New()
	i.ID, i.Interface = "i-1", "eni-1"
	w.Put(&i)
	w.Put(&world.NetworkInterface{ID: "eni-1", Subnet: "subnet-1", Address: netip.MustParseAddr("10.0.0.4")})
	return &plan.Draft{World: w, Now: now, Draw: plan.NewDraw([32]byte{})}
}

func TestPlan_Moves(t *testing.T) {
	code := int32(1)
	for name, c := range map[string]struct {
		state    world.InstanceState
		observed world.InstanceObserved
		want     world.InstanceState
		reason   string
	}{
		"nothing seen yet":       {world.InstancePending, world.InstanceObserved{}, world.InstancePending, ""},
		"it runs":                {world.InstancePending, world.InstanceObserved{Running: true}, world.InstanceRunning, ""},
		"it goes on":             {world.InstanceRunning, world.InstanceObserved{Running: true}, world.InstanceRunning, ""},
		"it cannot boot":         {world.InstancePending, world.InstanceObserved{Failure: "no image"}, world.InstanceShuttingDown, "Server.InternalError: no image"},
		"it shuts down":          {world.InstanceRunning, world.InstanceObserved{ExitCode: &code}, world.InstanceShuttingDown, "Client.InstanceInitiatedShutdown: Instance initiated shutdown"},
		"told to, still running": {world.InstanceShuttingDown, world.InstanceObserved{Running: true}, world.InstanceShuttingDown, ""},
		"told to, all gone":      {world.InstanceShuttingDown, world.InstanceObserved{Stopped: true, Released: true}, world.InstanceTerminated, ""},
		"over":                   {world.InstanceTerminated, world.InstanceObserved{Released: true}, world.InstanceTerminated, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(world.Instance{State: c.state, Observed: c.observed})
			Plan(d, "i-1")
			got := d.World.Instances.Get("i-1")
			if got.State != c.want || got.StateMessage != c.reason {
				t.Errorf("%s %q, want %s %q", got.State, got.StateMessage, c.want, c.reason)
			}
			again := &plan.Draft{World: d.World, Now: now, Draw: d.Draw}
			if Plan(again, "i-1"); !again.Empty() {
				t.Error("planning again changes something")
			}
		})
	}
}

func TestPlan_ReleasesTheInterfaceOnceItHasStopped(t *testing.T) {
	d := draft(world.Instance{State: world.InstanceShuttingDown})
	if Plan(d, "i-1"); !d.Empty() {
		t.Fatal("something happened while it runs")
	}
	d = draft(world.Instance{State: world.InstanceShuttingDown, Observed: world.InstanceObserved{Stopped: true}})
	Plan(d, "i-1")
	if d.World.NetworkInterfaces.Len() != 0 || d.World.AddressRests.Get("subnet-1/10.0.0.4") == nil {
		t.Error("the interface was not released")
	}
	if got := d.World.Instances.Get("i-1").State; got != world.InstanceShuttingDown {
		t.Errorf("%s before the machine is clean", got)
	}
}
