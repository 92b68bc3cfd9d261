package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bubble runs f in virtual time with a loop over reconcile, and joins the loop.
func bubble(t *testing.T, o Options, reconcile Func, f func(t *testing.T, l *Loop)) {
	synctest.Test(t, func(t *testing.T) {
		o.Logger = slog.New(slog.DiscardHandler)
		l := New("test", o, reconcile)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		f(t, l)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestLoop_CoalescesWhileKeyRuns(t *testing.T) {
	var runs, now, most int
	started, finish := make(chan struct{}), (chan struct{})(nil)
	var loop *Loop
	synctest.Test(t, func(t *testing.T) {
		started, finish = make(chan struct{}), make(chan struct{})
		loop = New("test", Options{Logger: slog.New(slog.DiscardHandler), Workers: 4}, func(context.Context, string) (time.Time, error) {
			now++
			most = max(most, now)
			runs++
			started <- struct{}{}
			<-finish
			now--
			return time.Time{}, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		loop.Enqueue("a") // before Run
		go func() { done <- loop.Run(ctx) }()
		<-started
		for range 10 {
			loop.Enqueue("a")
		}
		synctest.Wait()
		if runs != 1 {
			t.Errorf("%d runs while the first one runs", runs)
		}
		finish <- struct{}{}
		<-started
		finish <- struct{}{}
		synctest.Wait()
		if runs != 2 || most != 1 || !loop.Idle() || len(loop.queue.keys) != 0 {
			t.Errorf("%d runs, %d at once, idle %v, %d keys", runs, most, loop.Idle(), len(loop.queue.keys))
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestLoop_RunsKeysInParallel(t *testing.T) {
	var running, most atomic.Int32
	bubble(t, Options{Workers: 3}, func(context.Context, string) (time.Time, error) {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Second)
		running.Add(-1)
		return time.Time{}, nil
	}, func(t *testing.T, l *Loop) {
		start := time.Now()
		for n := range 9 {
			l.Enqueue(fmt.Sprint(n))
		}
		if err := l.WaitIdle(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); most.Load() != 3 || took != 3*time.Second {
			t.Errorf("9 keys of 1 s with 3 workers: %d at once, took %v", most.Load(), took)
		}
	})
}

func TestLoop_BacksOffPerKey(t *testing.T) {
	var start time.Time
	var at []time.Duration
	others := 0
	bubble(t, Options{MinBackoff: time.Second, MaxBackoff: 8 * time.Second}, func(_ context.Context, key string) (time.Time, error) {
		if key != "bad" {
			others++
			return time.Time{}, nil
		}
		at = append(at, time.Since(start))
		if len(at) == 8 {
			return time.Time{}, nil
		}
		if len(at)%2 == 0 {
			panic("deliberate")
		}
		return time.Now().Add(time.Hour), errors.New("deliberate")
	}, func(t *testing.T, l *Loop) {
		start = time.Now()
		l.Enqueue("bad")
		synctest.Wait()
		l.Enqueue("good")
		synctest.Wait()
		if others != 1 {
			t.Errorf("the other key ran %d times", others)
		}
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		expected := []time.Duration{1, 2, 4, 8, 8, 8, 8}
		if len(at) != 8 {
			t.Fatalf("%d runs", len(at))
		}
		for n, longest := range expected {
			longest *= time.Second
			if pause := at[n+1] - at[n]; pause > longest || pause < longest*4/5 {
				t.Errorf("pause %d is %v, expected at most %v and a fifth less", n, pause, longest)
			}
		}
		// A success forgets the failures.
		at = at[:0]
		start = time.Now()
		l.Enqueue("bad")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(at) < 2 || at[1] > time.Second {
			t.Errorf("after a success, runs at %v", at)
		}
	})
}

func TestLoop_EnqueueDoesNotWaitForBackoff(t *testing.T) {
	runs := 0
	bubble(t, Options{MinBackoff: time.Hour, MaxBackoff: time.Hour}, func(context.Context, string) (time.Time, error) {
		runs++
		return time.Time{}, errors.New("deliberate")
	}, func(t *testing.T, l *Loop) {
		l.Enqueue("a")
		synctest.Wait()
		l.Enqueue("a")
		synctest.Wait()
		if runs != 2 {
			t.Errorf("%d runs", runs)
		}
	})
}

func TestLoop_LooksAgain(t *testing.T) {
	var start time.Time
	var at []time.Duration
	answers := []time.Duration{10 * time.Second, time.Minute, 0}
	bubble(t, Options{}, func(context.Context, string) (time.Time, error) {
		at = append(at, time.Since(start))
		again := answers[0]
		answers = answers[1:]
		if again == 0 {
			return time.Time{}, nil
		}
		return time.Now().Add(again), nil
	}, func(t *testing.T, l *Loop) {
		start = time.Now()
		l.Enqueue("a") // at 0, again at 10 s
		time.Sleep(5 * time.Second)
		synctest.Wait()
		l.Enqueue("a") // at 5 s, which replaces 10 s by 65 s
		synctest.Wait()
		l.EnqueueAt("a", start.Add(30*time.Second)) // earlier than 65 s
		l.EnqueueAt("a", start.Add(40*time.Second)) // later than 30 s
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []time.Duration{0, 5 * time.Second, 30 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("runs at %v, expected %v", at, want)
		}
	})
}

func TestLoop_PastTimeIsNoBusyLoop(t *testing.T) {
	runs := 0
	bubble(t, Options{}, func(context.Context, string) (time.Time, error) {
		runs++
		return time.Unix(0, 0), nil
	}, func(t *testing.T, l *Loop) {
		l.Enqueue("a")
		time.Sleep(time.Second)
		synctest.Wait()
		if runs < 100 || runs > 1001 {
			t.Errorf("%d runs in a second", runs)
		}
	})
}

func TestLoop_KeepsManyTimes(t *testing.T) {
	const keys = 1000
	var start time.Time
	runs := 0
	bubble(t, Options{Workers: 2}, func(_ context.Context, key string) (time.Time, error) {
		var n int
		if _, err := fmt.Sscan(key, &n); err != nil {
			return time.Time{}, err
		}
		if got, want := time.Since(start), time.Duration(n)*time.Second; got != want {
			t.Errorf("key %d ran at %v", n, got)
		}
		runs++
		return time.Time{}, nil
	}, func(t *testing.T, l *Loop) {
		start = time.Now()
		for n := range keys {
			n = n * 7919 % keys
			l.EnqueueAt(fmt.Sprint(n), start.Add(time.Duration(n)*time.Second))
		}
		time.Sleep(keys * time.Second)
		synctest.Wait()
		if runs != keys || len(l.queue.times) != 0 {
			t.Errorf("%d runs, %d times left", runs, len(l.queue.times))
		}
	})
}

func TestLoop_EndsWithContext(t *testing.T) {
	ended := false
	bubble(t, Options{}, func(ctx context.Context, _ string) (time.Time, error) {
		<-ctx.Done()
		time.Sleep(time.Second)
		ended = true
		return time.Time{}, ctx.Err()
	}, func(t *testing.T, l *Loop) {
		l.Enqueue("a")
		l.Enqueue("b")
		synctest.Wait()
	})
	if !ended {
		t.Error("Run did not wait for the function")
	}
}

func TestLoop_WaitIdleEndsWithContext(t *testing.T) {
	bubble(t, Options{}, func(ctx context.Context, _ string) (time.Time, error) {
		<-ctx.Done()
		return time.Time{}, nil
	}, func(t *testing.T, l *Loop) {
		l.Enqueue("a")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := l.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitIdle: %v", err)
		}
	})
}

// BenchmarkEnqueueToRun is the time from Enqueue to the call of the function.
func BenchmarkEnqueueToRun(b *testing.B) {
	ran := make(chan struct{})
	l := New("test", Options{Logger: slog.New(slog.DiscardHandler), Workers: 2}, func(context.Context, string) (time.Time, error) {
		ran <- struct{}{}
		return time.Time{}, nil
	})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	for b.Loop() {
		l.Enqueue("key")
		<-ran
	}
	cancel()
	if err := <-done; err != nil {
		b.Errorf("Run: %v", err)
	}
}
