package dataplane

import "testing"

func TestHeap(t *testing.T) {
	const live = 16 << 20
	h := heap{}
	for n, step := range []struct {
		revision int64
		percent  int
		giveBack bool
	}{
		{revision: 5000}, // at the start, nothing is known of the pace
		{revision: 5000 + busyRevisions - 1},
		{revision: 6000, percent: 200},
		{revision: 7000},
		{revision: 7000, percent: gcPercent, giveBack: true},
		{revision: 7000},
	} {
		percent, giveBack := h.next(step.revision, func() uint64 { return live })
		if percent != step.percent || giveBack != step.giveBack {
			t.Errorf("step %d: %d %%, %v", n, percent, giveBack)
		}
	}
	for bytes, want := range map[uint64]int{1 << 20: busyPercent, 200 << 20: gcPercent} {
		h := heap{last: 1}
		if percent, _ := h.next(1000, func() uint64 { return bytes }); percent != want {
			t.Errorf("%d bytes in use: %d %%, not %d", bytes, percent, want)
		}
	}
}
