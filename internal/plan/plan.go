// Package plan is the parent of the planners: pure functions from a world and
// a time to changes of that world. A planner works on a Draft, which shows it
// its own changes; the caller commits what the Draft collected.
//
// Planners are deterministic: the same world, time and seed give the same
// changes. They have a fixpoint: planning again on the result changes nothing.
package plan

import (
	"iter"
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

	puts    map[ref]world.Object
	deletes map[ref]bool
	order   []ref
	again   time.Time
}

type ref struct {
	kind world.Kind
	key  string
}

// Put adds or replaces an object.
func (d *Draft) Put(o world.Object) {
	r := ref{o.Kind(), o.Key()}
	d.touch(r)
	delete(d.deletes, r)
	d.puts[r] = o
	d.World.Put(o)
}

// Delete removes an object.
func (d *Draft) Delete(o world.Object) {
	r := ref{o.Kind(), o.Key()}
	d.touch(r)
	delete(d.puts, r)
	d.deletes[r] = true
	d.World.Delete(r.kind, r.key)
}

func (d *Draft) touch(r ref) {
	if d.puts == nil {
		d.puts, d.deletes = map[ref]world.Object{}, map[ref]bool{}
	}
	if _, put := d.puts[r]; !put && !d.deletes[r] {
		d.order = append(d.order, r)
	}
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
func (d *Draft) Empty() bool { return len(d.order) == 0 }

// Changed yields what was put or deleted, in the order in which that was done
// first. World shows the outcome.
func (d *Draft) Changed() iter.Seq2[world.Kind, string] {
	return func(yield func(world.Kind, string) bool) {
		for _, r := range d.order {
			if !yield(r.kind, r.key) {
				return
			}
		}
	}
}

// Writer is what changes are committed to: a transaction of package store.
type Writer interface {
	Put(world.Object)
	Delete(world.Kind, string)
}

// Commit hands the changes to a transaction, in the order in which they were made.
func (d *Draft) Commit(w Writer) {
	for _, r := range d.order {
		if o, ok := d.puts[r]; ok {
			w.Put(o)
			continue
		}
		w.Delete(r.kind, r.key)
	}
}
