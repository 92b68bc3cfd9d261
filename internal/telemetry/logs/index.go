package logs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// eventOverhead is what AWS counts for each event beside its message.
const eventOverhead = 26

// index is what is known of a segment without reading it again. It never
// changes once made; refresh makes the next one.
type index struct {
	number int64
	file   fs.FileInfo
	end    int64 // of the last whole record

	count        int64
	bytes        int64 // messages and their overhead
	first, last  int64 // smallest and greatest timestamp
	lastIngested int64
	sorted       bool // records lie in the order of their keys
	tail         key  // of the last record
	marks        []mark
}

// mark is the beginning of a block of records, about one chunk long.
type mark struct {
	off  int64
	time int64 // of the record there
}

// refresh returns the index of a segment as it is now. The index of an earlier
// look, which may be nil, saves reading the same records again. A segment that
// is gone has a nil index.
func refresh(dir string, number int64, old *index) (*index, error) {
	f, err := os.Open(segmentPath(dir, number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("index segment: %w", err)
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("index segment: %w", err)
	}
	next := index{number: number, sorted: true}
	if old != nil && os.SameFile(old.file, info) && info.Size() >= old.end {
		next = *old
		next.marks = slices.Clip(old.marks)
	}
	next.file = info
	s := newScanner(f, next.end)
	for {
		r, err := s.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return &next, nil
		}
		if err != nil {
			return nil, fmt.Errorf("index segment: %w", err)
		}
		next.add(r)
	}
}

func (x *index) add(r record) {
	k := key{time: r.time, ingested: r.ingested, off: r.off}
	if x.count == 0 {
		x.first, x.last = r.time, r.time
	} else if k.compare(x.tail) < 0 {
		x.sorted = false
	}
	x.first, x.last = min(x.first, r.time), max(x.last, r.time)
	x.lastIngested = max(x.lastIngested, r.ingested)
	if n := len(x.marks); n == 0 || r.off-x.marks[n-1].off >= chunk {
		x.marks = append(x.marks, mark{off: r.off, time: r.time})
	}
	x.tail = k
	x.count++
	x.bytes += int64(len(r.message)) + eventOverhead
	x.end = r.next
}

// block is the extent of block i.
func (x *index) block(i int) (from, to int64) {
	if i+1 < len(x.marks) {
		return x.marks[i].off, x.marks[i+1].off
	}
	return x.marks[i].off, x.end
}
