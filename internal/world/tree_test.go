package world

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is a tree's content the obvious way.
type model map[string]any

func (m model) prefix(prefix string) []any {
	var rows []any
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(key, prefix) {
			rows = append(rows, m[key])
		}
	}
	return rows
}

func collect(v tree, prefix string) []any {
	var rows []any
	v.after(prefix, "", func(row any) bool {
		rows = append(rows, row)
		return true
	})
	return rows
}

func TestTree_IsAnImmutableOrderedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.OneOf(
			rapid.Map(rapid.IntRange(0, 2000), func(n int) string { return fmt.Sprintf("srv-%04d", n) }),
			rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00/é")), 0, 4, -1),
		)
		var versions []tree
		var models []model
		var now tree
		expected := model{}
		if rapid.Bool().Draw(t, "grown") {
			for _, key := range rapid.SliceOfN(keys, 0, 1500).Draw(t, "start") {
				expected[key] = new(int)
			}
			sorted := slices.Sorted(maps.Keys(expected))
			now = grow(sorted, expected.prefix(""))
		}
		for step := range rapid.IntRange(1, 1500).Draw(t, "steps") {
			key := keys.Draw(t, "key")
			if rapid.IntRange(0, 9).Draw(t, "what") < 4 {
				next, old := now.without(key)
				if old != expected[key] {
					t.Fatalf("removed %p, expected %p", old, expected[key])
				}
				now = next
				delete(expected, key)
			} else {
				row := new(int)
				next, old := now.with(key, row)
				if old != expected[key] {
					t.Fatalf("replaced %p, expected %p", old, expected[key])
				}
				now = next
				expected[key] = row
			}
			if step%100 == 0 {
				versions, models = append(versions, now), append(models, maps.Clone(expected))
			}
		}
		versions, models = append(versions, now), append(models, expected)
		for n, v := range versions {
			checkTree(t, v, models[n])
		}
	})
}

func checkTree(t *rapid.T, v tree, m model) {
	if v.size != len(m) {
		t.Fatalf("size %d, expected %d", v.size, len(m))
	}
	for key, row := range m {
		if v.get(key) != row {
			t.Fatalf("get %q: %p, expected %p", key, v.get(key), row)
		}
	}
	if v.get("no such key") != nil {
		t.Fatal("found what is not there")
	}
	for _, prefix := range []string{"", "a", "ab", "srv-0", "srv-12", "b\x00", "zz"} {
		if got := collect(v, prefix); !slices.Equal(got, m.prefix(prefix)) {
			t.Fatalf("prefix %q: %d rows, expected %d", prefix, len(got), len(m.prefix(prefix)))
		}
	}
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if v.before(key) != i || v.nth(i) != m[key] {
			t.Fatalf("key %q: %d before it, expected %d", key, v.before(key), i)
		}
	}
	for _, prefix := range []string{"", "a", "b\x00", "\xff", "srv-0", "zz"} {
		from, to := v.within(prefix)
		if rows := m.prefix(prefix); to-from != len(rows) || len(rows) > 0 && v.nth(from) != rows[0] {
			t.Fatalf("prefix %q: ranks %d to %d, expected %d rows", prefix, from, to, len(rows))
		}
	}
	if v.root != nil {
		checkNode(t, v.root, "", "", true)
	}
}

// checkNode checks order, bounds (from inclusive, to exclusive; "" is none)
// and widths, and returns the height.
func checkNode(t *rapid.T, n *node, from, to string, root bool) int {
	if !slices.IsSorted(n.keys) || n.width() > fanout {
		t.Fatalf("%d entries, sorted %v", n.width(), slices.IsSorted(n.keys))
	}
	for _, key := range n.keys {
		if key < from || to != "" && key >= to {
			t.Fatalf("key %q outside [%q, %q)", key, from, to)
		}
	}
	if n.leaf() {
		return 1
	}
	if n.below != count(n.children) {
		t.Fatalf("%d rows below, expected %d", n.below, count(n.children))
	}
	if len(n.keys) != len(n.children)-1 || root && len(n.children) < 2 {
		t.Fatalf("%d keys for %d children", len(n.keys), len(n.children))
	}
	height := 0
	for i, c := range n.children {
		low, high := from, to
		if i > 0 {
			low = n.keys[i-1]
		}
		if i < len(n.keys) {
			high = n.keys[i]
		}
		h := checkNode(t, c, low, high, false)
		if height != 0 && h != height {
			t.Fatalf("heights %d and %d", height, h)
		}
		height = h
	}
	return height + 1
}

func TestTree_StaysSmallAfterDeletions(t *testing.T) {
	var v tree
	for n := range 10_000 {
		v, _ = v.with(fmt.Sprint(n*7919%10_000), new(int))
	}
	for n := range 10_000 {
		if n%50 != 0 {
			v, _ = v.without(fmt.Sprint(n))
		}
	}
	nodes := 0
	var count func(*node)
	count = func(n *node) {
		nodes++
		for _, c := range n.children {
			count(c)
		}
	}
	count(v.root)
	if v.size != 200 || nodes > 60 {
		t.Errorf("%d rows in %d nodes", v.size, nodes)
	}
}
