package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"seamark/internal/admin"
	"seamark/internal/change"
	"seamark/internal/control"
	"seamark/internal/dataplane"
	"seamark/internal/node"
	"seamark/internal/plan/place"
	"seamark/internal/plan/zone"
	"seamark/internal/store"
	"seamark/internal/store/datadir"
	"seamark/internal/store/etcd"
	"seamark/internal/telemetry/logs"
	"seamark/internal/telemetry/metrics"
	"seamark/internal/world"
)

// daemon is `seamark up`: what it opened, and the loops over it.
type daemon struct {
	o        upOptions
	logger   *slog.Logger
	requests requestLog
	started  time.Time
	dir      *datadir.Dir
	runDir   string

	store    store.Store
	logs     *logs.Store
	metrics  *metrics.Store
	machine  *machine
	changes  *change.Runner
	answers  *control.Answers
	sessions *control.Sessions
	node     *node.Node
	key      *world.AccessKey
	listener net.Listener
}

// runDaemon runs until ctx ends. Nothing of the machine is touched before the
// data directory is ours.
func runDaemon(ctx context.Context, o upOptions, out io.Writer, log logging) (err error) {
	d := &daemon{o: o, logger: log.Logger, requests: log.requests, started: time.Now().UTC()}
	if d.dir, err = datadir.Open(o.dataDir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.dir.Close()) }()
	d.runDir = runDirOf(d.dir.InstanceID())
	if err := os.MkdirAll(d.runDir, 0o700); err != nil {
		return err
	}
	defer os.Remove(d.runDir) // fails unless nothing is left in it: the simulated runtime leaves nothing
	if d.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen); err != nil {
		return err
	}
	defer d.listener.Close()
	if err := d.open(ctx); err != nil {
		return errors.Join(err, d.close())
	}
	err = d.run(ctx, out)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, d.close())
}

// runDirOf is where sockets and namespaces of an instance live: short, because a
// unix socket's path has at most 108 bytes, and gone after a reboot.
func runDirOf(instanceID string) string {
	if os.Geteuid() == 0 {
		return filepath.Join("/run/seamark", instanceID)
	}
	return filepath.Join(os.TempDir(), "seamark-"+strconv.Itoa(os.Geteuid())+"-"+instanceID)
}

// open opens the state and then the machine, and the rest beside them. The
// machine comes second because it starts processes: one that is started while
// etcd locks, closes and opens its files again would hold a lock for the moment
// until it runs its own program, and etcd does not wait for locks.
func (d *daemon) open(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		d.store, err = etcd.Open(gctx, etcd.Options{
			Dir: d.dir.Path("etcd"), Endpoints: d.o.etcd, Logger: d.logger, MinFreeBytes: d.o.minFreeBytes,
		})
		if err != nil {
			return err
		}
		d.machine, err = openMachine(gctx, d)
		return err
	})
	g.Go(func() (err error) {
		d.logs, err = logs.Open(d.dir.Path("logs"), logs.Options{Logger: d.logger})
		return err
	})
	g.Go(func() (err error) {
		d.metrics, err = metrics.Open(d.dir.Path("metrics.db"), metrics.Options{Logger: d.logger})
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return d.assemble(ctx)
}

// assemble makes the parts that have no resources of their own.
func (d *daemon) assemble(ctx context.Context) (err error) {
	upstreams, err := d.o.upstreams()
	if err != nil {
		return err
	}
	public, err := d.o.public()
	if err != nil {
		return err
	}
	fidelity := world.Fidelity(d.o.fidelity)
	d.answers = control.NewAnswers(control.AnswersOptions{
		Store: d.store, Zone: zone.Options{Fidelity: fidelity, Region: d.o.region, Public: public != nil},
		Listen: d.machine.listen, Endpoint: d.machine.endpoint, Upstreams: upstreams, Public: public, PacketLimit: d.o.packetLimit, Logger: d.logger,
	})
	d.changes = &change.Runner{Store: d.store, Scope: d.o.scope(), Fidelity: fidelity, Applied: d.answers.Applied, Await: d.answers.Await}
	d.sessions = control.NewSessions(d.changes)
	d.node = node.New(node.Options{
		Name: place.Node, Store: d.store, Runtime: d.machine.runtime, Network: d.machine.network,
		Scope: d.o.scope(), Fidelity: fidelity, Dir: d.dir.Path("run"), LogDir: d.logs.Dir,
		ConsoleDir: d.consoleDir, PullPolicy: d.o.pullPolicy(), InstanceImage: instanceImage,
		OnNetwork: d.answers.Rebind, OnInterfaces: d.answers.Attached, Logger: d.logger,
	})
	d.key, err = accessKey(ctx, d.store, d.o.scope())
	return err
}

// instanceImage is what EC2 instances boot.
const instanceImage = "seamark/instance:latest"

func (d *daemon) consoleDir(id world.InstanceID) string {
	return d.logs.Dir(consoleGroup, string(id))
}

// run serves until ctx ends or a part fails for good.
func (d *daemon) run(ctx context.Context, out io.Writer) error {
	// Before the API answers: whoever sees it answer finds the instance.
	if err := d.client().write(); err != nil {
		return err
	}
	checks, dnsChecks, err := d.checks()
	if err != nil {
		return err
	}
	side, err := admin.Listen(ctx, adminSocket(d.runDir))
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return tendHeap(ctx) })
	g.Go(func() error { return d.requests.lines.Run(ctx) })
	g.Go(func() error { return d.serveAPI(ctx) })
	g.Go(func() error { return admin.Serve(ctx, side, &backend{d}, d.logger) })
	g.Go(func() error { return d.runPlane(ctx) })
	g.Go(func() error { return control.New(d.changes, d.answers, d.logger).Run(ctx) })
	g.Go(func() error { return checks.Run(ctx) })
	g.Go(func() error { return dnsChecks.Run(ctx) })
	g.Go(func() error { return d.runNode(ctx) })
	g.Go(func() error { return d.runTelemetry(ctx) })
	if d.machine.run != nil {
		g.Go(func() error { return d.machine.run(ctx) })
	}
	fmt.Fprintf(out, "Seamark %s is up at %s\n", version, d.endpoint())
	fmt.Fprintf(out, "in another shell:  eval \"$(seamark env --data-dir %s)\"\n", d.o.dataDir)
	return g.Wait()
}

// runNode imports the images that came with Seamark and then runs the node.
func (d *daemon) runNode(ctx context.Context) error {
	if err := d.sessions.EndAll(ctx); err != nil {
		d.logger.Warn("end the sessions of an earlier process", "error", err)
	}
	if err := importShipped(ctx, d); err != nil {
		d.logger.Warn("import shipped images", "error", err)
	}
	return d.node.Run(ctx)
}

// runPlane keeps a data plane and reads its counters and its query log.
func (d *daemon) runPlane(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.machine.plane.run(ctx, d.answers.Use) })
	g.Go(func() error {
		return control.NewCounters(d.machine.plane.status, d.store.View, queryMetrics{d.metrics}).Run(ctx)
	})
	g.Go(func() error {
		return control.NewQueryLog(control.QueryLogOptions{
			View: d.store.View, Scope: d.o.scope(), Take: d.machine.plane.takeQueries, Append: d.appendQueries, Logger: d.logger,
		}).Run(ctx)
	})
	return g.Wait()
}

func (d *daemon) serveAPI(ctx context.Context) error {
	s := &http.Server{
		Handler: d.api(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			_ = s.Close()
		}
	})
	defer stop()
	if err := s.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

func (d *daemon) endpoint() string { return "http://" + d.listener.Addr().String() }

func (d *daemon) client() clientFile {
	return clientFile{
		Endpoint: d.endpoint(), Region: d.o.region, Account: d.o.account,
		AccessKey: d.key.ID, Secret: d.key.Secret, RunDir: d.runDir, DataDir: d.o.dataDir, PID: os.Getpid(),
	}
}

// close releases what open opened. Containers, networks and the data plane
// stay.
func (d *daemon) close() error {
	var errs []error
	if d.machine != nil {
		errs = append(errs, d.machine.close())
	}
	if d.logs != nil {
		errs = append(errs, d.logs.Close())
	}
	if d.metrics != nil {
		errs = append(errs, d.metrics.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// plane is the data plane, in this process or another.
type plane interface {
	// run keeps one running and hands each new one to use, until ctx ends.
	run(ctx context.Context, use func(dataplane.Plane)) error
	status(ctx context.Context) (dataplane.Status, error)
	takeQueries(ctx context.Context) ([]dataplane.Query, uint64, error)
}
