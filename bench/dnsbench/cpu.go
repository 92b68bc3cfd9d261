//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: USER_HZ, which is 100 on every platform
// that Go runs on.
const tick = 10 * time.Millisecond

// usage is the CPU time that a process has used in user mode and in the kernel.
type usage struct{ user, system time.Duration }

func (u usage) total() time.Duration { return u.user + u.system }

func (u usage) plus(o usage) usage { return usage{u.user + o.user, u.system + o.system} }

func (u usage) minus(o usage) usage { return usage{u.user - o.user, u.system - o.system} }

// stat is what /proc/PID/stat says.
type stat struct {
	pid, parent int
	used        usage
}

// parseStat reads a line of /proc/PID/stat (proc(5)).
func parseStat(b []byte) (stat, error) {
	// The name in parentheses may contain anything.
	start, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if start < 0 || end < start {
		return stat{}, fmt.Errorf("stat: %q", b)
	}
	f := bytes.Fields(b[end+1:])
	const parent, user, system = 4 - 3, 14 - 3, 15 - 3
	if len(f) <= system {
		return stat{}, fmt.Errorf("stat: %q", b)
	}
	var n [3]int
	var errs []error
	for i, field := range []int{parent, user, system} {
		v, err := strconv.Atoi(string(f[field]))
		n[i], errs = v, append(errs, err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(b[:start])))
	if err := errors.Join(append(errs, err)...); err != nil {
		return stat{}, fmt.Errorf("stat: %w", err)
	}
	return stat{pid, n[0], usage{time.Duration(n[1]) * tick, time.Duration(n[2]) * tick}}, nil
}

// used is the CPU time of a process and of all below it.
func used(root int) (usage, error) {
	all, err := processes()
	if err != nil {
		return usage{}, err
	}
	return treeUsage(all, root)
}

func treeUsage(all []stat, root int) (usage, error) {
	below := map[int][]stat{}
	var sum usage
	found := false
	for _, s := range all {
		below[s.parent] = append(below[s.parent], s)
		if s.pid == root {
			sum, found = s.used, true
		}
	}
	if !found {
		return usage{}, fmt.Errorf("process %d is gone", root)
	}
	for wait := []int{root}; len(wait) > 0; {
		pid := wait[0]
		wait = wait[1:]
		for _, s := range below[pid] {
			sum = sum.plus(s.used)
			wait = append(wait, s.pid)
		}
	}
	return sum, nil
}

func processes() ([]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // it has ended
			}
			return nil, err
		}
		s, err := parseStat(b)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
