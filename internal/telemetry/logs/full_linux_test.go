package logs

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a tmpfs of 1 MiB. It needs root.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatal("SEAMARK_REQUIRE_ROOT=1, but this is not root")
		}
		t.Skip("mounting a small disk needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDisk_KeepsWhatWasWrittenAndRecovers(t *testing.T) {
	disk := smallDisk(t)
	s, err := Open(disk+"/logs", Options{Writer: WriterOptions{Reserve: -1}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := openWriter(t, s.Dir("g", "s"), WriterOptions{Reserve: -1})
	// Lengths that fit no page leave half a record at the end of the disk.
	message := strings.Repeat("f", 7001)
	written := 0
	for ; written < 1000; written++ {
		if err = w.Append(time.UnixMilli(int64(written)), []byte(message)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrFull) || written < 50 {
		t.Fatalf("after %d appends: %v", written, err)
	}
	if err := s.CreateStream("g", "put"); err == nil {
		batch := []Event{ev(1, message), ev(2, message)}
		if err := s.Put(context.Background(), "g", "put", batch); !errors.Is(err, ErrFull) {
			t.Errorf("put on the full disk: %v", err)
		}
	} else if !errors.Is(err, ErrFull) {
		t.Errorf("create on the full disk: %v", err)
	}
	if got := readForward(t, s, GetQuery{Group: "g", Stream: "s"}); len(got) != written {
		t.Errorf("%d of %d events are readable on the full disk", len(got), written)
	}
	if got := readFilter(t, s, FilterQuery{Group: "g", Prefix: "put"}); len(got) != 0 {
		t.Errorf("a refused batch left %d events", len(got))
	}

	if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, w, int64(written), message)
	put(t, s, "g", "put", ev(3, "now"))
	if got := readForward(t, s, GetQuery{Group: "g", Stream: "s"}); len(got) != written+1 {
		t.Errorf("%d events after space returned, want %d", len(got), written+1)
	}
	if got := texts(readFilter(t, s, FilterQuery{Group: "g", Prefix: "put"})); got != "3:now" {
		t.Errorf("put after space returned: %s", got)
	}
}
