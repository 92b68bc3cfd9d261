//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/dialer"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"seamark/internal/cgroup"
	"seamark/internal/driver/runtime"
)

// Options say which containerd to use, and how.
type Options struct {
	Socket       string // required: containerd's
	Namespace    string // required: containerd namespace, "seamark-" and the instance's id
	CgroupParent string // required: "/seamark-" and the instance's id
	Snapshotter  string // required: overlayfs or native
	RunDir       string // required: on a file system that a reboot empties
	// SeamarkBinary is the path of the seamark program, which is run as
	// `logger` and as `init`. Required. It must be linked statically: init
	// runs inside containers that have no C library.
	SeamarkBinary string
	Logger        *slog.Logger // required

	// DialContext connects to registries; nil: net.Dialer. It is the place to
	// refuse addresses.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Driver is a runtime.Driver.
type Driver struct {
	opts     Options
	client   *client.Client
	cgroups  cgroup.FS
	boot     string // the machine's boot id
	nofile   uint64 // default limit of open files
	quiet    *log.Entry
	platform platforms.MatchComparer
	locks    locks // of containers
	groups   locks // of groups' shims; taken last
	images   imageCache
	pulls    pulls

	// life ends at Close, and running is what has to end then.
	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup
}

var _ runtime.Driver = (*Driver)(nil)

// New connects to containerd and returns when it answers, or ctx is done.
func New(ctx context.Context, o Options) (*Driver, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cgroups, err := cgroup.Host()
	if err != nil {
		return nil, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("boot id: %w", err)
	}
	for _, dir := range []string{"started", "runc", "exec"} {
		if err := os.MkdirAll(filepath.Join(o.RunDir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("containerd driver: %w", err)
		}
	}
	c, err := client.New(o.Socket, client.WithDefaultNamespace(o.Namespace), client.WithDialOpts(dialOptions()))
	if err != nil {
		return nil, fmt.Errorf("containerd driver: %w", err)
	}
	if _, err := c.Version(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("containerd at %s does not answer: %w", o.Socket, err), c.Close())
	}
	d := &Driver{
		opts: o, client: c, cgroups: cgroups, boot: strings.TrimSpace(string(boot)), nofile: nofileLimit(),
		platform: platforms.DefaultStrict(), quiet: quietLog(),
	}
	d.life, d.end = context.WithCancel(context.Background())
	return d, nil
}

func (o Options) check() error {
	for _, f := range []struct{ name, value string }{
		{"Socket", o.Socket}, {"Namespace", o.Namespace}, {"CgroupParent", o.CgroupParent},
		{"Snapshotter", o.Snapshotter}, {"RunDir", o.RunDir}, {"SeamarkBinary", o.SeamarkBinary},
	} {
		if f.value == "" {
			return fmt.Errorf("containerd driver: %s is required", f.name)
		}
	}
	if o.Logger == nil {
		return errors.New("containerd driver: Logger is required")
	}
	if !filepath.IsAbs(o.SeamarkBinary) || !filepath.IsAbs(o.RunDir) || !filepath.IsAbs(o.CgroupParent) {
		return errors.New("containerd driver: SeamarkBinary, RunDir and CgroupParent must be absolute paths")
	}
	return nil
}

// Close ends the driver's own work and connections, not the containers.
func (d *Driver) Close() error {
	d.end()
	d.running.Wait()
	return d.client.Close()
}

// within puts the containerd namespace into ctx, and a logger that keeps
// containerd's client from writing to standard error: what it logs it also
// returns.
func (d *Driver) within(ctx context.Context) context.Context {
	return log.WithLogger(namespaces.WithNamespace(ctx, d.opts.Namespace), d.quiet)
}

func quietLog() *log.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return logrus.NewEntry(l)
}

// unavailable marks the errors of a containerd that does not answer, so that
// callers try again instead of giving a container up.
func unavailable(err error) error {
	if err == nil || !errdefs.IsUnavailable(err) && status.Code(err) != codes.Unavailable {
		return err
	}
	return fmt.Errorf("%w: %w", runtime.ErrUnavailable, err)
}

// outageLimit is how long a call waits for a containerd that is being
// restarted, which takes less than 100 ms.
const outageLimit = 10 * time.Second

// dialOptions are the client's own but for a shorter backoff: containerd is on
// this machine, and whoever supervises it starts it again at once.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(dialer.ContextDialer),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: 2 * time.Second,
		}),
		grpc.WithChainUnaryInterceptor(waitConnected),
	}
}

// waitConnected lets a call wait through a restart of containerd instead of
// failing at once, but not for ever.
func waitConnected(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := connected(ctx, cc); err != nil {
		return err
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

func connected(ctx context.Context, cc *grpc.ClientConn) error {
	if cc.GetState() == connectivity.Ready {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, outageLimit)
	defer cancel()
	for {
		state := cc.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if state == connectivity.Shutdown {
			return status.Error(codes.Canceled, "the connection to containerd is closed")
		}
		cc.Connect()
		if !cc.WaitForStateChange(ctx, state) {
			return status.Errorf(codes.Unavailable, "no connection to containerd: %v", ctx.Err())
		}
	}
}
