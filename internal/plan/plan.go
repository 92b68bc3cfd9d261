// Package plan is the parent of the planners: pure functions from a world and
// a time to changes of that world. A planner works on a Draft, which shows it
// its own changes; the caller commits what the Draft collected.
//
// Planners are deterministic: the same world, time and seed give the same
// changes. They have a fixpoint: planning again on the result changes nothing.
package plan

import (
	"time"

	"seamark/internal/world"
)

// Draft is a world that a planner may change, with the inputs that are not in
// the world. It is used by one goroutine and thrown away.
type Draft struct {
	World world.World
	Now   time.Time
	Draw  *Draw
	// Revision is the revision that these changes will have.
	Revision int64
	// Applied is the newest revision that the resolver is known to serve.
	Applied  int64
	Scope    world.Scope
	Fidelity world.Fidelity

	touched world.Refs
	again   time.Time
}

// Put adds or replaces an object.
func (d *Draft) Put(o world.Object) {
	d.touched.Add(world.RefOf(o))
	d.World.Put(o)
}

// Delete removes an object.
func (d *Draft) Delete(o world.Object) {
	r := world.RefOf(o)
	d.touched.Add(r)
	d.World.Delete(r.Kind, r.Key)
}

// Again asks to be planned anew at t at the latest.
func (d *Draft) Again(t time.Time) {
	if !t.IsZero() && (d.again.IsZero() || t.Before(d.again)) {
		d.again = t
	}
}

// Wake is the earliest time given to Again, or zero.
func (d *Draft) Wake() time.Time { return d.again }

// Empty says that nothing was changed.
func (d *Draft) Empty() bool { return len(d.touched.List()) == 0 }

// Changed names what was put or deleted, in the order in which that was done
// first. World shows the outcome.
func (d *Draft) Changed() []world.Ref { return d.touched.List() }
