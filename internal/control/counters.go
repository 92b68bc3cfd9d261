package control

import (
	"context"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// countersEvery is how often the data plane's counters are read.
const countersEvery = 2 * time.Second

// Recorder takes a metric's value for a moment.
type Recorder interface {
	RecordQueries(at time.Time, vpc world.VPCID, queries uint64)
}

// Counters turns the data plane's counters of DNS queries into metrics.
type Counters struct {
	status   func(context.Context) (dataplane.Status, error)
	recorder Recorder

	since time.Time // start of the process whose counts are in seen
	seen  map[world.VPCID]uint64
}

// NewCounters reads status and records what was added since it was read last.
func NewCounters(status func(context.Context) (dataplane.Status, error), r Recorder) *Counters {
	return &Counters{status: status, recorder: r, seen: map[world.VPCID]uint64{}}
}

// Run reads and records until ctx ends. What was counted before the first
// reading belongs to another process of ours, which has recorded it but for
// its last two seconds.
func (c *Counters) Run(ctx context.Context) error {
	tick := time.NewTicker(countersEvery)
	defer tick.Stop()
	for first := true; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		s, err := c.status(ctx)
		if err != nil {
			continue // between two data planes; the supervisor tells
		}
		c.take(s, first)
		first = false
	}
}

func (c *Counters) take(s dataplane.Status, first bool) {
	adopted := first && time.Since(s.StartedAt) > 2*countersEvery
	if !s.StartedAt.Equal(c.since) {
		c.since = s.StartedAt
		clear(c.seen)
	}
	now := time.Now().UTC()
	for id, v := range s.VPCs {
		if id == zone.PublicID {
			continue // no VPC's metric
		}
		if added := v.Counters.Queries - c.seen[id]; added > 0 && v.Counters.Queries >= c.seen[id] && !adopted {
			c.recorder.RecordQueries(now, id, added)
		}
		c.seen[id] = v.Counters.Queries
	}
	for id := range c.seen {
		if _, ok := s.VPCs[id]; !ok {
			delete(c.seen, id)
		}
	}
}
