package mem_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

var errDeliberate = errors.New("deliberate")

// put returns an update's function.
func put(name string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		tx.Put(&world.LogGroup{Name: name})
		return nil
	}
}

// pending is an update that somebody waits for.
type pending struct {
	revision int64
	err      error
	done     bool
}

// begin starts an update and returns once nothing more happens.
func begin(s store.Store, wait *sync.WaitGroup, f func(*store.Tx) error) *pending {
	p := &pending{}
	wait.Go(func() {
		p.revision, p.err = s.Update(context.Background(), f)
		p.done = true
	})
	synctest.Wait()
	return p
}

func TestFailedCommit_TakesAllThatWasBuiltOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		defer s.Close()
		commits := 0
		s.Subscribe(func(store.Commit) { commits++ })
		var wait sync.WaitGroup
		release := s.Disk().Hold()
		s.Disk().FailNext(errDeliberate)
		all := []*pending{
			begin(s, &wait, put("first")), // being written
			begin(s, &wait, put("second")),
			begin(s, &wait, func(tx *store.Tx) error { // sees what is not durable
				if tx.World.LogGroups.Get("second") == nil {
					t.Error("the newest world does not show the update before")
				}
				return errors.New("conflict with second")
			}),
			begin(s, &wait, func(*store.Tx) error { return nil }),
		}
		for n, p := range all {
			if p.done {
				t.Errorf("update %d ended before anything was durable: %v", n, p.err)
			}
		}
		release()
		wait.Wait()
		for n, p := range all {
			if !errors.Is(p.err, errDeliberate) || p.revision != 0 {
				t.Errorf("update %d: revision %d, %v", n, p.revision, p.err)
			}
		}
		if w := s.View(); w.Revision != 0 || w.LogGroups.Len() != 0 || commits != 0 {
			t.Errorf("revision %d, %d groups, %d commits after a failed commit", w.Revision, w.LogGroups.Len(), commits)
		}
		revision, err := s.Update(context.Background(), put("third"))
		if err != nil || revision != 1 {
			t.Errorf("afterwards: revision %d, %v", revision, err)
		}
	})
}

func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		defer s.Close()
		var wait sync.WaitGroup
		release := s.Disk().Hold()
		var all []*pending
		for n := range 100 {
			all = append(all, begin(s, &wait, put(fmt.Sprint(n))))
		}
		failed := begin(s, &wait, func(*store.Tx) error { return errDeliberate })
		release()
		wait.Wait()
		for n, p := range all {
			if p.err != nil || p.revision != int64(n+1) {
				t.Errorf("update %d: revision %d, %v", n, p.revision, p.err)
			}
		}
		if !errors.Is(failed.err, errDeliberate) {
			t.Errorf("the function's own error: %v", failed.err)
		}
		if got := s.Disk().Commits(); got != 2 {
			t.Errorf("100 updates at once took %d commits, expected 2", got)
		}
	})
}

func TestGroupCommit_SmallLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{Limits: store.Limits{Writes: 3, Bytes: 1 << 20}})
		defer s.Close()
		var wait sync.WaitGroup
		release := s.Disk().Hold()
		for n := range 20 {
			begin(s, &wait, func(tx *store.Tx) error {
				tx.Put(&world.LogGroup{Name: fmt.Sprint(n)})
				tx.Put(&world.Role{Name: fmt.Sprint(n)})
				return nil
			})
		}
		release()
		wait.Wait()
		if w := s.View(); w.LogGroups.Len() != 20 || w.Roles.Len() != 20 || w.Revision != 20 {
			t.Errorf("%d groups, %d roles, revision %d", w.LogGroups.Len(), w.Roles.Len(), w.Revision)
		}
		if got := s.Disk().Commits(); got != 20 {
			t.Errorf("%d commits, but only one update fits into each", got)
		}
	})
}

func TestContext_DropsUpdateThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// One update fits into a batch, and two batches may wait.
		s := mem.New(mem.Options{Limits: store.Limits{Writes: 1, Bytes: 1 << 20}})
		defer s.Close()
		var wait sync.WaitGroup
		release := s.Disk().Hold()
		for n := range 3 {
			begin(s, &wait, put(fmt.Sprint(n)))
		}
		ctx, cancel := context.WithCancel(context.Background())
		var err error
		wait.Go(func() { _, err = s.Update(ctx, put("late")) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("an update that waits does not end with its context: %v", err)
		}
		release()
		wait.Wait()
		if w := s.View(); w.LogGroups.Len() != 3 {
			t.Errorf("%d groups, expected 3", w.LogGroups.Len())
		}
	})
}

func TestRefuse_IsAtOnceAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		defer s.Close()
		s.Disk().Refuse(store.ErrNoSpace)
		_, err := s.Update(context.Background(), put("a"))
		if !errors.Is(err, store.ErrNoSpace) || !errors.Is(s.Ready(), store.ErrNoSpace) {
			t.Errorf("update: %v, ready: %v", err, s.Ready())
		}
		s.Disk().Refuse(nil)
		if _, err := s.Update(context.Background(), put("a")); err != nil || s.Ready() != nil {
			t.Errorf("afterwards, update: %v, ready: %v", err, s.Ready())
		}
	})
}

func TestClose_CompletesWhatWasExecuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		var wait sync.WaitGroup
		release := s.Disk().Hold()
		all := []*pending{begin(s, &wait, put("a")), begin(s, &wait, put("b"))}
		wait.Go(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		synctest.Wait()
		if _, err := s.Update(context.Background(), put("c")); !errors.Is(err, store.ErrClosed) {
			t.Errorf("update while it closes: %v", err)
		}
		release()
		wait.Wait()
		for n, p := range all {
			if p.err != nil {
				t.Errorf("update %d: %v", n, p.err)
			}
		}
		if got := s.View().LogGroups.Len(); got != 2 {
			t.Errorf("%d groups", got)
		}
	})
}

func TestClose_GivesUpOnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		s.Disk().Lose(true)
		s.Disk().Fail(mem.Fault{Err: store.ErrOutcomeUnknown, Written: true})
		var wait sync.WaitGroup
		p := begin(s, &wait, put("a"))
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		wait.Wait()
		if !errors.Is(p.err, store.ErrUnavailable) {
			t.Errorf("update: %v", p.err)
		}
	})
}

func TestCheckImmutable(t *testing.T) {
	t.Setenv(store.CheckVariable, "1")
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		defer s.Close()
		if _, err := s.Update(context.Background(), put("a")); err != nil {
			t.Fatal(err)
		}
		g := s.View().LogGroups.Get("a")
		_, err := s.Update(context.Background(), func(tx *store.Tx) error {
			g.RetentionDays = 7
			tx.Put(g)
			return nil
		})
		if err == nil || s.View().Revision != 1 {
			t.Errorf("an object changed in place was put: %v", err)
		}
		g.RetentionDays = 0
		if _, err := s.Update(context.Background(), put("b")); err != nil {
			t.Errorf("after it was changed back: %v", err)
		}
	})
}
