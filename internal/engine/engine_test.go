//go:build linux

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// options returns an engine of its own for a test, and fails or skips the test
// where there can be none.
func options(t *testing.T) Options {
	t.Helper()
	bin := os.Getenv("SEAMARK_ENGINE")
	if bin == "" {
		bin = "../../bin/engine"
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "containerd")); err != nil || os.Getuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatalf("needs root and the engine (`make engine`): uid %d, %v", os.Getuid(), err)
		}
		t.Skip("needs root and the engine")
	}
	run, err := os.MkdirTemp("/run", "seamark-t") //nolint:usetesting // t.TempDir's paths are too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(run); err != nil {
			t.Error(err)
		}
	})
	return Options{BinDir: bin, DataDir: t.TempDir(), RunDir: run, InstanceID: filepath.Base(run),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func start(t *testing.T, o Options) *Engine {
	t.Helper()
	e, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestStart_StartsAdoptsAndStops(t *testing.T) {
	o := options(t)
	began := time.Now()
	first := start(t, o)
	t.Logf("started in %v with snapshotter %s", time.Since(began), first.Snapshotter())
	if first.Adopted() {
		t.Error("nothing was there to adopt")
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", first.PID()))
	if err != nil || !strings.Contains(string(groups), "/seamark-"+o.InstanceID+"/_engine") {
		t.Errorf("not in a control group of its own: %v\n%s", err, groups)
	}
	if sid, err := unix.Getsid(first.PID()); err != nil || sid != first.PID() {
		t.Errorf("session %d (%v), want a session of its own, %d", sid, err, first.PID())
	}

	second := start(t, o)
	if !second.Adopted() || second.PID() != first.PID() {
		t.Errorf("adopted %v, pid %d, want the running one, %d", second.Adopted(), second.PID(), first.PID())
	}
	// Killed between the start of the engine and the writing of its record.
	if err := os.Remove(o.stateFile()); err != nil {
		t.Fatal(err)
	}
	third := start(t, o)
	if !third.Adopted() || third.PID() != first.PID() {
		t.Errorf("without a record: adopted %v, pid %d, want %d", third.Adopted(), third.PID(), first.PID())
	}

	if err := third.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(o.RunDir); err != nil || len(entries) > 0 {
		t.Errorf("left in the run directory: %v, %v", entries, err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/memory/seamark-" + o.InstanceID); err == nil {
		t.Error("the control group is still there")
	}
	if !first.process.Load().exited() {
		t.Error("the process is still there")
	}
}

func TestStart_AfterKillAndAfterReboot(t *testing.T) {
	o := options(t)
	first := start(t, o)
	if err := unix.Kill(first.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := first.process.Load().wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := start(t, o) // sockets and record of a dead one are in the way
	if second.Adopted() || second.PID() == first.PID() {
		t.Errorf("adopted %v, pid %d after the kill of %d", second.Adopted(), second.PID(), first.PID())
	}

	if err := unix.Kill(second.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := second.process.Load().wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(o.RunDir); err != nil { // as a reboot does
		t.Fatal(err)
	}
	if third := start(t, o); third.Adopted() {
		t.Error("adopted after a reboot")
	}
}

// A record whose process number another process has come to own names nobody.
func TestStart_LeavesAForeignProcessAlone(t *testing.T) {
	o := options(t)
	if err := os.WriteFile(o.stateFile(), fmt.Appendf(nil, `{"pid": %d, "startTime": 1}`, os.Getpid()), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := start(t, o); e.Adopted() {
		t.Error("adopted the test's own process")
	}
}

func TestRun_StartsTheEngineAgain(t *testing.T) {
	o := options(t)
	e := start(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	killed := e.PID()
	if err := unix.Kill(killed, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(20 * time.Second)
	for e.PID() == killed {
		if time.Now().After(limit) {
			t.Fatal("not started again")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := healthy(t.Context(), e.Socket()); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if e.process.Load().exited() {
		t.Error("Run's end ended the engine")
	}
}

func TestStart_NamesWhatIsMissing(t *testing.T) {
	o := Options{BinDir: t.TempDir(), DataDir: t.TempDir(), RunDir: "/run/x", InstanceID: "x", Logger: slog.New(slog.DiscardHandler)}
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "make engine") || !strings.Contains(err.Error(), "runc not found in "+o.BinDir) {
		t.Errorf("%v; want the missing binaries and the way to get them", err)
	}
	for _, b := range binaries {
		if err := os.WriteFile(filepath.Join(o.BinDir, b), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.RunDir = "/run/" + strings.Repeat("x", 100)
	if _, err := Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v; want that the run directory's path is too long", err)
	}
}

func TestStart_ReportsAnEngineThatDoesNotStart(t *testing.T) {
	o := options(t)
	broken := t.TempDir()
	for _, b := range binaries {
		if err := os.WriteFile(filepath.Join(broken, b), []byte("#!/bin/sh\necho the disk is on fire; exit 1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.BinDir = broken
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "containerd has ended") || !strings.Contains(err.Error(), "on fire") {
		t.Errorf("%v; want that it ended, and what it said", err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/memory/seamark-" + o.InstanceID); err == nil {
		t.Error("left its control group behind")
	}
}
