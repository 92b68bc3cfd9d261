package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"seamark/internal/cgroup"
	"seamark/internal/dataplane"
	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/runtime/containerd"
	"seamark/internal/engine"
	"seamark/internal/store/datadir"
)

// stopTimeout bounds the wait for a daemon that was asked to end.
const stopTimeout = 20 * time.Second

func downCommand() *cobra.Command {
	o := upOptions{listen: "127.0.0.1:0"}
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop the instance, its tasks, and remove every namespace, rule and process of it",
		Long: `Stop the instance and its tasks, and remove every process, network namespace,
mount, cgroup and socket that it made. What it remembers (--data-dir) stays: the
next "seamark up" starts the services again.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return down(c.Context(), o, c.OutOrStdout()) },
	}
	dataDirFlag(c, &o.dataDir)
	c.Flags().StringVar(&o.engine, "engine", "", "directory of containerd, its shim and runc (default: engine/ beside this binary)")
	return c
}

func down(ctx context.Context, o upOptions, out io.Writer) error {
	var err error
	if o.dataDir, err = filepath.Abs(o.dataDir); err != nil {
		return err
	}
	if _, err := os.Stat(o.dataDir); err != nil {
		return fmt.Errorf("nothing to stop: %w", err)
	}
	pid, err := datadir.Holder(o.dataDir)
	if err != nil {
		return err
	}
	if pid != 0 {
		if err := endDaemon(ctx, pid); err != nil {
			return err
		}
	}
	dir, err := datadir.Open(o.dataDir)
	if err != nil {
		return err
	}
	d := &daemon{o: o, dir: dir, runDir: runDirOf(dir.InstanceID()), logger: slog.New(slog.DiscardHandler)}
	err = errors.Join(removeAll(ctx, d), removeClient(o.dataDir), dir.Close())
	if err == nil {
		fmt.Fprintln(out, "Seamark is down; its data stays in", o.dataDir)
	}
	return err
}

// endDaemon asks the daemon to end and waits until it has.
func endDaemon(ctx context.Context, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); errors.Is(err, syscall.ESRCH) {
		return nil
	} else if err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d did not end: %w", pid, ctx.Err())
		case <-tick.C:
		}
	}
}

// removeAll removes what the instance left on the machine. Each step is tried
// even if another failed.
func removeAll(ctx context.Context, d *daemon) error {
	if os.Geteuid() != 0 { // this user could only simulate: the daemon was all there was
		return errors.Join(os.RemoveAll(d.dir.Path("run")), os.RemoveAll(d.runDir))
	}
	if err := os.MkdirAll(d.runDir, 0o700); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	errs := []error{
		dataplane.NewSupervisor(planeOptions(d, exe)).Stop(ctx),
		removeContainers(ctx, d, exe),
		removeNetworks(ctx, d),
		os.RemoveAll(d.dir.Path("run")),
		removeCgroup(ctx, d),
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return os.RemoveAll(d.runDir)
}

// removeContainers removes all containers with the engine that ran them, which
// is started for it where it does not run.
func removeContainers(ctx context.Context, d *daemon, exe string) (err error) {
	if _, err := os.Stat(engineOptions(d).DataDir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	e, err := engine.Start(ctx, engineOptions(d))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Stop(ctx)) }()
	r, err := containerd.New(ctx, containerdOptions(d, e.Socket(), e.Snapshotter(), exe))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	list, err := r.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	groups := map[string]bool{}
	for _, s := range list {
		errs = append(errs, r.Remove(ctx, s.ID))
		groups[s.Group] = true
	}
	for g := range groups {
		errs = append(errs, r.RemoveGroup(ctx, g))
	}
	return errors.Join(errs...)
}

func removeNetworks(ctx context.Context, d *daemon) (err error) {
	n, err := linux.New(linux.Options{InstanceID: d.dir.InstanceID(), RunDir: d.runDir, Logger: d.logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	vpcs, err := n.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range vpcs {
		errs = append(errs, n.Remove(ctx, id))
	}
	return errors.Join(errs...)
}

// removeCgroup also ends what is still in the instance's group: an engine whose
// data somebody removed, say, and its containers.
func removeCgroup(ctx context.Context, d *daemon) error {
	fs, err := cgroup.Host()
	if err != nil {
		return err
	}
	group := cgroupOf(d.dir.InstanceID())
	if err := fs.Kill(group); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	return fs.Remove(ctx, group)
}
