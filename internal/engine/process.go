//go:build linux

package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// process is one process, held by a pidfd, so that its number cannot come to
// mean another one.
type process struct {
	pid   int
	start uint64   // in clock ticks since boot; with pid it names a process
	fd    *os.File // pidfd
	child *os.Process
}

// open takes hold of the process pid. start, when not zero, must be its start
// time; otherwise the process is a later one with the same number, and open
// returns os.ErrProcessDone.
func open(pid int, start uint64) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		return nil, os.ErrProcessDone
	}
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	p := &process{pid: pid, fd: os.NewFile(uintptr(fd), "pidfd")}
	if p.start, err = startTime(pid); err != nil {
		p.close()
		return nil, err
	}
	if start != 0 && p.start != start {
		p.close()
		return nil, os.ErrProcessDone
	}
	return p, nil
}

// startTime is field 22 of /proc/PID/stat. Field 2, in parentheses, may hold
// anything, so fields are counted from its end.
func startTime(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0, os.ErrProcessDone
	}
	if err != nil {
		return 0, fmt.Errorf("start time of process %d: %w", pid, err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("start time of process %d: /proc/%d/stat has %d fields", pid, pid, len(fields)+2)
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

// exited reports whether the process has ended.
func (p *process) exited() bool {
	done := false
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return true // closed
	}
	if err := raw.Control(func(fd uintptr) { done = readable(fd) }); err != nil {
		return true
	}
	return done
}

// readable is how a pidfd says that its process has ended.
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}

// wait returns nil when the process has ended, and ctx's error before that.
func (p *process) wait(ctx context.Context) error {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.fd.SetReadDeadline(time.Unix(1, 0)) }) // fails when closed: no wait then
	defer func() {
		stop()
		_ = p.fd.SetReadDeadline(time.Time{})
	}()
	if err := raw.Read(readable); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("wait for process %d: %w", p.pid, err)
	}
	p.reap()
	return nil
}

// reap takes the exit status of a child that has ended.
func (p *process) reap() {
	if p.child != nil {
		_, _ = p.child.Wait() // the status says nothing that the log does not
		p.child = nil
	}
}

// graceful is how long end leaves a process to end by itself.
const graceful = 5 * time.Second

// end asks the process to end, makes it end when it does not, and waits.
func (p *process) end(ctx context.Context) error {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if err := p.signal(sig); err != nil {
			return err
		}
		wait, cancel := context.WithTimeout(ctx, graceful)
		err := p.wait(wait)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("process %d survived SIGKILL", p.pid)
}

func (p *process) signal(sig unix.Signal) error {
	raw, err := p.fd.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	if errors.Is(sent, unix.ESRCH) {
		return nil
	}
	return sent
}

func (p *process) close() { _ = p.fd.Close() }
