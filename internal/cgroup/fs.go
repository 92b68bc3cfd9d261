//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountPoint is where every distribution mounts the hierarchies.
const mountPoint = "/sys/fs/cgroup"

// FS is the cgroup file system of a machine.
type FS struct {
	root    string
	unified bool
}

// Limits bound a group. Zero is no limit.
type Limits struct {
	CPUUnits    int64 // hard limit; 1024 is the time of one CPU
	MemoryBytes int64
}

// cpuPeriod is the period of the CPU quota in µs: the kernel's default.
const cpuPeriod = 100_000

// Host returns the cgroup file system of this machine.
func Host() (FS, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(mountPoint, &st); err != nil {
		return FS{}, fmt.Errorf("no cgroup file system at %s: %w", mountPoint, err)
	}
	return FS{root: mountPoint, unified: st.Type == unix.CGROUP2_SUPER_MAGIC}, nil
}

// Unified reports whether the machine has cgroup v2 alone.
func (f FS) Unified() bool { return f.unified }

// Create makes a group, and those above it, and sets its limits.
func (f FS) Create(path string, l Limits) error {
	if err := check(path); err != nil {
		return err
	}
	if f.unified {
		return f.createV2(path, l)
	}
	return f.createV1(path, l)
}

// check refuses paths that would name the root of the hierarchy or leave it.
func check(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return fmt.Errorf("cgroup path %q is not absolute and clean", path)
	}
	return nil
}

// createV1 makes the group in the hierarchies whose limits are ours. runc adds
// the others below the same path.
func (f FS) createV1(path string, l Limits) error {
	for _, controller := range []string{"cpu", "memory"} {
		dir := filepath.Join(f.root, controller)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue // the kernel was built without it, or it is disabled
		}
		if err := os.MkdirAll(dir+path, 0o755); err != nil {
			return fmt.Errorf("create cgroup: %w", err)
		}
	}
	if l.CPUUnits > 0 {
		dir := filepath.Join(f.root, "cpu") + path
		if err := write(dir, "cpu.cfs_period_us", cpuPeriod); err != nil {
			return err
		}
		if err := write(dir, "cpu.cfs_quota_us", quota(l.CPUUnits)); err != nil {
			return err
		}
	}
	if l.MemoryBytes > 0 {
		return write(filepath.Join(f.root, "memory")+path, "memory.limit_in_bytes", l.MemoryBytes)
	}
	return nil
}

// createV2 makes the group level by level and passes the controllers down:
// a group has only those that its parent's cgroup.subtree_control names.
func (f FS) createV2(path string, l Limits) error {
	dir := f.root
	for level := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if err := delegate(dir); err != nil {
			return err
		}
		dir = filepath.Join(dir, level)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("create cgroup: %w", err)
		}
	}
	if l.CPUUnits > 0 {
		if err := writeText(dir, "cpu.max", fmt.Sprintf("%d %d", quota(l.CPUUnits), cpuPeriod)); err != nil {
			return err
		}
	}
	if l.MemoryBytes > 0 {
		return write(dir, "memory.max", l.MemoryBytes)
	}
	return nil
}

// delegate enables for the children of dir the controllers that limits need.
func delegate(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("cgroup controllers: %w", err)
	}
	on, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	if err != nil {
		return fmt.Errorf("cgroup controllers: %w", err)
	}
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !contains(string(have), c) || contains(string(on), c) {
			continue
		}
		if err := writeText(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return err
		}
	}
	return nil
}

func contains(list, word string) bool {
	return slices.Contains(strings.Fields(list), word)
}

func quota(units int64) int64 { return units * cpuPeriod / 1024 }

func write(dir, file string, value int64) error {
	return writeText(dir, file, strconv.FormatInt(value, 10))
}

func writeText(dir, file, value string) error {
	if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644); err != nil {
		return fmt.Errorf("set cgroup limit to %s: %w", value, err)
	}
	return nil
}

// AddProcess moves a process, with the children it starts from now on, into a
// group of every hierarchy, which is created where it is missing. It then does
// not share the fate of the group of whoever started it.
func (f FS) AddProcess(path string, pid int) error {
	if err := check(path); err != nil {
		return err
	}
	for _, root := range f.hierarchies() {
		if err := join(root, path, pid); err != nil {
			return err
		}
	}
	return nil
}

// AddUrgentProcess is AddProcess for one that is to be scheduled in real time. A
// group of cgroup v1's cpu hierarchy has no time for that unless it is given some
// (cpu.rt_runtime_us), and is held back when it has used it up; so there the
// process is in the root, which has nearly all. With v2 the group gets its
// controllers first: where groups have no such time the kernel then refuses to
// schedule the process so, and else it would refuse the controllers.
func (f FS) AddUrgentProcess(path string, pid int) error {
	if err := check(path); err != nil {
		return err
	}
	if f.unified {
		if err := f.createV2(path, Limits{}); err != nil {
			return err
		}
	}
	for _, root := range f.hierarchies() {
		if !f.unified && slices.Contains(strings.Split(filepath.Base(root), ","), "cpu") {
			if err := write(root, "cgroup.procs", int64(pid)); err != nil {
				return err
			}
			continue
		}
		if err := join(root, path, pid); err != nil {
			return err
		}
	}
	return nil
}

// join moves a process into a group of one hierarchy.
func join(root, path string, pid int) error {
	dir := root + path
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create cgroup: %w", err)
	}
	if err := inheritCPUs(root, path); err != nil {
		return err
	}
	return write(dir, "cgroup.procs", int64(pid))
}

// Processes lists the processes of a group, in whatever hierarchy they are.
func (f FS) Processes(path string) ([]int, error) {
	if err := check(path); err != nil {
		return nil, err
	}
	var out []int
	for _, root := range f.hierarchies() {
		text, err := os.ReadFile(filepath.Join(root+path, "cgroup.procs"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("processes of cgroup %s: %w", path, err)
		}
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("processes of cgroup %s: %w", path, err)
			}
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// inheritCPUs fills in what a new v1 cpuset group needs before it takes a
// process: the CPUs and memory nodes of its parent.
func inheritCPUs(root, path string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		parent, err := os.ReadFile(filepath.Join(root, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not the cpuset hierarchy
		}
		if err != nil {
			return fmt.Errorf("inherit cpuset: %w", err)
		}
		dir := root
		for level := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
			dir = filepath.Join(dir, level)
			own, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return fmt.Errorf("inherit cpuset: %w", err)
			}
			if strings.TrimSpace(string(own)) != "" {
				parent = own
				continue
			}
			if err := writeText(dir, file, strings.TrimSpace(string(parent))); err != nil {
				return err
			}
		}
	}
	return nil
}

// hierarchies lists the root directories of all hierarchies, each once: with
// v1, cpu is often a symbolic link to cpu,cpuacct.
func (f FS) hierarchies() []string {
	if f.unified {
		return []string{f.root}
	}
	entries, err := os.ReadDir(f.root)
	if err != nil {
		return nil // nothing is mounted, so there is nothing to join or remove
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() { // not a symbolic link
			out = append(out, filepath.Join(f.root, e.Name()))
		}
	}
	slices.Sort(out)
	return out
}

// OOMKills returns how many processes of a group the kernel has killed because
// its memory, or that of a group above it, was used up. A group that is not
// there has none.
func (f FS) OOMKills(path string) (int64, error) {
	name := filepath.Join(f.root, "memory"+path, "memory.oom_control") // v1, since Linux 4.13
	if f.unified {
		name = filepath.Join(f.root+path, "memory.events")
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) { // ENODEV: removed while open
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("out-of-memory count: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == "oom_kill" {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, nil
}
