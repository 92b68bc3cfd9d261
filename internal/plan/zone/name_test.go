package zone

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seamark/internal/world"
)

// Names that need not be taken apart come to the same as if they had been.
func TestPlainNames(t *testing.T) {
	name := rapid.OneOf(
		rapid.StringMatching(`([a-z0-9_-]{1,8}\.){0,4}[a-zA-Z0-9]{0,3}\.?`),
		rapid.StringMatching(`[a-cA-C.\\0-2 *@]{0,6}`),
		rapid.Map(rapid.IntRange(50, 70), func(n int) string { return strings.Repeat("l", n) }),
		rapid.Map(rapid.IntRange(100, 130), func(n int) string { return strings.Repeat("m.", n) }),
		rapid.Map(rapid.IntRange(100, 130), func(n int) string { return strings.Repeat("m.", n) + "mn" }),
	)
	rapid.Check(t, func(t *rapid.T) {
		text, under := name.Draw(t, "name"), name.Draw(t, "under")
		l, ok := labels(text)
		if got, is := canonical(text); is != ok || is && got != present(l) {
			t.Fatalf("canonical(%q) is %q, %v; expected %q, %v", text, got, is, present(l), ok)
		}
		o, ok := labels(under)
		if !ok || len(o) == 0 {
			return
		}
		origin := present(o)
		if len(l) > 0 {
			_, legalName := labels(text)
			want := legalName && legal(append(slices.Clip(l), o...))
			if got, is := below(text, origin); is != want || is && got != present(l)+origin {
				t.Fatalf("below(%q, %q) is %q, %v; expected %q, %v", text, origin, got, is, present(l)+origin, want)
			}
		}
		id, ok := InstanceName(text)
		own, _ := parsed(id)
		want := ok && legal(append(own, o...))
		if got, is := instanceOwner(&world.DiscoveryInstance{ID: text}, origin); is != want || is && got != id+origin {
			t.Fatalf("instanceOwner(%q, %q) is %q, %v; expected %q, %v", text, origin, got, is, id+origin, want)
		}
	})
}
