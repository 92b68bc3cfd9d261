package wire

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

var errTooLarge = errors.New("body is too large")

// readBody reads a whole body of at most limit bytes into a pooled buffer. A
// body that says it is longer is not read at all.
func (c *call) readBody(limit int64) error {
	if c.r.ContentLength > limit {
		return errTooLarge
	}
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil
	}
	buf := c.mux.buffers.Get().(*[]byte)
	c.buffer = buf
	b, err := readAtMost((*buf)[:0], c.r.Body, limit)
	*buf = b
	c.body = b
	return err
}

// readAtMost is io.ReadAll into b with a bound. The buffer doubles: append would
// grow a large one by a quarter each time, and leave five times its size behind.
func readAtMost(b []byte, r io.Reader, limit int64) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, int(max(512, min(int64(len(b)), limit+1-int64(len(b))))))
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return b[:0], errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b[:0], err
		}
	}
}

// release gives the body's buffer back. Decoders copy what they keep.
func (c *call) release() {
	if c.buffer != nil {
		c.mux.recycle(c.buffer)
	}
	c.buffer, c.body = nil, nil
}

// recycle keeps a buffer for the next request unless it has grown large.
func (m *Mux) recycle(buf *[]byte) {
	if cap(*buf) <= 1<<20 {
		m.buffers.Put(buf)
	}
}

// inflate replaces a gzip body by its content, bounded by the same limit: the
// signature covers the compressed bytes.
func (c *call) inflate(limit int64) error {
	encoding := strings.ToLower(strings.TrimSpace(c.r.Header.Get("Content-Encoding")))
	switch encoding {
	case "", "identity", "aws-chunked":
		return nil
	case "gzip":
	default:
		return errors.New("unsupported content encoding " + encoding)
	}
	z, err := gzip.NewReader(bytes.NewReader(c.body))
	if err != nil {
		return errors.New("the body is not valid gzip")
	}
	c.body, err = readAtMost(nil, z, limit)
	if err != nil && !errors.Is(err, errTooLarge) {
		return errors.New("the body is not valid gzip")
	}
	return err
}
