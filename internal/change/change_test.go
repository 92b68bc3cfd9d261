package change

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/plan"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

func open(t *testing.T) *mem.Store {
	s := mem.New(mem.Options{})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDo_CommitsWithTheRunnersInputs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		r := &Runner{Store: s, Scope: world.Scope{Region: "eu-west-1"}, Fidelity: world.AWS, Applied: func() int64 { return 42 }}
		wake := time.Now().Add(time.Minute)
		revision, again, err := r.Do(t.Context(), func(d *plan.Draft) error {
			if d.Revision != 1 || d.Applied != 42 || d.Scope.Region != "eu-west-1" || d.Fidelity != world.AWS || !d.Now.Equal(time.Now()) {
				t.Errorf("draft %+v", d)
			}
			d.Put(&world.Cluster{Name: "c"})
			d.Again(wake)
			return nil
		})
		if err != nil || revision != 1 || !again.Equal(wake) || r.View().Clusters.Get("c") == nil {
			t.Errorf("revision %d, again %v, %v", revision, again, err)
		}
	})
}

func TestDo_AnErrorChangesNothing(t *testing.T) {
	s := open(t)
	r := &Runner{Store: s}
	refused := errors.New("refused")
	_, _, err := r.Do(t.Context(), func(d *plan.Draft) error {
		d.Put(&world.Cluster{Name: "c"})
		return refused
	})
	if !errors.Is(err, refused) || s.View().Revision != 0 {
		t.Errorf("%v, revision %d", err, s.View().Revision)
	}
}

func TestDo_AppliedIsEverythingWithoutAResolver(t *testing.T) {
	r := &Runner{Store: open(t)}
	_, _, err := r.Do(t.Context(), func(d *plan.Draft) error {
		if d.Applied < d.Revision {
			t.Errorf("revision %d is not applied, only %d", d.Revision, d.Applied)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPlan_WritesOnlyWhatThereIsToWrite(t *testing.T) {
	s := open(t)
	r := &Runner{Store: s}
	wake := time.Now().Add(time.Hour)
	runs := 0
	again, err := r.Plan(t.Context(), func(d *plan.Draft) { runs++; d.Again(wake) })
	if err != nil || !again.Equal(wake) || runs != 1 || s.Disk().Commits() != 0 {
		t.Errorf("again %v, %v; %d runs, %d commits", again, err, runs, s.Disk().Commits())
	}
	if _, err = r.Plan(t.Context(), func(d *plan.Draft) { d.Put(&world.Cluster{Name: "c"}) }); err != nil || s.View().Clusters.Len() != 1 {
		t.Errorf("%v, %d clusters", err, s.View().Clusters.Len())
	}
	s.Disk().Refuse(store.ErrNoSpace)
	if _, err = r.Plan(t.Context(), func(d *plan.Draft) { d.Put(&world.Cluster{Name: "d"}) }); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("a full disk: %v", err)
	}
	if _, err = r.Plan(t.Context(), func(*plan.Draft) {}); err != nil {
		t.Errorf("nothing to write on a full disk: %v", err)
	}
}

func TestDo_DrawsFreshIDsEachTime(t *testing.T) {
	r := &Runner{Store: open(t)}
	seen := map[string]bool{}
	for range 20 {
		if _, _, err := r.Do(t.Context(), func(d *plan.Draft) error { seen[d.Draw.UUID()] = true; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 20 {
		t.Errorf("%d different ids of 20", len(seen))
	}
}

// TestDo_StoresWhatTheDraftShows: what a draft put, replaced, deleted, and put
// and deleted again is what a restart finds.
func TestDo_StoresWhatTheDraftShows(t *testing.T) {
	s := open(t)
	r := &Runner{Store: s}
	do := func(f func(d *plan.Draft)) {
		t.Helper()
		if _, _, err := r.Do(t.Context(), func(d *plan.Draft) error { f(d); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	do(func(d *plan.Draft) {
		d.Put(&world.Cluster{Name: "kept"})
		d.Put(&world.Cluster{Name: "changed"})
		d.Put(&world.Cluster{Name: "deleted"})
	})
	do(func(d *plan.Draft) {
		d.Delete(d.World.Clusters.Get("deleted"))
		d.Put(&world.Cluster{Name: "changed", Status: "ACTIVE"})
		brief := &world.Cluster{Name: "brief"}
		d.Put(brief)
		d.Delete(brief)
	})
	again, err := mem.Open(mem.Options{Disk: s.Disk()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }() // it was only read
	for _, w := range []world.World{s.View(), again.View()} {
		if c := w.Clusters.Get("changed"); w.Clusters.Len() != 2 || w.Clusters.Get("kept") == nil || c == nil || c.Status != "ACTIVE" {
			t.Errorf("%d clusters, changed is %+v", w.Clusters.Len(), c)
		}
	}
}
