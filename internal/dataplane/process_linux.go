package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running process, held by a pidfd: it cannot be mistaken for a
// later one with the same pid.
type process struct {
	pid int
	fd  int
}

// errGone says that a process has ended.
var errGone = errors.New("process has ended")

// startTime reads when a process was started; errGone for none, or a zombie.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errGone
	}
	// The name in parentheses may contain anything.
	end := bytes.LastIndexByte(b, ')')
	f := bytes.Fields(b[end+1:])
	const state, started = 0, 22 - 3
	if len(f) <= started || f[state][0] == 'Z' {
		return 0, errGone
	}
	return strconv.ParseUint(string(f[started]), 10, 64)
}

// open holds the recorded process; errGone when it no longer runs.
func (r *record) open() (*process, error) {
	fd, err := unix.PidfdOpen(r.PID, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, errGone
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd of %d: %w", r.PID, err)
	}
	p := &process{r.PID, fd}
	// Compared after the pidfd was opened, so that both mean one process.
	if started, err := startTime(r.PID); err != nil || started != r.StartTime {
		return nil, errors.Join(errGone, p.close())
	}
	return p, nil
}

func (p *process) close() error { return unix.Close(p.fd) }

// wait returns nil when the process has ended.
func (p *process) wait(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _, _ = r.Close(), w.Close() }() // nothing is in the pipe
	stop := context.AfterFunc(ctx, func() { _, _ = w.Write([]byte{0}) })
	defer stop()
	for {
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for process %d: %w", p.pid, err)
		}
		if fds[0].Revents != 0 {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// terminate ends the process: SIGTERM, and SIGKILL where that is not enough.
func (p *process) terminate(ctx context.Context) error {
	const patience = 3 * time.Second
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := unix.PidfdSendSignal(p.fd, sig, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("signal %d: %w", p.pid, err)
		}
		wait, cancel := context.WithTimeout(ctx, patience)
		err := p.wait(wait)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end", p.pid)
}

// spawn starts a command in a session of its own, with its output appended to a
// file: it outlives this process.
func spawn(command []string, output string) (*exec.Cmd, error) {
	log, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own copy
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// lock takes the lock of a directory, until the returned function is called.
func lock(dir string) (func() error, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
	}
	return f.Close, nil
}
