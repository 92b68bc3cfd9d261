package etcd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
	"seamark/internal/world"
)

// requestTimeout bounds a request. etcd itself gives up after a little more
// than 5 s, so that this one bites only with a cluster out of reach.
const requestTimeout = 7 * time.Second

// backend is a store.Backend. Commit and Resolve are called by one goroutine.
type backend struct {
	*connection
	log   *slog.Logger
	space func() error // checks free space; may be nil

	epoch    string // value of keyEpoch that lets us write
	version  int64  // etcd's revision of keyRevision
	revision int64  // value of keyRevision

	journal      *journal
	entry        []byte       // reused
	etcdRevision atomic.Int64 // etcd's own, of the last write

	stopUpkeep context.CancelFunc
	upkeepDone sync.WaitGroup
}

// claim makes this opening the only writer.
func (b *backend) claim(ctx context.Context) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		done, err := b.tryClaim(ctx)
		cancel()
		if done || err != nil {
			return err
		}
	}
}

func (b *backend) tryClaim(ctx context.Context) (done bool, err error) {
	seen, err := b.client.Txn(ctx).Then(clientv3.OpGet(keyFormat), clientv3.OpGet(keyEpoch), clientv3.OpGet(keyRevision)).Commit()
	if err != nil {
		return false, err
	}
	if f, _ := value(seen, 0); !readable(f) {
		return false, fmt.Errorf("the state has format %s and this Seamark reads format %s: use the version of Seamark that wrote it", f, format)
	}
	epoch, epochVersion := value(seen, 1)
	revision, version := value(seen, 2)
	count, _, _ := strings.Cut(epoch, " ")
	n, err := number(count)
	if err != nil {
		return false, fmt.Errorf("epoch: %w", err)
	}
	if b.revision, err = number(revision); err != nil {
		return false, fmt.Errorf("revision: %w", err)
	}
	b.epoch = strconv.FormatInt(n+1, 10) + " " + rand.Text()
	// Writing the revision again keeps out commits of earlier writers that are
	// still under way.
	claimed, err := b.client.Txn(ctx).If(
		clientv3.Compare(clientv3.ModRevision(keyEpoch), "=", epochVersion),
		clientv3.Compare(clientv3.ModRevision(keyRevision), "=", version),
	).Then(
		clientv3.OpPut(keyFormat, format),
		clientv3.OpPut(keyEpoch, b.epoch),
		clientv3.OpPut(keyRevision, strconv.FormatInt(b.revision, 10)),
	).Commit()
	if err != nil || !claimed.Succeeded {
		return false, err
	}
	b.version = claimed.Header.Revision
	b.etcdRevision.Store(claimed.Header.Revision)
	return true, nil
}

// value is the value of the n-th get of a transaction and etcd's revision of
// it, or nothing if the key is missing.
func value(r *clientv3.TxnResponse, n int) (value string, version int64) {
	if kvs := r.Responses[n].GetResponseRange().GetKvs(); len(kvs) > 0 {
		return string(kvs[0].GetValue()), kvs[0].GetModRevision()
	}
	return "", 0
}

// number reads a decimal number; nothing is 0.
func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.ParseInt(s, 10, 64)
}

// Commit implements store.Backend.
func (b *backend) Commit(_ context.Context, batch store.Batch) error {
	if err := b.Ready(); err != nil {
		return err
	}
	if b.space != nil {
		if err := b.space(); err != nil {
			return err
		}
	}
	if batch.Base != b.revision {
		return fmt.Errorf("%w: batch on revision %d, the state has %d", store.ErrUnavailable, batch.Base, b.revision)
	}
	ctx, cancel := context.WithTimeout(b.health.alive, requestTimeout)
	defer cancel()
	if err := b.journal.room(ctx); err != nil {
		return err
	}
	b.entry = appendEntry(b.entry[:0], batch)
	resp, err := b.client.Txn(ctx).If(
		clientv3.Compare(clientv3.Value(keyEpoch), "=", b.epoch),
		clientv3.Compare(clientv3.ModRevision(keyRevision), "=", b.version),
	).Then(
		clientv3.OpPut(journalKey(batch.Revision), string(b.entry)),
		clientv3.OpPut(keyRevision, strconv.FormatInt(batch.Revision, 10)),
	).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrNoSpace):
		return b.overQuota()
	case errors.Is(err, rpctypes.ErrRequestTooLarge), errors.Is(err, rpctypes.ErrTooManyOps):
		return fmt.Errorf("%w: %w", store.ErrTooLarge, err)
	case err != nil && b.health.alive.Err() != nil:
		return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, context.Cause(b.health.alive))
	case err != nil:
		return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, err)
	case !resp.Succeeded:
		// Another writer, or an earlier attempt of this very batch.
		return fmt.Errorf("%w: the state is not as this process left it", store.ErrOutcomeUnknown)
	}
	b.committed(batch, resp.Header.Revision)
	return nil
}

// committed records that a batch is durable, its entry being in b.entry.
func (b *backend) committed(batch store.Batch, version int64) {
	b.revision, b.version = batch.Revision, version
	b.sawRevision(version)
	b.journal.appended(batch.World, len(b.entry))
}

// sawRevision records a revision of etcd's. Commits and checkpoints do so side by side.
func (b *backend) sawRevision(revision int64) {
	for {
		last := b.etcdRevision.Load()
		if revision <= last || b.etcdRevision.CompareAndSwap(last, revision) {
			return
		}
	}
}

// Resolve implements store.Backend. It writes the revision as it is, which
// gives it a new version: a commit that is still under way finds that the
// version it compares with is gone.
func (b *backend) Resolve(_ context.Context, batch store.Batch) (bool, error) {
	ctx, cancel := context.WithTimeout(b.health.alive, requestTimeout)
	defer cancel()
	seen, err := b.client.Txn(ctx).Then(clientv3.OpGet(keyEpoch), clientv3.OpGet(keyRevision)).Commit()
	if err != nil {
		return false, b.unavailable(err)
	}
	if epoch, _ := value(seen, 0); epoch != b.epoch {
		return false, fmt.Errorf("%w: the epoch is %q, this process has %q", store.ErrFenced, epoch, b.epoch)
	}
	found, version := value(seen, 1)
	revision, err := number(found)
	if err != nil {
		return false, fmt.Errorf("revision: %w", err)
	}
	touched, err := b.client.Txn(ctx).If(
		clientv3.Compare(clientv3.Value(keyEpoch), "=", b.epoch),
		clientv3.Compare(clientv3.ModRevision(keyRevision), "=", version),
	).Then(clientv3.OpPut(keyRevision, found)).Commit()
	if err != nil {
		return false, b.unavailable(err)
	}
	if !touched.Succeeded {
		return false, fmt.Errorf("%w: the state changes under way", store.ErrUnavailable)
	}
	if revision == batch.Revision {
		b.committed(batch, touched.Header.Revision)
		return true, nil
	}
	b.revision, b.version = revision, touched.Header.Revision
	return false, nil
}

func (b *backend) unavailable(err error) error {
	if why := b.health.ready(); why != nil {
		return why
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// Ready implements store.Backend.
func (b *backend) Ready() error { return b.health.ready() }

// Close implements store.Backend.
func (b *backend) Close() error {
	b.stopUpkeep()
	b.upkeepDone.Wait()
	return b.close()
}

// load reads the world as claim found it.
func (b *backend) load(ctx context.Context) (world.World, error) {
	s, err := loader{client: b.client, at: b.etcdRevision.Load()}.load(ctx)
	if err == nil && s.revision != 0 && s.revision != b.revision {
		err = fmt.Errorf("the state is at revision %d, and checkpoint and journal end with %d", b.revision, s.revision)
	}
	s.world.Revision = b.revision
	b.journal.checkpointed.Store(s.checkpointed)
	b.journal.size.Store(s.journal)
	b.journal.last.Store(&s.world)
	return s.world, err
}
