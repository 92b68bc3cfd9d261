package logs

import (
	"context"
	"fmt"
	"time"

	events "seamark/internal/telemetry/logs"
	"seamark/internal/world"
)

// Bounds of PutLogEvents (API reference).
const (
	maxBatchBytes = 1 << 20
	eventOverhead = 26
	maxBatchSpan  = 24 * time.Hour
	maxAhead      = 2 * time.Hour
	maxBehind     = 14 * 24 * time.Hour
)

func (s *Server) putLogEvents(ctx context.Context, in *PutLogEventsInput) (*PutLogEventsOutput, error) {
	g, err := s.group(*in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if ok, err := s.cfg.Logs.HasStream(g.Name, *in.LogStreamName); err != nil {
		return nil, err
	} else if !ok {
		return nil, errNoStream()
	}
	if err := checkBatch(in.LogEvents); err != nil {
		return nil, err
	}
	now := time.Now()
	first, end, rejected := accepted(in.LogEvents, g, now)
	if first < end {
		var batch []events.Event
		for _, e := range in.LogEvents[first:end] {
			batch = append(batch, events.Event{Time: time.UnixMilli(*e.Timestamp), Message: *e.Message})
		}
		if err := s.cfg.Logs.Put(ctx, g.Name, *in.LogStreamName, batch); err != nil {
			return nil, eventError(err)
		}
	}
	return &PutLogEventsOutput{NextSequenceToken: new(sequenceToken(now)), RejectedLogEventsInfo: rejected}, nil
}

// checkBatch refuses what makes a whole batch invalid.
func checkBatch(batch []InputLogEvent) error {
	size := 0
	for i, e := range batch {
		size += len(*e.Message) + eventOverhead
		if i > 0 && *e.Timestamp < *batch[i-1].Timestamp {
			return invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatchBytes {
		return invalid(fmt.Sprintf("Upload too large: %d bytes exceeds limit of %d", size, maxBatchBytes))
	}
	if span := *batch[len(batch)-1].Timestamp - *batch[0].Timestamp; span > maxBatchSpan.Milliseconds() {
		return invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// accepted returns which part of an ordered batch is kept, and what is said of
// the rest. The end indexes are exclusive, the start index is inclusive.
func accepted(batch []InputLogEvent, g *world.LogGroup, now time.Time) (first, end int, rejected *RejectedLogEventsInfo) {
	before := func(t time.Time) (n int) {
		for n < len(batch) && *batch[n].Timestamp < t.UnixMilli() {
			n++
		}
		return n
	}
	var info RejectedLogEventsInfo
	if n := before(now.Add(-maxBehind)); n > 0 {
		info.TooOldLogEventEndIndex, first = new(int32(n)), n
	}
	if n := before(oldest(g, now)); n > 0 {
		info.ExpiredLogEventEndIndex, first = new(int32(n)), max(first, n)
	}
	end = before(now.Add(maxAhead + time.Millisecond))
	if end < len(batch) {
		info.TooNewLogEventStartIndex = new(int32(end))
	}
	if info != (RejectedLogEventsInfo{}) {
		rejected = &info
	}
	return first, end, rejected
}

// oldest is the time before which a group's events are expired.
func oldest(g *world.LogGroup, now time.Time) time.Time {
	if g.RetentionDays == 0 {
		return time.UnixMilli(0)
	}
	return now.Add(-time.Duration(g.RetentionDays) * 24 * time.Hour)
}

// sequenceToken looks like AWS's. Nobody needs it since 2023, but clients may
// still expect one.
func sequenceToken(t time.Time) string { return fmt.Sprintf("%056d", t.UnixNano()) }
