package resolver

import (
	"fmt"
	"hash/maphash"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// A tree is a map, and an older tree is not changed by a newer one.
func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := newTree[int](maphash.MakeSeed())
		model := map[string]int{}
		type version struct {
			tr    tree[int]
			model map[string]int
		}
		var old []version
		e := new(edit)
		for i := range rapid.IntRange(1, 400).Draw(t, "steps") {
			key := fmt.Sprint(rapid.IntRange(0, 200).Draw(t, "key"))
			switch rapid.IntRange(0, 9).Draw(t, "op") {
			case 0:
				old = append(old, version{tr, maps.Clone(model)})
				e = new(edit)
			case 1, 2, 3:
				tr = tr.remove(e, key)
				delete(model, key)
			default:
				tr = tr.put(e, key, i)
				model[key] = i
			}
		}
		for _, v := range append(old, version{tr, model}) {
			got := maps.Collect(v.tr.all)
			if !maps.Equal(got, v.model) || v.tr.size != len(v.model) {
				t.Fatalf("tree %v of size %d, want %v", got, v.tr.size, v.model)
			}
			for k, want := range v.model {
				if got, ok := v.tr.at(k); !ok || got != want {
					t.Fatalf("%s: %d %v, want %d", k, got, ok, want)
				}
			}
			if _, ok := v.tr.at("none"); ok {
				t.Fatal("found what is not there")
			}
		}
	})
}

// Keys with one hash share a slot. maphash gives no such keys, so the hashes
// are set by hand.
func TestTree_SameHash(t *testing.T) {
	for name, hashes := range map[string][3]uint64{
		"all equal": {7, 7, 7}, "equal low bits": {7, 7 | 1<<60, 7}, "different": {1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			e := new(edit)
			b := &branch[int]{owner: e}
			keys := []string{"a", "b", "c"}
			for i, k := range keys {
				b, _ = b.put(e, 0, &entry[int]{hash: hashes[i], key: k, value: i})
			}
			tr := tree[int]{root: b}
			for i, k := range keys {
				if got, ok := tr.get(hashes[i], []byte(k)); !ok || got != i {
					t.Errorf("%s: %d %v", k, got, ok)
				}
			}
			b = b.remove(e, 0, hashes[1], "b")
			tr.root = b
			if _, ok := tr.get(hashes[1], []byte("b")); ok {
				t.Error("removed but found")
			}
			if got, ok := tr.get(hashes[2], []byte("c")); !ok || got != 2 {
				t.Errorf("c: %d %v", got, ok)
			}
		})
	}
}
