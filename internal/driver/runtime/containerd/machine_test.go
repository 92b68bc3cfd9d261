//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/runtime"
	"seamark/internal/engine"
)

// machine is an engine of a test's own, with what containers need beside it.
type machine struct {
	engine  *engine.Engine
	bin     string
	run     string // run directory of engine and driver
	data    string
	netns   string
	seamark string
	images  string // directory of archives

	endSupervision func() error
}

// testImage is the archive of the tests' own program, docker.io/seamark/testbox.
const testImage = "seamark/testbox:latest"

// newMachine starts an engine, and at the test's end stops it and checks that
// nothing is left. It fails, or skips where that is allowed, a test that
// cannot have one.
func newMachine(t testing.TB) *machine {
	t.Helper()
	bin := os.Getenv("SEAMARK_ENGINE")
	if bin == "" {
		bin = "../../../../bin/engine"
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{data: t.TempDir(), images: "../../../../images/out"}
	_, noEngine := os.Stat(filepath.Join(bin, "containerd"))
	_, noImage := os.Stat(filepath.Join(m.images, "testbox.tar"))
	if err := errors.Join(noEngine, noImage); err != nil || os.Getuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatalf("needs root, the engine and the test image (`make engine images`): uid %d, %v", os.Getuid(), err)
		}
		t.Skip("needs root, the engine and the test image")
	}
	if m.run, err = os.MkdirTemp("/run", "seamark-d"); err != nil { //nolint:usetesting // sockets need a short path
		t.Fatal(err)
	}
	t.Cleanup(func() { m.checkClean(t) })
	m.seamark = buildSeamark(t)
	m.netns = m.newNetns(t, "net")
	m.bin = bin
	m.startEngine(t)
	t.Cleanup(func() {
		m.sweep(t)
		m.stopSupervision(t)
		if err := m.engine.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// startEngine starts the engine and its supervision.
func (m *machine) startEngine(t testing.TB) {
	t.Helper()
	var err error
	m.engine, err = engine.Start(t.Context(), engine.Options{
		BinDir: m.bin, DataDir: m.data, RunDir: filepath.Join(m.run, "e"), InstanceID: m.id(), Logger: logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.engine.Run(ctx) }()
	m.endSupervision = func() error { cancel(); return <-ended }
}

func (m *machine) stopSupervision(t testing.TB) {
	t.Helper()
	if err := m.endSupervision(); err != nil {
		t.Error(err)
	}
}

// sweep takes away what a test that failed half-way has left.
func (m *machine) sweep(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := New(ctx, m.options(t))
	if err != nil {
		t.Error(err)
		return
	}
	list, err := d.List(ctx)
	for _, s := range list {
		err = errors.Join(err, d.Remove(ctx, s.ID))
	}
	for _, g := range m.groups(t) {
		err = errors.Join(err, d.RemoveGroup(ctx, g))
	}
	if err := errors.Join(err, d.Close()); err != nil {
		t.Error(err)
	}
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (m *machine) id() string { return strings.TrimPrefix(filepath.Base(m.run), "seamark-") }

// driver opens a driver and gives it the test image.
func (m *machine) driver(t testing.TB) *Driver {
	t.Helper()
	d, err := New(t.Context(), m.options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := d.ImportImage(t.Context(), filepath.Join(m.images, "testbox.tar")); err != nil {
		t.Fatal(err)
	}
	return d
}

func (m *machine) options(t testing.TB) Options {
	return Options{
		Socket: m.engine.Socket(), Namespace: "seamark-" + m.id(), CgroupParent: "/seamark-" + m.id(),
		Snapshotter: m.engine.Snapshotter(), RunDir: filepath.Join(m.run, "d"), SeamarkBinary: m.seamark, Logger: logger(t),
	}
}

// buildSeamark builds the program that serves as logger and init.
func buildSeamark(t testing.TB) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "seamark")
	cmd := exec.Command("go", "build", "-o", out, "./testdata/seamark")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, text)
	}
	return out
}

// newNetns makes a network namespace with its loopback interface up, and
// returns its path.
func (m *machine) newNetns(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(m.run, name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	go func() {
		goruntime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		made <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			if err := netlink.LinkSetUp(lo); err != nil {
				return err
			}
			return unix.Mount(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), path, "", unix.MS_BIND, "")
		}()
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)); err != nil {
			t.Error(err)
		}
	})
	return path
}

// box is a container that runs the test image's program.
func (m *machine) box(args ...string) runtime.Container {
	return runtime.Container{Image: testImage, Command: append([]string{"/testbox"}, args...), Network: m.netns, Hostname: "box"}
}

// traces lists what the machine's containers have on the host: processes but
// containerd itself, mounts and control groups. Run directories of the driver
// are listed too.
func (m *machine) traces(t testing.TB) []string {
	t.Helper()
	var out []string
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); strings.HasPrefix(f[4], m.run+"/") || strings.HasPrefix(f[4], m.data+"/") {
			out = append(out, "mount "+f[4])
		}
	}
	for _, g := range m.groups(t) {
		out = append(out, "cgroup "+g)
	}
	for _, pattern := range []string{"d/started/*", "d/exec/*", "d/runc/*/*", "e/state/io.containerd.runtime.v2.task/*/*"} {
		files, err := filepath.Glob(filepath.Join(m.run, pattern))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, files...)
	}
	out = append(out, m.processes(t)...)
	slices.Sort(out)
	return out
}

// groups lists the names of the control groups of containers' groups.
func (m *machine) groups(t testing.TB) []string {
	t.Helper()
	dirs, err := filepath.Glob("/sys/fs/cgroup/*/seamark-" + m.id() + "/[A-Za-z0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			out = append(out, filepath.Base(dir))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// processes lists shims and loggers of the machine.
func (m *machine) processes(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		cmd := strings.ReplaceAll(string(text), "\x00", " ")
		ours := strings.Contains(cmd, m.run+"/") || strings.Contains(cmd, m.seamark+" ")
		if ours && !strings.Contains(cmd, "containerd.toml") {
			out = append(out, "process "+cmd)
		}
	}
	return out
}

// unchanged returns a check that the traces are as they are now, soon.
func (m *machine) unchanged(t *testing.T) func() {
	before := strings.Join(m.traces(t), "\n")
	return func() {
		t.Helper()
		m.awaitTraces(t, before)
	}
}

func (m *machine) awaitTraces(t testing.TB, want string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		got := strings.Join(m.traces(t), "\n")
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Errorf("left behind:\n%s\nwas before:\n%s", got, want)
			return
		}
	}
}

// checkClean fails the test when anything of the machine is left.
func (m *machine) checkClean(t testing.TB) {
	t.Helper()
	m.awaitTraces(t, "")
	if groups, err := filepath.Glob("/sys/fs/cgroup/*/seamark-" + m.id()); err != nil || len(groups) > 0 {
		t.Errorf("control groups left: %v, %v", groups, err)
	}
	if err := os.RemoveAll(m.run); err != nil {
		t.Error(err)
	}
}

// restart kills the engine and returns when Run has started it again.
func (m *machine) restart(t *testing.T) {
	t.Helper()
	before := m.engine.PID()
	if err := unix.Kill(before, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); m.engine.PID() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the engine was not started again")
		}
	}
}
