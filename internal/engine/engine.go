//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/cgroup"
)

// Options say where the engine lives. All are required.
type Options struct {
	BinDir     string // holds containerd, containerd-shim-runc-v2 and runc
	DataDir    string // images and snapshots; survives a reboot
	RunDir     string // state, sockets and engine.json; short, on a file system that a reboot empties
	InstanceID string // of the Seamark instance
	Logger     *slog.Logger
}

// Engine is a running containerd.
type Engine struct {
	opts        Options
	cgroups     cgroup.FS
	snapshotter string
	adopted     bool
	process     atomic.Pointer[process]
	since       uint64 // clock ticks after boot: when Start had returned, nobody had asked for a shim yet
}

// The bounds of starting and stopping. containerd answers after about 50 ms
// and ends after about 20 ms, on a machine that has nothing else to do.
const (
	startLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
)

// Start adopts the engine of this instance or, where none runs, starts it, and
// returns when it answers. ctx bounds the start, not the engine's life.
func Start(ctx context.Context, o Options) (*Engine, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cgroups, err := cgroup.Host()
	if err != nil {
		return nil, err
	}
	e := &Engine{opts: o, cgroups: cgroups}
	for _, dir := range []string{o.DataDir, o.RunDir, e.root()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("container engine: %w", err)
		}
	}
	if e.snapshotter, err = pickSnapshotter(o); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	p, err := e.adopt(ctx)
	if err != nil {
		return nil, err
	}
	if p != nil {
		e.adopted = true
		o.Logger.Info("container engine adopted", "pid", p.pid, "socket", e.Socket())
	} else if p, err = e.launch(ctx); err != nil {
		return nil, errors.Join(err, e.cgroups.RemoveEmpty(e.cgroup()), e.cgroups.RemoveEmpty(e.parent()))
	}
	e.process.Store(p)
	e.since = ticks()
	if err := e.endLostShims(e.since); err != nil {
		o.Logger.Warn("cannot look for shims without tasks", "error", err) // they only cost memory
	}
	return e, nil
}

// binaries are the programs that BinDir must hold.
var binaries = [...]string{"containerd", "containerd-shim-runc-v2", "runc"}

// Limits of path lengths: a socket address has 108 bytes with its closing
// zero, and containerd puts a name of 64 characters below its socket_dir.
const (
	maxSocket    = 107
	maxSocketDir = 38
)

func (o Options) check() error {
	if o.BinDir == "" || o.DataDir == "" || o.RunDir == "" || o.InstanceID == "" || o.Logger == nil {
		return errors.New("container engine: BinDir, DataDir, RunDir, InstanceID and Logger are required")
	}
	var missing []string
	for _, b := range binaries {
		if info, err := os.Stat(filepath.Join(o.BinDir, b)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			missing = append(missing, b)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("container engine: %s not found in %s; `make engine` builds it", strings.Join(missing, ", "), o.BinDir)
	}
	for _, dir := range []string{o.BinDir, o.DataDir, o.RunDir} {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("container engine: %s is not an absolute path", dir)
		}
	}
	if len(o.shimSockets()) > maxSocketDir || len(o.socket())+len(".ttrpc") > maxSocket {
		return fmt.Errorf("container engine: %s is too long for the sockets in it by %d characters",
			o.RunDir, len(o.shimSockets())-maxSocketDir)
	}
	return nil
}

func (o Options) socket() string      { return filepath.Join(o.RunDir, "containerd.sock") }
func (o Options) shimSockets() string { return filepath.Join(o.RunDir, "s") }
func (o Options) config() string      { return filepath.Join(o.RunDir, "containerd.toml") }
func (o Options) stateFile() string   { return filepath.Join(o.RunDir, "engine.json") }

func (e *Engine) root() string  { return filepath.Join(e.opts.DataDir, "containerd") }
func (e *Engine) state() string { return filepath.Join(e.opts.RunDir, "state") }

// cgroup is the group of containerd and its shims. Groups of tasks are its
// siblings; their names have no underscore.
func (e *Engine) cgroup() string { return e.parent() + "/_engine" }

// parent is the control group of everything that the instance runs.
func (e *Engine) parent() string { return "/seamark-" + e.opts.InstanceID }

// Socket is the path of containerd's API socket.
func (e *Engine) Socket() string { return e.opts.socket() }

// Snapshotter is the name of the snapshotter that works on the data
// directory's file system: overlayfs or native.
func (e *Engine) Snapshotter() string { return e.snapshotter }

// PID is the process id of the running containerd.
func (e *Engine) PID() int { return e.process.Load().pid }

// Adopted reports whether Start found the engine running.
func (e *Engine) Adopted() bool { return e.adopted }

// Stop ends the engine and removes its state, not the images. Call it when no
// containers are left and Run has returned. While containers are mounted below
// the run directory it ends the engine, removes nothing and says so.
func (e *Engine) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := e.process.Load().end(ctx); err != nil { // its pidfd stays open: stopping twice is allowed
		return fmt.Errorf("stop container engine: %w", err)
	}
	mounts, err := mountsBelow(e.opts.RunDir)
	if err != nil {
		return fmt.Errorf("stop container engine: %w", err)
	}
	if len(mounts) > 0 {
		return fmt.Errorf("stop container engine: containers are left: %s", strings.Join(mounts, ", "))
	}
	if err := e.endLostShims(math.MaxUint64); err != nil {
		return fmt.Errorf("stop container engine: %w", err)
	}
	for _, path := range []string{
		e.state(), e.opts.shimSockets(), e.opts.socket(), e.opts.socket() + ".ttrpc", e.opts.config(), e.opts.stateFile(),
	} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("stop container engine: %w", err)
		}
	}
	if err := e.emptyCgroup(ctx); err != nil {
		return fmt.Errorf("stop container engine: %w", err)
	}
	if err := e.cgroups.RemoveEmpty(e.parent()); err != nil {
		return fmt.Errorf("stop container engine: %w", err)
	}
	return nil
}

// mountsBelow lists mount points below dir.
func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			out = append(out, f[4])
		}
	}
	return out, nil
}

// pickSnapshotter tries an overlay mount in the data directory. It fails where
// that is itself an overlay, or a file system without d_type or xattrs.
func pickSnapshotter(o Options) (string, error) {
	err := tryOverlay(o.DataDir)
	if err == nil {
		return "overlayfs", nil
	}
	if errors.Is(err, unix.EPERM) {
		return "", fmt.Errorf("container engine: mounting is not permitted; it needs root: %w", err)
	}
	o.Logger.Warn("overlayfs does not work on the data directory's file system; every container gets a full copy of its image",
		"dir", o.DataDir, "error", err)
	return "native", nil
}

func tryOverlay(dir string) (err error) {
	dir, err = os.MkdirTemp(dir, "overlay-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, d := range []string{"low1", "low2", "up", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	merged := filepath.Join(dir, "merged")
	data := fmt.Sprintf("lowerdir=%[1]s/low1:%[1]s/low2,upperdir=%[1]s/up,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", merged, "overlay", 0, data); err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	return unix.Unmount(merged, unix.MNT_DETACH)
}
