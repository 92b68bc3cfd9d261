//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// TestTasksThatCannotRun asks for tasks that AWS accepts and cannot run, and
// looks that it is told why.
func TestTasksThatCannotRun(t *testing.T) {
	s := start(t, options{flags: []string{"--allow-outbound", "127.0.0.0/8"}})
	g := s.stage(stageOptions{subnets: []string{"10.0.1.0/28"}})
	t.Run("no image", func(t *testing.T) { noImage(t, g) })
	t.Run("ends at once", func(t *testing.T) { endsAtOnce(t, g) })
	t.Run("no address", func(t *testing.T) { noAddress(t, g) })
}

// event waits for a service event with that text.
func (g *stage) event(service, text string) {
	g.t.Helper()
	g.eventually("an event says "+text, func() error {
		svc, err := g.describe(service)
		if err != nil {
			return err
		}
		var all []string
		for _, e := range svc.Events {
			if strings.Contains(*e.Message, text) {
				return nil
			}
			all = append(all, *e.Message)
		}
		return fmt.Errorf("events: %q", all)
	})
}

// stopped are the tasks of a service that have stopped.
func (g *stage) stopped(service string) []types.Task {
	g.t.Helper()
	list, err := g.ecs().ListTasks(context.Background(), &ecs.ListTasksInput{Cluster: &g.cluster, ServiceName: &service, DesiredStatus: types.DesiredStatusStopped})
	if err != nil {
		g.t.Fatal(err)
	}
	if len(list.TaskArns) == 0 {
		return nil
	}
	out, err := g.ecs().DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: &g.cluster, Tasks: list.TaskArns})
	if err != nil {
		g.t.Fatal(err)
	}
	return out.Tasks
}

// remove deletes a service with its tasks.
func (g *stage) remove(service string) {
	g.t.Helper()
	if _, err := g.ecs().DeleteService(context.Background(), &ecs.DeleteServiceInput{Cluster: &g.cluster, Service: &service, Force: aws.Bool(true)}); err != nil {
		g.t.Fatal(err)
	}
	g.eventually("no task is left", func() error {
		if n := len(g.status().Tasks); n > 0 {
			return fmt.Errorf("%d tasks", n)
		}
		return nil
	})
}

// noImage: a registry that has nothing.
func noImage(t *testing.T, g *stage) {
	registry := httptest.NewServer(http.NotFoundHandler())
	defer registry.Close()
	image := strings.TrimPrefix(registry.URL, "http://") + "/none:latest"
	g.service("missing", g.define("missing", types.ContainerDefinition{Name: aws.String("app"), Image: &image}), 1)
	g.event("missing", "CannotPullContainerError")
	for _, task := range g.stopped("missing") {
		if task.StopCode != types.TaskStopCodeTaskFailedToStart || !strings.HasPrefix(aws.ToString(task.StoppedReason), "CannotPullContainerError: ") {
			t.Errorf("stop code %s: %s", task.StopCode, aws.ToString(task.StoppedReason))
		}
		t.Logf("stoppedReason: %s", aws.ToString(task.StoppedReason))
	}
	if registered, err := g.discovered(); err != nil || len(registered) > 0 {
		t.Errorf("registered: %v, %v", registered, err)
	}
	g.remove("missing")
}

// endsAtOnce: it is started again, but not in a hot loop.
func endsAtOnce(t *testing.T, g *stage) {
	g.service("brief", g.define("brief", testbox("app", "exit", "3")), 1)
	lasts(t, 6*time.Second)
	tasks := g.stopped("brief")
	t.Logf("in 6 s a container that ends at once was started %d times", len(tasks))
	if len(tasks) < 2 || len(tasks) > 8 {
		t.Errorf("%d tasks have stopped", len(tasks))
	}
	for _, task := range tasks {
		c := task.Containers[0]
		if task.StopCode != types.TaskStopCodeEssentialContainerExited || c.ExitCode == nil || *c.ExitCode != 3 {
			t.Errorf("stop code %s, %s; exit code %v", task.StopCode, aws.ToString(task.StoppedReason), c.ExitCode)
		}
	}
	g.event("brief", "is unable to consistently start tasks successfully")
	g.remove("brief")
}

// noAddress: of the 16 addresses of a /28 tasks can have 11.
func noAddress(t *testing.T, g *stage) {
	definition := g.define("many", testbox("app", "sleep"))
	// Addresses that clients may still know rest for a second.
	g.service("many", definition, 20)
	g.event("many", "RESOURCE:ENI")
	g.eventually("eleven tasks run", func() error {
		svc, err := g.describe("many")
		if err != nil {
			return err
		}
		if svc.RunningCount != 11 || svc.PendingCount != 0 {
			return fmt.Errorf("%d run, %d are pending", svc.RunningCount, svc.PendingCount)
		}
		return nil
	})
	seen := map[string]bool{}
	for _, a := range addressesOf(g.running("many")) {
		if last := a.As4()[3]; last < 4 || last > 14 || seen[a.String()] {
			t.Errorf("a task has the address %s", a)
		}
		seen[a.String()] = true
	}
	out, err := g.ecs().RunTask(context.Background(), &ecs.RunTaskInput{Cluster: &g.cluster, TaskDefinition: &definition, LaunchType: types.LaunchTypeFargate, NetworkConfiguration: g.network()})
	if err != nil || len(out.Tasks) != 0 || len(out.Failures) != 1 || aws.ToString(out.Failures[0].Reason) != "RESOURCE:ENI" {
		t.Errorf("RunTask: %+v, %v", out, err)
	}
	g.setCount("many", 3)
	g.awaitStable("many")
	g.remove("many")
}
