package dataplane

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
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

// TestPrioritise changes all threads of a process of its own, there and back.
func TestPrioritise(t *testing.T) {
	if os.Getenv("DATAPLANE_TEST_PRIORITY") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestPrioritise$", "-test.v")
		child.Env = append(os.Environ(), "DATAPLANE_TEST_PRIORITY=1")
		out, err := child.CombinedOutput()
		switch {
		case err != nil:
			t.Fatalf("%v\n%s", err, out)
		case strings.Contains(string(out), "--- SKIP"):
			t.Skipf("%s", out)
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
		if errors.Is(err, unix.EPERM) {
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
	fmt.Println("changed there and back")
}
