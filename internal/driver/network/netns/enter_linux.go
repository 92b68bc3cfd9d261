package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// current is the namespace of the calling thread. /proc/self would name that
// of the main thread.
const current = "/proc/thread-self/ns/net"

var errGoexit = errors.New("the function ended its goroutine")

// InNamespace runs f on a thread inside the network namespace at path and
// returns f's error. f must not start goroutines that rely on being inside.
// Each call occupies a thread until f returns, so a caller with many
// namespaces bounds its calls and does not wait for the network in f.
func InNamespace(path string, f func() error) error {
	target, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer func() { _ = target.Close() }() // opened for reading: nothing is lost
	return onThread(func() error {
		return enter(path, int(target.Fd()), f)
	})
}

// enter moves the locked thread into the namespace for the time of f. It
// returns with the thread back where it was, or with an unreturned thread,
// which onThread then ends.
func enter(path string, target int, f func() error) error {
	if err := unix.Setns(target, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", path, err)
	}
	return f()
}

// onThread runs f on a locked thread that is not the process's main thread,
// and puts the thread back into its first namespace afterwards. If that fails
// the thread ends with its goroutine, so no other goroutine ever runs in a
// foreign namespace.
//
// The main thread is avoided because it cannot end: a locked goroutine that
// exits on it parks it for ever in the foreign namespace, and
// /proc/self/ns/net, which others read, would name that.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() { result <- err }()
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// This goroutine holds the main thread, so the next one cannot be on it.
			err = onThread(f)
			runtime.UnlockOSThread()
			return
		}
		err = restoring(f)
	}()
	return <-result
}

// restoring runs f and unlocks the thread when it is back in its namespace.
func restoring(f func() error) error {
	home, err := os.Open(current)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's network namespace: %w", err)
	}
	defer func() { _ = home.Close() }() // opened for reading: nothing is lost
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, fmt.Errorf("leave network namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}
