package store

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"

	"seamark/internal/world"
)

// CheckVariable is the environment variable that, set to 1, has every store
// check that objects are not changed after they were put.
const CheckVariable = "SEAMARK_CHECK_IMMUTABLE"

// guard remembers what objects looked like when they were put. A nil guard
// checks nothing. It belongs to the goroutine that runs updates.
type guard struct {
	objects map[world.Ref]fingerprint
}

type fingerprint struct {
	object world.Object
	sum    [sha256.Size]byte
}

// newGuard returns a guard for the objects of w if the environment asks for it.
func newGuard(w world.World) *guard {
	if os.Getenv(CheckVariable) != "1" {
		return nil
	}
	g := &guard{objects: make(map[world.Ref]fingerprint)}
	for _, k := range world.Kinds() {
		for o := range w.All(k) {
			g.objects[world.RefOf(o)] = fingerprint{o, sum(o)}
		}
	}
	return g
}

// put panics if o is an object of the world that was changed in place.
func (g *guard) put(o world.Object) {
	if g == nil {
		return
	}
	was, ok := g.objects[world.RefOf(o)]
	if ok && was.object == o && was.sum != sum(o) {
		panic(mutated(o))
	}
}

// adopt is put for an object of w, if it is there.
func (g *guard) adopt(w world.World, r world.Ref) {
	if g == nil {
		return
	}
	if o := w.Get(r.Kind, r.Key); o != nil {
		g.put(o)
	}
}

// commit records what an update put.
func (g *guard) commit(changes []Change) {
	if g == nil {
		return
	}
	for _, c := range changes {
		g.check(c.Ref)
		if c.New == nil {
			delete(g.objects, c.Ref)
			continue
		}
		g.objects[c.Ref] = fingerprint{c.New, sum(c.New)}
	}
}

// checkAll panics if any object was changed.
func (g *guard) checkAll() {
	if g == nil {
		return
	}
	for r := range g.objects {
		g.check(r)
	}
}

func (g *guard) check(r world.Ref) {
	if was, ok := g.objects[r]; ok && was.sum != sum(was.object) {
		panic(mutated(was.object))
	}
}

// reset forgets everything and starts anew with w, after a batch failed.
func (g *guard) reset(w world.World) {
	if g == nil {
		return
	}
	g.objects = newGuard(w).objects
}

func mutated(o world.Object) string {
	return fmt.Sprintf("store: %s %q was changed after it was put", o.Kind(), o.Key())
}

func sum(o world.Object) [sha256.Size]byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("store: encode %s %q: %v", o.Kind(), o.Key(), err))
	}
	return sha256.Sum256(b)
}
