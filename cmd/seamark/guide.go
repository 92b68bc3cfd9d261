package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"seamark/internal/admin"
	"seamark/internal/driver/network/netns"
	"seamark/internal/guide"
)

// guideOptions are the flags of `seamark guide`.
type guideOptions struct {
	dataDir string
	runtime string
	image   string
	keep    bool
}

func guideCommand() *cobra.Command {
	var o guideOptions
	c := &cobra.Command{
		Use:   "guide",
		Short: "Walk through the guide's seven steps, printing each aws command and its outcome",
		Long: `Walk through the seven steps from an empty account to a name that resolves: VPC,
cluster, namespace, discovery service, task definition, service, verification.
Each step is printed as the aws command that a user would type, with what came
back.

With --data-dir the steps are taken on the instance that runs there. Without it
a fresh instance is started on a scratch data directory and a free port, and
removed at the end unless --keep is given.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runGuide(c.Context(), o, c.OutOrStdout()) },
	}
	c.Flags().StringVar(&o.dataDir, "data-dir", "", "take the steps on the instance with this data directory")
	c.Flags().StringVar(&o.runtime, "runtime", "containerd", "of the instance that is started: containerd or simulated")
	c.Flags().StringVar(&o.image, "image", "nginx:latest", "image of the service's container; it must serve HTTP on port 80")
	c.Flags().BoolVar(&o.keep, "keep", false, "leave everything running")
	return c
}

func runGuide(ctx context.Context, o guideOptions, out io.Writer) (err error) {
	if o.dataDir == "" {
		s, err := startScratch(ctx, o, out)
		if err != nil {
			return err
		}
		o.dataDir = s.dataDir
		defer func() { err = errors.Join(err, s.end(o.keep && err == nil, out)) }()
	}
	f, err := findInstance(o.dataDir)
	if err != nil {
		return err
	}
	return guide.Run(ctx, guideOf(ctx, f, o, out))
}

// guideOf is the walk on a running instance.
func guideOf(ctx context.Context, f clientFile, o guideOptions, out io.Writer) guide.Options {
	g := guide.Options{
		Endpoint: f.Endpoint, Region: f.Region, AccessKey: f.AccessKey, Secret: f.Secret, Image: o.image, Out: out, Keep: o.keep,
		Inside: func(ctx context.Context, vpc string) (guide.Place, error) {
			s, end, err := f.admin().OpenSession(ctx, admin.SessionRequest{Target: vpc})
			return sessionPlace{s, end}, err
		},
		Resolver: func(ctx context.Context, vpc string) (netip.AddrPort, error) { return resolverOf(ctx, f, vpc) },
	}
	if s, err := f.admin().Status(ctx); err == nil && s.Runtime == "simulated" {
		g.Inside = nil
	}
	return g
}

// resolverOf is the loopback address of a VPC's resolver in simulated mode.
func resolverOf(ctx context.Context, f clientFile, vpc string) (netip.AddrPort, error) {
	s, err := f.admin().Status(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, r := range s.Resolvers {
		if string(r.VPC) == vpc && len(r.Bound) > 0 {
			return r.Bound[0], nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%s has no resolver: %w", vpc, errNotRunning)
}

// sessionPlace is a session inside a VPC.
type sessionPlace struct {
	session admin.Session
	end     func() error
}

func (p sessionPlace) Resolver() netip.AddrPort { return p.session.Resolver }
func (p sessionPlace) Close() error             { return p.end() }
func (p sessionPlace) Dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	return netns.Dial(ctx, p.session.Namespace, network, to.String())
}

// scratch is an instance that the guide started for itself.
type scratch struct {
	dir, dataDir, exe string
	daemon            *exec.Cmd
}

// startScratch starts an instance on a scratch directory and a free port.
func startScratch(ctx context.Context, o guideOptions, out io.Writer) (s *scratch, err error) {
	s = &scratch{}
	if s.exe, err = os.Executable(); err != nil {
		return nil, err
	}
	// Not under /tmp: where that is a tmpfs, images would fill the memory.
	if s.dir, err = os.MkdirTemp("/var/tmp", "seamark-guide-"); err != nil {
		return nil, err
	}
	s.dataDir = filepath.Join(s.dir, "data")
	log, err := os.Create(filepath.Join(s.dir, "seamark.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.daemon = exec.Command(s.exe, "up", "--data-dir", s.dataDir, "--listen", "127.0.0.1:0", "--runtime", o.runtime)
	s.daemon.Stdout, s.daemon.Stderr = log, log
	s.daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Fprintf(out, "$ seamark up --data-dir %s --listen 127.0.0.1:0 &\n", s.dataDir)
	begin := time.Now()
	if err := s.daemon.Start(); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.end(false, io.Discard))
	}
	fmt.Fprintf(out, "  up after %s, log in %s\n", time.Since(begin).Round(time.Millisecond), log.Name())
	return s, nil
}

// await waits until the instance answers, or has ended.
func (s *scratch) await(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.daemon.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := findInstance(s.dataDir); err == nil {
			return nil
		}
		select {
		case err := <-ended:
			b, _ := os.ReadFile(filepath.Join(s.dir, "seamark.log")) // the reason, if there is one
			return fmt.Errorf("seamark up ended: %w\n%s", err, b)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// end stops the instance and removes its directory, unless it is to be kept.
func (s *scratch) end(keep bool, out io.Writer) error {
	if keep {
		fmt.Fprintf(out, "\nexport SEAMARK_DATA_DIR=%s    # for the commands above\n", s.dataDir)
		return nil
	}
	fmt.Fprintln(out, "$ seamark down")
	down := exec.Command(s.exe, "down", "--data-dir", s.dataDir)
	if b, err := down.CombinedOutput(); err != nil {
		return fmt.Errorf("seamark down: %w\n%s", err, b)
	}
	return os.RemoveAll(s.dir)
}
