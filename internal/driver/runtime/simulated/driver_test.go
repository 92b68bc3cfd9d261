package simulated

import (
	"archive/tar"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/driver/runtime/runtimetest"
)

// programmed is a container of an image that is there, with settings.
func programmed(env ...string) runtime.Container {
	return runtime.Container{Image: "box", Env: append([]string{"PATH=/"}, env...)}
}

func open(t *testing.T, m *Machine) *Driver {
	t.Helper()
	d := m.Open()
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := d.EnsureImage(t.Context(), "box", runtime.PullMissing); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestContract(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) (runtime.Driver, runtimetest.Fixture) {
		m := NewMachine(Options{})
		archive := filepath.Join(t.TempDir(), "image.tar")
		writeArchive(t, archive, `{"manifests": [{"annotations": {"io.containerd.image.name": "docker.io/library/one:1"}}]}`)
		with := func(env ...string) func() runtime.Container {
			return func() runtime.Container { return programmed(env...) }
		}
		return open(t, m), runtimetest.Fixture{
			Archive: archive, Names: []string{"one:1"}, Missing: "registry.test/missing/x",
			Exits: func(code int32) runtime.Container {
				c := programmed()
				c.Labels = map[string]string{"seamark.sim/exit-code": strconv.Itoa(int(code))}
				return c
			},
			Sleeps:   with("SEAMARK_SIM_STOP_CODE=7"),
			StopCode: 7,
			Ready:    func(*testing.T, runtime.Container) {},
			Stubborn: with("SEAMARK_SIM_IGNORE_STOP=true"),
			Listens:  with("SEAMARK_SIM_LISTENS_AFTER=50ms"), ListensAt: netip.MustParseAddrPort("10.0.0.1:80"),
			Hungry:    with("SEAMARK_SIM_OOM=true"),
			Broken:    with("SEAMARK_SIM_START_ERROR=exec format error"),
			Succeeds:  runtimetest.Command{In: with("SEAMARK_SIM_EXEC=0"), Args: []string{"true"}},
			Fails:     runtimetest.Command{In: with("SEAMARK_SIM_EXEC=1"), Args: []string{"false"}},
			Hangs:     runtimetest.Command{In: with("SEAMARK_SIM_EXEC_TAKES=1h"), Args: []string{"sleep"}},
			Reopen:    func(t *testing.T) runtime.Driver { return open(t, m) },
			Unchanged: func(t *testing.T) func() { return unchanged(t, m) },
		}
	})
}

func unchanged(t *testing.T, m *Machine) func() {
	before := m.String()
	return func() {
		if after := m.String(); after != before {
			t.Errorf("before:\n%safter:\n%s", before, after)
		}
	}
}

func writeArchive(t *testing.T, path, index string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.WriteHeader(&tar.Header{Name: "index.json", Mode: 0o644, Size: int64(len(index))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(index)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// A day of a container's life takes no time, and nothing is left running.
func TestProgram_InVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Options{})
		ctx, cancel := context.WithCancel(t.Context())
		events := d.Events(ctx)
		if _, err := d.EnsureImage(ctx, "box", runtime.PullMissing); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		job := programmed("SEAMARK_SIM_RUN_FOR=24h", "SEAMARK_SIM_EXIT_CODE=3", "SEAMARK_SIM_START_TAKES=2s")
		job.ID = "job"
		if _, err := d.Start(ctx, job); err != nil {
			t.Fatal(err)
		}
		slow := programmed("SEAMARK_SIM_STOP_TAKES=10s", "SEAMARK_SIM_STOP_CODE=0")
		slow.ID = "slow"
		if _, err := d.Start(ctx, slow); err != nil {
			t.Fatal(err)
		}
		for range 3 { // a second signal does not start the ten seconds anew
			if err := d.Signal(ctx, "slow", runtime.StopSignal); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		if e := <-events; e.ID != "slow" || e.ExitCode != 0 || e.At.Sub(began) != 12*time.Second {
			t.Errorf("%+v after %v, want slow to end with 0 after 12s", e, e.At.Sub(began))
		}
		if e := <-events; e.ID != "job" || e.ExitCode != 3 || e.At.Sub(began) != 24*time.Hour+2*time.Second {
			t.Errorf("%+v after %v, want job to end with 3 after 24h2s", e, e.At.Sub(began))
		}
		if got, want := d.String(), "job group=job stopped exit=3\nslow group=slow stopped exit=0\n"; got != want {
			t.Errorf("state:\n%swant:\n%s", got, want)
		}
		cancel()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestProgram_ExecCodesInSequence(t *testing.T) {
	d := open(t, NewMachine(Options{}))
	c := programmed("SEAMARK_SIM_EXEC=1, 0,2")
	c.ID = "c"
	if _, err := d.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int32{1, 0, 2, 2} {
		if r, err := d.Exec(t.Context(), "c", nil, time.Second); err != nil || r.ExitCode != want {
			t.Errorf("exit code %d, %v; want %d", r.ExitCode, err, want)
		}
	}
	d.Machine().SetExec("c", 5)
	if r, err := d.Exec(t.Context(), "c", nil, time.Second); err != nil || r.ExitCode != 5 {
		t.Errorf("exit code %d, %v; want 5", r.ExitCode, err)
	}
}

func TestProgram_RefusesWhatItDoesNotKnow(t *testing.T) {
	d := open(t, NewMachine(Options{}))
	for _, env := range []string{"SEAMARK_SIM_RUNFOR=1s", "SEAMARK_SIM_RUN_FOR=soon", "SEAMARK_SIM_EXIT_CODE=256", "SEAMARK_SIM_EXEC=a"} {
		c := programmed(env)
		c.ID = "c"
		if _, err := d.Start(t.Context(), c); err == nil {
			t.Errorf("%s was accepted", env)
		}
	}
}

func TestMachine_Reboot(t *testing.T) {
	m := NewMachine(Options{})
	d := open(t, m)
	c := programmed()
	c.ID = "c"
	if _, err := d.Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	m.Reboot()
	if got := m.String(); got != "" {
		t.Errorf("after a reboot there is\n%s", got)
	}
	if images, err := d.Images(t.Context()); err != nil || len(images) != 1 || images[0].Name != "box:latest" {
		t.Errorf("images after a reboot: %v, %v", images, err)
	}
}
