//go:build linux

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes files below a directory and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCreate_V1WritesLimitsIntoEachHierarchy(t *testing.T) {
	root := tree(t, map[string]string{"cpu/x": "", "memory/x": "", "freezer/x": ""})
	f := FS{root: root}
	for range 2 { // twice equals once
		if err := f.Create("/a/b", Limits{CPUUnits: 512, MemoryBytes: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, root, "cpu/a/b/cpu.cfs_quota_us"); got != "50000" {
		t.Errorf("cpu quota %s, want 50000 µs of 100000", got)
	}
	if got := read(t, root, "memory/a/b/memory.limit_in_bytes"); got != "1048576" {
		t.Errorf("memory limit %s, want 1048576", got)
	}
	if _, err := os.Stat(filepath.Join(root, "freezer/a")); err == nil {
		t.Error("made a group in a hierarchy that has no limit of ours")
	}
}

// A plain directory is no cgroup file system: the kernel's files that a v2
// group has at birth are made beforehand.
func TestCreate_V2DelegatesControllersToTheLeaf(t *testing.T) {
	root := tree(t, map[string]string{
		"cgroup.controllers": "cpuset cpu io memory pids", "cgroup.subtree_control": "cpu memory pids",
		"a/cgroup.controllers": "cpu memory", "a/cgroup.subtree_control": "cpu",
	})
	f := FS{root: root, unified: true}
	if err := f.Create("/a/b", Limits{CPUUnits: 2048, MemoryBytes: 4096}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, root, "a/cgroup.subtree_control"); got != "+memory" {
		t.Errorf("last controller passed down was %q, want +memory: cpu was on, pids is not there", got)
	}
	if got := read(t, root, "cgroup.subtree_control"); got != "cpu memory pids" {
		t.Errorf("root's controllers became %q, want them untouched", got)
	}
	if got := read(t, root, "a/b/cpu.max"); got != "200000 100000" {
		t.Errorf("cpu.max %q, want 200000 100000", got)
	}
	if got := read(t, root, "a/b/memory.max"); got != "4096" {
		t.Errorf("memory.max %q, want 4096", got)
	}
}

func TestCreate_RefusesTheRootAndRelativePaths(t *testing.T) {
	f := FS{root: t.TempDir()}
	for _, path := range []string{"", "/", "a", "/a/../b", "/a/"} {
		if err := f.Create(path, Limits{}); err == nil {
			t.Errorf("path %q was accepted", path)
		}
	}
}

func TestOOMKills(t *testing.T) {
	v1 := FS{root: tree(t, map[string]string{"memory/g/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"})}
	v2 := FS{root: tree(t, map[string]string{"g/memory.events": "low 0\noom 2\noom_kill 1\noom_group_kill 0\n"}), unified: true}
	for _, c := range []struct {
		fs   FS
		path string
		want int64
	}{{v1, "/g", 3}, {v2, "/g", 1}, {v1, "/gone", 0}, {v2, "/gone", 0}} {
		got, err := c.fs.OOMKills(c.path)
		if err != nil || got != c.want {
			t.Errorf("%s (unified %v): %d, %v; want %d", c.path, c.fs.unified, got, err, c.want)
		}
	}
}

func TestHost_CreateJoinRemove(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	f, err := Host()
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/seamark-test-%d", os.Getpid())
	if err := f.Create(path+"/inner", Limits{CPUUnits: 512, MemoryBytes: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	if err := f.AddProcess(path+"/process", sleeper.Process.Pid); err != nil {
		t.Error(err)
	}
	groups := read(t, "/proc", fmt.Sprint(sleeper.Process.Pid), "cgroup")
	if lines := strings.Count(strings.TrimSpace(groups), "\n") + 1; strings.Count(groups, path+"/process") != lines {
		t.Errorf("the process is not in the group of every hierarchy:\n%s", groups)
	}
	if pids, err := f.Processes(path + "/process"); err != nil || len(pids) != 1 || pids[0] != sleeper.Process.Pid {
		t.Errorf("processes %v, %v; want %d", pids, err, sleeper.Process.Pid)
	}
	if err := f.AddUrgentProcess(path+"/urgent", sleeper.Process.Pid); err != nil {
		t.Error(err)
	}
	groups = read(t, "/proc", fmt.Sprint(sleeper.Process.Pid), "cgroup")
	for line := range strings.Lines(groups) {
		controllers, group, _ := strings.Cut(strings.TrimSpace(line[strings.Index(line, ":")+1:]), ":")
		want := path + "/urgent"
		if slices.Contains(strings.Split(controllers, ","), "cpu") {
			want = "/"
		}
		if group != want {
			t.Errorf("the urgent process is in %s of %q, want %s", group, controllers, want)
		}
	}
	if err := f.Kill(path); err != nil {
		t.Error(err)
	}
	_ = sleeper.Wait() // "signal: killed"
	for range 2 {
		if err := f.Remove(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range f.hierarchies() {
		if _, err := os.Stat(h + path); err == nil {
			t.Errorf("%s%s is still there", h, path)
		}
	}
}
