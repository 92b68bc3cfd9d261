//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"golang.org/x/sys/unix"

	"seamark/internal/cgroup"
	"seamark/internal/driver/runtime"
)

// pidsOf returns the processes whose command line has all the words.
func pidsOf(t *testing.T, words ...string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		all := true
		for _, w := range words {
			all = all && strings.Contains(string(text), w)
		}
		var pid int
		if _, err := fmt.Sscanf(f, "/proc/%d/", &pid); err == nil && all {
			out = append(out, pid)
		}
	}
	return out
}

func statusOf(t *testing.T, d *Driver, id string) *runtime.Status {
	t.Helper()
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return nil
}

func awaitEvent(t *testing.T, events <-chan runtime.Event, id string) runtime.Event {
	t.Helper()
	timeout := time.After(wait)
	for {
		select {
		case e := <-events:
			if e.ID == id {
				return e
			}
		case <-timeout:
			t.Fatalf("no event of %q", id)
		}
	}
}

func TestFault(t *testing.T) {
	m := newMachine(t)
	d := m.driver(t)
	for _, c := range []struct {
		name string
		test func(t *testing.T, m *machine, d *Driver)
	}{
		{"ShimKilled", shimKilled},
		{"EndsWhileTheEngineIsAway", endsWhileAway},
		{"StartInterruptedAfterTheRecord", interruptedAfterRecord},
		{"StartInterruptedBeforeRunning", interruptedBeforeRunning},
		{"StartWithACancelledContext", cancelledStart},
		{"EngineKilledDuringStarts", engineKilledDuringStarts},
		{"ControlPlaneKilledDuringStarts", abandonedStarts},
		{"GroupIsBusy", groupIsBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			compare := m.unchanged(t)
			t.Run("run", func(t *testing.T) { c.test(t, m, d) })
			for _, g := range m.groups(t) {
				if err := d.RemoveGroup(t.Context(), g); err != nil {
					t.Error(err)
				}
			}
			compare()
		})
	}
}

func shimKilled(t *testing.T, m *machine, d *Driver) {
	events := d.Events(t.Context())
	c := m.box("sleep")
	c.ID, c.Log = "shimless", runtime.Log{Dir: t.TempDir()}
	run(t, d, c)
	for _, pid := range pidsOf(t, "containerd-shim-runc-v2", "seamark-"+m.id()) {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if e := awaitEvent(t, events, c.ID); e.ExitCode != 137 {
		t.Errorf("event %+v, want exit code 137", e)
	}
	eventually(t, "it is listed as stopped", func() bool {
		s := statusOf(t, d, c.ID)
		return s != nil && s.State == runtime.StateStopped && s.ExitCode == 137
	})
	if _, err := d.Start(t.Context(), c); err == nil {
		t.Error("it was started again")
	}
}

func endsWhileAway(t *testing.T, m *machine, d *Driver) {
	events := d.Events(t.Context())
	c := m.box("sleep")
	c.ID = "away"
	pid := run(t, d, c)
	engine := m.engine.PID()
	if err := errors.Join(unix.Kill(engine, unix.SIGKILL), unix.Kill(pid, unix.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, events, "") // list again
	eventually(t, "it is listed as stopped", func() bool {
		s := statusOf(t, d, c.ID)
		return s != nil && s.State == runtime.StateStopped && s.ExitCode == 137 && !s.OOMKilled
	})
}

func interruptedAfterRecord(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID, c.Labels = "half", map[string]string{"k": "v"}
	ctx := d.within(t.Context())
	record, err := d.record(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client.ContainerService().Create(ctx, *record); err != nil {
		t.Fatal(err)
	}
	if _, err := d.prepare(ctx, c.ID, record.Labels[labelParent]); err != nil {
		t.Fatal(err)
	}
	if s := statusOf(t, d, c.ID); s == nil || s.State != runtime.StateCreated || s.Labels["k"] != "v" {
		t.Errorf("listed as %+v, want created", s)
	}
	if _, err := d.Exec(t.Context(), c.ID, []string{"/testbox", "env"}, wait); !errors.Is(err, runtime.ErrNotFound) {
		t.Errorf("exec: %v, want ErrNotFound", err)
	}
	run(t, d, c)
	// A snapshot without a record.
	if err := d.Remove(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.prepare(ctx, c.ID, record.Labels[labelParent]); err != nil {
		t.Fatal(err)
	}
	run(t, d, c)
}

func interruptedBeforeRunning(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID = "created"
	ctx := d.within(t.Context())
	for _, again := range []func() error{
		func() error { _, err := d.Start(ctx, c); return err },
		func() error { return d.Remove(ctx, c.ID) },
	} {
		record, err := d.record(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.client.ContainerService().Create(ctx, *record); err != nil {
			t.Fatal(err)
		}
		rootfs, err := d.prepare(ctx, c.ID, record.Labels[labelParent])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.client.TaskService().Create(ctx, &tasks.CreateTaskRequest{ContainerID: c.ID, Rootfs: rootfs}); err != nil {
			t.Fatal(err)
		}
		if s := statusOf(t, d, c.ID); s == nil || s.State != runtime.StateCreated {
			t.Errorf("listed as %+v, want created", s)
		}
		if err := again(); err != nil {
			t.Error(err)
		}
		if err := d.Remove(ctx, c.ID); err != nil {
			t.Error(err)
		}
	}
}

// Wherever the caller gives up, nothing is left or the container runs.
func cancelledStart(t *testing.T, m *machine, d *Driver) {
	for i := range 12 {
		c := m.box("sleep")
		c.ID = fmt.Sprintf("cancelled-%d", i)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*8)*time.Millisecond)
		_, err := d.Start(ctx, c)
		cancel()
		if s := statusOf(t, d, c.ID); err != nil && s != nil {
			t.Errorf("start failed with %v and left %+v", err, s)
		}
		if err := d.Remove(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
}

func engineKilledDuringStarts(t *testing.T, m *machine, d *Driver) {
	for i := range 6 {
		c := m.box("sleep")
		c.ID, c.Log = fmt.Sprintf("struck-%d", i), runtime.Log{Dir: t.TempDir()}
		type result struct {
			pid int
			err error
		}
		done := make(chan result, 1)
		go func() {
			pid, err := d.Start(t.Context(), c)
			done <- result{pid, err}
		}()
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) // a random moment is the point of it
		m.restart(t)
		r := <-done
		if r.err != nil && !errors.Is(r.err, runtime.ErrUnavailable) {
			t.Logf("start failed with %v", r.err)
		}
		pid, err := d.Start(t.Context(), c)
		if err != nil || (r.err == nil && pid != r.pid) {
			t.Errorf("start, after one that returned %+v: pid %d, %v", r, pid, err)
		}
		if err := d.Remove(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
}

// To containerd, the death of the control plane is a call that is given up. It
// may lose sight of a shim then; the engine's next Start ends it.
func abandonedStarts(t *testing.T, m *machine, d *Driver) {
	for i := range 12 {
		c := m.box("sleep")
		c.ID = fmt.Sprintf("abandoned-%d", i)
		ctx := d.within(t.Context())
		record, err := d.record(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.client.ContainerService().Create(ctx, *record); err != nil {
			t.Fatal(err)
		}
		rootfs, err := d.prepare(ctx, c.ID, record.Labels[labelParent])
		if err != nil {
			t.Fatal(err)
		}
		abandoned, cancel := context.WithTimeout(ctx, time.Duration(i*5)*time.Millisecond)
		if _, err := d.client.TaskService().Create(abandoned, &tasks.CreateTaskRequest{ContainerID: c.ID, Rootfs: rootfs}); err == nil {
			t.Logf("created within %d ms", i*5)
		}
		cancel()
		if err := d.Remove(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
	t.Logf("before the next start: %v", m.processes(t))
	m.stopSupervision(t)
	m.startEngine(t)
	if !m.engine.Adopted() {
		t.Error("the running engine was not adopted")
	}
}

func groupIsBusy(t *testing.T, m *machine, d *Driver) {
	c := m.box("sleep")
	c.ID, c.Group = "busy", "busy-group"
	run(t, d, c)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := d.RemoveGroup(ctx, c.Group); err == nil {
		t.Error("the group of a running container was removed")
	}
	if s := statusOf(t, d, c.ID); s == nil || s.State != runtime.StateRunning {
		t.Errorf("the attempt left it %+v", s)
	}
}

// After a reboot, the data directory is there and the run directory is not.
func TestReboot(t *testing.T) {
	m := newMachine(t)
	d := m.driver(t)
	c := m.box("sleep")
	c.ID, c.Group, c.Labels = "before", "task", map[string]string{"k": "v"}
	if _, err := d.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m.powerFailure(t)
	m.startEngine(t)

	after := m.driver(t)
	after.boot = "another boot"
	s := statusOf(t, after, c.ID)
	if s == nil || s.State != runtime.StateStopped || s.ExitCode != 137 || s.Group != c.Group || s.Labels["k"] != "v" {
		t.Errorf("after a reboot it is %+v, want stopped with 137", s)
	}
	if err := after.Remove(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	images, err := after.Images(t.Context())
	if err != nil || len(images) != 1 {
		t.Errorf("images after a reboot: %v, %v", images, err)
	}
	c.ID = "after"
	run(t, after, c)
}

// powerFailure ends everything that a power failure would, and empties the run
// directory.
func (m *machine) powerFailure(t *testing.T) {
	t.Helper()
	m.stopSupervision(t)
	engine := m.engine.PID()
	if err := unix.Kill(engine, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pidsOf(t, "containerd-shim-runc-v2", "seamark-"+m.id()) {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	procs, err := filepath.Glob("/sys/fs/cgroup/memory/seamark-" + m.id() + "/[A-Za-z0-9]*/*/cgroup.procs")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range procs {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for field := range strings.FieldsSeq(string(text)) {
			var pid int
			if _, err := fmt.Sscan(field, &pid); err != nil {
				t.Fatal(err)
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all processes have ended", func() bool { return len(m.processes(t)) == 0 })
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if path := strings.Fields(line)[1]; strings.HasPrefix(path, m.run+"/e/") {
			if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, dir := range []string{"e", "d"} {
		if err := os.RemoveAll(filepath.Join(m.run, dir)); err != nil {
			t.Fatal(err)
		}
	}
	cgroups, err := cgroup.Host()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range m.groups(t) { // their names are the data directory's no more
		if err := cgroups.Remove(t.Context(), "/seamark-"+m.id()+"/"+g); err != nil {
			t.Fatal(err)
		}
	}
}
