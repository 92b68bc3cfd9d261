package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"seamark/internal/admin"
	"seamark/internal/driver/network/netns"
)

func forwardCommand() *cobra.Command {
	var dataDir string
	c := &cobra.Command{
		Use:   "forward TARGET LOCAL:REMOTE",
		Short: "Listen on a loopback port of this host for a task, an instance or a name in a VPC",
		Long: `Listen on port LOCAL of 127.0.0.1 and carry connections to port REMOTE of TARGET:

    seamark forward TASK 8080:80                    a task or instance, by id or ARN
    seamark forward vpc-0123/web.myapp.local 8080:80    a name, as the VPC's resolver answers it

A name is reached from an interface in the VPC's default security group, so
security groups apply; a task or instance is reached from within its own network.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if os.Geteuid() != 0 {
				return errors.New("forward: network namespaces need root")
			}
			local, remote, err := portPair(args[1])
			if err != nil {
				return err
			}
			f, err := findInstance(dataDir)
			if err != nil {
				return err
			}
			target, name, _ := strings.Cut(args[0], "/")
			if strings.HasPrefix(args[0], "arn:") {
				target, name = args[0], ""
			}
			s, end, err := f.admin().OpenSession(c.Context(), admin.SessionRequest{Target: target})
			if err != nil {
				return err
			}
			fw := forwarder{session: s, name: name, port: remote}
			err = fw.run(c.Context(), local, c.ErrOrStderr())
			return errors.Join(err, end())
		},
	}
	dataDirFlag(c, &dataDir)
	return c
}

func portPair(s string) (local, remote uint16, err error) {
	l, r, ok := strings.Cut(s, ":")
	a, errA := strconv.ParseUint(l, 10, 16)
	b, errB := strconv.ParseUint(r, 10, 16)
	if !ok || errA != nil || errB != nil || b == 0 {
		return 0, 0, fmt.Errorf("%q: want LOCAL:REMOTE, two port numbers", s)
	}
	return uint16(a), uint16(b), nil
}

// forwarder carries connections into a VPC.
type forwarder struct {
	session admin.Session
	name    string // empty: the session's own address
	port    uint16
}

func (f *forwarder) run(ctx context.Context, local uint16, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(local))))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "forwarding %s, Ctrl-C ends it\n", l.Addr())
	var carried sync.WaitGroup
	defer carried.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		carried.Go(func() {
			if err := f.carry(ctx, conn); err != nil {
				fmt.Fprintln(out, "forward:", err)
			}
		})
	}
}

func (f *forwarder) carry(ctx context.Context, from net.Conn) error {
	defer from.Close()
	a, err := f.address(ctx)
	if err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	to, err := netns.Dial(dialing, f.session.Namespace, "tcp", netip.AddrPortFrom(a, f.port).String())
	if err != nil {
		return err
	}
	defer to.Close()
	defer context.AfterFunc(ctx, func() { _ = from.Close(); _ = to.Close() })()
	var both sync.WaitGroup
	both.Go(func() { pipe(to, from) })
	both.Go(func() { pipe(from, to) })
	both.Wait()
	return nil
}

// pipe copies one direction and passes its end on.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // a broken connection ends both ways
	if c, ok := to.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

// address asks the VPC's resolver, anew for each connection.
func (f *forwarder) address(ctx context.Context) (netip.Addr, error) {
	if f.name == "" {
		return f.session.Address, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := netns.Dial(ctx, f.session.Namespace, "udp", f.session.Resolver.String())
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	query := new(dns.Msg).SetQuestion(dns.Fqdn(f.name), dns.TypeA)
	answer, _, err := (&dns.Client{}).ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn})
	if err != nil {
		return netip.Addr{}, err
	}
	for _, rr := range answer.Answer {
		if a, ok := rr.(*dns.A); ok {
			if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
				return addr, nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: %s, no address", f.name, dns.RcodeToString[answer.Rcode])
}
