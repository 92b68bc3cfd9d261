package store

import (
	"iter"
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
	touched []id
	seen    map[id]bool
	guard   *guard
}

// id names one object of the world.
type id struct {
	kind world.Kind
	key  string
}

func newTx(w world.World, now time.Time, g *guard) *Tx {
	return &Tx{World: w, Now: now.UTC().Round(0), base: w, guard: g}
}

// Put adds or replaces an object. The object belongs to the world from now on:
// nobody changes it any more.
func (tx *Tx) Put(o world.Object) {
	tx.guard.put(o)
	tx.touch(id{o.Kind(), o.Key()})
	tx.World.Put(o)
}

// Delete removes an object. One that is not there is no error.
func (tx *Tx) Delete(k world.Kind, key string) {
	tx.touch(id{k, key})
	tx.World.Delete(k, key)
}

// Adopt makes w the world of this update. w came from World by puts and deletes
// of the objects named: copying its pointer costs nothing, where writing the
// same once more would copy a path of each tree that is touched.
func (tx *Tx) Adopt(w world.World, changed iter.Seq2[world.Kind, string]) {
	for k, key := range changed {
		if o := w.Get(k, key); o != nil {
			tx.guard.put(o)
		}
		tx.touch(id{k, key})
	}
	tx.World = w
}

// Revision is the number that this update will have if it writes something.
func (tx *Tx) Revision() int64 { return tx.base.Revision + 1 }

func (tx *Tx) touch(i id) {
	if tx.seen[i] {
		return
	}
	if tx.seen == nil {
		tx.seen = make(map[id]bool)
	}
	tx.seen[i] = true
	tx.touched = append(tx.touched, i)
}

// changes lists what differs from the world before, leaving out what was
// created and deleted again and what was put back unchanged.
func (tx *Tx) changes() []Change {
	var list []Change
	for _, i := range tx.touched {
		c := Change{Kind: i.kind, Key: i.key, Old: tx.base.Get(i.kind, i.key), New: tx.World.Get(i.kind, i.key)}
		if c.Old != c.New {
			list = append(list, c)
		}
	}
	return list
}
