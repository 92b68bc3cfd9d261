package task

import (
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// deaf is a draft whose containers run and listen on none of their ports yet.
func deaf(change func(t *world.Task, def *world.TaskDefinition)) *plan.Draft {
	d := draft(change)
	see(d, func(o *world.TaskObserved) { o.Listens = false })
	return d
}

func registered(d *plan.Draft) bool {
	return d.World.Instance("srv-a", "t") != nil && get(d).Registration.State == world.Registered
}

func TestPlan_NamesATaskOnceItListens(t *testing.T) {
	d := deaf(nil)
	Plan(d, "t")
	if got := get(d); registered(d) || got.LastStatus != world.TaskActivating || got.ActivatingAt != start {
		t.Fatalf("registered before it listens, or not activating: %+v", got)
	}
	if want := start.Add(d.Fidelity.ListenWait()); d.Wake() != want {
		t.Errorf("looks again at %v, want %v", d.Wake(), want)
	}
	d = next(d, 300*time.Millisecond)
	if Plan(d, "t"); !d.Empty() {
		t.Error("planning again changes something")
	}
	see(d, func(o *world.TaskObserved) { o.Listens = true })
	Plan(d, "t")
	if got := get(d); !registered(d) || got.Registration.Revision != d.Revision || got.Registration.At != d.Now || got.StartedAt != d.Now || got.LastStatus != world.TaskRunning {
		t.Errorf("it listens: %+v", got)
	}
}

// A task that never listens, or of which nobody saw it, is named all the same.
func TestPlan_NamesATaskThatNeverListens(t *testing.T) {
	d := deaf(nil)
	Plan(d, "t")
	d = next(d, d.Fidelity.ListenWait()-time.Nanosecond)
	if Plan(d, "t"); registered(d) || d.Wake() != d.Now.Add(time.Nanosecond) {
		t.Errorf("a moment before: registered %v, looks again at %v", registered(d), d.Wake())
	}
	d = next(d, time.Nanosecond)
	if Plan(d, "t"); !registered(d) || get(d).LastStatus != world.TaskRunning {
		t.Errorf("not registered: %+v", get(d))
	}
}

func TestPlan_EndsATaskThatDoesNotListenYet(t *testing.T) {
	d := deaf(nil)
	Plan(d, "t")
	d = next(d, time.Second)
	change(d, func(t *world.Task) { t.DesiredStatus, t.StopCode = world.TaskStopped, "ServiceSchedulerInitiated" })
	if Plan(d, "t"); registered(d) || get(d).LastStatus != world.TaskStopping || get(d).Registration.State != world.NotRegistered {
		t.Errorf("%+v", get(d))
	}
}

func TestPlan_WaitsForNobody(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(t *world.Task, def *world.TaskDefinition)
		fidelity world.Fidelity
	}{
		"in AWS's fidelity":   {nil, world.AWS},
		"with a health check": {withCheck, world.Relaxed},
		"without ports": {func(t *world.Task, def *world.TaskDefinition) {
			def.Containers[0].PortMappings = nil
			t.Registries = t.Registries[:1]
		}, world.Relaxed},
		"where the host listens": {func(t *world.Task, def *world.TaskDefinition) {
			onHost("bridge", 80, world.ServiceRegistry{Service: "srv-a", ContainerName: "app", ContainerPort: 8080})(t, def)
		}, world.Relaxed},
	} {
		t.Run(name, func(t *testing.T) {
			d := deaf(c.change)
			d.Fidelity = c.fidelity
			if Plan(d, "t"); !registered(d) {
				t.Errorf("%+v", get(d))
			}
		})
	}
}
