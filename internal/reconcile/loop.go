// Package reconcile is the loop that all of Seamark's controllers share: take a
// key, look at the world, make things so, look again later.
//
// A key says only what to look at, never what happened: two reasons to look at
// the same key before it is looked at are one (level, not edge). A key never
// runs twice at the same time; one that is enqueued while it runs, runs again.
//
//	loop := reconcile.New("deploy", reconcile.Options{Logger: log, Workers: 2}, d.reconcile)
//	cancel := s.Subscribe(func(c store.Commit) {
//		for _, change := range c.Changes {
//			if change.Kind == world.KindService {
//				loop.Enqueue(change.Key)
//			}
//		}
//	})
//	defer cancel()
//	return loop.Run(ctx)
//
// A function that fails is called again after a pause that doubles with each
// failure in a row. A function that returns a time is called again then.
//
// The loop decides nothing and stores nothing: after a restart its owner
// enqueues all keys once.
//
// All methods may be called from any goroutine. In a testing/synctest bubble,
// New and Run belong into the same bubble.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Func makes things as they should be for one key. If again is not zero, it is
// called again at that time at the latest; a time that has passed means very
// soon. An error means again after a pause, whatever again says.
type Func func(ctx context.Context, key string) (again time.Time, err error)

// Options of a Loop.
type Options struct {
	Logger *slog.Logger // required
	// Workers is how many keys may run at the same time; 0 means 1.
	Workers int
	// MinBackoff and MaxBackoff bound the pause after failures; 0 means 100 ms
	// and 30 s.
	MinBackoff, MaxBackoff time.Duration
}

// Loop calls a Func for the keys that are enqueued.
type Loop struct {
	f       Func
	log     *slog.Logger
	workers int
	backoff backoff

	// ready holds a token for each worker that has a reason to look at the
	// queue; timed tells the timer goroutine that there is an earlier time.
	ready chan struct{}
	timed chan struct{}

	mu    sync.Mutex // held for moments only
	queue queue
}

// New returns a loop that does nothing until Run. The name appears in logs.
func New(name string, o Options, f Func) *Loop {
	l := &Loop{
		f:       f,
		log:     o.Logger.With("loop", name),
		workers: max(o.Workers, 1),
		backoff: backoff{least: o.MinBackoff, most: o.MaxBackoff},
		timed:   make(chan struct{}, 1),
		queue:   newQueue(),
	}
	l.ready = make(chan struct{}, l.workers)
	if l.backoff.least == 0 {
		l.backoff.least = 100 * time.Millisecond
	}
	if l.backoff.most == 0 {
		l.backoff.most = 30 * time.Second
	}
	return l
}

// Enqueue has the key looked at as soon as possible. It never blocks and may
// be called before Run.
func (l *Loop) Enqueue(key string) {
	l.mu.Lock()
	added := l.queue.add(key)
	l.mu.Unlock()
	if added {
		signal(l.ready)
	}
}

// EnqueueAt has the key looked at at that time, unless something makes it
// looked at before. It never blocks.
func (l *Loop) EnqueueAt(key string, at time.Time) {
	l.mu.Lock()
	earliest := l.queue.addAt(key, at)
	l.mu.Unlock()
	if earliest {
		signal(l.timed)
	}
}

// Idle says whether no key runs or waits to run. Keys that wait for a time, to
// be looked at again or after a failure, do not count.
func (l *Loop) Idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.idle()
}

// WaitIdle returns once Idle is true, or with the error of ctx.
func (l *Loop) WaitIdle(ctx context.Context) error {
	for {
		l.mu.Lock()
		changed := l.queue.whenIdle()
		l.mu.Unlock()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run calls the function for keys until ctx ends, waits for the calls that run
// and returns nil. It may be called once.
func (l *Loop) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for range l.workers {
		running.Go(func() { l.work(ctx) })
	}
	running.Go(func() { l.keepTime(ctx) })
	running.Wait()
	return nil
}

// work runs keys until ctx ends.
func (l *Loop) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.ready:
		}
		for ctx.Err() == nil {
			l.mu.Lock()
			key, ok := l.queue.take()
			l.mu.Unlock()
			if !ok {
				break
			}
			l.runKey(ctx, key)
		}
	}
}

// runKey calls the function once and files what comes next.
func (l *Loop) runKey(ctx context.Context, key string) {
	again, err := l.call(ctx, key)
	now := time.Now()
	l.mu.Lock()
	failures := l.queue.count(key, err != nil)
	if err != nil {
		again = now.Add(l.backoff.pause(failures))
	}
	more, earliest := l.queue.finish(key, notBefore(again, now))
	l.mu.Unlock()
	if more {
		signal(l.ready)
	}
	if earliest {
		signal(l.timed)
	}
	if err != nil && ctx.Err() == nil {
		l.log.Warn("reconcile failed", "key", key, "failures", failures, "again", again.Sub(now), "err", err)
	}
}

// call turns a panic of the function into an error, so that one broken key
// does not end all others.
func (l *Loop) call(ctx context.Context, key string) (again time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("reconcile panicked", "key", key, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return l.f(ctx, key)
}

// keepTime enqueues keys when their time comes.
func (l *Loop) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.mu.Lock()
		added, next := l.queue.addDue(time.Now())
		l.mu.Unlock()
		for range min(added, l.workers) {
			signal(l.ready)
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case <-l.timed:
		case <-timer.C:
		}
	}
}

// notBefore keeps a time that has passed from turning into a busy loop.
func notBefore(again, now time.Time) time.Time {
	if soonest := now.Add(time.Millisecond); !again.IsZero() && again.Before(soonest) {
		return soonest
	}
	return again
}

// signal wakes a receiver of c. If c is full, enough of them will wake anyway.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
