//go:build linux

package logdriver

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/telemetry/logs"
)

// The files that the shim hands over.
const (
	stdoutFile = 3
	stderrFile = 4
	readyFile  = 5
)

// Run is the whole of `seamark logger`: args are those behind the subcommand,
// as containerd makes them of URI. It returns the exit code.
func Run(args []string) int {
	small()
	// The shim sends SIGTERM when it has closed the pipes. What is still in
	// them counts; their end is what ends this process.
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	dir, maxBytes, err := parse(args)
	if err != nil {
		return fail(err)
	}
	s := &sink{now: time.Now, open: func() (appender, error) {
		return logs.OpenWriter(dir, logs.WriterOptions{MaxBytes: maxBytes})
	}}
	if s.w, err = s.open(); err != nil {
		s.w, s.reason = nil, err // the container's output must be read all the same; line tries again
	}
	if err := unix.Close(readyFile); err != nil {
		return fail(fmt.Errorf("tell the shim: %w", err))
	}
	if err := errors.Join(drain(s), s.close()); err != nil {
		return fail(err)
	}
	return 0
}

// small keeps a process of which there may be hundreds small: it does little
// at a time and keeps nothing.
func small() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(20)
	debug.SetMemoryLimit(8 << 20)
}

// fail reports to a shim's log, which is /dev/null, or to whoever tries it by hand.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "seamark logger:", err)
	return 1
}

// drain reads both streams until both are at their end. One thread does it,
// so lines of the two streams stay in the order in which they were seen.
func drain(s *sink) error {
	streams := [2]lines{{emit: s.line}, {emit: s.line}}
	fds := []unix.PollFd{{Fd: stdoutFile, Events: unix.POLLIN}, {Fd: stderrFile, Events: unix.POLLIN}}
	buf := make([]byte, 32<<10)
	for open := len(fds); open > 0; {
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return fmt.Errorf("wait for output: %w", err)
		}
		for i := range fds {
			if fds[i].Revents == 0 {
				continue
			}
			n, err := unix.Read(int(fds[i].Fd), buf)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
				continue
			}
			if n > 0 {
				streams[i].write(buf[:n])
				continue
			}
			streams[i].flush() // the end, or an error that a pipe does not have
			fds[i].Fd = -1     // poll skips it
			open--
		}
	}
	return nil
}
