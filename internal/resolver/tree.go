package resolver

import (
	"hash/maphash"
	"math/bits"
)

// tree is an immutable map from wire names to values: a hash array mapped trie
// (Bagwell, "Ideal Hash Trees", 2001) with 32-way branches. A change copies the
// branches on one path, so its cost does not depend on the tree's size, and
// readers of an older tree see nothing of it.
type tree[V any] struct {
	seed maphash.Seed
	root *branch[V]
	size int
}

// edit marks the branches that one batch of changes has already copied: these
// it may change in place.
type edit struct{ _ byte }

type branch[V any] struct {
	owner *edit
	used  uint32 // which of the 32 slots are in slots
	slots []slot[V]
}

// slot is a branch or, where child is nil, a chain of entries with one hash.
type slot[V any] struct {
	child *branch[V]
	entry *entry[V]
}

type entry[V any] struct {
	hash  uint64
	key   string
	value V
	next  *entry[V] // another key with the same hash
}

const (
	branchBits = 5
	branchMask = 1<<branchBits - 1
	hashBits   = 64
)

func newTree[V any](seed maphash.Seed) tree[V] { return tree[V]{seed: seed} }

func (t tree[V]) hash(key []byte) uint64 { return maphash.Bytes(t.seed, key) }

// get returns the value of a key whose hash the caller has computed.
func (t tree[V]) get(hash uint64, key []byte) (V, bool) {
	b := t.root
	for shift := 0; b != nil; shift += branchBits {
		bit := uint32(1) << (hash >> shift & branchMask)
		if b.used&bit == 0 {
			break
		}
		s := &b.slots[bits.OnesCount32(b.used&(bit-1))]
		if s.child == nil {
			return s.entry.find(hash, key)
		}
		b = s.child
	}
	var none V
	return none, false
}

func (e *entry[V]) find(hash uint64, key []byte) (V, bool) {
	for ; e != nil; e = e.next {
		if e.hash == hash && e.key == string(key) {
			return e.value, true
		}
	}
	var none V
	return none, false
}

// at is get for a key in a string.
func (t tree[V]) at(key string) (V, bool) {
	return t.get(maphash.String(t.seed, key), []byte(key))
}

// put adds or replaces a value. Branches that e owns are changed in place.
func (t tree[V]) put(e *edit, key string, value V) tree[V] {
	n := &entry[V]{hash: maphash.String(t.seed, key), key: key, value: value}
	if t.root == nil {
		t.root = &branch[V]{owner: e}
	}
	root, grown := t.root.put(e, 0, n)
	t.root = root
	if grown {
		t.size++
	}
	return t
}

func (b *branch[V]) mine(e *edit) *branch[V] {
	if b.owner == e {
		return b
	}
	return &branch[V]{owner: e, used: b.used, slots: append(make([]slot[V], 0, len(b.slots)+1), b.slots...)}
}

func (b *branch[V]) put(e *edit, shift int, n *entry[V]) (*branch[V], bool) {
	b = b.mine(e)
	bit := uint32(1) << (n.hash >> shift & branchMask)
	at := bits.OnesCount32(b.used & (bit - 1))
	if b.used&bit == 0 {
		b.used |= bit
		b.slots = append(b.slots, slot[V]{})
		copy(b.slots[at+1:], b.slots[at:])
		b.slots[at] = slot[V]{entry: n}
		return b, true
	}
	s := &b.slots[at]
	if s.child != nil {
		child, grown := s.child.put(e, shift+branchBits, n)
		s.child = child
		return b, grown
	}
	if s.entry.hash == n.hash || shift+branchBits >= hashBits {
		rest, had := s.entry.without(n.key)
		n.next = rest
		s.entry = n
		return b, !had
	}
	// Two hashes in one slot: move both one branch down.
	child := &branch[V]{owner: e}
	child, _ = child.putChain(e, shift+branchBits, s.entry)
	child, _ = child.put(e, shift+branchBits, n)
	*s = slot[V]{child: child}
	return b, true
}

// putChain moves a whole chain of entries with one hash into an empty branch.
func (b *branch[V]) putChain(_ *edit, shift int, chain *entry[V]) (*branch[V], bool) {
	b.used = 1 << (chain.hash >> shift & branchMask)
	b.slots = []slot[V]{{entry: chain}}
	return b, true
}

// without copies a chain except for one key.
func (e *entry[V]) without(key string) (*entry[V], bool) {
	if e == nil {
		return nil, false
	}
	rest, had := e.next.without(key)
	if e.key == key {
		return rest, true
	}
	return &entry[V]{hash: e.hash, key: e.key, value: e.value, next: rest}, had
}

// remove removes a key; one that is not there changes nothing.
func (t tree[V]) remove(e *edit, key string) tree[V] {
	if _, ok := t.at(key); !ok {
		return t
	}
	t.root = t.root.remove(e, 0, maphash.String(t.seed, key), key)
	t.size--
	return t
}

// remove removes a key that is there, and returns nil where nothing is left.
func (b *branch[V]) remove(e *edit, shift int, hash uint64, key string) *branch[V] {
	b = b.mine(e)
	bit := uint32(1) << (hash >> shift & branchMask)
	at := bits.OnesCount32(b.used & (bit - 1))
	s := &b.slots[at]
	if s.child != nil {
		s.child = s.child.remove(e, shift+branchBits, hash, key)
	} else {
		s.entry, _ = s.entry.without(key)
	}
	if s.child != nil || s.entry != nil {
		return b
	}
	b.used &^= bit
	b.slots = append(b.slots[:at], b.slots[at+1:]...)
	if b.used == 0 && shift > 0 {
		return nil
	}
	return b
}

// all yields every entry in no particular order.
func (t tree[V]) all(yield func(string, V) bool) {
	if t.root != nil {
		t.root.all(yield)
	}
}

func (b *branch[V]) all(yield func(string, V) bool) bool {
	for _, s := range b.slots {
		if s.child != nil {
			if !s.child.all(yield) {
				return false
			}
			continue
		}
		for e := s.entry; e != nil; e = e.next {
			if !yield(e.key, e.value) {
				return false
			}
		}
	}
	return true
}
