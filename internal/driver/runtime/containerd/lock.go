//go:build linux

package containerd

import (
	"context"
	"sync"
)

// locks let one operation at a time work on a container, or a group. A lock is held across
// calls of containerd, so it is a token in a channel, not a mutex.
type locks struct {
	mu    sync.Mutex
	byKey map[string]*lock
}

type lock struct {
	token chan struct{}
	users int // holder and waiters
}

// take waits for the lock of key and returns how to give it back.
func (l *locks) take(ctx context.Context, key string) (release func(), err error) {
	k := l.use(key)
	select {
	case k.token <- struct{}{}:
		return func() { <-k.token; l.leave(key, k) }, nil
	case <-ctx.Done():
		l.leave(key, k)
		return nil, ctx.Err()
	}
}

func (l *locks) use(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = map[string]*lock{}
	}
	k := l.byKey[key]
	if k == nil {
		k = &lock{token: make(chan struct{}, 1)}
		l.byKey[key] = k
	}
	k.users++
	return k
}

func (l *locks) leave(key string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.byKey, key)
	}
}
