package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/driver/runtime/simulated"
	"seamark/internal/reconcile"
	"seamark/internal/world"
)

func running(id string) runtime.Status {
	return runtime.Status{ID: id, Group: "g", State: runtime.StateRunning, PID: 1}
}

func TestContainers_AListDoesNotUndoWhatHappenedMeanwhile(t *testing.T) {
	c := newContainers()
	c.replace([]runtime.Status{running("stays"), running("goes"), running("forgotten")})
	c.listing()
	list := []runtime.Status{running("stays"), running("forgotten")} // as the runtime saw it
	if err := c.start("new", func() (runtime.Status, error) { return running("new"), nil }); err != nil {
		t.Fatal(err)
	}
	c.forget("forgotten")
	c.replace(list)
	var ids []string
	for _, s := range c.all() {
		ids = append(ids, s.ID)
	}
	if !slices.Equal(ids, []string{"new", "stays"}) {
		t.Errorf("known: %v", ids)
	}
}

func TestContainers_AnEndBeforeTheStartReturned(t *testing.T) {
	c := newContainers()
	err := c.start("a", func() (runtime.Status, error) {
		if _, ok := c.ended(runtime.Event{ID: "a", ExitCode: 7}); ok {
			t.Error("its group is known already")
		}
		return running("a"), nil
	})
	if s, ok := c.get("a"); err != nil || !ok || s.State != runtime.StateStopped || s.ExitCode != 7 {
		t.Errorf("%+v, %v", s, err)
	}
	// The same with events lost: a list has it.
	err = c.start("b", func() (runtime.Status, error) {
		c.listing()
		c.replace([]runtime.Status{{ID: "b", State: runtime.StateStopped, ExitCode: 8}})
		return running("b"), nil
	})
	if s, _ := c.get("b"); err != nil || s.State != runtime.StateStopped || s.ExitCode != 8 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestContainers_RemembersNothingOfStrangers(t *testing.T) {
	c := newContainers()
	c.ended(runtime.Event{ID: "unknown"})
	if err := c.start("failed", func() (runtime.Status, error) { return runtime.Status{}, errors.New("no") }); err == nil {
		t.Error("the error of a start is lost")
	}
	c.ended(runtime.Event{ID: "failed"})
	if len(c.byID) != 0 || len(c.starting) != 0 {
		t.Errorf("%v, %v", c.byID, c.starting)
	}
}

func TestImages_ForgetsPullsThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := slow{simulated.New(simulated.Options{})}
		var told []string
		i := newImages(d, runtime.PullMissing, reconcile.Options{Logger: slog.New(slog.DiscardHandler), Workers: 2}, func(group string) { told = append(told, group) })
		ended := make(chan error, 1)
		go func() { ended <- i.loop.Run(ctx) }()
		for _, group := range []string{"stays", "goes"} {
			if _, ok, err := i.get(group, "web:1"); ok || err != nil {
				t.Errorf("%s: %v, %v before the pull", group, ok, err)
			}
		}
		i.forget("goes")
		time.Sleep(time.Minute)
		synctest.Wait()
		if image, ok, err := i.get("stays", "web:1"); !ok || err != nil || image.Digest == "" || !slices.Equal(told, []string{"stays"}) {
			t.Errorf("%+v, %v, %v; told %v", image, ok, err, told)
		}
		if len(i.outcomes) != 1 {
			t.Errorf("remembers %v", i.outcomes)
		}
		cancel()
		if err := errors.Join(<-ended, d.Close()); err != nil {
			t.Error(err)
		}
	})
}

// slow takes its time to fetch an image.
type slow struct{ *simulated.Driver }

func (s slow) EnsureImage(ctx context.Context, ref string, p runtime.PullPolicy) (runtime.Image, error) {
	time.Sleep(time.Second)
	return s.Driver.EnsureImage(ctx, ref, p)
}

func TestProbes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := newProbes()
	key := probeKey("t", "app")
	if p.planned(key) || p.count(key, false, true, now) != 0 || p.planned(key) {
		t.Error("a probe that nobody planned is remembered")
	}
	if at := p.next(key, now); at != now || p.next(key, now.Add(time.Hour)) != now {
		t.Errorf("first probe at %v", at)
	}
	for n, c := range []struct {
		ok, counts bool
		want       int
	}{{false, true, 1}, {false, true, 2}, {false, false, 2}, {true, true, 0}, {false, true, 1}} {
		if got := p.count(key, c.ok, c.counts, now); got != c.want {
			t.Errorf("probe %d: %d failures in a row, want %d", n, got, c.want)
		}
	}
	p.forget("t")
	if p.planned(key) || len(p.failures) != 0 {
		t.Error("not forgotten")
	}
}

func TestProbeCommand(t *testing.T) {
	for _, c := range []struct{ in, want []string }{
		{[]string{"CMD", "curl", "-f", "x"}, []string{"curl", "-f", "x"}},
		{[]string{"CMD-SHELL", "curl -f x || exit 1"}, []string{"/bin/sh", "-c", "curl -f x || exit 1"}},
		{[]string{"curl", "x"}, []string{"curl", "x"}},
	} {
		if got := probeCommand(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%q runs %q", c.in, got)
		}
	}
}

func TestDependencyMet(t *testing.T) {
	ended := func(code int32) runtime.Status { return runtime.Status{State: runtime.StateStopped, ExitCode: code} }
	for _, c := range []struct {
		condition  string
		status     runtime.Status
		started    bool
		health     world.HealthStatus
		met, never bool
	}{
		{"START", runtime.Status{}, false, world.HealthUnknown, false, false},
		{"START", running("a"), true, world.HealthUnknown, true, false},
		{"COMPLETE", running("a"), true, world.HealthUnknown, false, false},
		{"COMPLETE", ended(1), true, world.HealthUnknown, true, false},
		{"SUCCESS", running("a"), true, world.HealthUnknown, false, false},
		{"SUCCESS", ended(0), true, world.HealthUnknown, true, false},
		{"SUCCESS", ended(1), true, world.HealthUnknown, false, true},
		{"HEALTHY", running("a"), true, world.HealthUnknown, false, false},
		{"HEALTHY", running("a"), true, world.Healthy, true, false},
		{"HEALTHY", running("a"), true, world.Unhealthy, false, true},
		{"HEALTHY", ended(0), true, world.HealthUnknown, false, true},
	} {
		met, never := dependencyMet(world.Dependency{Condition: c.condition}, c.status, c.started, c.health)
		if met != c.met || never != c.never {
			t.Errorf("%s with %s %s: met %v, never %v", c.condition, c.status.State, c.health, met, never)
		}
	}
}

func TestOrdered_DependenciesComeFirst(t *testing.T) {
	depends := func(name string, on ...string) world.ContainerDefinition {
		c := world.ContainerDefinition{Name: name}
		for _, o := range on {
			c.DependsOn = append(c.DependsOn, world.Dependency{ContainerName: o})
		}
		return c
	}
	r := &taskRun{def: &world.TaskDefinition{Containers: []world.ContainerDefinition{depends("app", "db", "cache"), depends("cache", "init"), depends("db", "init"), depends("init")}}}
	var order []string
	for _, c := range r.ordered() {
		order = append(order, c.Name)
	}
	if !slices.Equal(order, []string{"init", "db", "cache", "app"}) {
		t.Errorf("order %v", order)
	}
	if got := r.dependents("init"); !slices.Equal(got, []string{"cache", "db"}) {
		t.Errorf("dependents of init: %v", got)
	}
}

func TestStops_SignalOnceThenKill(t *testing.T) {
	s := newStops()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if at, first := s.asked("a", now); at != now || !first {
		t.Errorf("%v, first %v", at, first)
	}
	if at, first := s.asked("a", now.Add(time.Second)); at != now || first {
		t.Errorf("%v, first %v", at, first)
	}
	s.forget("a")
	if _, first := s.asked("a", now); !first {
		t.Error("not forgotten")
	}
}
