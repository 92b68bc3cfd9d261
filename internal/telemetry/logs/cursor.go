package logs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"sort"
)

// entry is an event on its way to a reader.
type entry struct {
	key     key
	message []byte
}

// bounds are the two ends of what a reader asks for, both exclusive.
type bounds struct{ lo, hi key }

func (b bounds) holds(k key) bool { return b.lo.compare(k) < 0 && k.compare(b.hi) < 0 }

// cursor yields the events of one segment in order, forwards or backwards. It
// opens the file for each block only, so that any number of cursors is cheap.
type cursor struct {
	dir    string
	stream streamRef
	x      *index
	bounds bounds
	back   bool

	started bool
	block   int   // the next block to read, when the segment is sorted
	refs    []ref // what is left to read, when it is not
	batch   []entry
}

// streamRef names a stream to its reader.
type streamRef struct {
	name string
	hash int64
}

// ref is the place of one record.
type ref struct {
	key  key
	size int64
}

// head is the key of the next event, or a bound of it while nothing was read.
func (c *cursor) head() key {
	switch {
	case len(c.batch) > 0:
		return c.batch[0].key
	case c.back:
		return at(c.x.last + 1)
	default:
		return at(c.x.first)
	}
}

// load reads on until there is a batch; false: the segment has no more.
func (c *cursor) load() (bool, error) {
	if !c.started {
		c.started = true
		if err := c.start(); err != nil {
			return false, err
		}
	}
	for len(c.batch) == 0 {
		more, err := c.read()
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil // dropped meanwhile
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func (c *cursor) start() error {
	if !c.x.sorted {
		return c.startUnsorted()
	}
	marks := c.x.marks
	if c.back {
		c.block = sort.Search(len(marks), func(i int) bool { return marks[i].time > c.bounds.hi.time }) - 1
		return nil
	}
	// The block before the first that begins at or after the bound may hold
	// events of the bound's own millisecond.
	c.block = max(0, sort.Search(len(marks), func(i int) bool { return marks[i].time >= c.bounds.lo.time })-1)
	return nil
}

// startUnsorted lists the wanted records in their order.
func (c *cursor) startUnsorted() error {
	f, err := os.Open(segmentPath(c.dir, c.x.number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // only read
	s := newScanner(f, 0)
	for s.off < c.x.end {
		r, err := s.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return err
		}
		if k := c.key(r); c.bounds.holds(k) {
			c.refs = append(c.refs, ref{key: k, size: r.next - r.off})
		}
	}
	slices.SortFunc(c.refs, func(a, b ref) int { return a.key.compare(b.key) })
	if c.back {
		slices.Reverse(c.refs)
	}
	return nil
}

func (c *cursor) key(r record) key {
	return key{time: r.time, ingested: r.ingested, stream: c.stream.hash, segment: c.x.number, off: r.off}
}

// read makes the next batch, which may be empty; false: there is no more.
func (c *cursor) read() (bool, error) {
	if !c.x.sorted {
		return c.readRefs()
	}
	if c.block < 0 || c.block >= len(c.x.marks) {
		return false, nil
	}
	from, to := c.x.block(c.block)
	buf := make([]byte, to-from)
	if err := readSegment(c.dir, c.x.number, func(f *os.File) error { return readAt(f, buf, from) }); err != nil {
		return false, err
	}
	passed := c.decode(buf, from)
	if c.back {
		slices.Reverse(c.batch)
		c.block--
	} else {
		c.block++
	}
	if passed {
		c.block = -1
	}
	return true, nil
}

// decode appends a block's wanted events to the batch. It reports whether the
// block reaches past the far bound, so that no other block is wanted.
func (c *cursor) decode(block []byte, from int64) (passed bool) {
	s := scanner{src: noSource{}, off: from, buf: block}
	for {
		r, err := s.next()
		if err != nil {
			return passed // the end, or damage since it was indexed
		}
		k := c.key(r)
		switch {
		case c.bounds.holds(k):
			c.batch = append(c.batch, entry{key: k, message: r.message})
		case c.back:
			passed = passed || k.compare(c.bounds.lo) <= 0
		default:
			passed = passed || k.compare(c.bounds.hi) >= 0
		}
	}
}

// readRefs reads about one chunk of records that lie in no order.
func (c *cursor) readRefs() (bool, error) {
	if len(c.refs) == 0 {
		return false, nil
	}
	return true, readSegment(c.dir, c.x.number, func(f *os.File) error {
		for size := int64(0); len(c.refs) > 0 && size < chunk; c.refs = c.refs[1:] {
			at := c.refs[0]
			buf := make([]byte, at.size)
			if err := readAt(f, buf, at.key.off); err != nil {
				return err
			}
			s := scanner{src: noSource{}, off: at.key.off, buf: buf}
			if r, err := s.next(); err == nil {
				c.batch = append(c.batch, entry{key: at.key, message: r.message})
			}
			size += at.size
		}
		return nil
	})
}

func readSegment(dir string, number int64, read func(*os.File) error) error {
	f, err := os.Open(segmentPath(dir, number))
	if err != nil {
		return err
	}
	return errors.Join(read(f), f.Close())
}

// readAt fills buf as far as the file goes; what is missing fails its checksum.
func readAt(f *os.File, buf []byte, off int64) error {
	if _, err := f.ReadAt(buf, off); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// noSource has no bytes beyond those that a scanner already holds.
type noSource struct{}

func (noSource) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }
