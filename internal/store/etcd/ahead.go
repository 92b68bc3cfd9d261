package etcd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"
	etcdbackend "go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"

	"seamark/internal/world"
)

// A server that starts reads its whole database to build its index, on one
// core. Reading the same objects from it afterwards would take as long again. So
// they are read from the file before it starts and decoded while it does, and
// what its log holds beyond the file is read from it then. The server's own count
// of keys says whether that came to the same (decision 0013).

// lockPatience bounds the wait for a database that another process has open.
const lockPatience = time.Second

// ahead is the world as the database held it before the server started.
type ahead struct {
	revision int64 // etcd's
	built    chan struct{}
	world    world.World // once built
	err      error
}

// entry is a stored object, by the world's key.
type entry struct {
	key   string
	bytes []byte
}

// contents is what a database holds.
type contents struct {
	revision int64
	kinds    map[world.Kind][]entry
}

// readAhead reads a database that no server has open, and begins to build the
// world that it holds.
func readAhead(path string) (*ahead, error) {
	c, err := readDatabase(path)
	if err != nil {
		return nil, err
	}
	a := &ahead{revision: c.revision, built: make(chan struct{})}
	go func() {
		defer close(a.built)
		a.world, a.err = c.build()
	}()
	return a, nil
}

// wait returns when nothing is under way any more.
func (a *ahead) wait() {
	if a != nil {
		<-a.built
	}
}

func readDatabase(path string) (c contents, err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockPatience})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bbolt.Tx) (err error) {
		bucket := tx.Bucket(schema.Key.Name())
		if bucket == nil {
			return errors.New("the database has no keys")
		}
		c, err = latest(bucket)
		return err
	})
	return c, err
}

// latest collects the last value of each key. A bucket is in the order of
// revisions.
func latest(bucket *bbolt.Bucket) (contents, error) {
	c := contents{kinds: map[world.Kind][]entry{}}
	last := map[string][]byte{} // in the file
	err := bucket.ForEach(func(revision, stored []byte) error {
		r, err := parse(revision, stored)
		if err != nil {
			return err
		}
		c.revision = r.revision
		if r.deleted {
			delete(last, string(r.key))
		} else {
			last[string(r.key)] = r.value
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	for key, bytes := range last {
		kind, of, err := objectOf(key)
		if err != nil {
			return c, err
		}
		if kind == "" {
			continue
		}
		c.kinds[kind] = append(c.kinds[kind], entry{of, slices.Clone(bytes)})
	}
	return c, nil
}

// record is one key's state since a revision of etcd's.
type record struct {
	revision   int64
	key, value []byte
	deleted    bool
}

// parse reads an entry of the bucket: a revision, and mvccpb.KeyValue.
func parse(revision, stored []byte) (record, error) {
	if len(revision) < 17 {
		return record{}, fmt.Errorf("revision %x", revision)
	}
	at := mvcc.BytesToBucketKey(revision)
	r := record{revision: at.Main, deleted: mvcc.IsTombstone(revision)}
	for len(stored) > 0 {
		number, kind, n := protowire.ConsumeTag(stored)
		if n < 0 {
			return r, protowire.ParseError(n)
		}
		stored = stored[n:]
		field := stored
		if n = protowire.ConsumeFieldValue(number, kind, stored); n < 0 {
			return r, protowire.ParseError(n)
		}
		stored = stored[n:]
		switch number {
		case 1:
			r.key, _ = protowire.ConsumeBytes(field)
		case 5:
			r.value, _ = protowire.ConsumeBytes(field)
		}
	}
	return r, nil
}

// objectOf splits the key of an object. Keys about the state itself, and those that
// are none of ours, are of no kind.
func objectOf(key string) (world.Kind, string, error) {
	rest, ours := strings.CutPrefix(key, prefix)
	if !ours || key == keyFormat || key == keyEpoch || key == keyRevision {
		return "", "", nil
	}
	kind, of, ok := strings.Cut(rest, "/")
	if !ok {
		return "", "", fmt.Errorf("unknown key %q", key)
	}
	return world.Kind(kind), of, nil
}

// build decodes everything.
func (c contents) build() (world.World, error) {
	w := world.New()
	for _, k := range slices.Sorted(maps.Keys(c.kinds)) {
		list, err := decodeAll(k, c.kinds[k])
		if err != nil {
			return w, err
		}
		delete(c.kinds, k)
		w.Fill(k, list)
	}
	return w, nil
}

// decodeAll decodes values in the order of their keys, in parallel, and forgets
// each: with all of them there would be twice as much in memory.
func decodeAll(k world.Kind, values []entry) ([]world.Object, error) {
	slices.SortFunc(values, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	list := make([]world.Object, len(values))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(values); from += chunkSize {
		g.Go(func() error {
			for i := from; i < min(from+chunkSize, len(values)); i++ {
				o, err := world.Decode(k, values[i].bytes)
				if err != nil {
					return fmt.Errorf("%q: %w", values[i].key, err)
				}
				list[i], values[i] = o, entry{}
			}
			return nil
		})
	}
	return list, g.Wait()
}

// since calls each for what a server's database says of keys after a revision, in
// order.
func since(b etcdbackend.Backend, revision int64, each func(record) error) error {
	tx := b.ConcurrentReadTx()
	tx.RLock()
	defer tx.RUnlock()
	from, to := mvcc.NewRevBytes(), mvcc.NewRevBytes()
	from = mvcc.RevToBytes(mvcc.Revision{Main: revision + 1}, from)
	to = mvcc.RevToBytes(mvcc.Revision{Main: 1<<63 - 1}, to)
	keys, stored := tx.UnsafeRange(schema.Key, from, to, 0)
	for i := range keys {
		r, err := parse(keys[i], stored[i])
		if err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// caughtUp is what was read ahead with all that the server did since. An error
// means that the world must be read from the server.
func (l loader) caughtUp(ctx context.Context, c *connection) (w world.World, objects int64, err error) {
	select {
	case <-c.ahead.built:
	case <-ctx.Done():
		return w, 0, ctx.Err()
	}
	w, err = c.ahead.world, c.ahead.err
	if err != nil {
		return w, 0, err
	}
	err = c.since(c.ahead.revision, func(r record) error { return apply(&w, r) })
	if err != nil {
		return w, 0, err
	}
	for _, k := range world.Kinds() {
		objects += int64(w.Len(k))
	}
	return w, objects, l.check(ctx, objects)
}

// apply makes w what it is with one more change.
func apply(w *world.World, r record) error {
	kind, key, err := objectOf(string(r.key))
	switch {
	case err != nil || kind == "":
		return err
	case r.deleted:
		w.Delete(kind, key)
		return nil
	}
	o, err := world.Decode(kind, r.value)
	if err == nil {
		w.Put(o)
	}
	return err
}

// check compares the number of objects with the server's own count of keys. After
// a compaction the database no longer tells of each deletion; the last value of
// each key that exists is always there, so that the count shows it.
func (l loader) check(ctx context.Context, objects int64) error {
	all, err := l.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly(), clientv3.WithRev(l.at), clientv3.WithSerializable())
	if err != nil {
		return err
	}
	if all.Count != objects+metaKeys {
		return fmt.Errorf("%d keys, of which this Seamark knows %d: a newer version wrote others", all.Count, objects+metaKeys)
	}
	return nil
}
