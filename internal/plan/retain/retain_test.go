package retain

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func run(w world.World) *plan.Draft {
	d := &plan.Draft{World: w, Now: now, Draw: plan.NewDraw([32]byte{})}
	Plan(d)
	return d
}

func definition(family world.FamilyName, status string) *world.TaskDefinition {
	return &world.TaskDefinition{TaskDefinitionRef: world.TaskDefinitionRef{Family: family, Revision: 1}, Status: status}
}

func TestPlan_ForgetsWhatIsDue(t *testing.T) {
	hour, day := now.Add(-time.Hour), now.Add(-24*time.Hour)
	late := func(at time.Time) time.Time { return at.Add(time.Nanosecond) }
	due := []world.Object{
		&world.Task{ID: "due", LastStatus: world.TaskStopped, StoppedAt: hour},
		&world.Service{Name: "due", Status: world.ServiceInactive, DeletedAt: hour},
		&world.Cluster{Name: "due", Status: "INACTIVE", DeletedAt: hour},
		&world.Instance{ID: "due", State: world.InstanceTerminated, TerminatedAt: hour},
		&world.Operation{ID: "due", CreatedAt: day},
		&world.Token{Token: "due", CreatedAt: day},
		definition("unused", "DELETE_IN_PROGRESS"),
	}
	kept := []world.Object{
		&world.Task{ID: "fresh", LastStatus: world.TaskStopped, StoppedAt: late(hour)},
		&world.Task{ID: "running", LastStatus: world.TaskRunning, CreatedAt: day, TaskDefinition: definition("running", "").TaskDefinitionRef},
		&world.Service{Name: "fresh", Status: world.ServiceInactive, DeletedAt: late(hour)},
		&world.Service{Name: "active", Status: world.ServiceActive, CreatedAt: day, Deployments: []world.Deployment{{TaskDefinition: definition("served", "").TaskDefinitionRef}}},
		definition("running", "DELETE_IN_PROGRESS"),
		definition("served", "DELETE_IN_PROGRESS"),
		definition("registered", "INACTIVE"),
		&world.Cluster{Name: "active", Status: "ACTIVE", CreatedAt: day},
		&world.Instance{ID: "running", State: world.InstanceRunning, LaunchTime: day},
		&world.Operation{ID: "fresh", CreatedAt: late(day)},
		&world.Token{Token: "fresh", CreatedAt: late(day)},
	}
	w := world.New()
	for _, o := range slices.Concat(due, kept) {
		w.Put(o)
	}
	d := run(w)
	for _, o := range due {
		if d.World.Get(o.Kind(), o.Key()) != nil {
			t.Errorf("%s %s is kept", o.Kind(), o.Key())
		}
	}
	for _, o := range kept {
		if d.World.Get(o.Kind(), o.Key()) == nil {
			t.Errorf("%s %s is forgotten", o.Kind(), o.Key())
		}
	}
	if d.Wake() != now.Add(interval) {
		t.Errorf("looks again at %v", d.Wake())
	}
}

func TestPlan_TakesManyInTurns(t *testing.T) {
	w := world.New()
	for n := range most + 10 {
		w.Put(&world.Task{ID: world.TaskID(fmt.Sprintf("%05d", n)), LastStatus: world.TaskStopped, StoppedAt: now.Add(-2 * time.Hour)})
	}
	d := run(w)
	if d.World.Tasks.Len() != 10 || d.Wake() != now {
		t.Errorf("%d left, looks again at %v", d.World.Tasks.Len(), d.Wake())
	}
	if d = run(d.World); d.World.Tasks.Len() != 0 || d.Wake() != now.Add(interval) {
		t.Errorf("%d left, looks again at %v", d.World.Tasks.Len(), d.Wake())
	}
}

// TestPlan_BoundsOperations: the newest stay, however young the others are.
func TestPlan_BoundsOperations(t *testing.T) {
	w := world.New()
	total := MostOperations + slack + 1
	for n := range total {
		// Ids are in another order than ages.
		w.Put(&world.Operation{ID: world.OperationID(fmt.Sprintf("op-%05d", n*7919%total)), Revision: int64(n), CreatedAt: now})
	}
	if !Crowded(w) {
		t.Fatalf("%d operations are no crowd", total)
	}
	plans := 0
	for d := run(w); !d.Empty(); d = run(w) {
		if !Full(w) {
			t.Fatalf("forgets some of %d operations", w.Operations.Len())
		}
		w = d.World
		plans++
	}
	if got := w.Operations.Len(); got != MostOperations || Crowded(w) {
		t.Errorf("%d operations are left, expected %d", got, MostOperations)
	}
	if want := (slack + most) / most; plans != want+1 && plans != want {
		t.Errorf("%d plans, expected about %d", plans, want)
	}
	for o := range w.OperationsByAge() {
		if o.Revision != int64(total-MostOperations) {
			t.Errorf("the oldest is of revision %d, expected %d", o.Revision, total-MostOperations)
		}
		break
	}
}

// What it costs to forget an operation, which each registration comes to.
func BenchmarkPlan(b *testing.B) {
	w := world.New()
	total := MostOperations + most
	for n := range total {
		w.Put(&world.Operation{ID: world.OperationID(fmt.Sprintf("op-%05d", n*7919%total)), Revision: int64(n), CreatedAt: now})
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := run(w); d.World.Operations.Len() != MostOperations {
			b.Fatal(d.World.Operations.Len())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*most), "µs/operation")
}
