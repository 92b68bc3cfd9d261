package probe

import (
	"strings"
	"testing"

	"seamark/internal/world"
)

func TestStreak(t *testing.T) {
	letters := map[world.HealthStatus]string{world.HealthUnknown: "?", world.Healthy: "h", world.Unhealthy: "u"}
	for _, c := range []struct {
		start     world.HealthStatus
		threshold int
		outcomes  string // + passed, - failed
		want      string // the status after each
	}{
		{world.HealthUnknown, 3, "+--+---", "hhhhhhu"},
		{world.HealthUnknown, 3, "---+++", "??uuuh"},
		{world.HealthUnknown, 3, "--+---", "??hhhu"},
		{world.HealthUnknown, 1, "-+-+", "uhuh"},
		{world.Healthy, 3, "-+-+--+---", "hhhhhhhhhu"},
		{world.Unhealthy, 3, "++-++-+++", "uuuuuuuuh"},
		{world.Unhealthy, 10, strings.Repeat("+", 11), strings.Repeat("u", 9) + "hh"},
		{world.Healthy, 10, strings.Repeat("-", 10), strings.Repeat("h", 9) + "u"},
		{world.Healthy, 2, "++++", "hhhh"},
	} {
		s := Streak{Status: c.start}
		var got strings.Builder
		for _, o := range c.outcomes {
			s = s.After(o == '+', c.threshold)
			got.WriteString(letters[s.Status])
		}
		if got.String() != c.want {
			t.Errorf("%s, threshold %d, %s: %s, want %s", c.start, c.threshold, c.outcomes, got.String(), c.want)
		}
	}
}

func TestTarget_Secure(t *testing.T) {
	for kind, want := range map[string]bool{HTTP: false, HTTPS: true, HTTPStrMatch: false, HTTPSStrMatch: true, TCP: false} {
		if got := (Target{Type: kind}).Secure(); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}
