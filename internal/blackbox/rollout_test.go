//go:build linux

package blackbox

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// TestKillDuringRollout ends the control plane with SIGKILL at ten random
// moments of rolling deployments, while somebody asks for the name. Each
// deployment ends as if nothing had happened. SEAMARK_TEST_SEED repeats a run.
func TestKillDuringRollout(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("SEAMARK_TEST_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("SEAMARK_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := start(t, options{})
	g := s.stage(stageOptions{ttl: 1})
	g.service("client", g.define("client", testbox("app", "sleep")), 1, unregistered)
	const count = 3
	revisions := []string{g.define("web", serving("one")), g.define("web", serving("two"))}
	g.service("web", revisions[0], count)
	g.awaitStable("web")
	g.awaitStable("client")
	from := g.placeOf(g.running("client")[0])
	asking := startLoad(t, from, webName, 100, 1)

	g.deploy("web", revisions[1])
	undisturbed := g.eventually("the deployment has ended", func() error { return g.stable("web") })
	t.Logf("an undisturbed deployment takes %v", undisturbed.Round(time.Millisecond))
	for i := range 10 {
		revision := revisions[i%2]
		moment := time.Duration(random.Int64N(int64(min(undisturbed, 5*time.Second))))
		g.deploy("web", revision)
		lasts(t, moment)
		s.kill()
		s.up()
		converged := g.eventually("the deployment has ended", func() error { return g.stable("web") })
		t.Logf("killed %v after the deployment began: ended %v after the restart", moment.Round(time.Millisecond), converged.Round(time.Millisecond))
		for _, task := range g.running("web") {
			if *task.TaskDefinitionArn != revision {
				t.Errorf("task %s is of %s, want %s", *task.TaskArn, *task.TaskDefinitionArn, revision)
			}
		}
		if err := g.consistent("web", count, from); err != nil {
			t.Error(err)
		}
		s.onlyWanted(count + 1)
		if t.Failed() {
			return
		}
	}
	if r := asking.end(); r.unanswered > 0 || len(r.bad) > 0 {
		t.Errorf("DNS meanwhile: %v; unanswered at %v; the first wrong: %v", r, r.when, first(r.bad))
	} else {
		t.Logf("DNS meanwhile: %v", r)
	}
}

// deploy starts a rolling deployment of another task definition.
func (g *stage) deploy(service, definition string) {
	g.t.Helper()
	if _, err := g.ecs().UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &g.cluster, Service: &service, TaskDefinition: &definition}); err != nil {
		g.t.Fatal(err)
	}
}
