//go:build linux

package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHundredTasks runs 100 tasks in two /24 subnets, and none again.
func TestHundredTasks(t *testing.T) {
	if testing.Short() {
		t.Skip("a long test")
	}
	const count = 100
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 0)
	g.awaitStable("web")
	from := s.session(g.vpc)

	began := time.Now()
	g.setCount("web", count)
	limit := 3 * patience
	eventually(t, "100 tasks run", limit, func() error { return g.stable("web") })
	started := time.Since(began)
	if err := g.consistent("web", count, from); err != nil {
		t.Error(err)
	}
	s.onlyWanted(count)
	tasks := g.running("web")
	zones := map[string]int{}
	for _, task := range tasks {
		zones[*task.AvailabilityZone]++
	}
	if zones["us-east-1a"] != count/2 || zones["us-east-1b"] != count/2 {
		t.Errorf("zones: %v", zones)
	}
	// An answer holds eight addresses at most, others each time: all are reached.
	reached := map[string]bool{}
	s.eventually("each address is answered some time", func() error {
		answer, err := from.lookup(webName)
		if err != nil {
			return err
		}
		if len(answer) != 8 {
			t.Fatalf("%d addresses in an answer", len(answer))
		}
		for _, a := range answer {
			reached[a.String()] = true
		}
		if len(reached) < count {
			return fmt.Errorf("%d of %d", len(reached), count)
		}
		return nil
	})
	st := s.status()
	t.Logf("%d tasks run after %v; memory of the control plane %d MB, the data plane %d MB, the engine %d MB", count, started.Round(10*time.Millisecond),
		residentMemory(t, st.PID)>>20, residentMemory(t, st.DataPlane.PID)>>20, residentMemory(t, st.Engine.PID)>>20)

	began = time.Now()
	g.setCount("web", 0)
	eventually(t, "no task runs", limit, func() error { return g.stable("web") })
	s.answered(from, webName, 0)
	s.onlyWanted(0)
	t.Logf("and none %v later", time.Since(began).Round(10*time.Millisecond))
	left, err := os.ReadDir(filepath.Join(s.dataDir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("files of tasks are left: %v", left)
	}
}
