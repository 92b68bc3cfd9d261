package etcd

import (
	"context"
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"pgregory.net/rapid"

	"seamark/internal/store"
	"seamark/internal/world"
)

// change puts and deletes log groups and instances at random.
func change(t *rapid.T, s store.Store) {
	_, err := s.Update(context.Background(), func(tx *store.Tx) error {
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			n := rapid.IntRange(0, 30).Draw(t, "n")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				tx.Put(&world.LogGroup{Name: fmt.Sprint("a/", n), RetentionDays: int32(rapid.IntRange(1, 99).Draw(t, "days"))})
			case 1:
				tx.Put(&world.DiscoveryInstance{Service: world.DiscoveryServiceID(fmt.Sprint("srv-", n%3)), ID: fmt.Sprint(n), Attributes: map[string]string{"a": fmt.Sprint(n)}})
			case 2:
				tx.Delete(world.KindLogGroup, fmt.Sprint("a/", n))
			case 3:
				tx.Delete(world.KindDiscoveryInstance, fmt.Sprint("srv-", n%3, "/", n))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// opened is a store with what is below it.
func opened(t interface{ Fatal(args ...any) }, dir string) (store.Store, *backend) {
	o := Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1, QuotaBytes: defaultQuota}
	c, err := embedded(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, w, err := takeOver(context.Background(), o, c)
	if err != nil {
		t.Fatal(err)
	}
	return store.NewCommitter(store.Options{Backend: b, World: w, Limits: c.limits, Logger: quiet()}), b
}

// Whatever happened after the file was written, what was read ahead and caught up
// is the world that the server has, or it is refused.
func TestAhead_IsWhatTheServerHas(t *testing.T) {
	dir := t.TempDir()
	used := 0
	rapid.Check(t, func(rt *rapid.T) {
		s, _ := opened(rt, dir)
		change(rt, s)
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
		early, err := readAhead(database(dir))
		if err != nil {
			rt.Fatal(err)
		}
		s, b := opened(rt, dir)
		defer s.Close()
		change(rt, s)
		if rapid.Bool().Draw(rt, "compact") {
			if _, err := b.client.Compact(context.Background(), b.etcdRevision.Load()); err != nil {
				rt.Fatal(err)
			}
		}
		later := *b.connection
		later.ahead = early
		l := loader{client: b.client, at: b.etcdRevision.Load()}
		got, objects, err := l.caughtUp(context.Background(), &later)
		if err != nil {
			return // read from the server instead
		}
		used++
		want, n, err := l.load(context.Background())
		if err != nil || n != objects {
			rt.Fatalf("%d objects, the server has %d (%v)", objects, n, err)
		}
		for _, k := range world.Kinds() {
			g, e := stored(rt, got, k), stored(rt, want, k)
			if fmt.Sprint(g) != fmt.Sprint(e) {
				rt.Fatalf("%s: %v, the server has %v", k, g, e)
			}
		}
	})
	if used == 0 {
		t.Error("nothing that was read ahead was ever used")
	}
}

func stored(t *rapid.T, w world.World, k world.Kind) []string {
	var list []string
	for o := range w.All(k) {
		b, err := world.Encode(o)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %x", o.Key(), b))
	}
	return list
}

// A compaction takes the deletions that the file did not have yet.
func TestAhead_RefusesWhatACompactionTook(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	if _, err := s.Update(context.Background(), func(tx *store.Tx) error {
		tx.Put(&world.LogGroup{Name: "kept"})
		tx.Put(&world.LogGroup{Name: "deleted"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	early, err := readAhead(database(dir))
	if err != nil {
		t.Fatal(err)
	}
	c, err := embedded(context.Background(), Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1, QuotaBytes: defaultQuota})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.close() }()
	if _, err := c.client.Delete(context.Background(), kindPrefix(world.KindLogGroup)+"deleted"); err != nil {
		t.Fatal(err)
	}
	put, err := c.client.Put(context.Background(), keyRevision, "1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.client.Compact(context.Background(), put.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	c.ahead = early
	l := loader{client: c.client, at: put.Header.Revision}
	if w, _, err := l.caughtUp(context.Background(), c); err == nil {
		t.Errorf("used, with %d log groups", w.LogGroups.Len())
	}
	w, _, err := l.load(context.Background())
	if err != nil || w.LogGroups.Len() != 1 || w.LogGroups.Get("kept") == nil {
		t.Errorf("%d log groups (%v)", w.LogGroups.Len(), err)
	}
}
