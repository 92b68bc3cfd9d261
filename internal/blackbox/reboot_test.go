//go:build linux

package blackbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReboot takes from a Seamark what a reboot takes, all processes, mounts,
// namespaces, cgroups and /run, and starts it again.
func TestReboot(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 3)
	g.service("quiet", g.define("quiet", testbox("app", "sleep")), 1, unregistered)
	g.awaitStable("web")
	g.awaitStable("quiet")
	old := arnsOf(g.running("web"))

	s.reboot()
	began := time.Now()
	s.up()
	ready := time.Since(began)
	g.eventually("the tasks of before are known to be gone", func() error {
		tasks, err := g.tasks("web")
		if err != nil {
			return err
		}
		for _, arn := range arnsOf(tasks) {
			if slices.Contains(old, arn) {
				return fmt.Errorf("%s is still there", arn)
			}
		}
		return g.stable("web")
	})
	g.awaitStable("quiet")
	t.Logf("after the reboot: API ready in %v, services back in %v", ready.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if err := g.consistent("web", 3, s.session(g.vpc)); err != nil {
		t.Error(err)
	}
	s.onlyWanted(4)
}

// reboot ends the server as a machine that loses its power does.
func (s *server) reboot() {
	s.t.Helper()
	s.kill()
	s.eventually("all processes are gone", func() error {
		left := s.inCgroup()
		for _, p := range s.processes() {
			left = append(left, p.pid)
		}
		for _, pid := range left {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("%v", left)
		}
		return nil
	})
	runDir := filepath.Join("/run/seamark", s.id)
	s.eventually("nothing is mounted", func() error {
		points := mountsBelow(read(s.t, "/proc/self/mountinfo"), runDir)
		for _, point := range slices.Backward(points) { // the last mounted first
			if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
				return fmt.Errorf("unmount %s: %w", point, err)
			}
		}
		if len(points) > 0 {
			return fmt.Errorf("%v", points)
		}
		return nil
	})
	if err := os.RemoveAll(runDir); err != nil {
		s.t.Fatal(err)
	}
	for _, group := range s.cgroups() {
		s.eventually("cgroup "+group+" is gone", func() error { return removeGroups(group) })
	}
	if left := s.traces(); len(left) > 0 {
		s.t.Fatalf("this is no reboot: %v", left)
	}
}

func mountsBelow(mountinfo, dir string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			points = append(points, f[4])
		}
	}
	return points
}

// removeGroups removes a cgroup and those in it. Their files are the kernel's.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return syscall.Rmdir(dir)
}
