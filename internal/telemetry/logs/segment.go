package logs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultMaxBytes bounds a stream where nothing else is asked.
const DefaultMaxBytes = 256 << 20

const (
	maxSegment = 8 << 20
	minSegment = 16 << 10
	// segmentsPerStream is how many segments a small bound is cut into, so
	// that dropping the oldest one loses only that share.
	segmentsPerStream = 8
	// maxNumber is the last segment number that an event id can hold.
	maxNumber = 9_999_999
)

const (
	segmentSuffix = ".seg"
	streamFile    = "stream"
)

// segmentSize is the size at which a stream of that bound starts a new segment.
func segmentSize(maxBytes int64) int64 {
	return min(max(maxBytes/segmentsPerStream, minSegment), maxSegment)
}

func segmentPath(dir string, number int64) string {
	return filepath.Join(dir, fmt.Sprintf("%07d%s", number, segmentSuffix))
}

// segmentFile is a segment as the directory lists it.
type segmentFile struct {
	number int64
	size   int64
	mtime  time.Time
}

// listSegments returns a stream's segments by number. A directory that is not
// there has none.
func listSegments(dir string) ([]segmentFile, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var segs []segmentFile
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok {
			continue
		}
		number, err := strconv.ParseInt(name, 10, 64)
		if err != nil || number < 1 || number > maxNumber {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		segs = append(segs, segmentFile{number: number, size: info.Size(), mtime: info.ModTime()})
	}
	slices.SortFunc(segs, func(a, b segmentFile) int { return int(a.number - b.number) })
	return segs, nil
}

// lock takes the writer's lock of an open segment; false: another has it.
func lock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// createSegment makes the segment of that number, locked. fs.ErrExist means
// that another writer was faster.
func createSegment(dir string, number int64) (*os.File, error) {
	f, err := os.OpenFile(segmentPath(dir, number), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := lock(f)
	if err != nil || !ok {
		// Somebody took it for an old segment and is about to drop it.
		return nil, errors.Join(err, f.Close(), fs.ErrExist)
	}
	if _, err := f.WriteAt([]byte(header), 0); err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()), f.Close())
	}
	return f, nil
}

// adoptSegment opens an existing segment for appending and returns the end of
// its last record. The file is nil when another writer has the segment or when
// its end is not clean.
func adoptSegment(dir string, number int64) (*os.File, int64, error) {
	f, err := os.OpenFile(segmentPath(dir, number), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	ok, err := lock(f)
	if err != nil || !ok {
		return nil, 0, errors.Join(err, f.Close())
	}
	s := newScanner(f, 0)
	for {
		_, err = s.next()
		if err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) && s.off > 0 {
		return f, s.off, nil
	}
	if errors.Is(err, errTorn) || errors.Is(err, io.EOF) {
		err = nil
	}
	return nil, 0, errors.Join(err, f.Close())
}

// dropOldest removes the oldest segments until the stream has at most keep
// bytes. Segments that a writer holds stay.
func dropOldest(dir string, keep int64) error {
	segs, err := listSegments(dir)
	if err != nil {
		return err
	}
	var total int64
	for _, s := range segs {
		total += s.size
	}
	for _, s := range segs {
		if total <= keep {
			break
		}
		gone, err := dropSegment(dir, s.number)
		if err != nil {
			return err
		}
		if gone {
			total -= s.size
		}
	}
	return nil
}

// dropSegment removes a segment unless a writer holds it.
func dropSegment(dir string, number int64) (bool, error) {
	f, err := os.OpenFile(segmentPath(dir, number), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("drop segment: %w", err)
	}
	ok, err := lock(f)
	if ok {
		err = os.Remove(f.Name())
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("drop segment: %w", err)
	}
	return ok, nil
}

// createStream makes a stream's directory and its file of the creation time;
// made is false when the stream was there.
func createStream(dir string, now time.Time) (made bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("create stream: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, streamFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create stream: %w", err)
	}
	_, err = f.WriteString(strconv.FormatInt(now.UnixMilli(), 10))
	if err = errors.Join(err, f.Close()); err != nil {
		// A stream that could not be made must not look as if it was.
		return false, fmt.Errorf("create stream: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return true, nil
}

// createdAt is a stream's creation time. The file's own time stands in for
// contents that a crash lost.
func createdAt(dir string) (time.Time, error) {
	file := filepath.Join(dir, streamFile)
	b, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	if ms, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
