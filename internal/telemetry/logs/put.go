package logs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// Put appends a batch to a stream and syncs it: all of its events or none. The
// caller has checked the messages against MaxMessage.
func (s *Store) Put(ctx context.Context, group, stream string, events []Event) error {
	if err := s.need(group, stream); err != nil {
		return err
	}
	dir := s.Dir(group, stream)
	c := s.lane(dir)
	var l lane
	select {
	case l = <-c:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := l.put(dir, s.opts.Writer, events, s.opts.Now())
	c <- l
	if errors.Is(err, ErrDeleted) {
		return fmt.Errorf("stream %q of %q: %w", stream, group, ErrNoStream)
	}
	return err
}

func (s *Store) lane(dir string) chan lane {
	h := fnv.New32a()
	h.Write([]byte(dir)) // a hash never fails
	return s.lanes[h.Sum32()%laneCount]
}

// put writes a batch with the lane's writer, which it replaces when that
// belongs to another stream.
func (l *lane) put(dir string, o WriterOptions, events []Event, now time.Time) error {
	if l.dir != dir && l.w != nil {
		w := l.w
		l.w = nil
		if err := w.Close(); err != nil {
			return fmt.Errorf("close log stream: %w", err)
		}
	}
	if l.w == nil {
		w, err := resume(dir, o)
		if err != nil {
			return err
		}
		l.dir, l.w = dir, w
	}
	return l.w.appendBatch(events, now)
}

// appendBatch writes events as one piece and syncs.
func (w *Writer) appendBatch(events []Event, now time.Time) error {
	w.buf = w.buf[:0]
	for _, e := range events {
		if len(e.Message) > MaxMessage {
			return fmt.Errorf("message of %d bytes exceeds %d", len(e.Message), MaxMessage)
		}
		w.buf = appendRecord(w.buf, e.Time.UnixMilli(), now.UnixMilli(), []byte(e.Message))
	}
	if err := w.write(); err != nil {
		return err
	}
	return w.Sync()
}
