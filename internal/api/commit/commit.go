// Package commit runs an API operation's change against the store and says in
// AWS's way why the store could not take it.
package commit

import (
	"context"
	"errors"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/store"
	"seamark/internal/wire"
)

// Do commits what f drafts. An error of f reaches the client as it is and
// changes nothing. A store that takes no changes now is a 503, which clients
// repeat by themselves.
func Do(ctx context.Context, r *change.Runner, f func(d *plan.Draft) error) error {
	_, err := do(ctx, r, f)
	return err
}

// Answered is Do that returns when DNS answers what was committed: a client that
// has the response and asks finds its change.
func Answered(ctx context.Context, r *change.Runner, f func(d *plan.Draft) error) error {
	revision, err := do(ctx, r, f)
	if err == nil && r.Await != nil {
		r.Await(ctx, revision)
	}
	return err
}

func do(ctx context.Context, r *change.Runner, f func(d *plan.Draft) error) (revision int64, err error) {
	revision, _, err = r.Do(ctx, f)
	for _, refused := range []error{store.ErrNoSpace, store.ErrUnavailable, store.ErrFenced, store.ErrClosed} {
		if errors.Is(err, refused) {
			return 0, wire.Unavailable(err.Error())
		}
	}
	return revision, err
}
