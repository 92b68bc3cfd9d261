package dataplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Whoever asks for a name waits for the answer, and answering takes
// microseconds: the data plane goes before the API and the planners, which may
// keep all cores busy. As long as it uses little it is scheduled in real time, so
// that it runs as soon as a query comes (see urgency); else it only goes first.
const (
	// realTime is its priority then: the lowest of those that go before all others
	// (sched(7), SCHED_RR).
	realTime = 1
	// niceness is that of the process else.
	niceness = -10
	// slice is what its threads run at a time, in nanoseconds, before others have
	// their turn: those that ask for little get it soon (EEVDF; Linux 6.12 and
	// later, others pass it over). It is the least that the kernel takes.
	slice = 100_000
	// lowly is the niceness of a thread that nobody waits for.
	lowly = 10
)

// prioritise has the kernel run the threads of this process, and those that they
// start, before others: in real time, or a little.
func prioritise(inRealTime bool) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness, Runtime: slice}
	if inRealTime {
		attr = unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: realTime}
	}
	if err := schedule(attr); err != nil || inRealTime {
		return err
	}
	return prioritiseSession()
}

// prioritiseSession lowers the niceness of the session that this process leads:
// where each session is a group of its own, that of a process counts among the
// members of its group only (sched(7), "The autogroup feature"). A session that it
// does not lead has others in it, which nobody asked to go first.
func prioritiseSession() error {
	if leader, err := unix.Getsid(0); err != nil || leader != os.Getpid() {
		return err
	}
	err := os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a kernel without the feature
		return nil
	case errors.Is(err, unix.EINVAL): // in the root group, which has no niceness
		return nil
	}
	return err
}

// schedule sets the attributes of all threads, also of those that one which was
// not set yet starts meanwhile: a thread that spins for a lock in real time must
// not meet one that holds it and is not let run.
func schedule(attr unix.SchedAttr) error {
	set := map[string]bool{}
	for before := -1; before < len(set); {
		before = len(set)
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			if set[t.Name()] {
				continue
			}
			set[t.Name()] = true
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if err := unix.SchedSetAttr(id, &attr, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("priority of a thread: %w", err)
			}
		}
	}
	return nil
}

// background runs f on a thread that goes after all others of the process, and
// ends with it.
func background(f func()) {
	go func() { // f says when it has ended
		runtime.LockOSThread() // and never unlocked, so that the thread ends
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: lowly}
		_ = unix.SchedSetAttr(0, &attr, 0)
		f()
	}()
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
