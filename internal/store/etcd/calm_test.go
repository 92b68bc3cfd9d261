package etcd

import (
	"testing"
	"time"
)

func TestCalm(t *testing.T) {
	var c calm
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		what     string
		after    time.Duration
		revision int64
		due      bool
	}{
		{"the first look", 0, 5000, false},
		{"not calm for long enough", calmAfter - 1, 5000, false},
		{"calm after the start", 1, 5000, true},
		{"once is enough", calmAfter, 5000, false},
		{"a write", calmAfter, 5001, false},
		{"calm after few writes", calmAfter, 5001, false},
		{"a burst", time.Second, 5000 + burst, false},
		{"it goes on", time.Second, 5000 + 2*burst, false},
		{"it has just ended", calmAfter - 1, 5000 + 2*burst, false},
		{"calm after a burst", 1, 5000 + 2*burst, true},
	} {
		now = now.Add(step.after)
		if got := c.due(step.revision, now); got != step.due {
			t.Errorf("%s: %v, expected %v", step.what, got, step.due)
		}
	}
}
