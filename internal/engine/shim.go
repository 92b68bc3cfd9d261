//go:build linux

package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/api/runtime/task/v3"
	"github.com/containerd/ttrpc"
	"golang.org/x/sys/unix"
)

// Times of ending shims.
const (
	shimLimit  = time.Second     // for one to answer
	leaveLimit = 3 * time.Second // for all to be gone, before they are killed
)

// dismissShims asks every shim to end that serves no container. Such a shim is
// left over when a start was cut off: by the end of the control plane, whose
// call containerd then abandons after the shim has come up, or by the end of
// containerd. A shim that serves a container ignores the request. None may be
// starting meanwhile: Start and Stop call this while no driver is connected.
func (e *Engine) dismissShims(ctx context.Context) {
	entries, err := os.ReadDir(e.opts.shimSockets())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.opts.Logger.Warn("cannot look for idle shims", "error", err)
		return
	}
	for _, entry := range entries {
		path := filepath.Join(e.opts.shimSockets(), entry.Name())
		if err := dismissShim(ctx, path); err != nil {
			e.opts.Logger.Warn("cannot ask a shim to end", "socket", path, "error", err)
		}
	}
}

func dismissShim(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, shimLimit)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if errors.Is(err, unix.ECONNREFUSED) {
		return os.Remove(socket) // its process has ended
	}
	if err != nil {
		return err
	}
	c := ttrpc.NewClient(conn)
	_, err = task.NewTTRPCTaskClient(c).Shutdown(ctx, &task.ShutdownRequest{})
	if errors.Is(err, ttrpc.ErrClosed) {
		err = nil // it ended before it answered
	}
	return errors.Join(err, c.Close())
}

// emptyCgroup removes the engine's control group. Shims and loggers of the
// last containers may still be on their way out; what stays is killed: no
// containers are left that it could serve.
func (e *Engine) emptyCgroup(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if err := e.cgroups.Remove(wait, e.cgroup()); err == nil || wait.Err() == nil {
		return err
	}
	pids, err := e.cgroups.Processes(e.cgroup())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		e.opts.Logger.Warn("process of the container engine did not end and is killed", "pid", pid)
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return e.cgroups.Remove(ctx, e.cgroup())
}
