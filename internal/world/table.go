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
type Table[T any] struct{ v *version[T] }

// version is one state of a table.
type version[T any] struct {
	spec    *tableSpec[T]
	rows    tree[T]
	indexes []tree[T] // under "indexed value, zero byte, key"
}

// tableSpec says how rows are named and indexed.
type tableSpec[T any] struct {
	key     func(*T) string
	indexes []func(*T) []string
}

func newTable[T any](spec *tableSpec[T]) Table[T] {
	return Table[T]{&version[T]{spec: spec, indexes: make([]tree[T], len(spec.indexes))}}
}

// Get returns the row with that key, or nil.
func (t Table[T]) Get(key string) *T {
	if t.v == nil {
		return nil
	}
	return t.v.rows.get(key)
}

// Len is the number of rows.
func (t Table[T]) Len() int {
	if t.v == nil {
		return 0
	}
	return t.v.rows.size
}

// All yields every row in the order of the keys.
func (t Table[T]) All() Rows[T] { return t.Prefix("") }

// Prefix yields the rows whose key starts with prefix, in order.
func (t Table[T]) Prefix(prefix string) Rows[T] {
	if t.v == nil {
		return func(func(*T) bool) {}
	}
	return t.v.rows.prefix(prefix)
}

// After yields the rows whose key starts with prefix and comes after key, in
// order.
func (t Table[T]) After(prefix, key string) Rows[T] {
	if key < prefix {
		return t.Prefix(prefix)
	}
	return func(yield func(*T) bool) {
		if t.v == nil || t.v.rows.root == nil {
			return
		}
		t.v.rows.root.ascend(key, func(k string, row *T) bool {
			return k == key || strings.HasPrefix(k, prefix) && yield(row)
		})
	}
}

// by yields the rows that index n files under value, in the order of row keys.
func (t Table[T]) by(n int, value string) Rows[T] {
	if t.v == nil {
		return func(func(*T) bool) {}
	}
	return t.v.indexes[n].prefix(value + "\x00")
}

// put returns the table with row added or replaced.
func (t Table[T]) put(row *T) Table[T] {
	spec := t.v.spec
	key := spec.key(row)
	next := &version[T]{spec: spec}
	var old *T
	next.rows, old = t.v.rows.with(key, row)
	if len(spec.indexes) > 0 {
		next.indexes = make([]tree[T], len(spec.indexes))
	}
	for n, values := range spec.indexes {
		next.indexes[n] = refile(t.v.indexes[n], values, key, old, row)
	}
	return Table[T]{next}
}

// remove returns the table without the row of that key.
func (t Table[T]) remove(key string) Table[T] {
	spec := t.v.spec
	next := &version[T]{spec: spec}
	var old *T
	next.rows, old = t.v.rows.without(key)
	if old == nil {
		return t
	}
	if len(spec.indexes) > 0 {
		next.indexes = make([]tree[T], len(spec.indexes))
	}
	for n, values := range spec.indexes {
		next.indexes[n] = refile(t.v.indexes[n], values, key, old, nil)
	}
	return Table[T]{next}
}

// refile moves a row in an index from where old was to where row belongs;
// either may be nil.
func refile[T any](index tree[T], values func(*T) []string, key string, old, row *T) tree[T] {
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
func (spec *tableSpec[T]) fill(rows []*T) Table[T] {
	next := newTable(spec)
	next.v.rows = growAny(rows, func(row *T) []string { return []string{spec.key(row)} })
	for n, values := range spec.indexes {
		next.v.indexes[n] = growAny(slices.Collect(next.All()), func(row *T) []string {
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
func growAny[T any](rows []*T, under func(*T) []string) tree[T] {
	type entry struct {
		key string
		row *T
	}
	entries := make([]entry, 0, len(rows))
	for _, row := range rows {
		for _, key := range under(row) {
			entries = append(entries, entry{key, row})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	keys := make([]string, 0, len(entries))
	sorted := make([]*T, 0, len(entries))
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
