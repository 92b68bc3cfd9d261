package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Whoever asks for a name waits for the answer, and answering takes
// microseconds: the data plane goes before the API and the planners, which may
// keep all cores busy.
const (
	// niceness is that of the process (sched(7)).
	niceness = -10
	// slice is what its threads run at a time, in nanoseconds, before others have
	// their turn: those that ask for little get it soon (EEVDF; Linux 6.12 and
	// later, others pass it over). It is the least that the kernel takes.
	slice = 100_000
	// lowly is the niceness of a thread that nobody waits for.
	lowly = 10
)

// prioritise has the kernel run the threads of this process, and those that they
// start, before others.
func prioritise() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness, Runtime: slice}
		if err := unix.SchedSetAttr(id, &attr, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("priority of a thread: %w", err)
		}
	}
	// Where each session is a group of its own, niceness counts among its members
	// only, and this among groups (sched(7), "The autogroup feature").
	err = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// background runs f on a thread that goes after all others of the process, and
// ends with it.
func background(f func()) {
	go func() { // f says when it has ended
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lowly)
		f()
	}()
}
