//go:build linux

package initproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is the name of the subcommand that runs Run.
const Command = "init"

// Exit codes of a program that could not be started, as shells have them.
const (
	exitUsage     = 64
	exitCannotRun = 126
	exitNotFound  = 127
)

// Run starts the program args[0] with its arguments and returns its exit code
// when it has ended. Other processes may still live then; the kernel ends them
// with process 1.
func Run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "seamark init: no program to run")
		return exitUsage
	}
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(20)
	debug.SetMemoryLimit(4 << 20)

	// Signals are held from before the program starts, so that none is lost.
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	pid, err := start(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "seamark init:", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			return exitNotFound
		}
		return exitCannotRun
	}
	for {
		// Children that ended before the first SIGCHLD was asked for count too.
		if status, ended := reap(pid); ended {
			return exitCode(status)
		}
		forward(<-signals, pid)
	}
}

func start(args []string) (pid int, err error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true}, // a signal to its group does not reach process 1
	})
}

// reap takes the exit status of every child that has ended, and reports the
// program's.
func reap(pid int) (status unix.WaitStatus, ended bool) {
	for {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || got <= 0 {
			return status, ended
		}
		if got == pid {
			status, ended = ws, true
		}
	}
}

// forward passes a signal on. SIGCHLD is for this process, and SIGURG is what
// the Go runtime sends itself.
func forward(s os.Signal, pid int) {
	sig, ok := s.(syscall.Signal)
	if !ok || sig == syscall.SIGCHLD || sig == syscall.SIGURG {
		return
	}
	_ = syscall.Kill(pid, sig) // ESRCH: it has just ended, and reap will tell
}

func exitCode(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}
