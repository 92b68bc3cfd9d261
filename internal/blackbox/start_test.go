//go:build linux

package blackbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user without rights.
const nobody = 65534

// refusesToStart runs `seamark up`, which must end by itself with exit code 1
// and one line that holds all of the texts.
func (s *server) refusesToStart(texts ...string) {
	s.t.Helper()
	out, code := output(s.t, s.upCommand())
	if code != 1 {
		s.t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, text := range append(texts, "seamark: ") {
		if !strings.Contains(lines[len(lines)-1], text) {
			s.t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	if len(lines) > 1 {
		s.t.Errorf("it says more than one line:\n%s", out)
	}
}

func TestSecondStartIsRefused(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 1)
	g.awaitStable("web")
	before := s.status()

	prepare(t, options{dataDir: s.dataDir}).refusesToStart(s.dataDir, "in use", "process id "+strconv.Itoa(before.PID))

	after := s.status()
	if after.PID != before.PID || after.Revision != before.Revision || !samePIDs(pidsOf(before), pidsOf(after)) || after.DataPlane.PID != before.DataPlane.PID {
		t.Errorf("the first was %+v, is %+v", before, after)
	}
	s.answered(s.session(g.vpc), webName, 1)
}

func TestUnwritableDataDirectory(t *testing.T) {
	s := prepare(t, options{})
	if err := os.Mkdir(s.dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(t, s.dataDir, syscall.MS_RDONLY, "size=1m")
	s.refusesToStart("not writable", s.dataDir)
}

// mount puts a tmpfs on a directory until the test's end.
func mount(t *testing.T, dir string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount("seamark-test", dir, "tmpfs", flags, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestNewerDataDirectoryIsRefused(t *testing.T) {
	s := prepare(t, options{})
	if err := os.Mkdir(s.dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	version := `{"format":99,"instance":"abcdef","createdBy":"seamark v99"}`
	if err := os.WriteFile(filepath.Join(s.dataDir, "VERSION"), []byte(version), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refusesToStart("newer format", "format 99", "seamark v99", s.dataDir)
	if got := read(t, filepath.Join(s.dataDir, "VERSION")); got != version {
		t.Errorf("VERSION has become %s", got)
	}
	if _, err := os.Stat("/run/seamark/abcdef"); err == nil {
		t.Error("the refused start left /run/seamark/abcdef")
	}
}

func TestWithoutRoot(t *testing.T) {
	s := prepare(t, options{user: nobody})
	s.refusesToStart("root", "--runtime simulated")
}

func TestWithoutEngine(t *testing.T) {
	s := prepare(t, options{flags: []string{"--engine", "/nonexistent"}})
	s.refusesToStart("containerd", "/nonexistent", "make engine")
}

func TestListenAddressInUse(t *testing.T) {
	s := start(t, options{})
	address := strings.TrimPrefix(s.client.Endpoint, "http://")
	prepare(t, options{flags: []string{"--listen", address}}).refusesToStart(address, "address already in use")
}
