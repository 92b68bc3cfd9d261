package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultReserve is the free space of the file system that writers leave
// alone, so that container output cannot take the disk from the control plane.
const DefaultReserve = 128 << 20

// Errors of Append. A caller that cannot wait drops the message.
var (
	// ErrFull says that the disk has no room for the message.
	ErrFull = errors.New("no space for log events")
	// ErrDeleted says that the stream was deleted while it was open.
	ErrDeleted = errors.New("log stream was deleted")
)

// WriterOptions are the bounds of one stream.
type WriterOptions struct {
	// MaxBytes bounds the stream's segments together; 0: DefaultMaxBytes.
	// The least is two segments of 16 KiB.
	MaxBytes int64
	// Reserve is how many free bytes of the file system are left alone;
	// 0: DefaultReserve; negative: none.
	Reserve int64
}

func (o WriterOptions) withDefaults() WriterOptions {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	o.MaxBytes = max(o.MaxBytes, 2*minSegment)
	return o
}

// Writer appends to one stream. It is not safe for concurrent use. Several
// writers of one stream, in one process or in several, do no harm.
type Writer struct {
	dir     string
	opts    WriterOptions
	segment int64 // size at which a new segment begins

	f      *os.File // the current segment, locked
	number int64
	off    int64 // end of the last whole record
	buf    []byte
	// room is how many bytes may be written before the free space of the
	// file system is looked at again.
	room   int64
	closed bool
}

// roomCheck is how much is written between two looks at the free space.
const roomCheck = 256 << 10

// OpenWriter opens a stream for appending and creates it where it is missing.
// It goes on in the last segment when that ends cleanly.
func OpenWriter(dir string, o WriterOptions) (*Writer, error) {
	if _, err := createStream(dir, time.Now()); err != nil {
		return nil, fullError(err)
	}
	return resume(dir, o)
}

// resume opens a stream that exists.
func resume(dir string, o WriterOptions) (*Writer, error) {
	o = o.withDefaults()
	w := &Writer{dir: dir, opts: o, segment: segmentSize(o.MaxBytes)}
	segs, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	if len(segs) > 0 {
		w.number = segs[len(segs)-1].number
		w.f, w.off, err = adoptSegment(dir, w.number)
		if err != nil {
			return nil, fmt.Errorf("open log stream: %w", err)
		}
	}
	return w, nil
}

// Append writes one event that happened at t. Messages above MaxMessage become
// several events. On error nothing of the message, or only its first events,
// was written, and the next Append starts anew.
func (w *Writer) Append(t time.Time, message []byte) error {
	if w.closed {
		return fs.ErrClosed
	}
	ingested := time.Now().UnixMilli()
	for {
		first, rest := cut(message)
		if err := w.append(t.UnixMilli(), ingested, first); err != nil {
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		message = rest
	}
}

func (w *Writer) append(t, ingested int64, message []byte) error {
	w.buf = appendRecord(w.buf[:0], t, ingested, message)
	return w.write()
}

// write puts the records in the buffer at the end of the stream, in one piece.
func (w *Writer) write() error {
	b := w.buf
	if cap(b) > chunk {
		w.buf = nil // one long line does not stay in memory
	}
	err := w.ready(int64(len(b)))
	if err == nil {
		_, err = w.f.WriteAt(b, w.off)
	}
	if err != nil {
		return w.undo(err)
	}
	w.off += int64(len(b))
	w.room -= int64(len(b))
	return nil
}

// undo takes back half a record. Where even that fails the next record is
// written over it.
func (w *Writer) undo(err error) error {
	if w.f != nil {
		if cutErr := w.f.Truncate(w.off); cutErr != nil {
			err = errors.Join(err, cutErr)
		}
	}
	return fmt.Errorf("append to log stream: %w", fullError(err))
}

// ready sees to a segment with room for n bytes.
func (w *Writer) ready(n int64) error {
	if err := w.checkRoom(n); err != nil {
		return err
	}
	if w.f != nil {
		linked, err := isLinked(w.f)
		if err != nil {
			return err
		}
		if linked && (w.off+n <= w.segment || w.off == int64(len(header))) {
			return nil
		}
	}
	return w.rotate()
}

// rotate starts the next segment and drops old ones.
func (w *Writer) rotate() error {
	if _, err := createdAt(w.dir); errors.Is(err, fs.ErrNotExist) {
		return ErrDeleted
	} else if err != nil {
		return err
	}
	if err := dropOldest(w.dir, w.opts.MaxBytes-w.segment); err != nil {
		return err
	}
	next := w.number
	for {
		next++
		if next > maxNumber {
			return fmt.Errorf("log stream has had %d segments, which is the most", maxNumber)
		}
		f, err := createSegment(w.dir, next)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		old := w.f
		w.f, w.number, w.off = f, next, int64(len(header))
		if old != nil {
			return old.Close()
		}
		return nil
	}
}

// checkRoom refuses to eat into the reserve.
func (w *Writer) checkRoom(n int64) error {
	if w.opts.Reserve < 0 || w.room >= n {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(w.dir, &st); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return ErrDeleted
		}
		return fmt.Errorf("free space: %w", err)
	}
	free := int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // Bsize is a uint32 on macOS
	if free-n < w.opts.Reserve {
		return ErrFull
	}
	w.room = max(n, roomCheck)
	return nil
}

// Sync makes what was written survive a power failure.
func (w *Writer) Sync() error {
	if w.f == nil {
		return nil
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("sync log stream: %w", fullError(err))
	}
	return nil
}

// Close gives the segment up. It does not sync.
func (w *Writer) Close() error {
	w.closed = true
	if w.f == nil {
		return nil
	}
	f := w.f
	w.f = nil
	return f.Close()
}

// isLinked reports whether an open file still has a name.
func isLinked(f *os.File) (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false, fmt.Errorf("stat segment: %w", err)
	}
	return st.Nlink > 0, nil
}

// fullError marks the errors of a full disk with ErrFull.
func fullError(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
