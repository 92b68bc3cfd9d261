package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stored reads every record of a stream in the order of the segments.
func stored(t testing.TB, dir string) []string {
	t.Helper()
	segs, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, seg := range segs {
		f, err := os.Open(segmentPath(dir, seg.number))
		if err != nil {
			t.Fatal(err)
		}
		s := newScanner(f, 0)
		for {
			r, err := s.next()
			if err != nil {
				break
			}
			out = append(out, fmt.Sprintf("%d %s", r.time, r.message))
		}
		f.Close()
	}
	return out
}

func openWriter(t testing.TB, dir string, o WriterOptions) *Writer {
	t.Helper()
	w, err := OpenWriter(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func mustAppend(t testing.TB, w *Writer, ms int64, message string) {
	t.Helper()
	if err := w.Append(time.UnixMilli(ms), []byte(message)); err != nil {
		t.Fatal(err)
	}
}

func TestWriter_AppendIsVisibleAtOnceAndReopens(t *testing.T) {
	dir := StreamDir(t.TempDir(), "/ecs/web", "ecs/web/1")
	w := openWriter(t, dir, WriterOptions{Reserve: -1})
	mustAppend(t, w, 1, "one")
	if got := stored(t, dir); len(got) != 1 || got[0] != "1 one" {
		t.Fatalf("after the first append: %q", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(time.Now(), []byte("late")); err == nil {
		t.Error("Append after Close succeeded")
	}
	w = openWriter(t, dir, WriterOptions{Reserve: -1})
	mustAppend(t, w, 2, "two")
	if got := strings.Join(stored(t, dir), ","); got != "1 one,2 two" {
		t.Errorf("after reopening: %s", got)
	}
	if w.number != 1 {
		t.Errorf("a clean segment was not continued: now in %d", w.number)
	}
}

func TestWriter_TwoWritersUseTwoSegments(t *testing.T) {
	dir := t.TempDir()
	a := openWriter(t, dir, WriterOptions{Reserve: -1})
	mustAppend(t, a, 1, "a")
	b := openWriter(t, dir, WriterOptions{Reserve: -1})
	mustAppend(t, b, 2, "b")
	mustAppend(t, a, 3, "c")
	if a.number == b.number {
		t.Errorf("both write segment %d", a.number)
	}
	if got := strings.Join(stored(t, dir), ","); got != "1 a,3 c,2 b" {
		t.Errorf("stored %s", got)
	}
}

func TestWriter_TornTailAtEveryOffset(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, WriterOptions{Reserve: -1})
	ends := []int64{int64(len(header))}
	for i := range 3 {
		mustAppend(t, w, int64(i), strings.Repeat("x", 5*i))
		ends = append(ends, w.off)
	}
	w.Close()
	whole, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	for size := range len(whole) + 1 {
		torn := t.TempDir()
		if _, err := createStream(torn, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(segmentPath(torn, 1), whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		complete := 0
		for _, end := range ends[1:] {
			if int64(size) >= end {
				complete++
			}
		}
		w := openWriter(t, torn, WriterOptions{Reserve: -1})
		mustAppend(t, w, 9, "after")
		w.Close()
		got := stored(t, torn)
		if len(got) != complete+1 || got[complete] != "9 after" {
			t.Fatalf("cut at %d of %d: read %q, want %d whole records and the new one", size, len(whole), got, complete)
		}
	}
}

func TestWriter_BoundsTheStream(t *testing.T) {
	const bound = 256 << 10
	dir := t.TempDir()
	w := openWriter(t, dir, WriterOptions{MaxBytes: bound, Reserve: -1})
	line := strings.Repeat("y", 1000)
	const n = 2000
	for i := range n {
		mustAppend(t, w, int64(i), line)
	}
	segs, err := listSegments(dir)
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	for _, s := range segs {
		total += s.size
	}
	if total > bound || total < bound/2 {
		t.Errorf("%d bytes in %d segments, bound %d", total, len(segs), bound)
	}
	got := stored(t, dir)
	if last := fmt.Sprintf("%d %s", n-1, line); got[len(got)-1] != last {
		t.Error("the newest event is not kept")
	}
}

func TestWriter_SplitsLongMessages(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, WriterOptions{Reserve: -1})
	message := []byte(strings.Repeat("é", MaxMessage)) // two bytes each
	if err := w.Append(time.UnixMilli(5), message); err != nil {
		t.Fatal(err)
	}
	var joined []byte
	for _, s := range stored(t, dir) {
		joined = append(joined, strings.TrimPrefix(s, "5 ")...)
	}
	if !bytes.Equal(joined, message) {
		t.Errorf("%d bytes stored, %d written", len(joined), len(message))
	}
}

func TestWriter_DeletedStream(t *testing.T) {
	root := t.TempDir()
	dir := StreamDir(root, "g", "s")
	w := openWriter(t, dir, WriterOptions{Reserve: -1})
	mustAppend(t, w, 1, "one")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Append(time.Now(), []byte("two")); !errors.Is(err, ErrDeleted) {
			t.Fatalf("append to a deleted stream: %v", err)
		}
	}
	if _, err := createStream(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, w, 3, "three")
	if got := strings.Join(stored(t, dir), ","); got != "3 three" {
		t.Errorf("after the stream was made again: %s", got)
	}
}

func TestWriter_ReserveIsLeftAlone(t *testing.T) {
	w := openWriter(t, t.TempDir(), WriterOptions{Reserve: 1 << 60})
	if err := w.Append(time.Now(), []byte("x")); !errors.Is(err, ErrFull) {
		t.Errorf("append into the reserve: %v", err)
	}
}

func TestStreamDir_IsReversibleAndWithinLimits(t *testing.T) {
	names := []string{"a", ".", "..", ".hidden", "ecs/web/1", "ecs%2Fweb", "a+", "a+b", "ü/日本", "x\x00y\n",
		strings.Repeat("n", 512), strings.Repeat("/", 512), strings.Repeat(".", 512), strings.Repeat("日", 512), strings.Repeat("n", 200), strings.Repeat("n", 201), "\xff\xfe"}
	seen := map[string]string{}
	for _, name := range names {
		dir := StreamDir("/r", "g", name)
		if other, dup := seen[dir]; dup {
			t.Errorf("%q and %q share %s", name, other, dir)
		}
		seen[dir] = name
		rel, err := filepath.Rel("/r/g", dir)
		if err != nil || strings.HasPrefix(rel, "..") || rel == "." {
			t.Fatalf("%q leaves the group: %s", name, dir)
		}
		joined := ""
		for part := range strings.SplitSeq(rel, "/") {
			if len(part) > 255 || part[0] == '.' {
				t.Errorf("%q has component %q", name, part)
			}
			joined += strings.TrimSuffix(part, continued)
		}
		if back, ok := unescape(joined); !ok || back != name {
			t.Errorf("%q came back as %q", name, back)
		}
	}
}
