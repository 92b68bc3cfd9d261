package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ID identifies a namespace as long as it exists.
type ID struct{ Device, Inode uint64 }

// Identify returns the identity of the namespace mounted at path. The error
// is fs.ErrNotExist when the file is missing, and ErrNotNamespace when it is
// there and no namespace is mounted on it.
func Identify(path string) (ID, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return ID{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	if fs.Type != unix.NSFS_MAGIC {
		return ID{}, fmt.Errorf("%s: %w", path, ErrNotNamespace)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return ID{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return ID{Device: st.Dev, Inode: st.Ino}, nil
}

// Is says whether the namespace mounted at path is the one with that identity.
// It is one system call, for those who look often.
func Is(path string, id ID) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && ID{Device: st.Dev, Inode: st.Ino} == id
}

// ErrNotNamespace says that a path exists but holds no namespace.
var ErrNotNamespace = errors.New("not a network namespace")

// Create makes a new network namespace and mounts it at path. The directory
// must exist; a plain file that is already there is mounted over.
func Create(path string) error {
	if _, err := Identify(path); err == nil {
		return fmt.Errorf("create network namespace: %w", &os.PathError{Op: "mount", Path: path, Err: unix.EEXIST})
	}
	if err := touch(path); err != nil {
		return fmt.Errorf("create network namespace: %w", err)
	}
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return bind(current, path)
	})
	if err != nil {
		return errors.Join(fmt.Errorf("create network namespace %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// Bind mounts the namespace of an open file at path.
func Bind(namespace *os.File, path string) error {
	if err := touch(path); err != nil {
		return fmt.Errorf("bind network namespace: %w", err)
	}
	if err := bind(fmt.Sprintf("/proc/self/fd/%d", namespace.Fd()), path); err != nil {
		return fmt.Errorf("bind network namespace: %w", err)
	}
	return nil
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|unix.O_CLOEXEC, 0o400)
	if err != nil {
		return err
	}
	return f.Close()
}

func bind(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return &os.PathError{Op: "mount", Path: to, Err: err}
	}
	return nil
}

// Delete unmounts the namespace at path and removes the file. The namespace
// itself ends when nothing in it runs or is open any more. Deleting what is
// not there is no error.
//
// Removing the file also ends the copies of the mount in other mount
// namespaces: the kernel detaches them (since 3.18, "vfs: Lazily remove
// mounts on unlinked files and directories").
func Delete(path string) error {
	if err := unmount(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete network namespace: %w", err)
	}
	return nil
}

// unmount takes away every mount that lies on path.
func unmount(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		switch err {
		case nil:
		case unix.EINVAL, unix.ENOENT: // no mount point (any more), or no file
			return nil
		default:
			return &os.PathError{Op: "unmount", Path: path, Err: err}
		}
	}
}

// MakeDirectory makes dir, mode 0700, a private mount point for namespaces:
// what is mounted in it does not spread to other mount namespaces. It may be
// called again for a directory that is one already.
func MakeDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make namespace directory: %w", err)
	}
	err := unix.Mount("", dir, "", unix.MS_PRIVATE, "")
	if err == unix.EINVAL { // not a mount point yet
		if err := bind(dir, dir); err != nil {
			return fmt.Errorf("make namespace directory a mount point: %w", err)
		}
		err = unix.Mount("", dir, "", unix.MS_PRIVATE, "")
	}
	if err != nil {
		return fmt.Errorf("make namespace directory private: %w", &os.PathError{Op: "mount", Path: dir, Err: err})
	}
	return nil
}

// RemoveDirectory undoes MakeDirectory when nothing is left in dir, and says
// whether it did.
func RemoveDirectory(dir string) (bool, error) {
	left, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("remove namespace directory: %w", err)
	}
	if len(left) > 0 {
		return false, nil
	}
	if err := unmount(filepath.Clean(dir)); err != nil {
		return false, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("remove namespace directory: %w", err)
	}
	return true, nil
}
