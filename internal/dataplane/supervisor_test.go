//go:build linux

package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// supervise returns a supervisor of a process that is this test's binary.
func supervise(t *testing.T, dir string, onRestart func(*Client)) *Supervisor {
	t.Helper()
	t.Setenv(processEnv, dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := SupervisorOptions{
		Command: []string{self, "-test.run=^$"}, Socket: filepath.Join(dir, "s"), RunDir: dir,
		OnRestart: onRestart, Logger: logger(t),
	}
	// A test that fails half-way leaves no process either.
	t.Cleanup(func() { stopped(t, NewSupervisor(o)) })
	return NewSupervisor(o)
}

func started(t *testing.T, s *Supervisor) *Client {
	t.Helper()
	c, err := s.Start(t.Context())
	if err != nil {
		output, _ := os.ReadFile(filepath.Join(s.opts.RunDir, logName))
		t.Fatalf("start: %v\n%s", err, output)
	}
	return c
}

func stopped(t *testing.T, s *Supervisor) {
	t.Helper()
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestSupervisor_AdoptsAndStops(t *testing.T) {
	dir := t.TempDir()
	first := supervise(t, dir, nil)
	c := started(t, first)
	ack := replace(t, c, 3, testVPC("vpc-1", 2, 1))
	pid := c.PID()
	if session, err := syscall.Getpgid(pid); err != nil || session != pid {
		t.Errorf("process group %d, %v: not a session of its own", session, err)
	}
	closing(t, c)

	// The control plane is gone; another adopts.
	second := supervise(t, dir, nil)
	c = started(t, second)
	if c.PID() != pid {
		t.Errorf("process %d instead of %d", c.PID(), pid)
	}
	expect(t, ack.Bound["vpc-1"][0], "host1.z.", "10.0.1.1")
	closing(t, c)

	stopped(t, supervise(t, dir, nil))
	if err := syscall.Kill(pid, 0); err == nil {
		if _, err := startTime(pid); !errors.Is(err, errGone) {
			t.Errorf("process %d still runs", pid)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if f.Name() != logName {
			t.Errorf("left behind: %s", f.Name())
		}
	}
	stopped(t, supervise(t, dir, nil)) // twice is once
}

func TestSupervisor_RestartsAfterKill(t *testing.T) {
	dir := t.TempDir()
	restarted := make(chan *Client, 1)
	s := supervise(t, dir, func(c *Client) { restarted <- c })
	c := started(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer stopped(t, s)
	defer running.Wait()
	defer cancel()

	at := replace(t, c, 1, testVPC("vpc-1", 1000, 1)).Bound["vpc-1"][0]
	keptRevision(t, dir, 1)
	for i := range 3 {
		killed := time.Now()
		if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		// It answers from the kept snapshot, on the same port, before anybody
		// has sent anything.
		eventually(t, 10*time.Second, "an answer", func() bool { return quickLookup(t, at) == fmt.Sprintf("10.0.%d.9", 1+i) })
		took := time.Since(killed)
		t.Logf("answered %v after SIGKILL", took)
		if took > 300*time.Millisecond {
			t.Errorf("answered only %v after SIGKILL", took)
		}
		old := c
		c = <-restarted
		if c.PID() == old.PID() {
			t.Errorf("process %d was not replaced", c.PID())
		}
		closing(t, old)
		replace(t, c, int64(2+i), testVPC("vpc-1", 1000, 2+i))
		keptRevision(t, dir, int64(2+i))
	}
}

// keptRevision waits until the kept snapshot is that of a revision.
func keptRevision(t *testing.T, dir string, revision int64) {
	t.Helper()
	eventually(t, 5*time.Second, "a kept snapshot", func() bool {
		k, ok, err := newKeeper(dir).read()
		return err == nil && ok && k.Revision == revision
	})
}

// A process that hangs, or speaks another protocol, is replaced by one that
// serves what it served.
func TestSupervisor_ReplacesWhatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	s := supervise(t, dir, nil)
	c := started(t, s)
	at := replace(t, c, 1, testVPC("vpc-1", 10, 1)).Bound["vpc-1"][0]
	keptRevision(t, dir, 1)
	pid := c.PID()
	closing(t, c)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the process stands still", func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && bytes.Contains(b, []byte(") T "))
	})
	next := supervise(t, dir, nil)
	c = started(t, next)
	if c.PID() == pid {
		t.Errorf("process %d was adopted though it hangs", pid)
	}
	if _, err := startTime(pid); !errors.Is(err, errGone) {
		t.Errorf("process %d still runs", pid)
	}
	eventually(t, 5*time.Second, "an answer", func() bool { return quickLookup(t, at) == "10.0.1.9" })
	stopped(t, next)
	s.reaping.Wait()
}

func TestSupervisor_StartFails(t *testing.T) {
	for name, command := range map[string][]string{
		"no such binary": {"/nonexistent/binary"}, "ends at once": {"/bin/false"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := NewSupervisor(SupervisorOptions{Command: command, Socket: filepath.Join(dir, "s"), RunDir: dir, Logger: logger(t)})
			if c, err := s.Start(t.Context()); err == nil {
				closing(t, c)
				t.Error("started")
			}
			stopped(t, s)
		})
	}
}

func TestRecord(t *testing.T) {
	started, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&record{PID: os.Getpid(), StartTime: started}).open()
	if err != nil {
		t.Fatal(err)
	}
	closing(t, processCloser{p})
	for name, r := range map[string]record{
		"another start time": {PID: os.Getpid(), StartTime: started + 1},
		"no such process":    {PID: 1 << 29, StartTime: 1},
	} {
		if _, err := r.open(); !errors.Is(err, errGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type processCloser struct{ p *process }

func (c processCloser) Close() error { return c.p.close() }

// quickLookup asks for host9.z. and gives up soon, to be asked again.
func quickLookup(t *testing.T, at netip.AddrPort) string {
	t.Helper()
	c := &dns.Client{Timeout: 20 * time.Millisecond}
	r, _, err := c.Exchange(new(dns.Msg).SetQuestion("host9.z.", dns.TypeA), at.String())
	if err != nil {
		return err.Error()
	}
	if len(r.Answer) != 1 {
		return dns.RcodeToString[r.Rcode]
	}
	return r.Answer[0].(*dns.A).A.String()
}
