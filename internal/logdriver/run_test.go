//go:build linux

package logdriver

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary is the logger of its own tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		os.Exit(Run(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// shim is the side of containerd's shim: the writing ends of the pipes.
type shim struct {
	cmd            *exec.Cmd
	stdout, stderr *os.File
}

// startLogger starts a logger as the shim does and returns when it is ready.
func startLogger(t *testing.T, dir string) shim {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var s shim
	s.cmd = exec.Command(self, shimArgs(t, URI(self, dir, 0))...)
	s.cmd.Env = []string{"CONTAINER_ID=c", "CONTAINER_NAMESPACE=n"}
	var ends [3][2]*os.File
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = [2]*os.File{r, w}
	}
	s.stdout, s.stderr = ends[0][1], ends[1][1]
	s.cmd.ExtraFiles = []*os.File{ends[0][0], ends[1][0], ends[2][1]}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.cmd.ExtraFiles {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ends[2][0].Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("ready file: %v, want its end", err)
	}
	return s
}

func (s shim) close(t *testing.T) error {
	t.Helper()
	for _, f := range []*os.File{s.stdout, s.stderr} {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return s.cmd.Wait()
}

// kept returns all bytes of the stream's segments.
func kept(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

func TestRun_KeepsBothStreamsToTheirEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stream")
	s := startLogger(t, dir)
	for i := range 500 {
		if _, err := fmt.Fprintf([]*os.File{s.stdout, s.stderr}[i%2], "line %03d.\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.stdout.WriteString("no newline"); err != nil {
		t.Fatal(err)
	}
	// The shim's way of ending it; what is in the pipes must not be lost.
	if err := s.cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.close(t); err != nil {
		t.Fatalf("logger ended with %v", err)
	}
	all := kept(t, dir)
	for i := range 500 {
		if want := fmt.Sprintf("line %03d.", i); bytes.Count(all, []byte(want)) != 1 {
			t.Errorf("%q is not there once", want)
		}
	}
	if !bytes.Contains(all, []byte("no newline")) {
		t.Error("the unfinished last line is missing")
	}
}

// A directory that cannot be written must not stop the container's output.
func TestRun_ReadsOnWhereNothingCanBeKept(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startLogger(t, filepath.Join(blocked, "stream"))
	block := bytes.Repeat([]byte("0123456789abcde\n"), 64<<10) // 1 MiB, far more than a pipe holds
	if _, err := s.stdout.Write(block); err != nil {
		t.Errorf("the container's write failed: %v", err)
	}
	if err := s.close(t); err == nil {
		t.Error("the logger kept nothing and ended with 0")
	}
}
