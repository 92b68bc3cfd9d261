package etcd

import (
	"context"
	"fmt"
	"sync/atomic"

	"seamark/internal/store"
)

// health is why nothing can be written, if so.
type health struct {
	// alive ends when the server cannot go on.
	alive context.Context
	end   context.CancelCauseFunc

	disk  atomic.Pointer[error] // too little free space
	quota atomic.Pointer[error] // the database is as large as allowed
}

func newHealth() *health {
	h := &health{}
	h.alive, h.end = context.WithCancelCause(context.Background())
	return h
}

// fail says for good that the server cannot go on.
func (h *health) fail(why string) {
	h.end(fmt.Errorf("%w: the log of the state stopped (%s); restart Seamark", store.ErrUnavailable, why))
}

// ready is nil or the reason.
func (h *health) ready() error {
	if h.alive.Err() != nil {
		return context.Cause(h.alive)
	}
	for _, reason := range []*atomic.Pointer[error]{&h.disk, &h.quota} {
		if why := reason.Load(); why != nil {
			return *why
		}
	}
	return nil
}

// set records a reason, or with nil its end, and says whether that is news.
func set(reason *atomic.Pointer[error], why error) (changed bool) {
	if why == nil {
		return reason.Swap(nil) != nil
	}
	return reason.Swap(&why) == nil
}
