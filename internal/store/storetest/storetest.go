// Package storetest is what every store promises, as tests.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"seamark/internal/store"
	"seamark/internal/world"
)

// Storage is what keeps a world while no store is open.
type Storage interface {
	// Open opens a store on it. The store opened before was closed, unless
	// Fences is true.
	Open(tb testing.TB) store.Store
	// Fences says whether a second store may be opened while one is open.
	Fences() bool
}

// Run runs the suite, each test on an empty Storage from fresh.
func Run(t *testing.T, fresh func(tb testing.TB) Storage) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Storage)
	}{
		{"ReadYourWrites", readYourWrites},
		{"NothingWritten", nothingWritten},
		{"FailuresChangeNothing", failuresChangeNothing},
		{"Serial", serial},
		{"Subscribe", subscribe},
		{"SubscribeInCallback", subscribeInCallback},
		{"Context", endedContext},
		{"Closed", closed},
		{"TooLarge", tooLarge},
		{"LargeBatches", largeBatches},
		{"AnyKey", anyKey},
		{"Reload", reload},
		{"Fencing", fencing},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(store.CheckVariable, "1")
			test.run(t, fresh(t))
		})
	}
}

// open opens a store that the test closes.
func open(t *testing.T, on Storage) store.Store {
	t.Helper()
	s := on.Open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// update runs an update that must succeed.
func update(t *testing.T, s store.Store, f func(tx *store.Tx)) int64 {
	t.Helper()
	revision, err := s.Update(context.Background(), func(tx *store.Tx) error {
		f(tx)
		return nil
	})
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	return revision
}

func group(name string, days int32) *world.LogGroup {
	return &world.LogGroup{Name: name, RetentionDays: days}
}

// days is the retention of a group, or -1 if it is missing.
func days(w world.World, name string) int32 {
	if g := w.LogGroups.Get(name); g != nil {
		return g.RetentionDays
	}
	return -1
}

func readYourWrites(t *testing.T, on Storage) {
	s := open(t, on)
	var now time.Time
	first := update(t, s, func(tx *store.Tx) {
		now = tx.Now
		tx.Put(group("a", 1))
		tx.Put(group("b", 1))
		tx.Put(group("b", 2))
		tx.Delete(world.KindLogGroup, "a")
		if days(tx.World, "a") != -1 || days(tx.World, "b") != 2 {
			t.Error("the update does not see its own writes")
		}
		if days(s.View(), "b") != -1 {
			t.Error("a write is visible before the commit")
		}
		if tx.Revision() != 1 {
			t.Errorf("the update will have revision %d", tx.Revision())
		}
	})
	if now.Location() != time.UTC || time.Since(now) > time.Minute {
		t.Errorf("the time of the update is %v", now)
	}
	w := s.View()
	if first != 1 || w.Revision != 1 || days(w, "a") != -1 || days(w, "b") != 2 {
		t.Errorf("revision %d, view %d, a %d, b %d", first, w.Revision, days(w, "a"), days(w, "b"))
	}
	update(t, s, func(tx *store.Tx) { tx.Put(group("b", 3)) })
	if days(w, "b") != 2 || days(s.View(), "b") != 3 {
		t.Error("a view changed, or a new one did not")
	}
}

func nothingWritten(t *testing.T, on Storage) {
	s := open(t, on)
	commits := 0
	defer s.Subscribe(func(store.Commit) { commits++ })()
	update(t, s, func(tx *store.Tx) { tx.Put(group("a", 1)) })
	for name, f := range map[string]func(tx *store.Tx){
		"nothing":             func(*store.Tx) {},
		"created and deleted": func(tx *store.Tx) { tx.Put(group("b", 1)); tx.Delete(world.KindLogGroup, "b") },
		"deleted nothing":     func(tx *store.Tx) { tx.Delete(world.KindLogGroup, "c") },
		"put back":            func(tx *store.Tx) { tx.Put(tx.World.LogGroups.Get("a")) },
	} {
		if revision := update(t, s, f); revision != 1 || s.View().Revision != 1 || commits != 1 {
			t.Errorf("%s: revision %d, view %d, %d commits", name, revision, s.View().Revision, commits)
		}
	}
}

func failuresChangeNothing(t *testing.T, on Storage) {
	s := open(t, on)
	deliberate := errors.New("deliberate")
	for name, end := range map[string]func() error{
		"error":  func() error { return fmt.Errorf("wrapped: %w", deliberate) },
		"panic":  func() error { panic("deliberate") },
		"goexit": func() error { runtime.Goexit(); return nil },
	} {
		revision, err := s.Update(context.Background(), func(tx *store.Tx) error {
			tx.Put(group("a", 1))
			return end()
		})
		if err == nil || revision != 0 || s.View().Revision != 0 || days(s.View(), "a") != -1 {
			t.Errorf("%s: %v, revision %d, a %d", name, err, revision, days(s.View(), "a"))
		}
		if name == "error" && !errors.Is(err, deliberate) {
			t.Errorf("not the function's error: %v", err)
		}
	}
	if revision := update(t, s, func(tx *store.Tx) { tx.Put(group("a", 1)) }); revision != 1 {
		t.Errorf("afterwards, revision %d", revision)
	}
}

func serial(t *testing.T, on Storage) {
	const callers, each = 32, 50
	s := open(t, on)
	revisions := make(chan int64, callers*each)
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for range each {
				revision, err := s.Update(context.Background(), func(tx *store.Tx) error {
					tx.Put(group("counter", max(days(tx.World, "counter"), 0)+1))
					return nil
				})
				if err != nil {
					t.Errorf("update: %v", err)
					return
				}
				if w := s.View(); w.Revision < revision || int64(days(w, "counter")) != w.Revision {
					t.Errorf("after revision %d, the view is %d with counter %d", revision, w.Revision, days(w, "counter"))
				}
				revisions <- revision
			}
		})
	}
	running.Wait()
	close(revisions)
	var all []int64
	for r := range revisions {
		all = append(all, r)
	}
	slices.Sort(all)
	for i, r := range all {
		if r != int64(i+1) {
			t.Fatalf("revision %d is number %d", r, i+1)
		}
	}
	if got := days(s.View(), "counter"); got != callers*each {
		t.Errorf("counter %d", got)
	}
}

func subscribe(t *testing.T, on Storage) {
	s := open(t, on)
	update(t, s, func(tx *store.Tx) { tx.Put(group("before", 1)) })
	mirror := s.View()
	cancel := s.Subscribe(func(c store.Commit) {
		if c.World.Revision != mirror.Revision+1 {
			t.Errorf("commit %d after %d", c.World.Revision, mirror.Revision)
		}
		if s.View().Revision < c.World.Revision {
			t.Errorf("commit %d, view %d", c.World.Revision, s.View().Revision)
		}
		for _, change := range c.Changes {
			if old := mirror.Get(change.Kind, change.Key); old != change.Old {
				t.Errorf("commit %d: %q was %v, the change says %v", c.World.Revision, change.Key, old, change.Old)
			}
			if change.New == nil {
				mirror.Delete(change.Kind, change.Key)
			} else {
				mirror.Put(change.New)
			}
		}
		mirror.Revision = c.World.Revision
		equal(t, "commit", c.World, mirror)
	})
	var running sync.WaitGroup
	for caller := range 8 {
		running.Go(func() {
			for n := range 20 {
				name := fmt.Sprint(caller%3, "/", n%5)
				_, err := s.Update(context.Background(), func(tx *store.Tx) error {
					if n%4 == 3 {
						tx.Delete(world.KindLogGroup, name)
						tx.Delete(world.KindLogGroup, "before")
					}
					tx.Put(group("last", int32(n)))
					tx.Put(group(name, int32(caller)))
					return nil
				})
				if err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	running.Wait()
	// The last Update has returned, so that every callback has.
	equal(t, "all commits", s.View(), mirror)
	cancel()
	cancel()
	revision := mirror.Revision
	update(t, s, func(tx *store.Tx) { tx.Put(group("after", 1)) })
	if mirror.Revision != revision {
		t.Error("called after cancel")
	}
}

func subscribeInCallback(t *testing.T, on Storage) {
	s := open(t, on)
	var inner, outer int
	var cancel func()
	cancel = s.Subscribe(func(store.Commit) {
		outer++
		s.Subscribe(func(store.Commit) { inner++ })
		cancel()
		panic("deliberate")
	})
	for n := range int32(3) {
		update(t, s, func(tx *store.Tx) { tx.Put(group("a", n)) })
	}
	if outer != 1 || inner != 2 {
		t.Errorf("outer %d, inner %d", outer, inner)
	}
}

func endedContext(t *testing.T, on Storage) {
	s := open(t, on)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Update(ctx, func(tx *store.Tx) error {
		t.Error("the update ran")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	revision, err := s.Update(ctx, func(tx *store.Tx) error {
		cancel()
		tx.Put(group("a", 1))
		return nil
	})
	if err != nil || revision != 1 || days(s.View(), "a") != 1 {
		t.Errorf("cancelled while it ran: revision %d, %v, a %d", revision, err, days(s.View(), "a"))
	}
}

func closed(t *testing.T, on Storage) {
	s := on.Open(t)
	update(t, s, func(tx *store.Tx) { tx.Put(group("a", 1)) })
	if err := s.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	_, err := s.Update(context.Background(), func(*store.Tx) error { return nil })
	if !errors.Is(err, store.ErrClosed) || !errors.Is(s.Ready(), store.ErrClosed) {
		t.Errorf("update: %v, ready: %v", err, s.Ready())
	}
	if days(s.View(), "a") != 1 {
		t.Error("the view is gone")
	}
	if got := days(open(t, on).View(), "a"); got != 1 {
		t.Errorf("opened again, a %d", got)
	}
}

func tooLarge(t *testing.T, on Storage) {
	s := open(t, on)
	huge := strings.Repeat("x", 12<<20)
	for name, f := range map[string]func(tx *store.Tx){
		"bytes": func(tx *store.Tx) { tx.Put(&world.Role{Name: "a", Description: huge}) },
		"objects": func(tx *store.Tx) {
			for n := range 30_000 {
				tx.Put(group(fmt.Sprint(n), 1))
			}
		},
	} {
		_, err := s.Update(context.Background(), func(tx *store.Tx) error { f(tx); return nil })
		if !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.View().Revision != 0 || s.View().LogGroups.Len() != 0 {
		t.Error("an update that failed changed something")
	}
	update(t, s, func(tx *store.Tx) { tx.Put(group("a", 1)) })
}

// largeBatches has more waiting at once than one transaction takes.
func largeBatches(t *testing.T, on Storage) {
	s := on.Open(t)
	const callers = 40
	big := strings.Repeat("x", 400<<10)
	var running sync.WaitGroup
	for n := range callers {
		running.Go(func() {
			_, err := s.Update(context.Background(), func(tx *store.Tx) error {
				tx.Put(&world.Role{Name: fmt.Sprint(n), Description: big})
				for m := range 20 {
					tx.Put(group(fmt.Sprint(n, "/", m), 1))
				}
				return nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	running.Wait()
	before := s.View()
	if before.Roles.Len() != callers || before.LogGroups.Len() != callers*20 || before.Revision != callers {
		t.Errorf("%d roles, %d groups, revision %d", before.Roles.Len(), before.LogGroups.Len(), before.Revision)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, "opened again", open(t, on).View(), before)
}

func anyKey(t *testing.T, on Storage) {
	s := on.Open(t)
	names := []string{"", "/", "//", "a/b", "a\x00b", "\xff\xfe", "é", " ", "revision", "../epoch", strings.Repeat("k", 2000)}
	for i, name := range names {
		// What is not UTF-8 does not survive JSON.
		update(t, s, func(tx *store.Tx) { tx.Put(group(strings.ToValidUTF8(name, "?"), int32(i))) })
	}
	before := s.View()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, on)
	equal(t, "opened again", s.View(), before)
	for _, name := range names {
		update(t, s, func(tx *store.Tx) { tx.Delete(world.KindLogGroup, strings.ToValidUTF8(name, "?")) })
	}
	if got := s.View().LogGroups.Len(); got != 0 {
		t.Errorf("%d objects left", got)
	}
}

func fencing(t *testing.T, on Storage) {
	if !on.Fences() {
		t.Skip("the storage has a lock instead")
	}
	first := open(t, on)
	update(t, first, func(tx *store.Tx) { tx.Put(group("a", 1)) })
	second := open(t, on)
	_, err := first.Update(context.Background(), func(tx *store.Tx) error {
		tx.Put(group("a", 2))
		return nil
	})
	if !errors.Is(err, store.ErrFenced) || !errors.Is(first.Ready(), store.ErrFenced) || days(first.View(), "a") != 1 {
		t.Errorf("first writer: %v, ready: %v, a %d", err, first.Ready(), days(first.View(), "a"))
	}
	if revision := update(t, second, func(tx *store.Tx) { tx.Put(group("a", 3)) }); revision != 2 || days(second.View(), "a") != 3 {
		t.Errorf("second writer: revision %d, a %d", revision, days(second.View(), "a"))
	}
}

// equal compares two worlds object by object in their stored form.
func equal(t interface{ Errorf(string, ...any) }, what string, got, want world.World) {
	if got.Revision != want.Revision {
		t.Errorf("%s: revision %d, expected %d", what, got.Revision, want.Revision)
	}
	for _, k := range world.Kinds() {
		g, w := stored(got, k), stored(want, k)
		if !slices.Equal(g, w) {
			t.Errorf("%s: %s\n%s\nexpected\n%s", what, k, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
}

func stored(w world.World, k world.Kind) []string {
	var list []string
	for o := range w.All(k) {
		value, err := json.Marshal(o)
		if err != nil {
			value = []byte(err.Error())
		}
		list = append(list, o.Key()+" "+string(value))
	}
	return list
}
