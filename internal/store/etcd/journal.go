package etcd

import (
	"context"
	"fmt"
	"sync/atomic"

	"seamark/internal/store"
	"seamark/internal/world"
)

const (
	// checkpointAfter is the least size of the journal that makes a checkpoint due.
	// A checkpoint writes every object, so that it also waits until the journal is
	// as large as the last one: its cost for each change stays the same.
	checkpointAfter = 8 << 20
	// entryOverhead is what an entry costs beside its bytes: its key, and the
	// server's index of that.
	entryOverhead = 512
	// fullAt is how many times as large as that the journal becomes before writers
	// wait for the checkpoint that is under way.
	fullAt = 2
	// quotaShare of the quota is what makes a checkpoint due at the latest. Two
	// checkpoints and a full journal have room then.
	quotaShare = 4
)

// journal knows of the batches since the last checkpoint. One goroutine appends,
// another makes checkpoints.
type journal struct {
	least, most int64 // bounds of what makes a checkpoint due; most 0: none

	size         atomic.Int64                // bytes of the entries
	checkpointed atomic.Int64                // bytes of the last checkpoint
	last         atomic.Pointer[world.World] // with the last entry
	full         chan struct{}               // somebody waits for a checkpoint
	shrunk       chan struct{}               // a checkpoint was made
}

func newJournal(o Options) *journal {
	least := o.checkpointAfter
	if least == 0 {
		least = checkpointAfter
	}
	return &journal{
		least: least, most: o.QuotaBytes / quotaShare,
		full: make(chan struct{}, 1), shrunk: make(chan struct{}, 1),
	}
}

// threshold is the size that makes a checkpoint due.
func (j *journal) threshold() int64 {
	at := max(j.least, j.checkpointed.Load())
	if j.most > 0 {
		at = min(at, j.most)
	}
	return at
}

func (j *journal) due() bool { return j.size.Load() >= j.threshold() }

func (j *journal) isFull() bool { return j.size.Load() >= fullAt*j.threshold() }

// room waits while the journal is full.
func (j *journal) room(ctx context.Context) error {
	for j.isFull() {
		signal(j.full)
		select {
		case <-j.shrunk:
		case <-ctx.Done():
			return fmt.Errorf("%w: the journal of the state is full, and no checkpoint could be made", store.ErrUnavailable)
		}
	}
	return nil
}

// appended records an entry of so many bytes.
func (j *journal) appended(w world.World, bytes int) {
	j.last.Store(&w)
	j.size.Add(int64(bytes + entryOverhead))
}

// shrink records a checkpoint that covers so many bytes of entries.
func (j *journal) shrink(covered, checkpoint int64) {
	j.size.Add(-covered)
	j.checkpointed.Store(checkpoint)
	signal(j.shrunk)
}

// signal fills a channel of one, unless it is full.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
