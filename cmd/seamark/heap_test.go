package main

import "testing"

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 300}, {10 << 20, 300}, {53 << 20, 300}, {64 << 20, 250}, {80 << 20, 200}, {160 << 20, 100}, {1 << 30, 100},
	} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("with %d MiB: %d, want %d", c.live>>20, got, c.want)
		}
	}
}
