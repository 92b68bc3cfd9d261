//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// launcher starts programs inside network namespaces, from one thread that
// lives as long as it: each program dies with that thread, so that nothing is
// left even of a benchmark that was killed.
type launcher struct {
	calls chan func()
	ended sync.WaitGroup
}

func newLauncher() *launcher {
	l := &launcher{calls: make(chan func())}
	l.ended.Go(func() {
		// Never unlocked: the thread, which was in foreign namespaces, dies with
		// this goroutine.
		runtime.LockOSThread()
		for call := range l.calls {
			call()
		}
	})
	return l
}

// close ends the thread, and what it has started and still runs.
func (l *launcher) close() {
	close(l.calls)
	l.ended.Wait()
}

// do runs f on the thread inside a namespace.
func (l *launcher) do(namespace *os.File, f func() error) error {
	done := make(chan error)
	l.calls <- func() { done <- within(namespace, f) }
	return <-done
}

// within runs f inside a namespace, on this thread, and comes back.
func within(namespace *os.File, f func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }() // opened for reading
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter a namespace: %w", err)
	}
	err = f()
	return errors.Join(err, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET))
}

// newNamespace makes a network namespace that has no name: it is there as long
// as its file is open or something runs in it.
func (l *launcher) newNamespace() (*os.File, error) {
	home, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	defer func() { _ = home.Close() }() // opened for reading
	var made *os.File
	err = l.do(home, func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		made, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	return made, err
}

// start starts a program inside a namespace. It is process 1 of a process
// namespace of its own, so that its children end with it.
func (l *launcher) start(namespace *os.File, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWPID}
	if err := l.do(namespace, cmd.Start); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return nil
}
