package control

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// await starts an Await and returns a function that says whether it has
// returned.
func (b *bench) await(ctx context.Context, revision int64) (returned func() bool) {
	done := make(chan struct{})
	go func() {
		b.answers.Await(ctx, revision)
		close(done)
	}()
	return func() bool {
		synctest.Wait()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

func TestAwait(t *testing.T) {
	run(t, func(b *bench) {
		first := b.put(vpc("vpc-1"))
		one, next := b.await(b.Context(), first), b.await(b.Context(), first+1)
		if one() || next() {
			t.Error("went on without a data plane")
		}
		b.answers.Use(b.plane)
		if !one() || next() {
			t.Errorf("of what is served: %v; of what is not: %v", one(), next())
		}
		b.put(vpc("vpc-2"))
		if !next() {
			t.Error("waits for what is served")
		}
		begin := time.Now()
		b.answers.Await(b.Context(), first)
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v for what was served long ago", took)
		}
	})
}

// TestAwait_GivesUp: a request goes on without the data plane, and one that
// nobody waits for is not waited for either.
func TestAwait_GivesUp(t *testing.T) {
	run(t, func(b *bench) {
		begin := time.Now()
		b.answers.Await(b.Context(), 1)
		if took := time.Since(begin); took != awaitMost {
			t.Errorf("waited %v, expected %v", took, awaitMost)
		}
		ctx, cancel := context.WithCancel(b.Context())
		gone := b.await(ctx, 1)
		cancel()
		if !gone() {
			t.Error("waits although the request has ended")
		}
		if n := len(b.answers.awaited); n != 0 {
			t.Errorf("%d who gave up are remembered", n)
		}
	})
}
