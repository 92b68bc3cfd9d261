package world

import (
	"slices"
	"strings"
)

// tree is an immutable B+ tree from string to a row: with and without return a
// new tree that shares all but one path with the old one. The zero tree is
// empty. Rows are pointers, nil is none.
//
// It is not generic. Every package that touches a World would compile the tree
// for each kind of object: 7 s and 15 MB for each package, as measured.
//
// At 100,000 instances a row costs 94 bytes and a put 1.4 µs; in the radix tree
// that was here before (hashicorp/go-immutable-radix, two channels for each
// row) it was 456 bytes and 3.0 µs (BenchmarkTableMemory, BenchmarkPut).
type tree struct {
	root *node
	size int
}

// fanout is the largest number of entries of a node. An insertion copies one
// node of each level, so that more is slower to write and fewer is deeper.
const fanout = 32

// node is a leaf (keys and rows, one row for each key) or an inner node
// (children, and between each two the smallest key of the right one).
type node struct {
	keys     []string
	rows     []any
	children []*node
	below    int // rows below an inner node
}

func (n *node) leaf() bool { return n.children == nil }

// width is the number of rows or children.
func (n *node) width() int { return max(len(n.rows), len(n.children)) }

// count is the number of rows at or below n.
func (n *node) count() int {
	if n.leaf() {
		return len(n.rows)
	}
	return n.below
}

func count(nodes []*node) int {
	sum := 0
	for _, n := range nodes {
		sum += n.count()
	}
	return sum
}

// child is the index of the child that may hold the key.
func (n *node) child(key string) int {
	at, found := slices.BinarySearch(n.keys, key)
	if found {
		return at + 1
	}
	return at
}

func (t tree) get(key string) any {
	n := t.root
	if n == nil {
		return nil
	}
	for !n.leaf() {
		n = n.children[n.child(key)]
	}
	if at, found := slices.BinarySearch(n.keys, key); found {
		return n.rows[at]
	}
	return nil
}

// with returns the tree with the row under key, and the row that it replaces.
func (t tree) with(key string, row any) (next tree, old any) {
	if t.root == nil {
		return tree{root: &node{keys: []string{key}, rows: []any{row}}, size: 1}, nil
	}
	left, right, separator, old := t.root.with(key, row)
	next = tree{root: left, size: t.size}
	if old == nil {
		next.size++
	}
	if right != nil {
		next.root = &node{keys: []string{separator}, children: []*node{left, right}, below: next.size}
	}
	return next, old
}

// with returns the changed copy of n, in two parts if it would be too wide.
func (n *node) with(key string, row any) (left, right *node, separator string, old any) {
	if n.leaf() {
		at, found := slices.BinarySearch(n.keys, key)
		if found {
			rows := slices.Clone(n.rows)
			old, rows[at] = rows[at], row
			return &node{keys: n.keys, rows: rows}, nil, "", old
		}
		left, right, separator = (&node{keys: inserted(n.keys, at, key), rows: inserted(n.rows, at, row)}).split(at)
		return left, right, separator, nil
	}
	at := n.child(key)
	l, r, s, old := n.children[at].with(key, row)
	below := n.below
	if old == nil {
		below++
	}
	if r == nil {
		children := slices.Clone(n.children)
		children[at] = l
		return &node{keys: n.keys, children: children, below: below}, nil, "", old
	}
	children := inserted(n.children, at+1, r)
	children[at] = l
	left, right, separator = (&node{keys: inserted(n.keys, at, s), children: children, below: below}).split(at + 1)
	return left, right, separator, old
}

// split cuts a node in two if it is too wide: in the middle, or, where what came
// last went to the end, before that. Keys that come in order, as times do, leave
// full nodes behind that way.
func (n *node) split(last int) (left, right *node, separator string) {
	if n.width() <= fanout {
		return n, nil, ""
	}
	cut := n.width() / 2
	if last == n.width()-1 {
		cut = last
	}
	if n.leaf() {
		return &node{keys: slices.Clone(n.keys[:cut]), rows: slices.Clone(n.rows[:cut])},
			&node{keys: slices.Clone(n.keys[cut:]), rows: slices.Clone(n.rows[cut:])}, n.keys[cut]
	}
	first := count(n.children[:cut])
	return &node{keys: slices.Clone(n.keys[:cut-1]), children: slices.Clone(n.children[:cut]), below: first},
		&node{keys: slices.Clone(n.keys[cut:]), children: slices.Clone(n.children[cut:]), below: n.below - first}, n.keys[cut-1]
}

// without returns the tree without the key, and the row that was there.
func (t tree) without(key string) (next tree, old any) {
	if t.root == nil {
		return t, nil
	}
	root, old := t.root.without(key)
	if old == nil {
		return t, nil
	}
	for !root.leaf() && len(root.children) == 1 {
		root = root.children[0]
	}
	if root.width() == 0 {
		root = nil
	}
	return tree{root: root, size: t.size - 1}, old
}

func (n *node) without(key string) (next *node, old any) {
	if n.leaf() {
		at, found := slices.BinarySearch(n.keys, key)
		if !found {
			return n, nil
		}
		return &node{keys: removed(n.keys, at), rows: removed(n.rows, at)}, n.rows[at]
	}
	at := n.child(key)
	child, old := n.children[at].without(key)
	if old == nil {
		return n, nil
	}
	children := slices.Clone(n.children)
	children[at] = child
	next = &node{keys: n.keys, children: children, below: n.below - 1}
	if child.width() < fanout/4 {
		next.join(at)
	}
	return next, old
}

// join merges the child at that index with a neighbour, if both fit into one
// node. n is a fresh copy.
func (n *node) join(at int) {
	for _, l := range []int{at - 1, at} {
		if l < 0 || l+1 >= len(n.children) {
			continue
		}
		left, right := n.children[l], n.children[l+1]
		if left.width()+right.width() > fanout {
			continue
		}
		both := &node{rows: slices.Concat(left.rows, right.rows), children: slices.Concat(left.children, right.children)}
		both.keys = slices.Concat(left.keys, right.keys)
		if !left.leaf() {
			both.keys = slices.Concat(left.keys, n.keys[l:l+1], right.keys)
			both.below = left.below + right.below
		}
		n.children[l] = both
		n.children = removed(n.children, l+1)
		n.keys = removed(n.keys, l)
		return
	}
}

// ascend calls yield for the rows from that key on, in order, until it returns
// false.
func (n *node) ascend(from string, yield func(key string, row any) bool) bool {
	if n.leaf() {
		at, _ := slices.BinarySearch(n.keys, from)
		for ; at < len(n.rows); at++ {
			if !yield(n.keys[at], n.rows[at]) {
				return false
			}
		}
		return true
	}
	for at := n.child(from); at < len(n.children); at++ {
		if !n.children[at].ascend(from, yield) {
			return false
		}
	}
	return true
}

// after calls yield for the rows whose key starts with prefix and comes after
// key, in order, until it returns false. An empty key is before all.
func (t tree) after(prefix, key string, yield func(row any) bool) {
	if t.root == nil {
		return
	}
	from := max(prefix, key)
	t.root.ascend(from, func(k string, row any) bool {
		return key != "" && k == key || strings.HasPrefix(k, prefix) && yield(row)
	})
}

// before is the number of keys that come before key.
func (t tree) before(key string) int {
	n := t.root
	if n == nil {
		return 0
	}
	sum := 0
	for !n.leaf() {
		at := n.child(key)
		sum += count(n.children[:at])
		n = n.children[at]
	}
	at, _ := slices.BinarySearch(n.keys, key)
	return sum + at
}

// nth is the row that has so many before it. There must be one.
func (t tree) nth(i int) any {
	n := t.root
	for !n.leaf() {
		for _, c := range n.children {
			if i < c.count() {
				n = c
				break
			}
			i -= c.count()
		}
	}
	return n.rows[i]
}

// within are the ranks of the rows whose key starts with prefix.
func (t tree) within(prefix string) (from, to int) {
	end := []byte(prefix)
	for len(end) > 0 && end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	if len(end) == 0 {
		return t.before(prefix), t.size
	}
	end[len(end)-1]++
	return t.before(prefix), t.before(string(end))
}

// grow makes a tree of rows in the strictly increasing order of their keys.
func grow(keys []string, rows []any) tree {
	if len(keys) == 0 {
		return tree{}
	}
	var level []*node
	var least []string // the smallest key of each node of the level
	for at := 0; at < len(keys); at += fanout {
		end := min(at+fanout, len(keys))
		level = append(level, &node{keys: slices.Clone(keys[at:end]), rows: slices.Clone(rows[at:end])})
		least = append(least, keys[at])
	}
	for len(level) > 1 {
		var above []*node
		var aboveLeast []string
		for at := 0; at < len(level); at += fanout {
			end := min(at+fanout, len(level))
			above = append(above, &node{keys: slices.Clone(least[at+1 : end]), children: slices.Clone(level[at:end]), below: count(level[at:end])})
			aboveLeast = append(aboveLeast, least[at])
		}
		level, least = above, aboveLeast
	}
	return tree{root: level[0], size: len(keys)}
}

// inserted returns a copy of list with e at that index, without spare room.
func inserted[E any](list []E, at int, e E) []E {
	next := make([]E, len(list)+1)
	copy(next, list[:at])
	next[at] = e
	copy(next[at+1:], list[at:])
	return next
}

// removed returns a copy of list without the element at that index.
func removed[E any](list []E, at int) []E {
	next := make([]E, len(list)-1)
	copy(next, list[:at])
	copy(next[at:], list[at+1:])
	return next
}
