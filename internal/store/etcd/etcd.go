// Package etcd is the store for use: a store.Committer over etcd, embedded in
// this process or an existing cluster.
//
// # Layout
//
//	/seamark/v1/format             "3"; less until the first start of this version
//	/seamark/v1/epoch              who may write: a count and a random part
//	/seamark/v1/revision           the revision of the world, in decimal
//	/seamark/v1/journal/REVISION   what one batch wrote, and on which revision
//	/seamark/v1/checkpoint         the revision of the last checkpoint, in decimal
//	/seamark/v1/chunk/REVISION/N   a part of the checkpoint of that revision
//
// A commit is one transaction: it compares the epoch and the revision key's
// version, and puts one entry of the journal and the new revision. So a second
// writer makes the first one's commits fail (store.ErrFenced), and a commit whose
// answer was lost can be found out and can never arrive late.
//
// A checkpoint is all objects at one revision. It is made beside the commits when
// the journal has become as large as the last one. A start reads the last checkpoint
// and the entries of the journal after it.
//
// # The embedded server
//
// One member that opens no listener at all, neither network nor unix socket:
// it is reached in process. What the log acknowledges is synced to disk. When
// the file system has less than Options.MinFreeBytes free, commits are refused
// with store.ErrNoSpace until there is space again, because etcd ends its
// process when it cannot write its log; where it would, reads go on and
// updates fail with store.ErrUnavailable until a restart.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"seamark/internal/store"
	"seamark/internal/world"
)

// Options of a store. One of Dir and Endpoints is required.
type Options struct {
	// Dir is the directory of the embedded server; it is made if missing.
	// Nobody else may use it at the same time (see package datadir).
	Dir string
	// Endpoints are the client URLs of an existing cluster to use instead,
	// such as https://10.0.0.5:2379. Its operator compacts and defragments it.
	Endpoints []string
	// TLS is for Endpoints with https.
	TLS *tls.Config
	// Logger is required.
	Logger *slog.Logger
	// MinFreeBytes is the free space in Dir's file system below which updates
	// are refused; 0 means 256 MiB. The log grows in files of 64 MB.
	MinFreeBytes int64
	// QuotaBytes is the most that the embedded server's database may take; 0
	// means 8 GiB, the most that etcd recommends.
	QuotaBytes int64

	// checkpointAfter is the least size of the journal that makes a checkpoint due;
	// 0 means the constant of that name.
	checkpointAfter int64
}

const (
	defaultMinFree = 256 << 20
	defaultQuota   = 8 << 30
)

// connection is a way to etcd.
type connection struct {
	client *clientv3.Client
	limits store.Limits
	health *health
	// defragment shrinks the database's file. It is set if compaction,
	// defragmentation and alarms are ours.
	defragment func() error
	close      func() error
}

// Open opens the store, makes every earlier opening of the same state unable
// to write, and loads the world.
func Open(ctx context.Context, o Options) (store.Store, error) {
	if (o.Dir == "") == (len(o.Endpoints) == 0) {
		return nil, errors.New("etcd: one of Dir and Endpoints is required")
	}
	if o.MinFreeBytes == 0 {
		o.MinFreeBytes = defaultMinFree
	}
	if o.QuotaBytes == 0 {
		o.QuotaBytes = defaultQuota
	}
	connect := embedded
	if o.Dir == "" {
		connect = cluster
	}
	c, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, o, c)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return s, nil
}

func open(ctx context.Context, o Options, c *connection) (store.Store, error) {
	b, w, err := takeOver(ctx, o, c)
	if err != nil {
		return nil, err
	}
	return store.NewCommitter(store.Options{Backend: b, World: w, Limits: c.limits, Paced: true, Logger: o.Logger}), nil
}

// takeOver makes this process the writer and loads the world.
func takeOver(ctx context.Context, o Options, c *connection) (*backend, world.World, error) {
	start := time.Now()
	b := &backend{connection: c, log: o.Logger, journal: newJournal(o)}
	if err := b.claim(ctx); err != nil {
		return nil, world.World{}, fmt.Errorf("take over the state: %w", err)
	}
	w, err := b.load(ctx)
	if err != nil {
		return nil, world.World{}, fmt.Errorf("load the state: %w", err)
	}
	b.startUpkeep(o)
	o.Logger.Debug("state loaded", "revision", w.Revision, "checkpoint", b.journal.checkpointed.Load(), "journal", b.journal.size.Load(), "took", time.Since(start))
	return b, w, nil
}

// dialTimeout bounds the first contact with a cluster.
const dialTimeout = 5 * time.Second

// cluster connects to an existing cluster.
func cluster(ctx context.Context, o Options) (*connection, error) {
	client, err := clientv3.New(clientv3.Config{
		Context:     ctx,
		Endpoints:   o.Endpoints,
		DialTimeout: dialTimeout,
		TLS:         o.TLS,
		Logger:      zapLogger(o.Logger, nil),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %v: %w", o.Endpoints, err)
	}
	ask, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if _, err := client.Get(ask, keyFormat); err != nil {
		return nil, errors.Join(fmt.Errorf("reach etcd at %v: %w", o.Endpoints, err), client.Close())
	}
	return &connection{
		client: client,
		// The default of a server is 1.5 MiB.
		limits: store.Limits{Writes: maxWrites, Bytes: 1 << 20},
		health: newHealth(),
		close:  client.Close,
	}, nil
}
