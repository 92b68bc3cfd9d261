//go:build linux

package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Process is the memory of processes of one kind.
type Process struct {
	Kind  string
	Count int
	// In bytes. Dirty is what the processes have written to and share with
	// nobody: what one more of them costs.
	RSS, PSS, Dirty int64
}

func (p *Process) add(o Process) {
	p.Count, p.RSS, p.PSS, p.Dirty = p.Count+o.Count, p.RSS+o.RSS, p.PSS+o.PSS, p.Dirty+o.Dirty
}

// Memory is one look at all processes of an instance.
type Memory struct {
	When      string
	Processes []Process
	Goal      int64 // of the sum of RSS, the strictest reading; 0: none
}

// settle is how long memory is left alone before it is read: two of Go's
// forced collections would take longer, and an idle Seamark has to do without.
const settle = 10 * time.Second

// kinds are the instance's processes, in the order of reports.
func kinds() []string { return []string{"control plane", "data plane", "containerd", "shim", "logger"} }

// processes are the instance's own, by process id: not the containers'.
func (s *Instance) processes(ctx context.Context) (map[int]string, error) {
	st, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	all := map[int]string{st.PID: "control plane"}
	if st.DataPlane != nil && st.DataPlane.PID != st.PID {
		all[st.DataPlane.PID] = "data plane"
	}
	if st.Engine != nil {
		all[st.Engine.PID] = "containerd"
	}
	return all, addHelpers(all, "seamark-"+st.InstanceID)
}

// Memory leaves the instance alone for a moment and reads its memory.
func (s *Instance) Memory(ctx context.Context, when string, goal int64) (Memory, error) {
	m := Memory{When: when, Goal: goal}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return m, ctx.Err()
	}
	all, err := s.processes(ctx)
	if err != nil {
		return m, err
	}
	for _, kind := range kinds() {
		p := Process{Kind: kind}
		for pid, k := range all {
			if k != kind {
				continue
			}
			one, err := rollup(pid)
			if err != nil {
				return m, err
			}
			p.add(one)
		}
		m.Processes = append(m.Processes, p)
	}
	return m, nil
}

// Sum is all processes together.
func (m Memory) Sum() Process {
	var sum Process
	for _, p := range m.Processes {
		sum.add(p)
	}
	return sum
}

// Markdown is a table of the processes.
func (m Memory) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nResident memory %s, %s after the last change:\n\n", m.When, settle)
	fmt.Fprintln(&b, "| process | number | RSS | PSS | written by it alone |")
	fmt.Fprintln(&b, "|---|---:|---:|---:|---:|")
	for _, p := range m.Processes {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s |\n", p.Kind, p.Count, Megabytes(p.RSS), Megabytes(p.PSS), Megabytes(p.Dirty))
	}
	sum := m.Sum()
	fmt.Fprintf(&b, "| **all** | %d | %s | **%s** | %s |\n", sum.Count, Megabytes(sum.RSS), Megabytes(sum.PSS), Megabytes(sum.Dirty))
	if m.Goal > 0 {
		fmt.Fprintf(&b, "\nGoal: the sum of RSS ≤ %s: %s.\n", Megabytes(m.Goal), Verdict(sum.RSS <= m.Goal))
	}
	return b.String()
}

// addHelpers finds the shims and loggers of an instance: the containerd
// namespace is on their command lines or in their environment.
func addHelpers(all map[int]string, namespace string) error {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || err != nil && len(b) == 0 {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(bytes.TrimRight(b, "\x00")), "\x00")
		ours := slices.Contains(args, namespace) || bytes.Contains(env, []byte("="+namespace+"\x00"))
		switch {
		case !ours || all[pid] != "":
		case strings.HasSuffix(args[0], "containerd-shim-runc-v2"):
			all[pid] = "shim"
		case slices.Contains(args, "logger"):
			all[pid] = "logger"
		}
	}
	return nil
}

// rollup reads a process's memory.
func rollup(pid int) (Process, error) {
	p := Process{Count: 1}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		n, err := strconv.ParseInt(f[1], 10, 64)
		switch {
		case err != nil:
		case f[0] == "Rss:":
			p.RSS = n << 10
		case f[0] == "Pss:":
			p.PSS = n << 10
		case f[0] == "Private_Dirty:":
			p.Dirty = n << 10
		}
	}
	return p, nil
}
