package world

import "slices"

// Ref names one object.
type Ref struct {
	Kind Kind
	Key  string
}

// RefOf is the name of an object.
func RefOf(o Object) Ref { return Ref{o.Kind(), o.Key()} }

// Refs is a set of names in the order in which they were added first. The zero
// Refs is empty.
type Refs struct {
	list []Ref
	seen map[Ref]bool // nil as long as the list is quicker to look through
}

// manyRefs is from how many names on a map is worth its making. Most changes
// touch three or four objects.
const manyRefs = 16

// Add adds a name, once.
func (r *Refs) Add(ref Ref) {
	if r.has(ref) {
		return
	}
	r.list = append(r.list, ref)
	switch {
	case r.seen != nil:
		r.seen[ref] = true
	case len(r.list) == manyRefs:
		r.seen = make(map[Ref]bool, 2*manyRefs)
		for _, known := range r.list {
			r.seen[known] = true
		}
	}
}

// has says whether a name was added.
func (r *Refs) has(ref Ref) bool {
	if r.seen != nil {
		return r.seen[ref]
	}
	return slices.Contains(r.list, ref)
}

// List is all names in order. It is not to be changed.
func (r *Refs) List() []Ref { return r.list }
