package control

import (
	"context"
	"time"
)

// awaitMost is how long a request waits for the data plane: a change is applied
// within a millisecond, and everything anew, after a restart, within a second.
// Without a data plane requests go on, and GetOperation says PENDING.
const awaitMost = time.Second

// Await returns when the data plane is known to serve a revision, and in any
// case when ctx ends or awaitMost has passed.
func (a *Answers) Await(ctx context.Context, revision int64) {
	if a.Applied() >= revision {
		return
	}
	reached := make(chan struct{})
	a.mu.Lock()
	if a.Applied() < revision { // else served has looked already
		a.awaited[reached] = revision
	} else {
		close(reached)
	}
	a.mu.Unlock()
	timer := time.NewTimer(awaitMost)
	defer timer.Stop()
	select {
	case <-reached:
		return
	case <-ctx.Done():
	case <-timer.C:
	}
	a.mu.Lock()
	delete(a.awaited, reached)
	a.mu.Unlock()
}

// reach lets those go on who wait for a revision. The caller holds mu.
func (a *Answers) reach(revision int64) {
	for reached, want := range a.awaited {
		if want <= revision {
			close(reached)
			delete(a.awaited, reached)
		}
	}
}
