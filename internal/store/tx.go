package store

import (
	"time"

	"seamark/internal/world"
)

// Tx is one update while its function runs. It is not used afterwards.
type Tx struct {
	// World is the newest world and shows the writes of this update. Write
	// with Put and Delete of Tx; World's own would not be recorded.
	World world.World
	// Now is the time of this update, in UTC, the same for all of it.
	Now time.Time

	base    world.World
	touched world.Refs
	guard   *guard
}

func newTx(w world.World, now time.Time, g *guard) *Tx {
	return &Tx{World: w, Now: now.UTC().Round(0), base: w, guard: g}
}

// Put adds or replaces an object. The object belongs to the world from now on:
// nobody changes it any more.
func (tx *Tx) Put(o world.Object) {
	tx.guard.put(o)
	tx.touched.Add(world.RefOf(o))
	tx.World.Put(o)
}

// Delete removes an object. One that is not there is no error.
func (tx *Tx) Delete(k world.Kind, key string) {
	tx.touched.Add(world.Ref{Kind: k, Key: key})
	tx.World.Delete(k, key)
}

// Adopt makes w the world of this update. w came from World by puts and deletes
// of the objects named: copying its pointer costs nothing, where writing the
// same once more would copy a path of each tree that is touched.
func (tx *Tx) Adopt(w world.World, changed []world.Ref) {
	for _, r := range changed {
		tx.guard.adopt(w, r)
		tx.touched.Add(r)
	}
	tx.World = w
}

// Revision is the number that this update will have if it writes something.
func (tx *Tx) Revision() int64 { return tx.base.Revision + 1 }

// changes lists what differs from the world before, leaving out what was
// created and deleted again and what was put back unchanged.
func (tx *Tx) changes() []Change {
	var list []Change
	for _, r := range tx.touched.List() {
		c := Change{Ref: r, Old: tx.base.Get(r.Kind, r.Key), New: tx.World.Get(r.Kind, r.Key)}
		if c.Old != c.New {
			list = append(list, c)
		}
	}
	return list
}
