package metrics

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFullDisk_RecordGoesOnAndRecovers needs root for a tmpfs of 512 KiB.
func TestFullDisk_RecordGoesOnAndRecovers(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatal("SEAMARK_REQUIRE_ROOT=1, but this is not root")
		}
		t.Skip("mounting a small disk needs root")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(disk, "metrics.db")
	s := openStore(t, path, Options{Now: func() time.Time { return base.Add(48 * time.Hour) }})
	record(s, base, 1)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	f.Close()
	const n = 2000
	for i := range n {
		record(s, base.Add(time.Duration(i)*time.Minute), 1)
	}
	if err := s.Flush(); err == nil {
		t.Fatal("a flush to the full disk succeeded")
	}
	q := Query{Metric: queries, Start: base, End: base.Add(n * time.Minute), Period: n * time.Minute}
	if got := query(t, s, q); len(got) != 1 || got[0].Stat.Sum != n+1 {
		t.Errorf("on the full disk: %+v", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = openStore(t, path, Options{Now: func() time.Time { return base.Add(48 * time.Hour) }})
	defer closeStore(t, s)
	if got := query(t, s, q); len(got) != 1 || got[0].Stat.Sum != n+1 {
		t.Errorf("after space returned: %+v", got)
	}
	if s.Dropped() != 0 {
		t.Errorf("%d dropped", s.Dropped())
	}
}
