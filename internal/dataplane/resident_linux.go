package dataplane

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// shrink gives back memory that only the start needed: free heap, and the pages
// of the executable that were touched by the initialisation of packages that a
// data plane does not use (one binary is both control plane and data plane).
// The latter are read-only, and come back from the page cache when needed.
func shrink() error {
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading
	executable, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var start, end uintptr
		var mode string
		line := lines.Text()
		if !strings.HasSuffix(line, " "+executable) {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x %s", &start, &end, &mode); err != nil || mode[1] == 'w' {
			continue
		}
		if err := release(start, end); err != nil {
			return fmt.Errorf("release %s: %w", line, err)
		}
	}
	return nil
}

// release drops the pages of a read-only mapping of a file.
func release(start, end uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}
