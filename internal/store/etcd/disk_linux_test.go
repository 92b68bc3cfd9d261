package etcd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/store"
)

// smallDisk mounts a tmpfs of that many MiB and unmounts it after the test.
func smallDisk(t *testing.T, mib int) string {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	if err != nil {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("needs root to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fillDisk takes all but that many bytes of dir's file system.
func fillDisk(t *testing.T, dir string, leave int64) (free func()) {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-leave); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Error(err)
		}
	}
}

func TestDiskFull_RefusesUpdatesAndRecovers(t *testing.T) {
	disk := smallDisk(t, 400)
	s, err := Open(context.Background(), Options{Dir: filepath.Join(disk, "etcd"), Logger: quiet(), MinFreeBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := putGroup(s, "before"); err != nil {
		t.Fatal(err)
	}
	free := fillDisk(t, disk, 63<<20)
	start := time.Now()
	if err := putGroup(s, "refused"); !errors.Is(err, store.ErrNoSpace) || time.Since(start) > 200*time.Millisecond {
		t.Errorf("update on a full disk: %v after %v", err, time.Since(start))
	}
	await(t, "ready is an error", func() bool { return errors.Is(s.Ready(), store.ErrNoSpace) })
	if w := s.View(); w.LogGroups.Get("before") == nil || w.LogGroups.Get("refused") != nil {
		t.Error("the view is wrong on a full disk")
	}
	free()
	await(t, "ready again", func() bool { return s.Ready() == nil })
	if err := putGroup(s, "after"); err != nil {
		t.Errorf("update after space returned: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, filepath.Join(disk, "etcd"))
	defer s.Close()
	if w := s.View(); w.LogGroups.Get("before") == nil || w.LogGroups.Get("after") == nil || w.LogGroups.Len() != 2 {
		t.Errorf("opened again, %d groups", w.LogGroups.Len())
	}
}

func TestDiskFull_RefusesStart(t *testing.T) {
	disk := smallDisk(t, 100)
	_, err := Open(context.Background(), Options{Dir: filepath.Join(disk, "etcd"), Logger: quiet()})
	if !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("start with too little space: %v", err)
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestDiskFull_WithoutGuard fills the disk behind the back of the check: etcd
// wants to end the process, which must go on reading instead.
func TestDiskFull_WithoutGuard(t *testing.T) {
	disk := smallDisk(t, 300)
	dir := filepath.Join(disk, "etcd")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "STORE_TEST_CHILD=fill", "STORE_TEST_DIR="+dir)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var free func()
	said := map[string]string{}
	acknowledged := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		said[what] = rest
		switch what {
		case "open":
			free = fillDisk(t, disk, 100<<10)
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		case "+":
			acknowledged++
		case "!":
			t.Errorf("child: %s", rest)
		}
	}
	if err := child.Wait(); err != nil {
		t.Fatalf("the process ended: %v", err)
	}
	t.Logf("%d updates, then: %v", acknowledged, said)
	for _, what := range []string{"failed", "again", "reads", "closed"} {
		if !strings.HasPrefix(said[what], "true") {
			t.Errorf("%s: %q", what, said[what])
		}
	}
	free()
	s := openDir(t, dir)
	defer s.Close()
	for n := range acknowledged {
		if w := s.View(); w.LogGroups.Get(fmt.Sprint(n)) == nil || w.Roles.Get(fmt.Sprint(n)) == nil {
			t.Fatalf("update %d of %d is lost", n, acknowledged)
		}
	}
	if err := putGroup(s, "after"); err != nil {
		t.Errorf("update after a restart with space: %v", err)
	}
}
