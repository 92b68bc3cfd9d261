package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"pgregory.net/rapid"

	"seamark/internal/store"
	"seamark/internal/world"
)

// alter puts and deletes log groups and instances at random.
func alter(t *rapid.T, s store.Store) {
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

// contents are all objects in their stored form.
func contents(t interface{ Fatal(args ...any) }, w world.World) string {
	var b bytes.Buffer
	for _, k := range world.Kinds() {
		for o := range w.All(k) {
			value, err := world.Encode(o)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %s %x\n", k, o.Key(), value)
		}
	}
	return b.String()
}

// Wherever among changes checkpoints are made, a new process finds the same world.
func TestCheckpoint_IsTheWorld(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		s, b := opened(rt, Options{Dir: dir, checkpointAfter: 1 << 40})
		for range rapid.IntRange(1, 5).Draw(rt, "updates") {
			alter(rt, s)
			if !rapid.Bool().Draw(rt, "checkpoint") {
				continue
			}
			if err := b.checkpoint(context.Background(), func() {}); err != nil {
				rt.Fatal(err)
			}
		}
		want, revision := contents(rt, s.View()), s.View().Revision
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
		s, _ = opened(rt, Options{Dir: dir, checkpointAfter: 1 << 40})
		defer s.Close()
		if got := contents(rt, s.View()); got != want || s.View().Revision != revision {
			rt.Fatalf("revision %d, want %d:\n%swant:\n%s", s.View().Revision, revision, got, want)
		}
	})
}

// fill writes some 600 KB, which are several chunks.
func fillChunks(t *testing.T, s store.Store) {
	t.Helper()
	for n := range 6 {
		_, err := s.Update(context.Background(), func(tx *store.Tx) error {
			for m := range 10 {
				tx.Put(&world.Role{Name: fmt.Sprint(n, "-", m), Description: strings.Repeat("x", 10_000)})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint that ends at any of its steps loses nothing, and the next one takes
// away what it left.
func TestCheckpoint_CutShort(t *testing.T) {
	for steps := range 20 {
		s, kv, c := openLossy(t)
		fillChunks(t, s)
		b := &backend{connection: c, log: quiet(), journal: newJournal(Options{checkpointAfter: 1 << 40})}
		w := s.View()
		b.journal.last.Store(&w)
		epoch, err := c.client.Get(context.Background(), keyEpoch)
		if err != nil {
			t.Fatal(err)
		}
		b.epoch = string(epoch.Kvs[0].GetValue())
		done := 0
		var fault func(clientv3.Txn) (*clientv3.TxnResponse, error)
		fault = func(txn clientv3.Txn) (*clientv3.TxnResponse, error) {
			if done == steps {
				return nil, errLost
			}
			done++
			kv.next.Store(&fault)
			return txn.Commit()
		}
		kv.next.Store(&fault)
		err = b.checkpoint(context.Background(), func() {})
		kv.next.Store(nil)
		if err != nil && !errors.Is(err, errLost) {
			t.Fatalf("after %d steps: %v", steps, err)
		}
		again, loadErr := loader{client: c.client, at: 0}.load(context.Background())
		if loadErr != nil || again.revision != w.Revision || contents(t, again.world) != contents(t, w) {
			t.Fatalf("cut short after %d steps: revision %d, want %d (%v)", steps, again.revision, w.Revision, loadErr)
		}
		if err := b.checkpoint(context.Background(), func() {}); err != nil {
			t.Fatal(err)
		}
		for under, want := range map[string]int64{keyJournal: 0, keyChunks: 5} {
			left, err := c.client.Get(context.Background(), under, clientv3.WithPrefix(), clientv3.WithCountOnly())
			if err != nil || left.Count != want {
				t.Errorf("after %d steps: %d keys under %s, want %d (%v)", steps, left.Count, under, want, err)
			}
		}
		if err == nil {
			if steps < 7 {
				t.Errorf("a checkpoint has %d steps only", steps)
			}
			return
		}
	}
	t.Error("a checkpoint takes more than 20 steps")
}

// A process that another one has fenced makes no checkpoint of its old world.
func TestCheckpoint_OfAFencedProcess(t *testing.T) {
	s, _, c := openLossy(t)
	fillChunks(t, s)
	old := &backend{connection: c, log: quiet(), epoch: "of an earlier process", journal: newJournal(Options{checkpointAfter: 1 << 40})}
	empty := world.New()
	empty.Revision = s.View().Revision + 1
	old.journal.last.Store(&empty)
	if err := old.checkpoint(context.Background(), func() {}); !errors.Is(err, errNotWriter) {
		// An empty world has no chunk, so that only the pointer could be written.
		t.Errorf("a checkpoint: %v", err)
	}
	again, err := loader{client: c.client, at: 0}.load(context.Background())
	if err != nil || contents(t, again.world) != contents(t, s.View()) {
		t.Errorf("the state is another one (%v)", err)
	}
}

// A state with a gap is not used as if it were whole.
func TestLoad_RefusesAGap(t *testing.T) {
	for what, damage := range map[string]func(c *clientv3.Client) error{
		"an entry in the middle": func(c *clientv3.Client) error {
			_, err := c.Delete(context.Background(), journalKey(3))
			return err
		},
		"the last entry": func(c *clientv3.Client) error {
			_, err := c.Delete(context.Background(), journalKey(6))
			return err
		},
		"half of an entry": func(c *clientv3.Client) error {
			_, err := c.Put(context.Background(), journalKey(6), "\x05\x04role\x01")
			return err
		},
	} {
		o := Options{Dir: t.TempDir()}
		s, b := opened(t, o)
		fillChunks(t, s)
		if err := damage(b.client); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		o.Logger, o.MinFreeBytes = quiet(), 1
		again, err := Open(context.Background(), o)
		if err == nil {
			_ = again.Close()
			t.Errorf("without %s: opened", what)
		}
	}
}

func TestParseWrites_TakesWhatAppendWriteMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stored []byte
		var want []store.Write
		for range rapid.IntRange(0, 5).Draw(t, "writes") {
			w := store.Write{
				Ref:   world.Ref{Kind: world.Kind(rapid.String().Draw(t, "kind")), Key: rapid.String().Draw(t, "key")},
				Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value"),
			}
			if rapid.Bool().Draw(t, "deleted") {
				w.Value = nil
			}
			want = append(want, w)
			stored = appendWrite(stored, w)
		}
		var got []store.Write
		if err := parseWrites(stored, func(w store.Write) error { got = append(got, w); return nil }); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Fatalf("%#v, want %#v", got, want)
		}
		for n := range stored {
			seen := 0
			err := parseWrites(stored[:n], func(store.Write) error { seen++; return nil })
			if err == nil && seen == len(want) {
				t.Fatalf("%d of %d bytes hold all %d writes", n, len(stored), seen)
			}
		}
	})
}
