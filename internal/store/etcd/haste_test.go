package etcd

import "testing"

func TestHaste(t *testing.T) {
	for name, c := range map[string]struct {
		commits int64
		given   int64
		live    uint64
		percent int
		change  bool
	}{
		"few commits":                        {commits: fast - 1, live: 20 << 20},
		"a burst too small to be given back": {commits: fast, given: 1000, live: 8 << 20},
		"a small heap":                       {commits: fast, live: 8 << 20, percent: hastyPercent, change: true},
		"a larger heap":                      {commits: fast, live: 32 << 20, percent: 200, change: true},
		"a large heap":                       {commits: fast, live: 200 << 20, percent: 32},
	} {
		h := haste{}
		h.look(1000, c.given, nil) // what was there at the start is no haste
		percent, change := h.look(1000+c.commits, c.given, func() uint64 { return c.live })
		if percent != c.percent || change != c.change {
			t.Errorf("%s: %d %%, %v", name, percent, change)
		}
	}
}
