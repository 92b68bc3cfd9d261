package servicediscovery

import (
	"regexp"
	"testing"
	"time"

	"seamark/internal/plan"
)

func TestNewOperationID_SortsByTime(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-7]{32}-[0-9a-z]{8}$`)
	draw := plan.NewDraw([32]byte{1})
	last := ""
	for _, ms := range []int64{1, 2, 31, 32, 33, 1 << 10, 1<<15 - 1, 1 << 15, 1 << 39, 1<<39 + 1} {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
		id := string(newOperationID(&plan.Draft{Now: at, Draw: draw}))
		if id <= last || !form.MatchString(id) {
			t.Errorf("at %v: %q, after %q", at, id, last)
		}
		last = id
	}
}
