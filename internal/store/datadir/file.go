package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// temporary is what the names of files that are being written start with.
const temporary = ".tmp-"

// lockFile takes the lock, which the kernel gives back when the process ends
// in whatever way.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, readErr := os.ReadFile(path)
		if pid := strings.TrimSpace(string(holder)); readErr == nil && pid != "" {
			err = fmt.Errorf("%w: a Seamark with process id %s uses %s", ErrLocked, pid, filepath.Dir(path))
		} else {
			err = fmt.Errorf("%w: another Seamark uses %s", ErrLocked, filepath.Dir(path))
		}
		return nil, errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: path, Err: err}, f.Close())
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnwritable, err), f.Close())
	}
	return f, nil
}

// Holder returns the id of the process that has the data directory at path
// open, or 0 where none has.
func Holder(path string) (pid int, err error) {
	f, err := os.Open(filepath.Join(path, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	// Shared, so that two who ask do not take each other for a holder.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		return 0, err
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// tryWrite finds out by trying whether files can be made in dir: permissions
// alone do not tell (root, read-only file systems).
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// replace writes a file so that after a crash either the old or the new
// content is there.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
