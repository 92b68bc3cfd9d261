//go:build linux

package engine

import (
	"context"
	"sync"
	"time"
)

// Backoff of restarts. An engine that has lived for calm starts at the least
// again.
const (
	leastDelay = 100 * time.Millisecond
	mostDelay  = 10 * time.Second
	calm       = time.Minute
)

// Run keeps the engine running until ctx is done and leaves it running then.
// The containers do not notice a restart.
func (e *Engine) Run(ctx context.Context) error {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sweeping.Go(func() { e.sweep(ctx) })
	delay := leastDelay
	for {
		began := time.Now()
		p := e.process.Load()
		if err := p.wait(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // this is how Run is ended
			}
			return err
		}
		if time.Since(began) > calm {
			delay = leastDelay
		}
		e.opts.Logger.Warn("container engine ended; it is started again", "pid", p.pid)
		next := e.relaunch(ctx, &delay)
		if next == nil {
			return nil
		}
		e.process.Store(next)
		p.close()
	}
}

// relaunch starts the engine until it runs. It returns nil when ctx is done.
func (e *Engine) relaunch(ctx context.Context, delay *time.Duration) *process {
	for {
		limit, cancel := context.WithTimeout(ctx, startLimit)
		p, err := e.launch(limit)
		cancel()
		if err == nil {
			return p
		}
		if ctx.Err() == nil {
			e.opts.Logger.Error("container engine does not start", "error", err, "again_in", *delay)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*delay):
		}
		*delay = min(2**delay, mostDelay)
	}
}
