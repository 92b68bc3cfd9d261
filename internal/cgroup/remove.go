//go:build linux

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// busyRetry is how often removal of a group is tried while its last processes
// are still on their way out: rmdir says EBUSY until the kernel has freed them.
const busyRetry = 5 * time.Millisecond

// Remove removes a group and the groups below it from every hierarchy. It
// fails when processes live in one of them until ctx is done.
func (f FS) Remove(ctx context.Context, path string) error {
	if err := check(path); err != nil {
		return err
	}
	for _, root := range f.hierarchies() {
		if err := removeTree(ctx, root+path); err != nil {
			return fmt.Errorf("remove cgroup %s: %w", path, err)
		}
	}
	return nil
}

// Kill ends all processes in a group and in the groups below it.
func (f FS) Kill(path string) error {
	if err := check(path); err != nil {
		return err
	}
	var errs []error
	for _, root := range f.hierarchies() {
		errs = append(errs, killTree(root+path))
	}
	return errors.Join(errs...)
}

func killTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil && ignoreGone(err) == nil {
			return nil // removed meanwhile
		}
		if err != nil || e.Name() != "cgroup.procs" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		return nil
	})
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// RemoveEmpty removes a group from the hierarchies in which neither a process
// nor another group is left in it.
func (f FS) RemoveEmpty(path string) error {
	if err := check(path); err != nil {
		return err
	}
	for _, root := range f.hierarchies() {
		err := unix.Rmdir(root + path)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("remove cgroup %s: %w", path, err)
		}
	}
	return nil
}

// removeTree removes directories only: the files in them are the kernel's.
func removeTree(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := removeTree(ctx, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return removeDir(ctx, dir)
}

func removeDir(ctx context.Context, dir string) error {
	tick := time.NewTicker(busyRetry)
	defer tick.Stop()
	for {
		err := unix.Rmdir(dir)
		switch {
		case err == nil || errors.Is(err, unix.ENOENT):
			return nil
		case !errors.Is(err, unix.EBUSY):
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
		select {
		case <-ctx.Done():
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		case <-tick.C:
		}
	}
}
