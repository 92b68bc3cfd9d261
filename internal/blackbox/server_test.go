//go:build linux

package blackbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"seamark/internal/admin"
)

// patience is how long anything may take, on a busy machine too.
const patience = 60 * time.Second

// options are how a server differs from the usual one: containers, the image of
// the tests, no DNS but its own.
type options struct {
	flags   []string // more flags of `seamark up`
	images  string   // directory of image archives; "": the test image alone
	dataDir string   // "": one of its own
	user    uint32   // 0: root
}

// server is one Seamark with a data directory of its own.
type server struct {
	t       testing.TB
	o       options
	binary  string
	scratch string
	dataDir string
	client  clientFile
	id      string
	cmd     *exec.Cmd     // of `up`; nil: does not run
	exited  chan struct{} // closed when cmd has ended
	http    *http.Client
	// sessions is how many interfaces of the tests' own are open in VPCs.
	sessions int
}

// clientFile is what a server writes for clients.
type clientFile struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region"`
	AccessKey string `json:"accessKeyId"`
	Secret    string `json:"secretAccessKey"`
	RunDir    string `json:"runDir"`
	PID       int    `json:"pid"`
}

// start runs a server, which is taken down at the test's end and checked to
// have left nothing.
func start(t testing.TB, o options) *server {
	t.Helper()
	s := prepare(t, o)
	s.up()
	return s
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB, o options) *server {
	t.Helper()
	needRoot(t)
	s := &server{t: t, o: o, binary: seamarkBinary(t), scratch: scratch(t), http: &http.Client{Timeout: patience, Transport: plainBodies{&http.Transport{}}}}
	s.dataDir = o.dataDir
	if s.dataDir == "" {
		s.dataDir = filepath.Join(s.scratch, "data")
	}
	if o.images == "" {
		s.o.images = testImage(t, s.scratch)
	}
	if o.user != 0 {
		s.binary = s.forUser(o.user)
	}
	t.Cleanup(s.end)
	return s
}

// needRoot skips, or fails where tests may not be skipped.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "this test needs root")
	}
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// built is the path of something that make builds, below the repository's root.
func built(t testing.TB, path, how string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		missing(t, fmt.Sprintf("%v (%s)", err, how))
	}
	return abs
}

func seamarkBinary(t testing.TB) string {
	t.Helper()
	if b := os.Getenv("SEAMARK_BIN"); b != "" {
		return b
	}
	return built(t, "bin/seamark", "make build")
}

// scratch is a directory on a real file system: /tmp may be a small tmpfs.
func scratch(t testing.TB) string {
	t.Helper()
	dir := filepath.Join("/var/tmp", "seamark-test-"+strings.ToLower(rand.Text()[:8]))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// testImage is a directory with no archive but that of the tests' own image.
func testImage(t testing.TB, scratch string) string {
	t.Helper()
	return imageDir(t, scratch, "testbox.tar")
}

// imageDir is a directory with no archive but that one.
func imageDir(t testing.TB, scratch, name string) string {
	t.Helper()
	archive := built(t, "images/out/"+name, "make images")
	dir := filepath.Join(scratch, "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(archive, filepath.Join(dir, filepath.Base(archive))); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

// forUser makes the scratch directory a user's and puts a copy of the binary
// there: the checkout may be closed to others.
func (s *server) forUser(user uint32) string {
	s.t.Helper()
	b, err := os.ReadFile(s.binary)
	if err != nil {
		s.t.Fatal(err)
	}
	copied := filepath.Join(s.scratch, "seamark")
	if err := errors.Join(os.WriteFile(copied, b, 0o755), os.Chown(s.scratch, int(user), int(user))); err != nil {
		s.t.Fatal(err)
	}
	return copied
}

// upCommand is `seamark up`, not started.
func (s *server) upCommand() *exec.Cmd {
	args := []string{"up", "--data-dir", s.dataDir, "--listen", "127.0.0.1:0", "--dns-upstream", "none", "--images", s.o.images}
	if s.o.user == 0 {
		args = append(args, "--engine", built(s.t, "bin/engine", "make engine"))
	}
	cmd := exec.Command(s.binary, append(args, s.o.flags...)...)
	s.asUser(cmd)
	return cmd
}

func (s *server) asUser(cmd *exec.Cmd) {
	cmd.Dir = "/"
	if s.o.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: s.o.user, Gid: s.o.user}}
		cmd.Env = append(os.Environ(), "HOME="+s.scratch, "TMPDIR="+s.scratch)
	}
}

// up starts the server and returns when it answers; it returns how long that took.
func (s *server) up() time.Duration {
	s.t.Helper()
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := s.upCommand()
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exited := make(chan struct{})
	s.cmd, s.exited, s.sessions = cmd, exited, 0 // a new process ends the sessions of the last
	go func() {
		_ = cmd.Wait() // its exit code is in cmd.ProcessState
		close(exited)
	}()
	s.eventually("the server answers", func() error {
		select {
		case <-exited:
			s.cmd = nil
			s.t.Fatalf("seamark up ended: %v\n%s", cmd.ProcessState, s.logTail())
		default:
		}
		return s.answers()
	})
	s.id = filepath.Base(s.client.RunDir)
	if s.o.user != 0 {
		s.id = s.id[strings.LastIndexByte(s.id, '-')+1:]
	}
	return time.Since(began)
}

// answers reads the client file of the running process and asks it.
func (s *server) answers() error {
	b, err := os.ReadFile(filepath.Join(s.dataDir, "client.json"))
	if err != nil {
		return err
	}
	var f clientFile
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.PID != s.cmd.Process.Pid {
		return fmt.Errorf("client.json is of process %d", f.PID)
	}
	s.client = f
	resp, err := s.http.Get(f.Endpoint + "/_seamark/health")
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	_, err = admin.NewClient(s.adminSocket()).Status(context.Background())
	return err
}

func (s *server) adminSocket() string { return filepath.Join(s.client.RunDir, "admin.sock") }

// kill ends the control plane with SIGKILL.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.exited
	s.cmd = nil
	s.http.CloseIdleConnections()
}

// down takes the server down as a user would.
func (s *server) down() {
	s.t.Helper()
	args := []string{"down", "--data-dir", s.dataDir}
	if s.o.user == 0 {
		args = append(args, "--engine", built(s.t, "bin/engine", "make engine"))
	}
	if out, code := s.output(args...); code != 0 {
		s.t.Errorf("seamark down: exit code %d\n%s", code, out)
	}
	if s.cmd != nil {
		<-s.exited
		s.cmd = nil
	}
	s.http.CloseIdleConnections()
}

// end is the test's end.
func (s *server) end() {
	if s.t.Failed() {
		s.t.Logf("the end of the server's log:\n%s", s.logTail())
	}
	if s.id == "" {
		if s.exited != nil {
			s.down() // it did not come up, but may have begun to
		}
		return
	}
	seen := s.namespaces()
	s.down()
	s.nothingLeft(seen)
	s.id, s.exited = "", nil
}

// output runs a command of the binary and returns what it printed.
func (s *server) output(args ...string) (string, int) {
	s.t.Helper()
	cmd := exec.Command(s.binary, args...)
	s.asUser(cmd)
	return output(s.t, cmd)
}

// seamark runs a command of the binary for this server: `status`, `in` …
func (s *server) seamark(command string, args ...string) (string, int) {
	s.t.Helper()
	return s.output(append([]string{command, "--data-dir", s.dataDir}, args...)...)
}

// output runs a program to its end, for at most as long as patience lasts, and
// returns what it printed on both streams and its exit code.
func output(t testing.TB, cmd *exec.Cmd) (string, int) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slow := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !slow.Stop() {
		t.Fatalf("%v did not end within %v:\n%s", cmd.Args, patience, out.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func (s *server) log() string { return filepath.Join(s.scratch, "up.log") }

// logTail is the end of what the server logged, but for requests that went well.
func (s *server) logTail() string {
	b, err := os.ReadFile(s.log())
	if err != nil {
		return err.Error()
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(b), "\n"), func(line string) bool {
		return strings.Contains(line, " msg=request ") && strings.Contains(line, " status=200 ")
	})
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

func (s *server) status() admin.Status {
	s.t.Helper()
	st, err := admin.NewClient(s.adminSocket()).Status(context.Background())
	if err != nil {
		s.t.Fatalf("status: %v", err)
	}
	return st
}

// eventually waits until ok returns nil.
func (s *server) eventually(what string, ok func() error) time.Duration {
	s.t.Helper()
	return eventually(s.t, what, patience, ok)
}

func eventually(t testing.TB, what string, limit time.Duration, ok func() error) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return time.Since(began)
		}
		if time.Since(began) > limit {
			t.Fatalf("after %v still not: %s: %v", limit, what, err)
		}
		<-tick.C
	}
}
