package page

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func self(s string) string { return s }

func TestCut(t *testing.T) {
	items := []string{"a", "b", "c", "d", "e"}
	var all []string
	token := ""
	for pages := 1; ; pages++ {
		page, next, err := Cut(items, self, token, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if token = next; token == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if !slices.Equal(all, items) {
		t.Errorf("pages hold %v", all)
	}
	for _, c := range []struct{ limit, want int }{{5, 5}, {100, 5}, {4, 4}} {
		page, next, err := Cut(items, self, "", c.limit)
		if err != nil || len(page) != c.want || (next == "") != (c.want == 5) {
			t.Errorf("limit %d: %v, next %q, %v", c.limit, page, next, err)
		}
	}
	if page, next, err := Cut(nil, self, "", 10); len(page) != 0 || next != "" || err != nil {
		t.Errorf("nothing: %v %q %v", page, next, err)
	}
}

func TestCut_RefusesForeignTokens(t *testing.T) {
	for _, token := range []string{"nonsense!", "YWJj", base64.StdEncoding.EncodeToString([]byte("v2:a")), "AAAA"} {
		if _, _, err := Cut([]string{"a"}, self, token, 1); !errors.Is(err, ErrToken) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// TestCut_ComingAndGoing: whatever else comes and goes between two pages, an
// item that stays is listed once.
func TestCut_ComingAndGoing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[a-e]{1,3}`), self)
		stay := keys.Draw(t, "stay")
		var listed []string
		token := ""
		for {
			items := slices.Concat(stay, keys.Draw(t, "others"))
			slices.Sort(items)
			items = slices.Compact(items)
			page, next, err := Cut(items, self, token, rapid.IntRange(1, 4).Draw(t, "limit"))
			if err != nil {
				t.Fatal(err)
			}
			listed = append(listed, page...)
			if token = next; token == "" {
				break
			}
		}
		if !slices.IsSorted(listed) {
			t.Fatalf("listed %v", listed)
		}
		for _, key := range stay {
			if at, ok := slices.BinarySearch(listed, key); !ok || at+1 < len(listed) && listed[at+1] == key {
				t.Fatalf("%q is not listed once in %v", key, listed)
			}
		}
	})
}
