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

func format1(t *testing.T) endpoint {
	t.Helper()
	e := endpoint(startCluster(t))
	put(t, e, keyFormat, "1", keyEpoch, "1 x", keyRevision, "7",
		kindPrefix(world.KindLogGroup)+"a", `{"Name":"a","RetentionDays":1,"Tags":null,"CreatedAt":"2026-11-26T19:00:00Z"}`,
		kindPrefix(world.KindLogGroup)+"b", `{"Name":"b","RetentionDays":2,"Tags":null,"CreatedAt":"2026-11-26T19:00:00Z"}`)
	return e
}

// Objects of both forms are read side by side.
func TestOpen_ReadsFormat1(t *testing.T) {
	e := format1(t)
	for _, days := range []int32{1, 30} {
		s := e.Open(t)
		a, b := s.View().LogGroups.Get("a"), s.View().LogGroups.Get("b")
		if a == nil || b == nil || a.RetentionDays != days || b.RetentionDays != 2 || s.View().Revision < 7 {
			t.Fatalf("revision %d: a %+v, b %+v", s.View().Revision, a, b)
		}
		_, err := s.Update(context.Background(), func(tx *store.Tx) error {
			tx.Put(&world.LogGroup{Name: "a", RetentionDays: 30, CreatedAt: a.CreatedAt})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An older Seamark must not meet an object that it cannot read: it looks at the
// format.
func TestOpen_LeavesTheNewFormat(t *testing.T) {
	e := format1(t)
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
	put(t, e, keyFormat, "3")
	s, err := Open(context.Background(), Options{Endpoints: []string{string(e)}, Logger: quiet()})
	if err == nil {
		_ = s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "format 3") {
		t.Errorf("format 3: %v", err)
	}
}
