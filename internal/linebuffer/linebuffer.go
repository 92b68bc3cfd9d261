// Package linebuffer writes lines a little later and many at once. A busy API
// logs ten thousand requests a second, and a write for each of them is a
// twentieth of what a short request costs.
package linebuffer

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	// late is how long a line waits at most.
	late = 50 * time.Millisecond
	// enough bytes are written before that.
	enough = 64 << 10
	// most bytes may wait: whoever writes more waits for the writer beneath, as it
	// would without a buffer.
	most = 1 << 20
)

// Writer takes lines as long as Run runs. A process that is killed loses those of
// the last 50 ms.
type Writer struct {
	out   io.Writer
	begun chan struct{} // of size 1: something waits
	hurry chan struct{} // of size 1: it is to be written now

	mu      sync.Mutex
	waiting []byte
	taken   chan struct{} // closed when waiting is taken out; nil: nobody waits for that
	ended   bool          // nobody takes it any more
}

// New returns a Writer to out.
func New(out io.Writer) *Writer {
	return &Writer{out: out, begun: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
}

// Write keeps a line for Run, and writes it by itself after that has ended.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return w.out.Write(line)
	}
	first := len(w.waiting) == 0
	w.waiting = append(w.waiting, line...)
	size := len(w.waiting)
	var taken chan struct{}
	if size > most {
		if w.taken == nil {
			w.taken = make(chan struct{})
		}
		taken = w.taken
	}
	w.mu.Unlock()
	if first {
		signal(w.begun)
	}
	if size > enough {
		signal(w.hurry)
	}
	if taken != nil {
		<-taken
	}
	return len(line), nil
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then what waits still.
func (w *Writer) Run(ctx context.Context) error {
	timer := time.NewTimer(late)
	defer timer.Stop()
	var room []byte
	for {
		select {
		case <-ctx.Done():
			w.flush(nil, true)
			return ctx.Err()
		case <-w.begun:
		}
		timer.Reset(late)
		select {
		case <-ctx.Done():
			continue
		case <-w.hurry:
		case <-timer.C:
		}
		room = w.flush(room, false)
	}
}

// flush writes what waits and returns its room, for the next but one. What cannot
// be written is lost: there is nobody to tell.
func (w *Writer) flush(room []byte, last bool) []byte {
	w.mu.Lock()
	lines, taken := w.waiting, w.taken
	w.waiting, w.taken, w.ended = room[:0], nil, last
	w.mu.Unlock()
	if taken != nil {
		close(taken)
	}
	if len(lines) > 0 {
		_, _ = w.out.Write(lines)
	}
	return lines
}
