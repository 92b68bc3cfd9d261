package logs

import (
	"fmt"
	"time"
)

// Event is one event of a stream. Put uses Time and Message only.
type Event struct {
	ID       string // 56 digits, the same at every read
	Stream   string
	Time     time.Time // to the millisecond
	Ingested time.Time
	Message  string
}

func (e entry) event(stream string) Event {
	return Event{
		ID:       e.key.id(),
		Stream:   stream,
		Time:     time.UnixMilli(e.key.time),
		Ingested: time.UnixMilli(e.key.ingested),
		Message:  string(e.message), // a copy: the block it lies in is large
	}
}

// StreamStats describes one stream.
type StreamStats struct {
	Name      string
	CreatedAt time.Time
	// First, Last and LastIngested are zero for a stream without events.
	First, Last  time.Time
	LastIngested time.Time
	Events       int64
	Bytes        int64 // messages, and AWS's 26 bytes for each
}

// Stats describes a stream.
func (s *Store) Stats(group, stream string) (StreamStats, error) {
	if err := s.need(group, stream); err != nil {
		return StreamStats{}, err
	}
	dir := s.Dir(group, stream)
	st := StreamStats{Name: stream}
	var err error
	if st.CreatedAt, err = createdAt(dir); err != nil {
		return st, fmt.Errorf("describe stream %q of %q: %w", stream, group, err)
	}
	segs, err := s.segments(dir)
	if err != nil {
		return st, fmt.Errorf("describe stream %q of %q: %w", stream, group, err)
	}
	for _, x := range segs {
		if x.count == 0 {
			continue
		}
		first, last, in := time.UnixMilli(x.first), time.UnixMilli(x.last), time.UnixMilli(x.lastIngested)
		if st.Events == 0 || first.Before(st.First) {
			st.First = first
		}
		if last.After(st.Last) {
			st.Last = last
		}
		if in.After(st.LastIngested) {
			st.LastIngested = in
		}
		st.Events += x.count
		st.Bytes += x.bytes
	}
	return st, nil
}

// GroupBytes is the size of a group's segments on disk.
func (s *Store) GroupBytes(group string) (int64, error) {
	var total int64
	err := walkNames(groupDir(s.root, group), func(_, dir string) error {
		segs, err := listSegments(dir)
		for _, f := range segs {
			total += f.size
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("size of group %q: %w", group, err)
	}
	return total, nil
}
