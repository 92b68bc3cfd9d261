package mem_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

func TestStore_WorksInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		defer s.Close()
		release := s.Disk().Hold()
		done := make(chan error)
		go func() {
			_, err := s.Update(t.Context(), func(tx *store.Tx) error {
				tx.Put(&world.LogGroup{Name: "/ecs/web", CreatedAt: tx.Now})
				return nil
			})
			done <- err
		}()
		synctest.Wait()
		if got := s.View().LogGroups.Len(); got != 0 {
			t.Errorf("%d log groups visible before the commit", got)
		}
		release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if s.View().LogGroups.Get("/ecs/web") == nil {
			t.Error("not visible after the update")
		}
	})
}

func TestStore_OutcomeUnknown(t *testing.T) {
	for _, written := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := mem.New(mem.Options{})
			defer s.Close()
			s.Disk().Lose(true)
			s.Disk().Fail(mem.Fault{Err: store.ErrOutcomeUnknown, Written: written})
			put := func() error {
				_, err := s.Update(context.Background(), func(tx *store.Tx) error {
					tx.Put(&world.LogGroup{Name: "a"})
					return nil
				})
				return err
			}
			if err := put(); err == nil {
				t.Error("update succeeded although nobody knows its outcome")
			}
			if err := s.Ready(); err == nil {
				t.Error("ready although the log does not answer")
			}
			s.Disk().Lose(false)
			for s.Ready() != nil {
				synctest.Wait()
				sleepOneTick()
			}
			if got := s.View().LogGroups.Get("a") != nil; got != written {
				t.Errorf("written %v, visible %v", written, got)
			}
		})
	}
}

// sleepOneTick lets virtual time pass.
func sleepOneTick() { time.Sleep(time.Millisecond) }
