// Package change runs planners against the store: it gives a planner a draft of
// the newest world, with the ids, the time and the scope that planning needs,
// and commits what the draft collected in one transaction.
package change

import (
	"context"
	"crypto/rand"
	"time"

	"seamark/internal/plan"
	"seamark/internal/store"
	"seamark/internal/world"
)

// Runner runs planners. Its fields do not change after it is made.
type Runner struct {
	Store    store.Store // required
	Scope    world.Scope
	Fidelity world.Fidelity
	// Applied is the newest revision that the resolver is known to serve. Nil
	// means that every revision is.
	Applied func() int64
	// Await returns when the resolver serves a revision, or when that takes too
	// long. Nil means that every revision is served at once.
	Await func(ctx context.Context, revision int64)
}

// Do commits what f drafts. An error of f changes nothing and is returned as
// it is. The draft's Wake is the time to plan again.
func (r *Runner) Do(ctx context.Context, f func(d *plan.Draft) error) (revision int64, wake time.Time, err error) {
	draw := newDraw()
	revision, err = r.Store.Update(ctx, func(tx *store.Tx) error {
		d := r.draft(tx.World, tx.Now, tx.Revision(), draw)
		if err := f(d); err != nil {
			return err
		}
		tx.Adopt(d.World, d.Changed())
		wake = d.Wake()
		return nil
	})
	return revision, wake, err
}

// Plan runs a planner that cannot fail. It first tries it on the present view,
// so that a planner with nothing to do does not wait for the store.
func (r *Runner) Plan(ctx context.Context, f func(d *plan.Draft)) (wake time.Time, err error) {
	w := r.Store.View()
	d := r.draft(w, time.Now().UTC(), w.Revision+1, newDraw())
	if f(d); d.Empty() {
		return d.Wake(), nil
	}
	_, wake, err = r.Do(ctx, func(d *plan.Draft) error { f(d); return nil })
	return wake, err
}

// View returns the present world, to be read.
func (r *Runner) View() world.World { return r.Store.View() }

func (r *Runner) draft(w world.World, now time.Time, revision int64, draw *plan.Draw) *plan.Draft {
	d := &plan.Draft{World: w, Now: now, Revision: revision, Draw: draw, Scope: r.Scope, Fidelity: r.Fidelity, Applied: revision}
	if r.Applied != nil {
		d.Applied = r.Applied()
	}
	return d
}

func newDraw() *plan.Draw {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails (crypto/rand)
	return plan.NewDraw(seed)
}
