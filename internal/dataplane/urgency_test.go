package dataplane

import (
	"testing"
	"time"
)

func TestUrgency(t *testing.T) {
	u := urgency{}
	now, used := time.Unix(1000, 0), time.Duration(0)
	for n, step := range []struct {
		share    float64 // of a core, in a second
		realTime bool
	}{
		{0, false}, // nothing is known yet
		{0.3, false},
		{0.2, true},
		{0.4, true},
		{0.6, false},
		{0.4, false},
		{0.1, true},
		{1.8, false},
	} {
		now, used = now.Add(time.Second), used+time.Duration(step.share*float64(time.Second))
		u.realTime = u.next(used, now)
		if u.realTime != step.realTime {
			t.Errorf("step %d: real time %v at %.1f of a core", n, u.realTime, step.share)
		}
	}
	if u.next(used, now) != u.realTime {
		t.Error("another decision without any time in between")
	}
}
