package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/world"
)

// counting is a Backend that takes a millisecond for a batch and counts them.
type counting struct{ batches, updates int }

func (b *counting) Commit(_ context.Context, batch Batch) error {
	time.Sleep(time.Millisecond)
	b.batches++
	b.updates += int(batch.Revision - batch.Base)
	return nil
}
func (b *counting) Resolve(context.Context, Batch) (bool, error) { return true, nil }
func (b *counting) Ready() error                                 { return nil }
func (b *counting) Close() error                                 { return nil }

// call has a number of callers make updates, each one after the other with a
// pause between, and returns how long the longest update took.
func call(t *testing.T, s Store, callers, updates int, pause time.Duration) (longest time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for n := range callers {
		all.Go(func() {
			time.Sleep(time.Duration(n) * pause / time.Duration(callers))
			for u := range updates {
				begin := time.Now()
				if _, err := s.Update(t.Context(), func(tx *Tx) error {
					tx.Put(&world.Cluster{Name: world.ClusterName(fmt.Sprint(n)), Status: fmt.Sprint(u)})
					return nil
				}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				longest = max(longest, time.Since(begin))
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	all.Wait()
	return longest
}

func TestPaced_ManyShareABatchAndOneNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &counting{}
		s := NewCommitter(Options{Backend: b, World: world.New(), Limits: Limits{Writes: 1000, Bytes: 1 << 20}, Paced: true, Logger: slog.New(slog.DiscardHandler)})
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		if took := call(t, s, 1, 20, 100*time.Microsecond); took != time.Millisecond || b.batches != 20 {
			t.Errorf("one caller: %d batches, up to %v", b.batches, took)
		}
		*b = counting{}
		took := call(t, s, 32, 50, 400*time.Microsecond)
		// Without a pace each batch has those who call within its millisecond.
		if each := float64(b.updates) / float64(b.batches); each < 16 || took > time.Millisecond+2*paceMost {
			t.Errorf("32 callers: %.1f updates in a batch, up to %v", each, took)
		}
		call(t, s, 1, 20, 100*time.Microsecond)
		if took := call(t, s, 1, 20, 100*time.Microsecond); took != time.Millisecond {
			t.Errorf("a crowd that has gone holds up the one who is left: %v", took)
		}
	})
}
