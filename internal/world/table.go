package world

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
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

// Table is an immutable, ordered map from key to object with secondary
// indexes. The zero Table is empty and has no indexes.
type Table[T any] struct {
	rows    *iradix.Tree[*T]
	indexes []*iradix.Tree[*T]
	spec    *tableSpec[T]
}

// tableSpec says how rows are named and indexed.
type tableSpec[T any] struct {
	key     func(*T) string
	indexes []func(*T) []string
}

func newTable[T any](key func(*T) string, indexes ...func(*T) []string) Table[T] {
	t := Table[T]{rows: iradix.New[*T](), spec: &tableSpec[T]{key: key, indexes: indexes}}
	for range indexes {
		t.indexes = append(t.indexes, iradix.New[*T]())
	}
	return t
}

// Get returns the row with that key, or nil.
func (t Table[T]) Get(key string) *T {
	if t.rows == nil {
		return nil
	}
	row, _ := t.rows.Get([]byte(key))
	return row
}

// Len is the number of rows.
func (t Table[T]) Len() int {
	if t.rows == nil {
		return 0
	}
	return t.rows.Len()
}

// All yields every row in the order of the keys.
func (t Table[T]) All() iter.Seq[*T] { return scan(t.rows, "") }

// Prefix yields the rows whose key starts with prefix, in order.
func (t Table[T]) Prefix(prefix string) iter.Seq[*T] { return scan(t.rows, prefix) }

// by yields the rows that index n files under key, in the order of row keys.
func (t Table[T]) by(n int, key string) iter.Seq[*T] {
	if t.rows == nil {
		return func(func(*T) bool) {}
	}
	return scan(t.indexes[n], key+"\x00")
}

func scan[T any](tree *iradix.Tree[*T], prefix string) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		if tree == nil {
			return
		}
		it := tree.Root().Iterator()
		it.SeekPrefix([]byte(prefix))
		for _, row, ok := it.Next(); ok; _, row, ok = it.Next() {
			if !yield(row) {
				return
			}
		}
	}
}

// put returns the table with row added or replaced.
func (t Table[T]) put(row *T) Table[T] {
	key := t.spec.key(row)
	rows, old, had := t.rows.Insert([]byte(key), row)
	next := Table[T]{rows: rows, spec: t.spec}
	for n, index := range t.spec.indexes {
		tree := t.indexes[n]
		if had {
			tree = unfile(tree, index(old), key)
		}
		for _, under := range index(row) {
			tree, _, _ = tree.Insert(filed(under, key), row)
		}
		next.indexes = append(next.indexes, tree)
	}
	return next
}

// remove returns the table without the row of that key.
func (t Table[T]) remove(key string) Table[T] {
	rows, old, had := t.rows.Delete([]byte(key))
	if !had {
		return t
	}
	next := Table[T]{rows: rows, spec: t.spec}
	for n, index := range t.spec.indexes {
		next.indexes = append(next.indexes, unfile(t.indexes[n], index(old), key))
	}
	return next
}

func unfile[T any](tree *iradix.Tree[*T], under []string, key string) *iradix.Tree[*T] {
	for _, u := range under {
		tree, _, _ = tree.Delete(filed(u, key))
	}
	return tree
}

func filed(under, key string) []byte { return []byte(under + "\x00" + key) }

// Rows is a sequence of objects in the order of their keys.
type Rows[T any] = iter.Seq[*T]
