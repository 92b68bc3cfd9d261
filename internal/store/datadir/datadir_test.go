package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary stand in for a Seamark that holds a directory.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DATADIR_TEST_HOLD"); dir != "" {
		d, err := Open(dir)
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("holding", d.InstanceID())
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the test closes it
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestOpen_MakesDirectoryAndKeepsIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	first := d.InstanceID()
	if !regexp.MustCompile(`^[a-z2-7]{6}$`).MatchString(first) {
		t.Errorf("instance id %q", first)
	}
	if got := d.Path("etcd", "x"); got != filepath.Join(path, "etcd", "x") {
		t.Errorf("path %q", got)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.InstanceID() != first {
		t.Errorf("instance id was %q, is %q", first, again.InstanceID())
	}
	other, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.InstanceID() == first {
		t.Error("two directories with one instance id")
	}
}

func TestOpen_RefusesSecondProcess(t *testing.T) {
	path := t.TempDir()
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "DATADIR_TEST_HOLD="+path)
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := stdout.Read(line)
	if err != nil || !strings.HasPrefix(string(line[:n]), "holding") {
		t.Fatalf("the holder says %q, %v", line[:n], err)
	}
	_, err = Open(path)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process id %d ", holder.Process.Pid)) {
		t.Errorf("second start: %v", err)
	}
	// A process that was killed leaves no lock behind.
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	_ = stdin.Close()
	d, err := Open(path)
	if err != nil {
		t.Fatalf("after the holder is gone: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpen_RefusesUnwritableDirectory(t *testing.T) {
	// /proc refuses everybody, root too.
	for _, path := range []string{"/proc", "/proc/seamark"} {
		if _, err := Open(path); !errors.Is(err, ErrUnwritable) {
			t.Errorf("%s: %v", path, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); !errors.Is(err, ErrUnwritable) {
		t.Errorf("a file: %v", err)
	}
}

func TestOpen_RefusesForeignDirectory(t *testing.T) {
	for name, content := range map[string]string{"notes.txt": "x", versionName: "not JSON", "VERSION ": "{}"} {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrForeign) {
			t.Errorf("%q: %v", name, err)
		}
	}
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, versionName), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrForeign) {
		t.Errorf("VERSION without a format: %v", err)
	}
}

func TestOpen_RefusesNewerFormat(t *testing.T) {
	path := t.TempDir()
	future := append(slices.Clone(upgrades), upgrade{"of a later version", done})
	d, err := open(path, future)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), fmt.Sprintf("has format %d ", len(future)+1)) || !strings.Contains(err.Error(), fmt.Sprintf("up to format %d;", len(upgrades)+1)) {
		t.Errorf("newer format: %v", err)
	}
}

func done(*Dir) error { return nil }

func TestOpen_UpgradesStepByStep(t *testing.T) {
	path := t.TempDir()
	d, err := open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := d.InstanceID()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var ran []int
	broken := errors.New("deliberate")
	steps := []upgrade{
		{"first", func(d *Dir) error { ran = append(ran, d.Format()); return nil }},
		{"second", func(d *Dir) error { ran = append(ran, d.Format()); return broken }},
	}
	if _, err := open(path, steps); !errors.Is(err, broken) || !strings.Contains(err.Error(), "from format 2 (second)") {
		t.Errorf("failed step: %v", err)
	}
	steps[1].run = func(d *Dir) error { ran = append(ran, d.Format()); return nil }
	d, err = open(path, steps)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Format() != 3 || d.InstanceID() != id || fmt.Sprint(ran) != "[1 2 2]" {
		t.Errorf("format %d, instance %q (was %q), steps from %v", d.Format(), d.InstanceID(), id, ran)
	}
	var v version
	text, err := os.ReadFile(d.Path(versionName))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil || v.Format != 3 || v.CreatedBy == "" {
		t.Errorf("VERSION holds %s, %v", text, err)
	}
}

func TestHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if pid, err := Holder(path); pid != 0 || err != nil {
		t.Errorf("no directory: %d, %v", pid, err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if pid, err := Holder(path); pid != os.Getpid() || err != nil {
		t.Errorf("open: %d, %v; this is %d", pid, err, os.Getpid())
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if pid, err := Holder(path); pid != 0 || err != nil {
		t.Errorf("closed: %d, %v", pid, err)
	}
}
