//go:build linux

package blackbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// This file finds what a server leaves on the machine: everything that it makes
// carries its instance id or lies below its directories.

// nothingLeft checks that none of it is there any more. namespaces are those
// that were seen while it ran.
func (s *server) nothingLeft(namespaces map[uint64]string) {
	s.t.Helper()
	for _, trace := range s.traces() {
		s.t.Errorf("left behind: %s", trace)
	}
	for inode, users := range namespaceUsers(s.t) {
		if name, ours := namespaces[inode]; ours {
			s.t.Errorf("left behind: network namespace %d of %s, used by %v", inode, name, users)
		}
	}
}

// traces lists what is there.
func (s *server) traces() []string {
	s.t.Helper()
	var found []string
	for _, p := range s.processes() {
		found = append(found, fmt.Sprintf("process %d: %s", p.pid, p.command))
	}
	for _, file := range []string{"/proc/self/mountinfo", "/proc/net/unix"} {
		for line := range strings.Lines(read(s.t, file)) {
			if s.names(line) && !strings.Contains(line, " "+s.dataDir+" ") { // but for a file system that a test put there
				found = append(found, file+": "+strings.TrimSpace(line))
			}
		}
	}
	found = append(found, s.cgroups()...)
	if _, err := os.Lstat(s.client.RunDir); err == nil {
		found = append(found, s.client.RunDir)
	}
	return found
}

// names says whether a line is about this server.
func (s *server) names(line string) bool {
	return strings.Contains(line, "/seamark/"+s.id) || strings.Contains(line, "seamark-"+s.id) || strings.Contains(line, s.dataDir)
}

// cgroups are its groups, in the one hierarchy of cgroup v2 or the many of v1.
func (s *server) cgroups() []string {
	s.t.Helper()
	return append(s.glob("/sys/fs/cgroup/seamark-"+s.id+"*"), s.glob("/sys/fs/cgroup/*/seamark-"+s.id+"*")...)
}

func (s *server) glob(pattern string) []string {
	s.t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// process is one that lives.
type process struct {
	pid     int
	command string // its arguments, with spaces between
}

// processes are those of this server, but for the commands that tests run.
func (s *server) processes() []process {
	s.t.Helper()
	return slices.DeleteFunc(allProcesses(s.t), func(p process) bool { return !s.names(p.command) })
}

// allProcesses lists what lives on the machine. Zombies have no command line.
func allProcesses(t testing.TB) []process {
	t.Helper()
	var all []process
	for _, pid := range pids(t) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || len(b) == 0 || pid == os.Getpid() {
			continue // it has ended, or is the kernel's
		}
		all = append(all, process{pid, string(bytes.TrimSpace(bytes.ReplaceAll(b, []byte{0}, []byte{' '})))})
	}
	return all
}

func pids(t testing.TB) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// inCgroup lists the processes in this server's cgroups: containers, shims and
// its own helpers, whatever they are called.
func (s *server) inCgroup() []int {
	s.t.Helper()
	var found []int
	for _, pid := range pids(s.t) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err == nil && strings.Contains(string(b), "/seamark-"+s.id+"/") {
			found = append(found, pid)
		}
	}
	return found
}

// namespaces are the network namespaces of this server, by inode: those that it
// keeps by name, and those its processes live in, but for the host's own.
func (s *server) namespaces() map[uint64]string {
	s.t.Helper()
	found := map[uint64]string{}
	for _, path := range s.glob(filepath.Join("/run/seamark", s.id, "netns", "*", "*")) {
		if inode, ok := inodeOf(path); ok {
			found[inode] = path
		}
	}
	for _, pid := range s.inCgroup() {
		if inode, ok := inodeOf(fmt.Sprintf("/proc/%d/ns/net", pid)); ok && found[inode] == "" {
			found[inode] = fmt.Sprintf("process %d", pid)
		}
	}
	host, _ := inodeOf("/proc/self/ns/net")
	delete(found, host)
	return found
}

func inodeOf(path string) (uint64, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Ino, true
}

// namespaceUsers says which processes hold which network namespaces of the
// machine: by living in one or by an open file.
func namespaceUsers(t testing.TB) map[uint64][]string {
	t.Helper()
	users := map[uint64][]string{}
	note := func(path string) {
		link, err := os.Readlink(path)
		if err != nil {
			return // the process has ended
		}
		inode, isNet := strings.CutPrefix(link, "net:[")
		if n, err := strconv.ParseUint(strings.TrimSuffix(inode, "]"), 10, 64); isNet && err == nil {
			users[n] = append(users[n], path)
		}
	}
	for _, pid := range pids(t) {
		note(fmt.Sprintf("/proc/%d/ns/net", pid))
		dir := fmt.Sprintf("/proc/%d/fd", pid)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // the process has ended
		}
		for _, e := range entries {
			note(filepath.Join(dir, e.Name()))
		}
	}
	return users
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// onlyWanted checks that the machine holds as many containers, shims and
// networks as there are tasks, and no more.
func (s *server) onlyWanted(tasks int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("the machine runs %d tasks and nothing else", tasks), func() error {
		st := s.status()
		var known []int
		for _, task := range st.Tasks {
			known = append(known, task.PIDs...)
		}
		if len(st.Tasks) != tasks || len(known) != tasks {
			return fmt.Errorf("%d tasks with the processes %v", len(st.Tasks), known)
		}
		shims := 0
		for _, p := range s.processes() {
			if strings.Contains(p.command, "containerd-shim-runc-v2") {
				shims++
			}
		}
		if shims != tasks {
			return fmt.Errorf("%d shims", shims)
		}
		if running := s.containers(); !slices.Equal(running, slices.Sorted(slices.Values(known))) {
			return fmt.Errorf("processes of containers: %v, of known tasks: %v", running, known)
		}
		return s.onlyTheirInterfaces(tasks)
	})
}

// containers are the first processes of the containers that run: children of
// shims that are no shims or helpers themselves.
func (s *server) containers() []int {
	s.t.Helper()
	var found []int
	for _, pid := range s.inCgroup() {
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && bytes.HasPrefix(command, []byte("/testbox")) {
			found = append(found, pid)
		}
	}
	slices.Sort(found)
	return found
}

// onlyTheirInterfaces counts the interfaces of tasks and sessions.
func (s *server) onlyTheirInterfaces(tasks int) error {
	paths := s.glob(filepath.Join("/run/seamark", s.id, "netns", "vpc-*", "eni-*"))
	if len(paths) != tasks+s.sessions {
		return fmt.Errorf("%d sessions, but interfaces: %v", s.sessions, paths)
	}
	return nil
}
