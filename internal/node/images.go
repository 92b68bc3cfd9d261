package node

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"seamark/internal/driver/runtime"
	"seamark/internal/reconcile"
)

// images fetches the images of tasks in the background, so that a slow registry
// holds up nobody but those who wait for it. Each task resolves its tags anew.
type images struct {
	loop *reconcile.Loop

	mu sync.Mutex
	// outcomes by imageKey of all that was asked for and not forgotten.
	outcomes map[string]outcome
}

type outcome struct {
	known bool
	image runtime.Image
	err   error
}

// imageKey is "GROUP REF".
func imageKey(group, ref string) string { return group + " " + ref }

func newImages(d runtime.Driver, p runtime.PullPolicy, opts reconcile.Options, tell func(group string)) *images {
	i := &images{outcomes: map[string]outcome{}}
	i.loop = reconcile.New("node/images", opts, func(ctx context.Context, key string) (time.Time, error) {
		group, ref, _ := strings.Cut(key, " ")
		image, err := d.EnsureImage(ctx, ref, p)
		if ctx.Err() != nil {
			return time.Time{}, ctx.Err()
		}
		if errors.Is(err, runtime.ErrUnavailable) {
			return time.Time{}, err // the engine is being restarted: try again
		}
		if i.settle(key, outcome{true, image, err}) {
			tell(group)
		}
		return time.Time{}, nil
	})
	return i
}

// settle records an outcome, unless it was forgotten that anybody asked.
func (i *images) settle(key string, o outcome) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, asked := i.outcomes[key]
	if asked {
		i.outcomes[key] = o
	}
	return asked
}

// get returns the outcome for a group, or ok false after it has asked for it;
// then the group is told when there is one.
func (i *images) get(group, ref string) (image runtime.Image, ok bool, err error) {
	key := imageKey(group, ref)
	i.mu.Lock()
	o, asked := i.outcomes[key]
	if !asked {
		i.outcomes[key] = outcome{}
	}
	i.mu.Unlock()
	if !asked {
		i.loop.Enqueue(key)
	}
	return o.image, o.known, o.err
}

// forget drops what is remembered for a group.
func (i *images) forget(group string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for key := range i.outcomes {
		if strings.HasPrefix(key, group+" ") {
			delete(i.outcomes, key)
		}
	}
}
