package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
	"seamark/internal/world"
)

// A checkpoint is every object of the world at one revision, in chunks. It counts
// once keyCheckpoint names its revision; the entries of the journal up to there and
// the chunks of others are garbage from then on, whenever they are deleted.

const (
	chunkBytes = 128 << 10
	// chunkPause keeps a checkpoint from taking the disk and the server's buffers
	// for itself: 16 MiB a second at most.
	chunkPause = 8 * time.Millisecond
	// dropKeys is how many keys are deleted at once. Writers wait meanwhile.
	dropKeys = 500
)

// checkpoint writes the world as it is and drops what is garbage then. between is
// called now and then.
func (b *backend) checkpoint(ctx context.Context, between func()) error {
	covered := b.journal.size.Load() // first: what is appended now is covered without being counted
	w := *b.journal.last.Load()
	start := time.Now()
	bytes, err := b.writeChunks(ctx, w, between)
	if err != nil {
		return err
	}
	if err := b.fenced(ctx, clientv3.OpPut(keyCheckpoint, strconv.FormatInt(w.Revision, 10))); err != nil {
		return err
	}
	b.journal.shrink(covered, bytes)
	b.log.Debug("checkpoint of the state made", "revision", w.Revision, "size", bytes, "journal", covered, "took", time.Since(start))
	return b.dropGarbage(ctx, w.Revision)
}

// errNotWriter: another process took over, whose checkpoint counts.
var errNotWriter = errors.New("another process writes the state")

// fenced does operations if this process is still the writer.
func (b *backend) fenced(ctx context.Context, ops ...clientv3.Op) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := b.client.Txn(ctx).If(clientv3.Compare(clientv3.Value(keyEpoch), "=", b.epoch)).Then(ops...).Commit()
	if err != nil {
		return err
	}
	if !resp.Succeeded {
		return errNotWriter
	}
	b.sawRevision(resp.Header.Revision)
	return nil
}

// writeChunks writes every object of w and returns how many bytes that were.
func (b *backend) writeChunks(ctx context.Context, w world.World, between func()) (int64, error) {
	c := chunks{backend: b, revision: w.Revision, between: between}
	for _, k := range world.Kinds() {
		for o := range w.All(k) {
			value, err := world.Encode(o)
			if err != nil {
				return 0, err
			}
			c.buffer = appendWrite(c.buffer, store.Write{Ref: world.RefOf(o), Value: value})
			if len(c.buffer) < chunkBytes {
				continue
			}
			if err := c.flush(ctx); err != nil {
				return 0, err
			}
		}
	}
	err := c.flush(ctx)
	return c.bytes, err
}

// chunks writes a checkpoint's chunks one after the other.
type chunks struct {
	*backend
	revision int64
	between  func()
	buffer   []byte
	n        int
	bytes    int64
}

func (c *chunks) flush(ctx context.Context) error {
	if len(c.buffer) == 0 {
		return nil
	}
	if err := c.fenced(ctx, clientv3.OpPut(chunkKey(c.revision, c.n), string(c.buffer))); err != nil {
		return fmt.Errorf("chunk %d: %w", c.n, err)
	}
	c.n++
	c.bytes += int64(len(c.buffer))
	c.buffer = c.buffer[:0]
	c.between()
	return c.pause(ctx)
}

// pause waits a moment, unless somebody waits for the checkpoint.
func (c *chunks) pause(ctx context.Context) error {
	if c.journal.isFull() {
		return ctx.Err()
	}
	select {
	case <-time.After(chunkPause):
	case <-c.journal.full:
		signal(c.journal.full) // for whoever looks next
	case <-ctx.Done():
	}
	return ctx.Err()
}

// dropGarbage deletes all that a checkpoint took the place of.
func (b *backend) dropGarbage(ctx context.Context, revision int64) error {
	if err := b.dropRange(ctx, keyJournal, journalKey(revision+1)); err != nil {
		return err
	}
	if err := b.dropRange(ctx, keyChunks, chunksOf(revision)); err != nil {
		return err
	}
	if err := b.dropRange(ctx, clientv3.GetPrefixRangeEnd(chunksOf(revision)), clientv3.GetPrefixRangeEnd(keyChunks)); err != nil {
		return err
	}
	for _, k := range world.Kinds() { // of the earlier formats
		if err := b.dropRange(ctx, kindPrefix(k), clientv3.GetPrefixRangeEnd(kindPrefix(k))); err != nil {
			return err
		}
	}
	return nil
}

// dropRange deletes keys from one to before another.
func (b *backend) dropRange(ctx context.Context, from, to string) error {
	for {
		some, err := b.keys(ctx, from, to)
		if err != nil || len(some.Kvs) == 0 {
			return err
		}
		next := string(some.Kvs[len(some.Kvs)-1].GetKey()) + "\x00"
		if err := b.fenced(ctx, clientv3.OpDelete(from, clientv3.WithRange(next))); err != nil {
			return err
		}
		if !some.More {
			return nil
		}
		from = next
	}
}

// keys lists the first keys of a range.
func (b *backend) keys(ctx context.Context, from, to string) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return b.client.Get(ctx, from, clientv3.WithRange(to), clientv3.WithKeysOnly(), clientv3.WithLimit(dropKeys), clientv3.WithSerializable())
}
