// Package images_test runs the built images in the built engine: what `make engine images` gave must start, answer,
// log and stop the way the rest of Seamark relies on. Needs root.
package images_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// ns is containerd's namespace of these tests, and the name of the cgroup that runc puts their containers in.
const ns = "seamark-images-test"

// config of the scratch engine: %[1]s is its data directory, %[2]s its directory under /run.
const config = `version = 4
root = "%[1]s/root"
state = "%[2]s/state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.blockfile"]
[plugins."io.containerd.server.v1.grpc"]
  address = "%[2]s/containerd.sock"
[plugins."io.containerd.server.v1.ttrpc"]
  address = "%[2]s/containerd.sock.ttrpc"
[plugins."io.containerd.shim.v1.manager"]
  socket_dir = "%[2]s/shims"
`

// engine is a containerd that belongs to one test.
type engine struct {
	*client.Client
	ctx context.Context
	run string // directory for sockets, FIFOs and runc's state
}

// startEngine starts bin/engine/containerd on directories of its own. Everything is gone when the test ends.
func startEngine(t *testing.T) engine {
	t.Helper()
	bin := prerequisites(t)
	data, run := t.TempDir(), shortDir(t)
	file := filepath.Join(data, "config.toml")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, data, run), 0o600); err != nil {
		t.Fatal(err)
	}
	var log buffer
	cmd := exec.Command(filepath.Join(bin, "containerd"), "--config", file)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")) // it looks for the shim and runc there
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("containerd: %v", err)
		}
		if t.Failed() {
			t.Logf("containerd said:\n%s", log.String())
		}
		removeCgroups(t)
		noMountsUnder(t, data, run)
	})
	ctx, cancel := context.WithTimeout(namespaces.WithNamespace(context.Background(), ns), time.Minute)
	t.Cleanup(cancel)
	c, err := client.New(filepath.Join(run, "containerd.sock"), client.WithTimeout(20*time.Second))
	if err != nil {
		t.Fatalf("connect: %v\n%s", err, log.String())
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine{c, ctx, run}
}

// prerequisites is the engine's directory, when this process is root and the engine is built.
func prerequisites(t *testing.T) string {
	t.Helper()
	missing := func(what string) {
		t.Helper()
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	if os.Geteuid() != 0 {
		missing("needs root")
	}
	bin, err := filepath.Abs("../bin/engine")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "containerd")); err != nil {
		missing("no engine: run make engine")
	}
	return bin
}

// shortDir is a directory under /run: socket paths are limited to 108 bytes, and containerd's state may not outlive a
// reboot.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "seamark-images-") //nolint:usetesting // its directories are too long a path for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// load imports images/out/NAME.tar and unpacks it.
func (e engine) load(t *testing.T, archive, want string) client.Image {
	t.Helper()
	f, err := os.Open(filepath.Join("out", archive))
	if err != nil {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v: run make images", err)
	}
	defer f.Close()
	began := time.Now()
	got, err := e.Import(e.ctx, f)
	if err != nil {
		t.Fatalf("import %s: %v", archive, err)
	}
	if len(got) != 1 || got[0].Name != want {
		t.Fatalf("%s imports as %+v, want one image %s", archive, got, want)
	}
	imported := time.Since(began)
	img := client.NewImage(e.Client, got[0])
	if err := img.Unpack(e.ctx, ""); err != nil {
		t.Fatalf("unpack %s: %v", want, err)
	}
	t.Logf("%s: imported in %v, unpacked in %v", want, imported, time.Since(began)-imported)
	return img
}

// cleanupContext is for what must happen also when the test's own time is over.
func cleanupContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(namespaces.WithNamespace(context.Background(), ns), 20*time.Second)
}

// container is a started container with its output.
type container struct {
	client.Task
	ctx    context.Context
	exit   <-chan client.ExitStatus
	output *buffer
	fifos  string
}

// start runs an image with its own command, or with args, in new namespaces (also for the network: only lo).
func (e engine) start(t *testing.T, img client.Image, id string, args []string, opts ...oci.SpecOpts) container {
	t.Helper()
	spec := []oci.SpecOpts{oci.WithImageConfigArgs(img, args), oci.WithHostname(id)}
	spec = append(append(spec, opts...), seccomp.WithDefaultProfile())
	c, err := e.NewContainer(e.ctx, id, client.WithImage(img), client.WithNewSnapshot(id, img),
		client.WithNewSpec(spec...), client.WithRuntime("io.containerd.runc.v2", &options.Options{Root: filepath.Join(e.run, "runc")}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		if err := c.Delete(ctx, client.WithSnapshotCleanup); err != nil {
			t.Error(err)
		}
	})
	out := new(buffer)
	task, err := c.NewTask(e.ctx, cio.NewCreator(cio.WithStreams(nil, out, out), cio.WithFIFODir(e.run)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		if _, err := task.Delete(ctx, client.WithProcessKill); err != nil {
			t.Error(err)
		}
	})
	exit, err := task.Wait(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := task.Start(e.ctx); err != nil {
		t.Fatal(err)
	}
	return container{task, e.ctx, exit, out, e.run}
}

// wait is the container's exit code, once its output is complete.
func (c container) wait(t *testing.T) int {
	t.Helper()
	select {
	case s := <-c.exit:
		code, _, err := s.Result()
		if err != nil {
			t.Fatal(err)
		}
		ioDone(c.ctx, t, c.IO())
		return int(code)
	case <-c.ctx.Done():
		t.Fatalf("still running; output:\n%s", c.output)
	}
	return -1
}

// exec runs a command in the container and gives its exit code and output.
func (c container) exec(t *testing.T, args ...string) (int, string) {
	t.Helper()
	spec, err := c.Spec(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := *spec.Process
	p.Args, p.Terminal = args, false
	var out buffer
	id := fmt.Sprintf("exec-%d", time.Now().UnixNano())
	x, err := c.Task.Exec(c.ctx, id, &p, cio.NewCreator(cio.WithStreams(nil, &out, &out), cio.WithFIFODir(c.fifos)))
	if err != nil {
		t.Fatal(err)
	}
	done, err := x.Wait(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Start(c.ctx); err != nil {
		t.Fatalf("exec %v: %v", args, err)
	}
	var s client.ExitStatus
	select {
	case s = <-done:
	case <-c.ctx.Done():
		t.Fatalf("exec %v still runs; output: %q", args, out.String())
	}
	ioDone(c.ctx, t, x.IO())
	code, _, err := s.Result()
	if err != nil {
		t.Fatalf("exec %v: %v", args, err)
	}
	if _, err := x.Delete(c.ctx); err != nil {
		t.Fatal(err)
	}
	return int(code), out.String()
}

// ioDone waits until no process holds the output any more.
func ioDone(ctx context.Context, t *testing.T, streams cio.IO) {
	t.Helper()
	done := make(chan struct{})
	go func() { streams.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		streams.Cancel()
		t.Fatal("a process still holds the output")
	}
}

// waitOutput waits until the container has written the text.
func (c container) waitOutput(t *testing.T, text string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for !strings.Contains(c.output.String(), text) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("no %q in the output:\n%s", text, c.output)
		}
	}
}

// file is a mount that puts text into a container as a file.
func file(t *testing.T, path, text string) oci.SpecOpts {
	t.Helper()
	src := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return oci.WithMounts([]specs.Mount{{Type: "bind", Source: src, Destination: path, Options: []string{"rbind", "ro"}}})
}

// removeCgroups removes the empty parent that the containers' cgroups were made in (cgroup v1 and v2).
func removeCgroups(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/" + ns, "/sys/fs/cgroup/*/" + ns} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dirs {
			if err := os.Remove(d); err != nil {
				t.Errorf("left behind: %v", err)
			}
		}
	}
}

// noMountsUnder fails the test for each mount left in its directories.
func noMountsUnder(t *testing.T, dirs ...string) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, " "+d+"/") {
				t.Errorf("left behind: %s", line)
			}
		}
	}
}

// buffer collects output that another goroutine writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
