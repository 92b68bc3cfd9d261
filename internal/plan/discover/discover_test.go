package discover

import (
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

func TestPlan(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	draft := func(i world.DiscoveryInstance, at time.Time) *plan.Draft {
		w := world.New()
		i.Service, i.ID = "srv-1", "i"
		w.Put(&i)
		return &plan.Draft{World: w, Now: at, Draw: plan.NewDraw([32]byte{})}
	}
	pending := world.DiscoveryInstance{Health: world.Unhealthy, Pending: world.Healthy, PendingAt: now.Add(30 * time.Second)}

	d := draft(pending, now)
	if Plan(d, "srv-1/i"); !d.Empty() || d.Wake() != pending.PendingAt {
		t.Errorf("before its time: empty %v, wakes at %v", d.Empty(), d.Wake())
	}
	d = draft(pending, pending.PendingAt)
	Plan(d, "srv-1/i")
	if i := d.World.Instance("srv-1", "i"); i.Health != world.Healthy || i.Pending != "" || !i.WasHealthy {
		t.Errorf("at its time: %+v", i)
	}
	for name, i := range map[string]world.DiscoveryInstance{"settled": {Health: world.Healthy}} {
		d := draft(i, now)
		if Plan(d, "srv-1/i"); !d.Empty() || !d.Wake().IsZero() {
			t.Errorf("%s: empty %v, wakes at %v", name, d.Empty(), d.Wake())
		}
	}
	d = draft(pending, now)
	if Plan(d, "srv-1/gone"); !d.Empty() {
		t.Error("an instance that is gone was planned")
	}
}
