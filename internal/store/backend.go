package store

import (
	"context"

	"seamark/internal/world"
)

// Backend makes batches durable, one at a time, for a Committer.
type Backend interface {
	// Commit writes b, all of it or nothing, and returns after it is durable.
	// An error means that nothing was written and never will be, unless it is
	// ErrOutcomeUnknown.
	Commit(ctx context.Context, b Batch) error

	// Resolve finds out whether a batch whose Commit returned
	// ErrOutcomeUnknown was written. Without an error the answer is final: a
	// batch that was not written then never will be.
	Resolve(ctx context.Context, b Batch) (written bool, err error)

	// Ready is nil, or why Commit would refuse now. It is called often and
	// must be cheap.
	Ready() error

	// Close releases what the backend holds. No Commit is under way.
	Close() error
}

// Batch is what one or more updates wrote.
type Batch struct {
	Base     int64       // revision of the world that the batch was made on
	Revision int64       // revision of the world with the batch
	Writes   []Write     // each object at most once
	World    world.World // with the batch
}

// Write is the new stored form of one object.
type Write struct {
	world.Ref
	Value []byte // as world.Encode made it; nil: deleted
}

// Limits of one batch.
type Limits struct {
	Writes int // objects
	Bytes  int // kinds, keys and values together
}

// writeOverhead is what a Backend may need around the bytes of one write, such
// as the prefix of its key and the framing of the request.
const writeOverhead = 64

func (w Write) size() int { return len(w.Kind) + len(w.Key) + len(w.Value) + writeOverhead }
