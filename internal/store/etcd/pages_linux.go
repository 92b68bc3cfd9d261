package etcd

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releasePages gives back the memory of a file that is mapped into this
// process. The pages stay in the kernel's cache and come back when they are
// touched. bbolt maps its whole file and touches all of it when it opens,
// although Seamark reads the database only once.
//
// The mapping must not change meanwhile; bbolt's changes only with a
// defragmentation and beyond 10 GiB.
func releasePages(path string) error {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		// "from-to perms offset device inode path"
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[5] != path || !strings.HasPrefix(fields[1], "r--s") {
			continue
		}
		from, to, err := addresses(fields[0])
		if err != nil {
			return err
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise: %w", errno)
		}
	}
	return lines.Err()
}

func addresses(field string) (from, to uintptr, err error) {
	low, high, _ := strings.Cut(field, "-")
	f, err := strconv.ParseUint(low, 16, 64)
	if err != nil {
		return 0, 0, err
	}
	t, err := strconv.ParseUint(high, 16, 64)
	return uintptr(f), uintptr(t), err
}
