package etcd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
	"seamark/internal/world"
)

// lossy is a KV whose transactions with puts meet faults.
type lossy struct {
	clientv3.KV
	next atomic.Pointer[func(txn clientv3.Txn) (*clientv3.TxnResponse, error)]
}

func (l *lossy) Txn(ctx context.Context) clientv3.Txn {
	return &lossyTxn{l.KV.Txn(context.WithoutCancel(ctx)), l}
}

type lossyTxn struct {
	clientv3.Txn
	kv *lossy
}

func (x *lossyTxn) If(c ...clientv3.Cmp) clientv3.Txn { x.Txn = x.Txn.If(c...); return x }
func (x *lossyTxn) Then(o ...clientv3.Op) clientv3.Txn {
	x.Txn = x.Txn.Then(o...)
	return x
}

func (x *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	if fault := x.kv.next.Swap(nil); fault != nil {
		return (*fault)(x.Txn)
	}
	return x.Txn.Commit()
}

// openLossy opens a store whose connection can be made to lose messages.
func openLossy(t *testing.T) (store.Store, *lossy, *connection) {
	t.Helper()
	o := Options{Dir: t.TempDir(), Logger: quiet(), MinFreeBytes: 1, QuotaBytes: defaultQuota}
	c, err := embedded(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	kv := &lossy{KV: c.client.KV}
	c.client.KV = kv
	s, err := open(context.Background(), o, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s, kv, c
}

var errLost = errors.New("deliberately lost")

func TestLostAnswer_IsFoundOut(t *testing.T) {
	s, kv, _ := openLossy(t)
	lost := func(txn clientv3.Txn) (*clientv3.TxnResponse, error) {
		if _, err := txn.Commit(); err != nil {
			return nil, err
		}
		return nil, errLost
	}
	kv.next.Store(&lost)
	if err := putGroup(s, "written"); err != nil {
		t.Errorf("the commit was done: %v", err)
	}
	if w := s.View(); w.LogGroups.Get("written") == nil || w.Revision != 1 {
		t.Errorf("not visible, revision %d", w.Revision)
	}
	if err := putGroup(s, "next"); err != nil {
		t.Error(err)
	}
}

func TestLostRequest_NeverArrives(t *testing.T) {
	s, kv, _ := openLossy(t)
	var late clientv3.Txn
	lost := func(txn clientv3.Txn) (*clientv3.TxnResponse, error) {
		late = txn
		return nil, errLost
	}
	kv.next.Store(&lost)
	if err := putGroup(s, "lost"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the commit was lost: %v", err)
	}
	resp, err := late.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if resp.Succeeded {
		t.Error("a commit whose failure was reported arrived later")
	}
	if err := putGroup(s, "next"); err != nil {
		t.Error(err)
	}
	if w := s.View(); w.LogGroups.Get("lost") != nil || w.Revision != 1 {
		t.Errorf("revision %d", w.Revision)
	}
}

func TestHaltedServer_ReadsGoOn(t *testing.T) {
	s, _, c := openLossy(t)
	if err := putGroup(s, "a"); err != nil {
		t.Fatal(err)
	}
	c.health.fail("deliberate")
	start := time.Now()
	if err := putGroup(s, "b"); !errors.Is(err, store.ErrUnavailable) || time.Since(start) > time.Second {
		t.Errorf("update: %v after %v", err, time.Since(start))
	}
	if s.View().LogGroups.Get("a") == nil || !errors.Is(s.Ready(), store.ErrUnavailable) {
		t.Errorf("ready: %v", s.Ready())
	}
}

func TestQuota_RefusesAndRecovers(t *testing.T) {
	const quota = 16 << 20
	dir := t.TempDir()
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1, QuotaBytes: quota})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	// The same object again and again: what fills the quota is history, which
	// compaction drops.
	// etcd looks at the size of its file, which grows once a second.
	text := strings.Repeat("x", 1<<20)
	for n, end := 0, time.Now().Add(20*time.Second); err == nil && time.Now().Before(end); n++ {
		_, err = s.Update(context.Background(), func(tx *store.Tx) error {
			tx.Put(&world.Role{Name: "a", Path: fmt.Sprint(n), Description: text})
			return nil
		})
	}
	if !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("more than a quota of 16 MiB takes: %v", err)
	}
	deadline := time.Now().Add(4 * alarmInterval)
	for s.Ready() != nil {
		if time.Now().After(deadline) {
			t.Fatalf("not ready again: %v", s.Ready())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := putGroup(s, "after"); err != nil {
		t.Error(err)
	}
}

// TestChurn_DoesNotGrowTheFile waits for each compaction, as a load that is not
// as fast as it can be does: how far writers get ahead of upkeep is a matter of
// the machine, what upkeep makes of the file is not.
func TestChurn_DoesNotGrowTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	dir := t.TempDir()
	s, b := opened(t, dir)
	defer s.Close()
	text := strings.Repeat("x", 1000)
	for n := range 1000 {
		_, err := s.Update(context.Background(), func(tx *store.Tx) error {
			for m := range 100 {
				tx.Put(&world.Role{Name: fmt.Sprint(m), Path: fmt.Sprint(n), Description: text})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if b.written.Load() >= compactAfter {
			await(t, "what was overwritten is dropped", func() bool { return b.written.Load() < compactAfter })
		}
	}
	info, err := os.Stat(database(dir))
	if err != nil {
		t.Fatal(err)
	}
	if size := info.Size() >> 20; size > 60 {
		t.Errorf("the file of 100 KB of live data has %d MiB after 100 MB of writes", size)
	}
}
