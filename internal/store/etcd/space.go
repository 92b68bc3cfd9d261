package etcd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"seamark/internal/store"
)

// checkSpace is nil if the file system of dir has at least that many bytes
// free for everybody, and store.ErrNoSpace otherwise.
func checkSpace(dir string, least int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	free := int64(fs.Bavail) * int64(fs.Bsize) //nolint:unconvert // Bsize is a uint32 on macOS
	if free < least {
		return fmt.Errorf("%w: %d MiB free in %s, %d MiB needed", store.ErrNoSpace, free>>20, dir, least>>20)
	}
	return nil
}
