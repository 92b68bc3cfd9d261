//go:build linux

package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is processor time, user and system together, by kind of process; "client"
// is this process.
type CPU map[string]time.Duration

// CPU is what the instance's processes and this one have used so far.
func (s *Instance) CPU(ctx context.Context) (CPU, error) {
	own, err := Self()
	if err != nil {
		return nil, err
	}
	used := CPU{"client": own}
	all, err := s.processes(ctx)
	if err != nil {
		return nil, err
	}
	for pid, kind := range all {
		one, err := ProcessCPU(pid)
		if err != nil {
			return nil, err
		}
		used[kind] += one
	}
	return used, nil
}

// Since is what was used since an earlier look.
func (c CPU) Since(before CPU) CPU {
	used := CPU{}
	for kind, now := range c {
		used[kind] = now - before[kind]
	}
	return used
}

// Self is the processor time of this process.
func Self() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// tick is the unit of /proc/PID/stat (proc_pid_stat(5)): USER_HZ is 100 on every
// platform that Go runs on.
const tick = 10 * time.Millisecond

// ProcessCPU is the processor time of a process.
func ProcessCPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may hold spaces: fields 14 and 15 are
	// the 12th and 13th after it.
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(f))
	}
	var ticks int64
	for _, field := range f[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
