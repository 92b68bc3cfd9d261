//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// leaveLimit is how long shims have to end by themselves.
const leaveLimit = 3 * time.Second

// endLostShims ends the shims that containerd knows nothing of. Such a shim is
// left over when the creation of a task was cut off: containerd then forgets
// the shim that was coming up, and that waits for ever for somebody to read
// its log. Only those count that were started before a moment, in clock ticks
// after boot: one that is coming up now is not known yet either.
func (e *Engine) endLostShims(before uint64) error {
	known, err := e.knownShims()
	if err != nil {
		return err
	}
	bound, err := boundSockets()
	if err != nil {
		return err
	}
	pids, err := e.cgroups.Processes(e.cgroup())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if !isShim(pid) || serves(pid, known, bound) {
			continue
		}
		if started, err := startTime(pid); err != nil || started >= before {
			continue // it has ended, or it is coming up
		}
		e.opts.Logger.Warn("a shim without a task is ended", "pid", pid)
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("end shim %d: %w", pid, err)
		}
	}
	return nil
}

// sweepAfter is when lost shims are looked for after the start, and from then
// on each time the last pause has passed. containerd notices a while after its
// caller was killed that a creation is cut off, later on a busy machine.
var sweepAfter = [...]time.Duration{time.Second, 5 * time.Second, time.Minute}

// shimLimit is longer than any creation of a task takes that is not given up.
const shimLimit = 5 * time.Minute

// sweep ends lost shims until ctx is done: those of callers before this process
// soon, those of its own once they are too old to be coming up.
func (e *Engine) sweep(ctx context.Context) {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepAfter[min(n, len(sweepAfter)-1)]):
		}
		before := e.since
		if now := ticks(); now > before+uint64(shimLimit.Seconds()*ticksPerSecond) {
			before = now - uint64(shimLimit.Seconds()*ticksPerSecond)
		}
		if err := e.endLostShims(before); err != nil {
			e.opts.Logger.Warn("cannot look for shims without tasks", "error", err) // they only cost memory
		}
	}
}

// ticksPerSecond is the unit of times in /proc/PID/stat: USER_HZ (proc(5)),
// which is 100 wherever containerd runs.
const ticksPerSecond = 100

// ticks is the time since boot in that unit.
func ticks() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0 // never (clock_gettime(2)): the clock exists since Linux 2.6.39
	}
	return uint64(t.Nano()) / uint64(time.Second/ticksPerSecond)
}

// knownShims returns the sockets that are named by containerd's bundles, one
// for each task. Their file bootstrap.json is how a new containerd finds the
// shims of the one before.
func (e *Engine) knownShims() (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(e.state(), "io.containerd.runtime.v2.task", "*", "*", "bootstrap.json"))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the task has just been deleted
		}
		if err != nil {
			return nil, err
		}
		var b struct {
			Address string `json:"address"`
		}
		if err := json.Unmarshal(text, &b); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		known[strings.TrimPrefix(b.Address, "unix://")] = true
	}
	return known, nil
}

// isShim reports whether a process is a shim that stays: the same program runs
// for a moment with the word start or delete behind its options.
func isShim(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false // it has ended
	}
	args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	last := args[len(args)-1]
	return filepath.Base(args[0]) == "containerd-shim-runc-v2" && last != "start" && last != "delete"
}

// boundSockets returns the paths of the machine's bound sockets by their
// inodes, as the links in /proc/PID/fd have them.
func boundSockets() (map[string]string, error) {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 8 {
			out["socket:["+f[6]+"]"] = f[7]
		}
	}
	return out, nil
}

// serves reports whether a process listens on one of the known sockets.
func serves(pid int, known map[string]bool, bound map[string]string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return true // it has ended
	}
	for _, entry := range entries {
		if link, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil && known[bound[link]] {
			return true
		}
	}
	return false
}

// emptyCgroup removes the engine's control group. Shims and loggers of the
// last containers may still be on their way out; what stays is killed: no
// containers are left that it could serve.
func (e *Engine) emptyCgroup(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if err := e.cgroups.Remove(wait, e.cgroup()); err == nil || wait.Err() == nil {
		return err
	}
	pids, err := e.cgroups.Processes(e.cgroup())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		e.opts.Logger.Warn("process of the container engine did not end and is killed", "pid", pid)
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return e.cgroups.Remove(ctx, e.cgroup())
}
