package dataplane

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// policies are the scheduling policies of this process's threads.
func policies(t *testing.T) map[uint32]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint32]int{}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		out[attr.Policy]++
	}
	return out
}

// sessionGroup is what the kernel says of this process's session as a group; empty
// where it is none.
func sessionGroup(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/autogroup")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// TestPrioritise changes all threads of a process there and back, and its session
// where it leads one.
func TestPrioritise(t *testing.T) {
	role := os.Getenv("DATAPLANE_TEST_PRIORITY")
	if role == "" {
		before := sessionGroup(t)
		prioritiseChild(t, "leader", &syscall.SysProcAttr{Setsid: true})
		prioritiseChild(t, "member", nil)
		if after := sessionGroup(t); after != before {
			t.Errorf("this session was %q, and is %q", before, after)
		}
		return
	}
	stop := make(chan struct{})
	defer close(stop)
	var started sync.WaitGroup
	for range 4 { // more threads
		started.Add(1)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			started.Done()
			<-stop
		}()
	}
	started.Wait()
	if err := prioritise(true); err != nil {
		if errors.Is(err, unix.EPERM) && os.Getenv("SEAMARK_REQUIRE_ROOT") == "" {
			t.Skip("this process may not be scheduled in real time: no CAP_SYS_NICE, or its cgroup has no time for it")
		}
		t.Fatal(err)
	}
	if got := policies(t); len(got) != 1 || got[unix.SCHED_RR] == 0 {
		t.Errorf("threads by policy: %v, want all SCHED_RR", got)
	}
	if err := prioritise(false); err != nil {
		t.Fatal(err)
	}
	if got := policies(t); len(got) != 1 || got[unix.SCHED_NORMAL] == 0 {
		t.Errorf("threads by policy: %v, want all SCHED_NORMAL", got)
	}
	if got, want := sessionGroup(t), "nice "+strconv.Itoa(niceness); role == "leader" && got != "" && !strings.HasSuffix(got, want) {
		t.Errorf("session %q, want %s", got, want)
	}
}

// prioritiseChild runs the test in a process of its own.
func prioritiseChild(t *testing.T, role string, attr *syscall.SysProcAttr) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestPrioritise$", "-test.v")
	child.Env = append(os.Environ(), "DATAPLANE_TEST_PRIORITY="+role)
	child.SysProcAttr = attr
	out, err := child.CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	}
}
