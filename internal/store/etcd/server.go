package etcd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"seamark/internal/store"
)

// maxRequestBytes is the largest request that etcd does not warn of.
const maxRequestBytes = 10 << 20

// maxWrites bounds what one batch holds up.
const maxWrites = 20_000

// closeTimeout bounds the end of a server that may hang because its disk does.
const closeTimeout = 3 * time.Second

// config is for one member without listeners.
func config(o Options, h *halt) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = "seamark"
	cfg.Dir = o.Dir
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapLogger(o.Logger, h))
	// A member must have a peer URL, and it is written down with the state. No
	// socket is opened for it and nobody dials it.
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}
	cfg.ListenPeerUrls, cfg.ListenClientUrls = nil, nil
	cfg.AdvertisePeerUrls, cfg.AdvertiseClientUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.EnableGRPCGateway = false
	// An election among one is over after ElectionMs at most. A tick wakes several
	// goroutines, also of a process with nothing else to do: 31 ms of CPU time a
	// second at 10 ms, 21 at this, the longest of which five fit into ElectionMs.
	cfg.TickMs, cfg.ElectionMs = 20, 100
	cfg.MaxRequestBytes = maxRequestBytes
	cfg.QuotaBackendBytes = o.QuotaBytes
	// A start replays the log since the last snapshot, and a snapshot is only
	// a few hundred bytes; the entries kept in memory for followers are of no
	// use here. One entry is a batch of many updates.
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = 1000, 16
	cfg.MaxSnapFiles, cfg.MaxWalFiles = 2, 2
	// Each of these commits holds up writers for milliseconds. The log, not
	// this, makes writes durable.
	cfg.BackendBatchInterval = time.Second
	// Seamark compacts at its own pace (see upkeep.go).
	cfg.AutoCompactionMode, cfg.AutoCompactionRetention = embed.CompactorModeRevision, "0"
	return cfg
}

// database is the file that a server in dir keeps its data in, as the kernel
// names it.
func database(dir string) string {
	path := filepath.Join(dir, "member", "snap", "db")
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// embedded starts a server in this process.
func embedded(ctx context.Context, o Options) (*connection, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("directory of the state: %w", err)
	}
	if err := checkSpace(o.Dir, o.MinFreeBytes); err != nil {
		return nil, fmt.Errorf("start the log of the state: %w", err)
	}
	if err := found(ctx, o); err != nil {
		return nil, fmt.Errorf("make the log of the state in %s: %w", o.Dir, err)
	}
	h := newHalt()
	e, err := start(ctx, config(o, h), h)
	if err != nil {
		return nil, fmt.Errorf("start the log of the state in %s: %w", o.Dir, err)
	}
	client := v3client.New(e.Server)
	return &connection{
		client: client,
		limits: store.Limits{Writes: maxWrites, Bytes: maxRequestBytes - 1<<20},
		health: h.health,
		// The client's own call needs a gRPC server.
		defragment: e.Server.Defragment,
		close: func() error {
			// Before the server: an open client delays its end by seconds. The
			// error is always that of the context that this cancels.
			_ = client.Close()
			close(h.closing)
			if !stop(e) {
				return fmt.Errorf("the log of the state did not end within %v", closeTimeout)
			}
			return nil
		},
	}, nil
}

// found makes a member where there is none. A member whose first start was cut
// short can never start again, because it does not know that it is alone; so
// it is made aside, started once, and then put into its place in one step.
func found(ctx context.Context, o Options) error {
	member := filepath.Join(o.Dir, "member")
	if _, err := os.Stat(member); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	aside := filepath.Join(o.Dir, "new")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	first := o
	first.Dir = aside
	h := newHalt()
	e, err := start(ctx, config(first, h), h)
	if err != nil {
		return err
	}
	close(h.closing)
	if !stop(e) {
		return fmt.Errorf("it did not end within %v", closeTimeout)
	}
	if err := os.Rename(filepath.Join(aside, "member"), member); err != nil {
		return err
	}
	if err := os.Remove(aside); err != nil {
		return err
	}
	return syncDir(o.Dir)
}

// syncDir makes renames in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// start starts etcd and waits until it can be written to. It runs on its own
// goroutine, because the halt stops the goroutine of whoever fails badly.
func start(ctx context.Context, cfg *embed.Config, h *halt) (*embed.Etcd, error) {
	type result struct {
		etcd *embed.Etcd
		err  error
	}
	started := make(chan result, 1)
	go func() {
		e, err := embed.StartEtcd(cfg)
		started <- result{e, err}
	}()
	var r result
	select {
	case r = <-started:
	case <-h.health.alive.Done():
		close(h.closing)
		return nil, context.Cause(h.health.alive)
	case <-ctx.Done():
		// It may wait for ever for another process to let go of its files.
		go func() {
			if r := <-started; r.err == nil {
				stop(r.etcd)
			}
		}()
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	var err error
	select {
	case <-r.etcd.Server.ReadyNotify():
		return r.etcd, nil
	case <-r.etcd.Server.StopNotify():
		err = store.ErrUnavailable
	case <-h.health.alive.Done():
		err = context.Cause(h.health.alive)
	case <-ctx.Done():
		err = ctx.Err()
	}
	close(h.closing)
	stop(r.etcd)
	return nil, err
}

// stop ends etcd and says whether it did end. One that was halted may never.
func stop(e *embed.Etcd) bool {
	ended := make(chan struct{})
	go func() {
		e.Close()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(closeTimeout):
		return false
	}
}
