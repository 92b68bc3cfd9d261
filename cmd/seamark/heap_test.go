package main

import "testing"

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 200}, {10 << 20, 200}, {48 << 20, 200}, {64 << 20, 150}, {96 << 20, 100}, {1 << 30, 100},
	} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("with %d MiB: %d, want %d", c.live>>20, got, c.want)
		}
	}
}
