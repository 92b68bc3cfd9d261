package node

import (
	"context"
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

	mu       sync.Mutex
	outcomes map[string]outcome // by imageKey
}

type outcome struct {
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
		i.mu.Lock()
		i.outcomes[key] = outcome{image, err}
		i.mu.Unlock()
		tell(group)
		return time.Time{}, nil
	})
	return i
}

// get returns the outcome for a group, or ok false after it has asked for it;
// then the group is told when there is one.
func (i *images) get(group, ref string) (image runtime.Image, ok bool, err error) {
	i.mu.Lock()
	o, ok := i.outcomes[imageKey(group, ref)]
	i.mu.Unlock()
	if !ok {
		i.loop.Enqueue(imageKey(group, ref))
	}
	return o.image, ok, o.err
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
