package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"seamark/internal/driver/runtime"
	"seamark/internal/linebuffer"
	"seamark/internal/world"
)

// upOptions are the flags of `seamark up`.
type upOptions struct {
	dataDir      string
	listen       string
	region       string
	account      string
	runtime      string
	containerd   string
	etcd         []string
	engine       string
	images       string
	fidelity     string
	dnsUpstream  string
	publicDNS    string
	packetLimit  int
	imagePull    string
	minFreeBytes int64
	outbound     []string
	checkPrivate bool
	quotas       string
	logLevel     string
	logJSON      bool
}

func upCommand() *cobra.Command {
	var o upOptions
	c := &cobra.Command{
		Use:   "up",
		Short: "Run Seamark in the foreground",
		Long: `Run Seamark in the foreground: the AWS APIs, the planners, DNS and the containers.

SIGTERM or Ctrl-C ends this process and leaves tasks running and answered; the
next "seamark up" with the same data directory adopts them. "seamark down" stops
everything.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			log, err := o.logging(c.ErrOrStderr())
			if err != nil {
				return err
			}
			return runDaemon(c.Context(), o, c.OutOrStdout(), log)
		},
	}
	dataDirFlag(c, &o.dataDir)
	f := c.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:4566", "address of the AWS APIs; port 0 takes a free one")
	f.StringVar(&o.region, "region", "us-east-1", "AWS Region to be")
	f.StringVar(&o.account, "account", "123456789012", "AWS account to be")
	f.StringVar(&o.runtime, "runtime", "containerd", "what runs containers: containerd or simulated")
	f.StringVar(&o.containerd, "containerd", "", "socket of an existing containerd instead of the engine")
	f.StringSliceVar(&o.etcd, "etcd", nil, "client URLs of an existing etcd instead of the embedded one")
	f.StringVar(&o.engine, "engine", "", "directory of containerd, its shim and runc (default: engine/ beside this binary)")
	f.StringVar(&o.images, "images", "", "directory of image archives to import (default: images/ beside this binary or ../images/out)")
	f.StringVar(&o.fidelity, "fidelity", string(world.Relaxed), "where AWS's behaviour would surprise: relaxed or aws (docs/divergences.md)")
	f.StringVar(&o.dnsUpstream, "dns-upstream", "host", "where other names are asked for: host, none or ADDR[:PORT]")
	f.StringVar(&o.publicDNS, "public-dns", "", "address of this host, ADDR:PORT, where the public hosted zones are answered (default: nowhere)")
	f.IntVar(&o.packetLimit, "resolver-packet-limit", 0, "DNS packets a second that a VPC's resolver takes from one address; 0: any number (AWS: 1024)")
	f.StringVar(&o.imagePull, "image-pull", "missing", "when a registry is asked: missing or always")
	f.Int64Var(&o.minFreeBytes, "min-free-bytes", 256<<20, "free disk space below which changes are refused")
	f.StringSliceVar(&o.outbound, "allow-outbound", nil, "CIDR blocks of this host, or link-local ones, that image pulls and health checks may reach all the same")
	f.BoolVar(&o.checkPrivate, "private-health-checks", false, "allow HealthCheckConfig in private DNS namespaces, and check from inside the VPC")
	f.StringVar(&o.quotas, "quotas", "none", "quotas that AWS can raise: none, or aws for AWS's defaults")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&o.logJSON, "log-json", false, "log as JSON")
	return c
}

// check refuses what cannot work, before the machine is touched.
func (o *upOptions) check() error {
	switch {
	case o.runtime != "containerd" && o.runtime != "simulated":
		return fmt.Errorf("--runtime %q: want containerd or simulated", o.runtime)
	case o.runtime == "containerd" && os.Geteuid() != 0:
		return errors.New("containers and VPC networks need root: run as root, or with --runtime simulated (no containers, DNS on loopback ports)")
	case o.fidelity != string(world.Relaxed) && o.fidelity != string(world.AWS):
		return fmt.Errorf("--fidelity %q: want relaxed or aws", o.fidelity)
	case o.checkPrivate && o.runtime != "containerd":
		return errors.New("--private-health-checks: with --runtime simulated there is no VPC network to check from")
	case o.quotas != "none" && o.quotas != "aws":
		return fmt.Errorf("--quotas %q: want none or aws", o.quotas)
	case o.packetLimit < 0:
		return fmt.Errorf("--resolver-packet-limit %d: want 0 or more", o.packetLimit)
	case o.imagePull != "missing" && o.imagePull != "always":
		return fmt.Errorf("--image-pull %q: want missing or always", o.imagePull)
	case len(o.account) != 12 || strings.Trim(o.account, "0123456789") != "":
		return fmt.Errorf("--account %q: want 12 digits", o.account)
	}
	if _, err := o.upstreams(); err != nil {
		return err
	}
	if _, err := o.public(); err != nil {
		return err
	}
	if _, err := newOutbound(o.outbound); err != nil {
		return err
	}
	dir, err := filepath.Abs(o.dataDir)
	o.dataDir = dir
	return err
}

// logging writes the process's log.
type logging struct {
	*slog.Logger
	requests requestLog
}

// requestLog writes lines about requests, of which there are many: a moment later
// than others, and together.
type requestLog struct {
	logger *slog.Logger
	lines  *linebuffer.Writer
}

func (o *upOptions) logging(out io.Writer) (logging, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return logging{}, fmt.Errorf("--log-level: %w", err)
	}
	to := func(out io.Writer) *slog.Logger {
		opts := &slog.HandlerOptions{Level: level}
		if o.logJSON {
			return slog.New(slog.NewJSONHandler(out, opts))
		}
		return slog.New(slog.NewTextHandler(out, opts))
	}
	lines := linebuffer.New(out)
	return logging{to(out), requestLog{to(lines), lines}}, nil
}

func (o *upOptions) scope() world.Scope { return world.Scope{Region: o.region, Account: o.account} }

func (o *upOptions) pullPolicy() runtime.PullPolicy {
	if o.imagePull == "always" {
		return runtime.PullAlways
	}
	return runtime.PullMissing
}

// upstreams are the servers for names that no private zone has.
func (o *upOptions) upstreams() ([]netip.AddrPort, error) {
	switch o.dnsUpstream {
	case "none":
		return nil, nil
	case "host":
		return hostUpstreams()
	}
	if a, err := netip.ParseAddrPort(o.dnsUpstream); err == nil {
		return []netip.AddrPort{a}, nil
	}
	a, err := netip.ParseAddr(o.dnsUpstream)
	if err != nil {
		return nil, fmt.Errorf("--dns-upstream %q: want host, none or an address", o.dnsUpstream)
	}
	return []netip.AddrPort{netip.AddrPortFrom(a, 53)}, nil
}

// public is where the public zones are answered.
func (o *upOptions) public() ([]netip.AddrPort, error) {
	if o.publicDNS == "" {
		return nil, nil
	}
	a, err := netip.ParseAddrPort(o.publicDNS)
	if err != nil {
		return nil, fmt.Errorf("--public-dns %q: want ADDR:PORT", o.publicDNS)
	}
	return []netip.AddrPort{a}, nil
}

// hostUpstreams are the name servers of this host; none where it has none.
func hostUpstreams() ([]netip.AddrPort, error) {
	conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("/etc/resolv.conf: %w", err)
	}
	var servers []netip.AddrPort
	for _, s := range conf.Servers {
		if a, err := netip.ParseAddrPort(s + ":" + conf.Port); err == nil {
			servers = append(servers, a)
		} else if a, err := netip.ParseAddr(s); err == nil {
			servers = append(servers, netip.AddrPortFrom(a, 53))
		}
	}
	return servers, nil
}

// beside returns the first of the paths, relative to this binary, that exists.
func beside(given string, candidates ...string) string {
	if given != "" {
		return given
	}
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	for _, c := range candidates {
		path := filepath.Join(filepath.Dir(exe), c)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}

func (o *upOptions) engineDir() string { return cmp.Or(beside(o.engine, "engine"), "engine") }

func (o *upOptions) imagesDir() string { return beside(o.images, "images", "../images/out") }
