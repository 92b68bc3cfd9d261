package runtimetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/driver/runtime"
)

// Run runs the contract. newDriver returns a driver with no containers, whose
// images include what the fixture's containers need, and removes at the test's
// end what it made.
func Run(t *testing.T, newDriver func(t *testing.T) (runtime.Driver, Fixture)) {
	d, f := newDriver(t)
	s := suite{Fixture: f, driver: d}
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"StartListRemove", s.startListRemove},
		{"StartTwice", s.startTwice},
		{"StartAfterEnd", s.startAfterEnd},
		{"ExitCode", s.exitCode},
		{"EventOfEveryEnd", s.eventOfEveryEnd},
		{"StopSignal", s.stopSignal},
		{"KillSignal", s.killSignal},
		{"WhatIsNotThere", s.whatIsNotThere},
		{"RemoveRunning", s.removeRunning},
		{"FailedStart", s.failedStart},
		{"Exec", s.exec},
		{"Listens", s.listens},
		{"SecondDriver", s.secondDriver},
		{"Images", s.images},
		{"MissingImage", s.missingImage},
		{"OutOfMemory", s.outOfMemory},
		{"EventsEnd", s.eventsEnd},
		{"EngineRestart", s.engineRestart},
	} {
		t.Run(c.name, c.test)
	}
}

func contextOf(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func (s suite) startListRemove(t *testing.T) {
	before := time.Now()
	c := named(s.Sleeps(), "c-list")
	c.Group, c.Labels = "g-list", map[string]string{"a": "1", "b.c/d": "2"}
	pid := s.start(t, c)
	got := s.status(t, c.ID)
	if got == nil {
		t.Fatal("not listed")
	}
	if got.Group != c.Group || got.State != runtime.StateRunning || got.PID != pid || !maps.Equal(got.Labels, c.Labels) {
		t.Errorf("listed as %+v, want group %s, running, pid %d, labels %v", got, c.Group, pid, c.Labels)
	}
	if got.StartedAt.Before(before.Add(-time.Second)) || got.StartedAt.After(time.Now().Add(time.Second)) {
		t.Errorf("started at %v, now is %v", got.StartedAt, time.Now())
	}
	for range 2 {
		if err := s.driver.Remove(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.status(t, c.ID); got != nil {
		t.Errorf("still listed after its removal: %+v", got)
	}
	for range 2 {
		if err := s.driver.RemoveGroup(t.Context(), c.Group); err != nil {
			t.Fatal(err)
		}
	}
}

func (s suite) startTwice(t *testing.T) {
	c := named(s.Sleeps(), "c-twice")
	first := s.start(t, c)
	type result struct {
		pid int
		err error
	}
	results := make(chan result)
	for range 3 {
		go func() {
			pid, err := s.driver.Start(t.Context(), c)
			results <- result{pid, err}
		}()
	}
	for range 3 {
		if r := <-results; r.err != nil || r.pid != first {
			t.Errorf("starting what runs: pid %d, %v; want %d", r.pid, r.err, first)
		}
	}
}

func (s suite) startAfterEnd(t *testing.T) {
	c := named(s.Exits(3), "c-after")
	s.start(t, c)
	s.stopped(t, c.ID)
	if pid, err := s.driver.Start(t.Context(), c); err == nil {
		t.Errorf("a container that had ended was started again, pid %d", pid)
	}
	if got := s.status(t, c.ID); got == nil || got.ExitCode != 3 {
		t.Errorf("the attempt changed its status to %+v", got)
	}
	if err := s.driver.Remove(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	s.start(t, named(s.Sleeps(), c.ID))
}

func (s suite) exitCode(t *testing.T) {
	events := s.driver.Events(t.Context())
	for i, code := range []int32{0, 1, 7, 255} {
		c := named(s.Exits(code), "c-exit-"+string(rune('a'+i)))
		began := time.Now()
		s.start(t, c)
		e := event(t, events, c.ID)
		if e.ExitCode != code || e.OOMKilled {
			t.Errorf("event %+v, want exit code %d", e, code)
		}
		if e.At.Before(began.Add(-time.Second)) || e.At.After(time.Now().Add(time.Second)) {
			t.Errorf("ended at %v, which is not between %v and now", e.At, began)
		}
		got := s.stopped(t, c.ID)
		if got.ExitCode != code || got.OOMKilled || got.PID != 0 || !got.StoppedAt.Equal(e.At) {
			t.Errorf("listed as %+v, want exit code %d, no pid, stopped at %v", got, code, e.At)
		}
	}
}

func (s suite) eventOfEveryEnd(t *testing.T) {
	one, two := s.driver.Events(t.Context()), s.driver.Events(t.Context())
	var ids []string
	for i := range 5 {
		c := named(s.Exits(0), "c-every-"+string(rune('a'+i)))
		c.Group = "g-every"
		ids = append(ids, c.ID)
		s.start(t, c)
	}
	for _, events := range []<-chan runtime.Event{one, two} {
		missing := slices.Clone(ids)
		timeout := time.After(limit)
		for len(missing) > 0 {
			select {
			case e := <-events:
				missing = slices.DeleteFunc(missing, func(id string) bool { return id == e.ID })
			case <-timeout:
				t.Fatalf("no event of %v", missing)
			}
		}
	}
}

func (s suite) stopSignal(t *testing.T) {
	events := s.driver.Events(t.Context())
	c := named(s.Sleeps(), "c-stop")
	s.startReady(t, c)
	s.signal(t, c.ID, runtime.StopSignal)
	if e := event(t, events, c.ID); e.ExitCode != s.StopCode {
		t.Errorf("exit code %d, want %d", e.ExitCode, s.StopCode)
	}
	s.signal(t, c.ID, runtime.StopSignal) // it has ended
	s.signal(t, c.ID, runtime.KillSignal)
}

func (s suite) signal(t *testing.T, id string, sig runtime.Signal) {
	t.Helper()
	if err := s.driver.Signal(t.Context(), id, sig); err != nil {
		t.Fatalf("signal %s: %v", id, err)
	}
}

func (s suite) killSignal(t *testing.T) {
	events := s.driver.Events(t.Context())
	c := named(s.Stubborn(), "c-kill")
	s.startReady(t, c)
	s.signal(t, c.ID, runtime.StopSignal)
	s.signal(t, c.ID, runtime.StopSignal)
	if got := s.status(t, c.ID); got == nil || got.State != runtime.StateRunning {
		t.Fatalf("after a stop signal that it ignores it is %+v", got)
	}
	s.signal(t, c.ID, runtime.KillSignal)
	if e := event(t, events, c.ID); e.ExitCode != 137 || e.OOMKilled {
		t.Errorf("event %+v, want exit code 137 and enough memory", e)
	}
}

func (s suite) whatIsNotThere(t *testing.T) {
	s.signal(t, "c-none", runtime.StopSignal)
	s.signal(t, "c-none", runtime.KillSignal)
	if err := s.driver.Remove(t.Context(), "c-none"); err != nil {
		t.Errorf("remove: %v", err)
	}
	if err := s.driver.RemoveGroup(t.Context(), "g-none"); err != nil {
		t.Errorf("remove group: %v", err)
	}
	if _, err := s.driver.Exec(t.Context(), "c-none", s.Succeeds.Args, time.Second); !errors.Is(err, runtime.ErrNotFound) {
		t.Errorf("exec: %v, want ErrNotFound", err)
	}
}

func (s suite) removeRunning(t *testing.T) {
	events := s.driver.Events(t.Context())
	c := named(s.Stubborn(), "c-running")
	s.start(t, c)
	if err := s.driver.Remove(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if e := event(t, events, c.ID); e.ExitCode != 137 {
		t.Errorf("exit code %d, want 137", e.ExitCode)
	}
	if got := s.status(t, c.ID); got != nil {
		t.Errorf("still listed: %+v", got)
	}
}

func (s suite) failedStart(t *testing.T) {
	compare := s.Unchanged(t)
	c := named(s.Broken(), "c-broken")
	for range 2 { // a second attempt finds nothing of the first
		if _, err := s.driver.Start(t.Context(), c); err == nil {
			t.Error("started what cannot be started")
		} else if errors.Is(err, runtime.ErrImage) || strings.Contains(err.Error(), "exists") {
			t.Errorf("unexpected kind of error: %v", err)
		}
		if got := s.status(t, c.ID); got != nil {
			t.Errorf("left behind: %+v", got)
		}
	}
	if err := s.driver.RemoveGroup(t.Context(), c.Group); err != nil {
		t.Error(err)
	}
	compare()
	s.start(t, named(s.Sleeps(), c.ID))
}

func (s suite) exec(t *testing.T) {
	for _, c := range []struct {
		name    string
		command Command
		timeout time.Duration
		code    int32
		err     error
	}{
		{"ok", s.Succeeds, limit, 0, nil},
		{"fails", s.Fails, limit, 1, nil},
		{"hangs", s.Hangs, 300 * time.Millisecond, 0, runtime.ErrTimeout},
	} {
		in := named(c.command.In(), "c-exec-"+c.name)
		s.start(t, in)
		for range 2 {
			began := time.Now()
			r, err := s.driver.Exec(t.Context(), in.ID, c.command.Args, c.timeout)
			if !errors.Is(err, c.err) || (err == nil && r.ExitCode != c.code) {
				t.Errorf("%s: exit code %d, %v; want %d, %v", c.name, r.ExitCode, err, c.code, c.err)
			}
			if took := time.Since(began); c.err != nil && (took < c.timeout || took > c.timeout+5*time.Second) {
				t.Errorf("%s: came back after %v, the timeout is %v", c.name, took, c.timeout)
			}
		}
		if got := s.status(t, in.ID); got == nil || got.State != runtime.StateRunning {
			t.Errorf("%s: the container is %+v afterwards", c.name, got)
		}
	}
}

func (s suite) listens(t *testing.T) {
	look := func(d runtime.Driver, c runtime.Status) bool {
		t.Helper()
		ok, err := d.Listens(t.Context(), c, "tcp", s.ListensAt)
		if err != nil {
			t.Fatalf("look at %s: %v", c.ID, err)
		}
		return ok
	}
	c := named(s.Listens(), "c-listens")
	started := runtime.Status{ID: c.ID, State: runtime.StateRunning}
	if look(s.driver, started) {
		t.Error("a container that is not there listens")
	}
	started.PID = s.start(t, c)
	if look(s.driver, started) && !s.Real { // a process may be quick
		t.Error("it listens at once")
	}
	until(t, "it listens", func() bool { return look(s.driver, started) })
	if listed := s.status(t, c.ID); listed == nil || !look(s.Reopen(t), *listed) {
		t.Errorf("a second driver, which lists it as %+v, does not find it listening", listed)
	}
	s.signal(t, c.ID, runtime.KillSignal)
	if ended := s.stopped(t, c.ID); look(s.driver, ended) || look(s.driver, started) {
		t.Error("a container that has ended listens")
	}
}

func (s suite) secondDriver(t *testing.T) {
	c := named(s.Sleeps(), "c-second")
	c.Labels = map[string]string{"k": "v"}
	pid := s.startReady(t, c)
	other := suite{Fixture: s.Fixture, driver: s.Reopen(t)}
	events := other.driver.Events(t.Context())
	got := other.status(t, c.ID)
	if got == nil || got.PID != pid || got.State != runtime.StateRunning || got.Labels["k"] != "v" || got.Group != c.Group {
		t.Fatalf("the second driver sees %+v", got)
	}
	if again, err := other.driver.Start(t.Context(), c); err != nil || again != pid {
		t.Errorf("the second driver starts it: pid %d, %v; want %d", again, err, pid)
	}
	if r, err := other.driver.Exec(t.Context(), c.ID, s.Succeeds.Args, limit); err != nil || r.ExitCode != 0 {
		t.Errorf("the second driver runs a command: %+v, %v", r, err)
	}
	other.signal(t, c.ID, runtime.StopSignal)
	if e := event(t, events, c.ID); e.ExitCode != s.StopCode {
		t.Errorf("exit code %d, want %d", e.ExitCode, s.StopCode)
	}
}

func (s suite) images(t *testing.T) {
	for range 2 {
		names, err := s.driver.ImportImage(t.Context(), s.Archive)
		if err != nil || !slices.Equal(names, s.Names) {
			t.Fatalf("import: %v, %v; want %v", names, err, s.Names)
		}
	}
	list, err := s.driver.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.Names {
		i := slices.IndexFunc(list, func(i runtime.Image) bool { return i.Name == name })
		if i < 0 || !strings.HasPrefix(list[i].Digest, "sha256:") {
			t.Fatalf("%s is not in the list with a digest: %+v", name, list)
		}
		for _, ref := range []string{name, "docker.io/" + name} {
			got, err := s.driver.EnsureImage(t.Context(), ref, runtime.PullMissing)
			if err != nil || got.Name != name || got.Digest != list[i].Digest {
				t.Errorf("ensure %s: %+v, %v; want the image of the list, %+v", ref, got, err, list[i])
			}
		}
	}
	if _, err := s.driver.ImportImage(t.Context(), s.Archive+".none"); !errors.Is(err, runtime.ErrImage) {
		t.Errorf("import of a file that is not there: %v, want ErrImage", err)
	}
}

func (s suite) missingImage(t *testing.T) {
	full, err := runtime.FullImageName(s.Missing)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.driver.EnsureImage(t.Context(), s.Missing, runtime.PullMissing)
	want := `failed to resolve reference "` + full + `": `
	if !errors.Is(err, runtime.ErrImage) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("ensure %s: %v; want ErrImage and a text that begins with %s", s.Missing, err, want)
	}
	if _, err = s.driver.EnsureImage(t.Context(), "Not//A:Name:", runtime.PullMissing); !errors.Is(err, runtime.ErrImage) {
		t.Errorf("a reference that is none: %v, want ErrImage", err)
	}
	c := named(s.Sleeps(), "c-missing")
	c.Image = s.Missing
	if _, err := s.driver.Start(t.Context(), c); !errors.Is(err, runtime.ErrImage) {
		t.Errorf("start: %v, want ErrImage", err)
	}
	if got := s.status(t, c.ID); got != nil {
		t.Errorf("left behind: %+v", got)
	}
}

func (s suite) outOfMemory(t *testing.T) {
	events := s.driver.Events(t.Context())
	c := named(s.Hungry(), "c-hungry")
	s.start(t, c)
	if e := event(t, events, c.ID); e.ExitCode != 137 || !e.OOMKilled {
		t.Errorf("event %+v, want exit code 137 for want of memory", e)
	}
	if got := s.stopped(t, c.ID); got.ExitCode != 137 || !got.OOMKilled {
		t.Errorf("listed as %+v, want exit code 137 for want of memory", got)
	}
}

func (s suite) eventsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	events := s.driver.Events(ctx)
	cancel()
	timeout := time.After(limit)
	for {
		select {
		case _, open := <-events:
			if !open {
				return
			}
		case <-timeout:
			t.Fatal("the channel is still open after its context ended")
		}
	}
}

func (s suite) engineRestart(t *testing.T) {
	if s.Restart == nil {
		t.Skip("this driver has no engine")
	}
	events := s.driver.Events(t.Context())
	c, short := named(s.Sleeps(), "c-restart"), named(s.Sleeps(), "c-restart-2")
	pid := s.startReady(t, c)
	s.start(t, short)
	s.Restart(t)
	timeout := time.After(limit)
	for told := false; !told; {
		select {
		case e := <-events:
			told = e.ID == ""
		case <-timeout:
			t.Fatal("no empty event after the restart")
		}
	}
	if got := s.status(t, c.ID); got == nil || got.State != runtime.StateRunning || got.PID != pid {
		t.Fatalf("after the restart it is %+v, want running with pid %d", got, pid)
	}
	s.signal(t, c.ID, runtime.StopSignal)
	if e := event(t, events, c.ID); e.ExitCode != s.StopCode {
		t.Errorf("exit code %d, want %d", e.ExitCode, s.StopCode)
	}
	if err := s.driver.Remove(t.Context(), short.ID); err != nil {
		t.Error(err)
	}
}
