package store

import (
	"context"
	"errors"

	"seamark/internal/world"
)

// Store is the world and the only way to change it.
type Store interface {
	// View returns the latest committed world. It does no I/O and takes no
	// lock.
	View() world.World

	// Update runs f against the newest world and commits what it wrote. It
	// returns the revision that holds the changes, after they are durable and
	// visible in View.
	//
	// f runs once, on the store's goroutine: it must be fast, must do no I/O
	// and must not call the store. An error of f changes nothing and is
	// returned as it is; a panic of f is logged and becomes an error. If f
	// writes nothing, nothing is committed and the revision is the one f saw.
	//
	// A ctx that ends before f has run drops the update. Afterwards the update
	// completes, and Update waits for it.
	Update(ctx context.Context, f func(tx *Tx) error) (revision int64, err error)

	// Subscribe has f called for every later commit, in the order of
	// revisions, on the store's goroutine: f must not block and must not call
	// Update. View already shows the commit (or a later one) when f runs, and
	// f runs before the Update returns. A reader that subscribes first and
	// views second misses nothing.
	//
	// After cancel returns, f may still be running for one last commit.
	Subscribe(f func(Commit)) (cancel func())

	// Ready is nil, or why updates are refused now: ErrNoSpace,
	// ErrUnavailable, ErrFenced or ErrClosed.
	Ready() error

	// Close refuses new updates, completes those that were executed and
	// releases what the store holds. View goes on working.
	Close() error
}

// Commit is one update that changed something.
type Commit struct {
	World   world.World // as of this commit; World.Revision is its number
	Changes []Change    // in the order in which the update first wrote them
}

// Change is what a commit did to one object.
type Change struct {
	world.Ref
	Old world.Object // nil: created
	New world.Object // nil: deleted
}

// Why a store refuses or fails an update. Test with errors.Is.
var (
	// ErrNoSpace: the disk is nearly full. Updates work again by themselves
	// once there is space.
	ErrNoSpace = errors.New("not enough free disk space")
	// ErrUnavailable: the log cannot be written. An update that was already
	// executed may still turn out to be durable.
	ErrUnavailable = errors.New("store unavailable")
	// ErrFenced: another process opened the same state for writing. This
	// store can never write again.
	ErrFenced = errors.New("another writer took over")
	// ErrTooLarge: a single update wrote more than the log takes in one piece.
	ErrTooLarge = errors.New("update too large")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store closed")
	// ErrOutcomeUnknown is what a Backend's Commit wraps when it cannot tell
	// whether the batch was written. Callers of Update never see it.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)
