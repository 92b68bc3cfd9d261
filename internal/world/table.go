package world

import (
	"iter"
	"slices"
	"strings"
)

// Kind names a kind of object. It is the first part of the object's key in
// the store, so it never changes once released.
type Kind string

// Object is anything that a World holds.
type Object interface {
	Kind() Kind
	// Key is the object's identity among its kind. Parts are separated by
	// "/", the owner first, so that a prefix names all that one owner has.
	Key() string
}

// Rows is a sequence of objects in the order of their keys.
type Rows[T any] = iter.Seq[*T]

// Table is an immutable, ordered map from key to object with secondary
// indexes. The zero Table is empty. It is one pointer, so that a World is
// copied cheaply.
type Table[T any] struct{ v *version }

// version is one state of a table.
type version struct {
	spec    *tableSpec
	rows    tree
	indexes []tree // under "indexed value, zero byte, key"
}

// tableSpec says how rows, which are pointers to one type, are named and indexed.
type tableSpec struct {
	key     func(row any) string
	indexes []func(row any) []string
}

func newVersion(spec *tableSpec) *version {
	return &version{spec: spec, indexes: make([]tree, len(spec.indexes))}
}

// What follows is compiled for each kind of object by every package that
// touches a World, so it is short, and no more than there is use for.

// Get returns the row with that key, or nil.
func (t Table[T]) Get(key string) *T {
	row, _ := t.v.all().get(key).(*T)
	return row
}

// Len is the number of rows.
func (t Table[T]) Len() int { return t.v.all().size }

// All yields every row in the order of the keys.
func (t Table[T]) All() Rows[T] { return rows[T](t.v.all(), "", "") }

// Prefix yields the rows whose key starts with prefix, in order.
func (t Table[T]) Prefix(prefix string) Rows[T] { return rows[T](t.v.all(), prefix, "") }

// After yields the rows whose key starts with prefix and comes after key, in
// order.
func (t Table[T]) After(prefix, key string) Rows[T] { return rows[T](t.v.all(), prefix, key) }

// Within returns the ranks of the rows whose key starts with prefix: from the
// first to before the second. At takes them.
func (t Table[T]) Within(prefix string) (from, to int) { return t.v.all().within(prefix) }

// At returns the row that has so many before it. There must be one.
func (t Table[T]) At(rank int) *T { return t.v.all().nth(rank).(*T) }

// by yields the rows of a table that index n files under value, in the order of
// row keys.
func by[T any](t Table[T], n int, value string) Rows[T] {
	return rows[T](t.v.index(n), value+"\x00", "")
}

func rows[T any](in tree, prefix, key string) Rows[T] {
	return func(yield func(*T) bool) {
		in.after(prefix, key, func(row any) bool { return yield(row.(*T)) })
	}
}

// all is the tree of all rows. The zero Table has no version.
func (v *version) all() tree {
	if v == nil {
		return tree{}
	}
	return v.rows
}

func (v *version) index(n int) tree {
	if v == nil {
		return tree{}
	}
	return v.indexes[n]
}

// put returns the table with row added or replaced.
func (v *version) put(row any) *version {
	key := v.spec.key(row)
	next := newVersion(v.spec)
	var old any
	next.rows, old = v.rows.with(key, row)
	for n, values := range v.spec.indexes {
		next.indexes[n] = refile(v.indexes[n], values, key, old, row)
	}
	return next
}

// remove returns the table without the row of that key.
func (v *version) remove(key string) *version {
	next := newVersion(v.spec)
	var old any
	next.rows, old = v.rows.without(key)
	if old == nil {
		return v
	}
	for n, values := range v.spec.indexes {
		next.indexes[n] = refile(v.indexes[n], values, key, old, nil)
	}
	return next
}

// refile moves a row in an index from where old was to where row belongs;
// either may be nil.
func refile(index tree, values func(any) []string, key string, old, row any) tree {
	var now []string
	if row != nil {
		now = values(row)
	}
	if old != nil {
		for _, value := range values(old) {
			if !slices.Contains(now, value) {
				index, _ = index.without(filed(value, key))
			}
		}
	}
	for _, value := range now {
		index, _ = index.with(filed(value, key), row)
	}
	return index
}

// fill returns a table of the rows. Of rows with the same key the last counts.
func (spec *tableSpec) fill(rows []any) *version {
	next := newVersion(spec)
	next.rows = growAny(rows, func(row any) []string { return []string{spec.key(row)} })
	all := make([]any, 0, next.rows.size)
	next.rows.after("", "", func(row any) bool {
		all = append(all, row)
		return true
	})
	for n, values := range spec.indexes {
		next.indexes[n] = growAny(all, func(row any) []string {
			keys := values(row)
			filedKeys := make([]string, len(keys))
			for i, value := range keys {
				filedKeys[i] = filed(value, spec.key(row))
			}
			return filedKeys
		})
	}
	return next
}

// growAny makes a tree of rows in any order, each under any number of keys.
func growAny(rows []any, under func(any) []string) tree {
	type entry struct {
		key string
		row any
	}
	entries := make([]entry, 0, len(rows))
	for _, row := range rows {
		for _, key := range under(row) {
			entries = append(entries, entry{key, row})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	keys := make([]string, 0, len(entries))
	sorted := make([]any, 0, len(entries))
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].key == e.key {
			continue
		}
		keys = append(keys, e.key)
		sorted = append(sorted, e.row)
	}
	return grow(keys, sorted)
}

func filed(value, key string) string { return value + "\x00" + key }
