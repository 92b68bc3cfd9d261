package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"seamark/internal/admin"
)

func inCommand() *cobra.Command {
	var dataDir string
	var r admin.SessionRequest
	c := &cobra.Command{
		Use:   "in TARGET -- COMMAND [ARG...]",
		Short: "Run a program of this host inside a VPC, subnet, instance or task network",
		Long: `Run a program of this host inside a VPC's network, with the VPC's resolver.

For a VPC or a subnet the program gets an interface of its own, in the VPC's
default security group or the ones given, gone when the program ends. For an
instance or a task (id or ARN) it shares that one's interface.

    seamark in vpc-0123456789abcdef0 -- dig web.myapp.local`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if os.Geteuid() != 0 {
				return errors.New("in: network namespaces need root")
			}
			f, err := findInstance(dataDir)
			if err != nil {
				return err
			}
			r.Target = args[0]
			s, end, err := f.admin().OpenSession(c.Context(), r)
			if err != nil {
				return err
			}
			err = runInside(c.Context(), s, args[1:])
			return errors.Join(err, end())
		},
	}
	dataDirFlag(c, &dataDir)
	c.Flags().SetInterspersed(true)
	c.Flags().StringVar(&r.Subnet, "subnet", "", "subnet to be in (default: the one with most free addresses)")
	c.Flags().StringSliceVar(&r.SecurityGroups, "security-group", nil, "security groups of the interface (default: the VPC's default group)")
	return c
}

// runInside runs a program in the session's network namespace and a mount
// namespace of its own in which name resolution goes to the VPC's resolver.
func runInside(ctx context.Context, s admin.Session, argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "seamark-in-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(path, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = withoutProxies(os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread, which is in foreign namespaces, dies with
		// this goroutine.
		runtime.LockOSThread()
		done <- startInside(ctx, s, dir, cmd)
	}()
	err = <-done
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return exitCode(128 + int(status.Signal()))
		}
		return exitCode(exit.ExitCode())
	}
	return err
}

// startInside moves this thread into the namespaces and runs cmd to its end.
func startInside(ctx context.Context, s admin.Session, dir string, cmd *exec.Cmd) error {
	ns, err := os.Open(s.Namespace)
	if err != nil {
		return err
	}
	err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
	if err := errors.Join(err, ns.Close()); err != nil {
		return fmt.Errorf("enter %s: %w", s.Namespace, err)
	}
	if err := ownResolution(s, dir); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := forwardSignals(ctx, cmd.Process)
	defer stop()
	return cmd.Wait()
}

// forwardSignals passes what would end this process on to the program.
func forwardSignals(ctx context.Context, p *os.Process) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	done := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for {
			select {
			case s := <-signals:
				_ = p.Signal(s) // it has ended already
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done); <-finished }
}

// ownResolution gives this thread a mount namespace in which resolv.conf, hosts
// and nsswitch.conf are the VPC's, and in which no caching daemon of the host
// is asked instead.
func ownResolution(s admin.Session, dir string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	for name, text := range map[string]string{
		"resolv.conf":   s.Resolv,
		"hosts":         s.Hosts,
		"nsswitch.conf": nsswitch(),
	} {
		if err := cover(filepath.Join("/etc", name), filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	for _, path := range []string{"/run/nscd", "/var/run/nscd", "/run/systemd/resolve"} {
		if err := unix.Mount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "size=0"); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

// cover mounts a file with that text over path. Where path is a link, what it
// leads to is covered; where it leads nowhere, nothing is.
func cover(path, file, text string) error {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	if err := unix.Mount(file, real, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", real, err)
	}
	return nil
}

// nsswitch is the host's, with hosts looked up in files and DNS only.
func nsswitch() string {
	b, err := os.ReadFile("/etc/nsswitch.conf")
	if err != nil {
		return "hosts: files dns\n"
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "hosts:") {
			out.WriteString(line)
		}
	}
	return out.String() + "\nhosts: files dns\n"
}

func withoutProxies(environ []string) []string {
	var kept []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(strings.ToLower(kv), "=")
		switch name {
		case "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy":
		default:
			kept = append(kept, kv)
		}
	}
	return kept
}
