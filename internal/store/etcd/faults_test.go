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

// What other programs leave in a database can fill it. Then nothing can be written,
// and when there is room again, it can.
func TestQuota_RefusesAndRecovers(t *testing.T) {
	s, b := opened(t, Options{Dir: t.TempDir(), QuotaBytes: 16 << 20, checkpointAfter: 1 << 20})
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	// etcd looks at the size of its file, which grows once a second.
	text := strings.Repeat("x", 1<<20)
	var err error
	for n, end := 0, time.Now().Add(20*time.Second); err == nil && time.Now().Before(end); n++ {
		if _, err = b.client.Put(context.Background(), fmt.Sprint("/other/", n%8), text); err == nil {
			err = putGroup(s, fmt.Sprint(n))
		}
	}
	if err == nil {
		t.Fatal("more than a quota of 16 MiB fits")
	}
	if err := putGroup(s, "refused"); !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("an update where the quota is used up: %v", err)
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

// A journal that is written faster than checkpoints are made holds writers up, and
// fills neither the quota nor much more of the disk than two checkpoints take.
func TestChurn_DoesNotGrowTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	dir := t.TempDir()
	s, b := opened(t, Options{Dir: dir})
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
		if size := b.journal.size.Load(); size > fullAt*checkpointAfter+1<<20 {
			t.Fatalf("the journal has %d MiB", size>>20)
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
