//go:build linux

package blackbox

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"seamark/internal/admin"
)

// TestStaticStability ends each process of a Seamark that is at work with
// SIGKILL, under 1,000 DNS queries a second and with an open HTTP connection
// from one task to another.
func TestStaticStability(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 2)
	g.awaitStable("web")
	tasks := g.running("web")
	from := g.placeOf(tasks[0])
	if err := g.consistent("web", 2, from); err != nil {
		t.Fatal(err)
	}
	t.Run("control plane", func(t *testing.T) { controlPlaneDies(t, g, from, tasks) })
	t.Run("data plane", func(t *testing.T) { dataPlaneDies(t, g, from) })
	t.Run("container engine", func(t *testing.T) { engineDies(t, g, from) })
}

// pidsOf are the processes of all tasks, by task.
func pidsOf(st admin.Status) map[string][]int {
	all := map[string][]int{}
	for _, task := range st.Tasks {
		all[string(task.ID)] = task.PIDs
	}
	return all
}

func samePIDs(a, b map[string][]int) bool {
	for id, pids := range a {
		if !slices.Equal(pids, b[id]) {
			return false
		}
	}
	return len(a) == len(b)
}

// controlPlaneDies: nobody who asks or is connected notices.
func controlPlaneDies(t *testing.T, g *stage, from place, tasks []types.Task) {
	before := g.status()
	records, err := g.discovered()
	if err != nil {
		t.Fatal(err)
	}
	queries := startLoad(t, from, webName, 1000, 2)
	requests := keepAsking(t, from, netip.AddrPortFrom(addressOf(tasks[1]), 8080))
	lasts(t, 500*time.Millisecond)

	g.kill()
	lasts(t, 1500*time.Millisecond) // nobody is there
	took := g.up()
	g.eventually("the service is known to be stable", func() error { return g.stable("web") })
	lasts(t, 500*time.Millisecond)

	r := queries.end()
	asked := requests.end()
	after := g.status()
	t.Logf("control plane %d killed, %d answered the API after %v", before.PID, after.PID, took.Round(time.Millisecond))
	t.Logf("DNS: %v", r)
	t.Logf("HTTP: %d requests on one connection", asked)
	t.Logf("processes of tasks before %v, after %v", pidsOf(before), pidsOf(after))
	if r.unanswered > 0 || len(r.bad) > 0 || r.sent < 2000 {
		t.Errorf("DNS: %v; unanswered at %v; the first wrong: %v", r, r.when, first(r.bad))
	}
	if !samePIDs(pidsOf(before), pidsOf(after)) {
		t.Error("the tasks are not the same processes")
	}
	if before.PID == after.PID || before.DataPlane.PID != after.DataPlane.PID || before.Engine.PID != after.Engine.PID {
		t.Errorf("control plane %d, then %d; data plane %d, then %d; engine %d, then %d", before.PID, after.PID,
			before.DataPlane.PID, after.DataPlane.PID, before.Engine.PID, after.Engine.PID)
	}
	if got, err := g.discovered(); err != nil || !slices.Equal(got, records) {
		t.Errorf("registered were %v, are %v, %v", records, got, err)
	}
	if err := g.consistent("web", 2, from); err != nil {
		t.Error(err)
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// lasts lets time pass while something is under load: this is the length of an
// experiment, not a wait for a result.
func lasts(t testing.TB, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// requests are made one after the other on one connection.
type requests struct {
	t    testing.TB
	stop chan struct{}
	wg   sync.WaitGroup
	made int
}

func keepAsking(t testing.TB, from place, to netip.AddrPort) *requests {
	t.Helper()
	w, err := from.connect(to)
	if err != nil {
		t.Fatal(err)
	}
	r := &requests{t: t, stop: make(chan struct{})}
	r.wg.Go(func() {
		defer w.conn.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := w.get("/"); err != nil {
				t.Errorf("after %d requests on the connection: %v", r.made, err)
				return
			}
			r.made++
			select {
			case <-r.stop:
				return
			case <-tick.C:
			}
		}
	})
	return r
}

// end returns how many requests were answered.
func (r *requests) end() int {
	close(r.stop)
	r.wg.Wait()
	return r.made
}

// dataPlaneDies: DNS is back before anybody has to care.
func dataPlaneDies(t *testing.T, g *stage, from place) {
	var worst time.Duration
	for range 3 {
		pid := g.status().DataPlane.PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		eventually(t, "DNS answers again", patience, func() error {
			answer, err := from.quickly(webName)
			if err == nil && answer != 2 {
				err = fmt.Errorf("%d addresses", answer)
			}
			return err
		})
		took := time.Since(began)
		t.Logf("data plane %d killed: answered again after %v", pid, took.Round(time.Millisecond))
		worst = max(worst, took)
		g.eventually("another data plane is in charge", func() error {
			if p := g.status().DataPlane; p == nil || p.PID == pid {
				return fmt.Errorf("it is %+v", p)
			}
			return nil
		})
	}
	if worst > 2*time.Second {
		t.Errorf("answered again after %v", worst)
	}
	if err := g.consistent("web", 2, from); err != nil {
		t.Error(err)
	}
}

// engineDies: containers go on, and new ones start when it is back.
func engineDies(t *testing.T, g *stage, from place) {
	before := g.status()
	if err := syscall.Kill(before.Engine.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	g.setCount("web", 3)
	g.awaitStable("web")
	after := g.status()
	if after.Engine.PID == before.Engine.PID {
		t.Error("the engine is the same process")
	}
	for id, pids := range pidsOf(before) {
		if !slices.Equal(pidsOf(after)[id], pids) {
			t.Errorf("task %s ran as %v and runs as %v", id, pids, pidsOf(after)[id])
		}
	}
	if err := g.consistent("web", 3, from); err != nil {
		t.Error(err)
	}
	g.setCount("web", 2) // the other engine's containers can be stopped, too
	g.awaitStable("web")
	g.answered(from, webName, 2)
}
