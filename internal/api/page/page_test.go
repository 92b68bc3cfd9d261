package page

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
)

func self(s string) string { return s }

// letters are the items from a to the n-th letter.
func letters(n int) []string {
	var out []string
	for i := range n {
		out = append(out, string(rune('a'+i)))
	}
	return out
}

// after makes Walk's source of a sorted list.
func after(items []string) func(string) iter.Seq[string] {
	return func(key string) iter.Seq[string] {
		return func(yield func(string) bool) {
			for _, item := range items {
				if item > key && !yield(item) {
					return
				}
			}
		}
	}
}

// cutters are the two ways to a page, which must not differ.
var cutters = map[string]func(items []string, token string, limit int) ([]string, string, error){
	"Cut": func(items []string, token string, limit int) ([]string, string, error) {
		return Cut(items, self, token, limit)
	},
	"Walk": func(items []string, token string, limit int) ([]string, string, error) {
		return Walk(after(items), self, token, limit)
	},
}

func TestPages_HoldEverythingOnce(t *testing.T) {
	for name, cut := range cutters {
		for n := range 8 {
			for limit := 1; limit <= 8; limit++ {
				t.Run(fmt.Sprintf("%s %d by %d", name, n, limit), func(t *testing.T) {
					items := letters(n)
					var got []string
					pages, token := 0, ""
					for {
						page, next, err := cut(items, token, limit)
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, page...)
						pages++
						if next == "" {
							break
						}
						if len(page) != limit {
							t.Fatalf("a page of %d that is not the last", len(page))
						}
						token = next
					}
					if !slices.Equal(got, items) || pages != max(1, (n+limit-1)/limit) {
						t.Errorf("%v in %d pages", got, pages)
					}
				})
			}
		}
	}
}

func TestPages_WhenItemsComeAndGo(t *testing.T) {
	for name, cut := range cutters {
		t.Run(name, func(t *testing.T) {
			_, next, err := cut([]string{"b", "d", "f"}, "", 2)
			if err != nil {
				t.Fatal(err)
			}
			// The last item of the first page is deleted, one came before it and
			// one behind it.
			page, next, err := cut([]string{"a", "b", "e", "f"}, next, 2)
			if err != nil || next != "" || !slices.Equal(page, []string{"e", "f"}) {
				t.Errorf("second page %v, token %q, error %v", page, next, err)
			}
		})
	}
}

func TestPages_RefuseForeignTokens(t *testing.T) {
	for name, cut := range cutters {
		for _, token := range []string{"x", "!", "bm90LW91cnM", "aaaa===="} {
			if _, _, err := cut(letters(3), token, 2); !errors.Is(err, ErrToken) {
				t.Errorf("%s took the token %q: %v", name, token, err)
			}
		}
		if page, _, err := cut(letters(3), encode("c"), 2); err != nil || len(page) != 0 {
			t.Errorf("%s behind the end: %v, %v", name, page, err)
		}
	}
}

func TestWalk_VisitsOnlyThePage(t *testing.T) {
	visited := 0
	source := func(string) iter.Seq[int] {
		return func(yield func(int) bool) {
			for n := range 1000 {
				visited++
				if !yield(n) {
					return
				}
			}
		}
	}
	page, next, err := Walk(source, func(n int) string { return fmt.Sprint(n) }, "", 10)
	if err != nil || len(page) != 10 || next == "" || visited != 11 {
		t.Errorf("page of %d, token %q, error %v, %d visited", len(page), next, err, visited)
	}
}
