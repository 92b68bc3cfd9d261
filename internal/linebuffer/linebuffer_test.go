package linebuffer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a writer that takes its time.
type sink struct {
	mu     sync.Mutex
	writes []string
	each   time.Duration
}

func (s *sink) Write(b []byte) (int, error) {
	time.Sleep(s.each)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, string(b))
	return len(b), nil
}

func (s *sink) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// run starts a Writer; end ends it.
func run(t *testing.T, s *sink) (w *Writer, end func()) {
	w = New(s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	return w, func() {
		t.Helper()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func put(t *testing.T, w *Writer, line string) {
	t.Helper()
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWriter_WritesTogetherAndNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w, end := run(t, s)
		for n := range 5 {
			put(t, w, fmt.Sprintln(n))
			time.Sleep(late / 10)
		}
		if got := s.seen(); len(got) != 0 {
			t.Errorf("written at once: %q", got)
		}
		time.Sleep(late)
		put(t, w, "later\n")
		time.Sleep(late + time.Millisecond)
		if got := s.seen(); len(got) != 2 || got[0] != "0\n1\n2\n3\n4\n" || got[1] != "later\n" {
			t.Errorf("writes: %q", got)
		}
		put(t, w, "last\n")
		end()
		put(t, w, "after\n")
		if got := s.seen(); len(got) != 4 || got[2] != "last\n" || got[3] != "after\n" {
			t.Errorf("writes: %q", got)
		}
	})
}

func TestWriter_ManyDoNotWaitForTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w, end := run(t, s)
		defer end()
		put(t, w, strings.Repeat("x", enough+1))
		synctest.Wait()
		if got := s.seen(); len(got) != 1 {
			t.Errorf("%d writes", len(got))
		}
	})
}

// TestWriter_IsBounded: where the writer beneath is slow, callers wait for it.
func TestWriter_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{each: time.Hour}
		w, end := run(t, s)
		put(t, w, "x")
		time.Sleep(2 * late) // now that is written, for an hour
		var back atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				put(t, w, strings.Repeat("x", most/4))
				back.Add(1)
			})
		}
		synctest.Wait()
		if n := back.Load(); n != 4 {
			t.Errorf("%d of 8 lines do not wait, want the four that fit", n)
		}
		all.Wait()
		end()
	})
}

func TestWriter_LosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{each: time.Millisecond}
		w, end := run(t, s)
		const callers, each = 8, 500
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				for n := range each {
					put(t, w, fmt.Sprintf("%d:%d\n", c, n))
					time.Sleep(time.Duration(c) * time.Millisecond)
				}
			})
		}
		all.Wait()
		end()
		next := make([]int, callers)
		for line := range bytes.Lines([]byte(strings.Join(s.seen(), ""))) {
			var c, n int
			if _, err := fmt.Sscanf(string(line), "%d:%d\n", &c, &n); err != nil || next[c] != n {
				t.Fatalf("line %q, caller %d is at %d", line, c, next[c])
			}
			next[c]++
		}
		for c, n := range next {
			if n != each {
				t.Errorf("caller %d: %d lines", c, n)
			}
		}
	})
}
