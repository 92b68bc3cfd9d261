package etcd

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"seamark/internal/store"
	"seamark/internal/store/storetest"
)

// directory is the storage of the embedded server.
type directory string

func (d directory) Open(tb testing.TB) store.Store { return openDir(tb, string(d)) }
func (directory) Fences() bool                     { return false }

func TestContract_Embedded(t *testing.T) {
	storetest.Run(t, func(tb testing.TB) storetest.Storage { return directory(tb.TempDir()) })
}

// endpoint is the storage of an existing cluster.
type endpoint string

func (e endpoint) Open(tb testing.TB) store.Store {
	s, err := Open(context.Background(), Options{Endpoints: []string{string(e)}, Logger: quiet()})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (endpoint) Fences() bool { return true }

func TestContract_Cluster(t *testing.T) {
	storetest.Run(t, func(tb testing.TB) storetest.Storage { return endpoint(startCluster(tb)) })
}

// startCluster runs a server with etcd's default limits on a unix socket.
func startCluster(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "etcd") //nolint:usetesting // short: a socket's path has 108 bytes
	if err != nil {
		tb.Fatal(err)
	}
	h := newHalt()
	cfg := config(Options{Dir: filepath.Join(dir, "d"), Logger: quiet(), QuotaBytes: defaultQuota}, h)
	socket := url.URL{Scheme: "unix", Path: filepath.Join(dir, "s")}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{socket}, []url.URL{socket}
	cfg.MaxRequestBytes = embed.DefaultMaxRequestBytes
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	e, err := start(context.Background(), cfg, h)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		close(h.closing)
		stop(e)
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return socket.String()
}

func TestOpen_EndpointOutOfReach(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	nobody := "unix://" + filepath.Join(t.TempDir(), "s")
	if _, err := Open(ctx, Options{Endpoints: []string{nobody}, Logger: quiet()}); err == nil {
		t.Error("opened a store where nobody listens")
	}
}

func TestOpen_NeedsOneWay(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "a", Endpoints: []string{"b"}}} {
		o.Logger = quiet()
		if _, err := Open(context.Background(), o); err == nil {
			t.Errorf("opened %+v", o)
		}
	}
}

func TestOpen_OpensNoListener(t *testing.T) {
	before := sockets(t)
	s := openDir(t, t.TempDir())
	after := sockets(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after > before {
		t.Errorf("%d sockets before, %d with a store", before, after)
	}
}

// sockets is how many sockets this process has.
func sockets(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	n := 0
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && len(target) > 6 && target[:6] == "socket" {
			n++
		}
	}
	return n
}

func TestOpen_AfterFirstStartWasCutShort(t *testing.T) {
	dir := t.TempDir()
	// A member that has a log, but none of the entries that make it a cluster.
	h := newHalt()
	cfg := config(Options{Dir: filepath.Join(dir, "new"), Logger: quiet()}, h)
	cfg.TickMs, cfg.ElectionMs = 1000, 10_000 // no election before it ends
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	close(h.closing)
	stop(e)
	s := openDir(t, dir)
	if err := putGroup(s, "a"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("the unfinished member is still there")
	}
	s = openDir(t, dir)
	defer s.Close()
	if s.View().LogGroups.Get("a") == nil {
		t.Error("a second start lost what the first one wrote")
	}
}

func TestOpen_SecondTimeEndsWithContext(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1}); err == nil {
		t.Error("opened one directory twice")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
