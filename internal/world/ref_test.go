package world

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestRefs_KeepEachNameOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var refs Refs
		var want []Ref
		for range rapid.IntRange(0, 4*manyRefs).Draw(t, "adds") {
			ref := Ref{Kind(rapid.SampledFrom([]string{"task", "vpc"}).Draw(t, "kind")), fmt.Sprint(rapid.IntRange(0, 2*manyRefs).Draw(t, "key"))}
			if known := slices.Contains(want, ref); refs.has(ref) != known {
				t.Fatalf("has %v: %v", ref, !known)
			} else if !known {
				want = append(want, ref)
			}
			refs.Add(ref)
		}
		if got := refs.List(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
