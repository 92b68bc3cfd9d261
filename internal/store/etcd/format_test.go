package etcd

import (
	"context"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
	"seamark/internal/world"
)

// put writes keys of a cluster as another version of Seamark left them.
func put(t *testing.T, e endpoint, pairs ...string) {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{string(e)}, DialTimeout: dialTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := 0; i < len(pairs); i += 2 {
		if _, err := c.Put(context.Background(), pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// earlier is a state of a format that had a key for each object.
func earlier(t *testing.T, format string) endpoint {
	t.Helper()
	b, err := world.Encode(&world.LogGroup{Name: "b", RetentionDays: 2})
	if err != nil {
		t.Fatal(err)
	}
	if format == "1" {
		b = []byte(`{"Name":"b","RetentionDays":2,"Tags":null,"CreatedAt":"2026-11-26T19:00:00Z"}`)
	}
	e := endpoint(startCluster(t))
	put(t, e, keyFormat, format, keyEpoch, "1 x", keyRevision, "7",
		kindPrefix(world.KindLogGroup)+"a", `{"Name":"a","RetentionDays":1,"Tags":null,"CreatedAt":"2026-11-26T19:00:00Z"}`,
		kindPrefix(world.KindLogGroup)+"b", string(b),
		kindPrefix(world.KindLogGroup)+"c", string(b))
	return e
}

// Objects of an earlier format are read, also beside a journal, until a checkpoint
// has taken their place.
func TestOpen_ReadsEarlierFormats(t *testing.T) {
	for _, format := range []string{"1", "2"} {
		t.Run(format, func(t *testing.T) {
			e := earlier(t, format)
			s := e.Open(t)
			a, b := s.View().LogGroups.Get("a"), s.View().LogGroups.Get("b")
			if a == nil || b == nil || a.RetentionDays != 1 || b.RetentionDays != 2 || s.View().Revision != 7 {
				t.Fatalf("revision %d: a %+v, b %+v", s.View().Revision, a, b)
			}
			_, err := s.Update(context.Background(), func(tx *store.Tx) error {
				tx.Put(&world.LogGroup{Name: "a", RetentionDays: 30, CreatedAt: a.CreatedAt})
				tx.Delete(world.KindLogGroup, "c")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			check := func(s store.Store) {
				t.Helper()
				a, b := s.View().LogGroups.Get("a"), s.View().LogGroups.Get("b")
				if a == nil || b == nil || a.RetentionDays != 30 || b.RetentionDays != 2 || s.View().LogGroups.Len() != 2 || s.View().Revision != 8 {
					t.Fatalf("revision %d: a %+v, b %+v, %d", s.View().Revision, a, b, s.View().LogGroups.Len())
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			check(checkpointed(t, e))
			check(e.Open(t))
			if left := e.keys(t, kindPrefix(world.KindLogGroup)); left != 0 {
				t.Errorf("%d objects have a key still", left)
			}
		})
	}
}

// checkpointed opens a cluster's state and makes a checkpoint of it.
func checkpointed(t *testing.T, e endpoint) store.Store {
	t.Helper()
	o := Options{Endpoints: []string{string(e)}, Logger: quiet(), checkpointAfter: 1 << 20}
	c, err := cluster(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, w, err := takeOver(context.Background(), o, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.checkpoint(context.Background(), func() {}); err != nil {
		t.Fatal(err)
	}
	s := store.NewCommitter(store.Options{Backend: b, World: w, Limits: c.limits, Logger: quiet()})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// keys is how many have a prefix.
func (e endpoint) keys(t *testing.T, prefix string) int64 {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{string(e)}, DialTimeout: dialTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Get(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return got.Count
}

// An older Seamark must not meet an object that it cannot read: it looks at the
// format.
func TestOpen_LeavesTheNewFormat(t *testing.T) {
	e := earlier(t, "2")
	if err := e.Open(t).Close(); err != nil {
		t.Fatal(err)
	}
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{string(e)}, DialTimeout: dialTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Get(context.Background(), keyFormat)
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].GetValue()) != format {
		t.Errorf("format %v, %v", got, err)
	}
}

func TestOpen_RefusesNewerFormat(t *testing.T) {
	e := endpoint(startCluster(t))
	put(t, e, keyFormat, "4")
	s, err := Open(context.Background(), Options{Endpoints: []string{string(e)}, Logger: quiet()})
	if err == nil {
		_ = s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "format 4") {
		t.Errorf("format 4: %v", err)
	}
}
