package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// processEnv makes the test binary the data-plane process, with its value as RunDir.
const processEnv = "SEAMARK_TEST_DATAPLANE"

func TestMain(m *testing.M) {
	dir := os.Getenv(processEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := Run(ctx, Options{Socket: filepath.Join(dir, "s"), RunDir: dir, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// testVPC is a VPC with a zone of n names host0.z. … that have the address
// 10.0.GENERATION.N.
func testVPC(id world.VPCID, n, generation int) VPC {
	z := zone.Zone{ZoneHead: zone.ZoneHead{ID: "Z" + world.HostedZoneID(id), Origin: "z.",
		SOA: zone.SOA{MName: "ns.z.", RName: "mail.z.", Serial: 1, Minimum: 60, TTL: 15}, NS: []string{"ns.z."}, NSTTL: 60}}
	for i := range n {
		z.Names = append(z.Names, testName(i, generation))
	}
	return VPC{
		Table: zone.VPC{
			Head:  zone.Head{ID: id, Enabled: true, Hostnames: true, CIDR: netip.MustParsePrefix("10.0.0.0/16"), Domain: "ec2.internal"},
			Zones: []zone.Zone{z},
		},
		Listen: Listen{Addresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}},
	}
}

func testName(i, generation int) zone.Name {
	return zone.Name{NameKey: zone.NameKey{Owner: fmt.Sprintf("host%d.z.", i), Source: "srv-1"},
		Sets: []zone.Set{{Type: zone.TypeA, TTL: 5, Records: []string{fmt.Sprintf("10.0.%d.%d", generation, i)}}}}
}

func testDelta(id world.VPCID, i, generation int) Change {
	return Change{Delta: &zone.Delta{VPC: id, Zones: []zone.ZoneDelta{{ID: "Z" + world.HostedZoneID(id), Put: []zone.Name{testName(i, generation)}}}}}
}

// lookup asks for an A record over one transport: "address", an rcode, or "timeout".
func lookup(t testing.TB, network string, at netip.AddrPort, name string) string {
	t.Helper()
	c := &dns.Client{Net: network, Timeout: 2 * time.Second}
	r, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), at.String())
	if err != nil {
		return "no answer"
	}
	if len(r.Answer) == 0 {
		return dns.RcodeToString[r.Rcode]
	}
	return r.Answer[0].(*dns.A).A.String()
}

func expect(t *testing.T, at netip.AddrPort, name, want string) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		if got := lookup(t, network, at, name); got != want {
			t.Errorf("%s over %s: %s, want %s", name, network, got, want)
		}
	}
}

// eventually polls until f reports true.
func eventually(t *testing.T, within time.Duration, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// planes runs a test against a Server in this process and against a Client.
func planes(t *testing.T, test func(t *testing.T, p Plane)) {
	t.Run("in process", func(t *testing.T) {
		s, err := New(Options{Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer closing(t, s)
		test(t, s)
	})
	t.Run("over the socket", func(t *testing.T) {
		dir := t.TempDir()
		runInBackground(t, dir)
		c := dial(t, filepath.Join(dir, "s"))
		defer closing(t, c)
		test(t, c)
	})
}

// runInBackground runs the process's code in this process.
func runInBackground(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Socket: filepath.Join(dir, "s"), RunDir: dir, Logger: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	eventually(t, 5*time.Second, "socket", func() bool {
		_, err := os.Stat(filepath.Join(dir, "s"))
		return err == nil
	})
}

func dial(t *testing.T, socket string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closing(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func replace(t *testing.T, p Plane, revision int64, vpcs ...VPC) Ack {
	t.Helper()
	ack, err := p.Replace(t.Context(), revision, Snapshot{VPCs: vpcs})
	if err != nil {
		t.Fatal(err)
	}
	if ack.Revision != revision || len(ack.Failed) > 0 {
		t.Fatalf("ack %+v", ack)
	}
	return ack
}

func TestPlane_Contract(t *testing.T) {
	planes(t, func(t *testing.T, p Plane) {
		ctx := t.Context()
		if _, err := p.Sync(ctx, 1, []Change{testDelta("vpc-1", 0, 1)}); !errors.Is(err, ErrNeedSnapshot) {
			t.Fatalf("sync before replace: %v", err)
		}
		ack := replace(t, p, 7, testVPC("vpc-1", 3, 1), testVPC("vpc-2", 3, 2))
		one, two := ack.Bound["vpc-1"][0], ack.Bound["vpc-2"][0]
		expect(t, one, "host1.z.", "10.0.1.1")
		expect(t, two, "host1.z.", "10.0.2.1")
		expect(t, one, "host3.z.", "NXDOMAIN")

		// A change is answered when Sync returns.
		for g := range 50 {
			if _, err := p.Sync(ctx, int64(8+g), []Change{testDelta("vpc-1", 1, g)}); err != nil {
				t.Fatal(err)
			}
			if got, want := lookup(t, "udp", one, "host1.z."), fmt.Sprintf("10.0.%d.1", g); got != want {
				t.Fatalf("after sync: %s, want %s", got, want)
			}
		}

		// Nothing of a list is applied when a part does not fit.
		_, err := p.Sync(ctx, 90, []Change{testDelta("vpc-1", 1, 99), testDelta("vpc-9", 1, 99)})
		if !errors.Is(err, ErrNeedSnapshot) {
			t.Fatalf("delta of an unknown VPC: %v", err)
		}
		expect(t, one, "host1.z.", "10.0.49.1")

		// Set, delta and removal in one list; sockets of vpc-1 stay.
		three := testVPC("vpc-3", 1, 3)
		ack, err = p.Sync(ctx, 91, []Change{{Set: &three}, testDelta("vpc-3", 5, 3), {Remove: "vpc-2"}, {Remove: "vpc-8"}})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, ack.Bound["vpc-3"][0], "host5.z.", "10.0.3.5")
		if got := lookup(t, "tcp", two, "host1.z."); got != "no answer" {
			t.Errorf("removed VPC answers %s", got)
		}

		st, err := p.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if st.Revision != 91 || len(st.VPCs) != 2 || st.PID != os.Getpid() {
			t.Errorf("status %+v", st)
		}
		v := st.VPCs["vpc-1"]
		if v.Counters.Queries != 2+2+50+2 || v.Counters.TCP != 3 || v.Counters.Rcodes[3] != 2 || v.Bound[0] != one {
			t.Errorf("vpc-1: %+v", v)
		}

		// A whole snapshot removes what is not in it and keeps what did not change.
		ack = replace(t, p, 100, testVPC("vpc-1", 1, 4))
		if ack.Bound["vpc-1"][0] != one {
			t.Errorf("vpc-1 moved from %v to %v", one, ack.Bound["vpc-1"])
		}
		expect(t, one, "host0.z.", "10.0.4.0")
		expect(t, one, "host1.z.", "NXDOMAIN")
	})
}

func TestPlane_BindFailures(t *testing.T) {
	planes(t, func(t *testing.T, p Plane) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		bad := testVPC("vpc-bad", 1, 1)
		at := taken.Addr().(*net.TCPAddr).AddrPort()
		bad.Listen.Addresses = append(bad.Listen.Addresses, at)
		lost := testVPC("vpc-lost", 1, 1)
		lost.Listen.Namespace = filepath.Join(t.TempDir(), "none")
		ack, err := p.Replace(t.Context(), 1, Snapshot{VPCs: []VPC{bad, lost, testVPC("vpc-good", 1, 1)}})
		if err != nil {
			t.Fatal(err)
		}
		if len(ack.Failed) != 2 || ack.Failed["vpc-bad"] == "" || ack.Failed["vpc-lost"] == "" {
			t.Errorf("failed: %v", ack.Failed)
		}
		expect(t, ack.Bound["vpc-good"][0], "host0.z.", "10.0.1.0")
		expect(t, ack.Bound["vpc-bad"][0], "host0.z.", "10.0.1.0")
		if ack.Bound["vpc-bad"][1].IsValid() {
			t.Errorf("bound: %v", ack.Bound["vpc-bad"])
		}
		// The address becomes free: the data plane takes it by itself.
		closing(t, taken)
		eventually(t, 5*time.Second, "the address is bound", func() bool {
			st, err := p.Status(t.Context())
			return err == nil && st.VPCs["vpc-bad"].Failed == ""
		})
		expect(t, at, "host0.z.", "10.0.1.0")
	})
}

// hammer asks without pause until stopped, and counts what went wrong.
type hammer struct {
	asked, failed atomic.Int64
	cancel        context.CancelFunc
	running       sync.WaitGroup
}

func startHammer(at netip.AddrPort, clients int, name string) *hammer {
	ctx, cancel := context.WithCancel(context.Background())
	h := &hammer{cancel: cancel}
	for range clients {
		h.running.Go(func() {
			c := &dns.Client{Timeout: time.Second}
			for ctx.Err() == nil {
				r, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), at.String())
				h.asked.Add(1)
				if err != nil || r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 {
					h.failed.Add(1)
				}
			}
		})
	}
	return h
}

func (h *hammer) stop(t *testing.T, enough int64) {
	t.Helper()
	h.cancel()
	h.running.Wait()
	t.Logf("%d queries, %d failed", h.asked.Load(), h.failed.Load())
	if h.failed.Load() > 0 || h.asked.Load() < enough {
		t.Errorf("%d of %d queries failed", h.failed.Load(), h.asked.Load())
	}
}

func TestNoGapUnderLoad(t *testing.T) {
	dir := t.TempDir()
	runInBackground(t, dir)
	c := dial(t, filepath.Join(dir, "s"))
	ack := replace(t, c, 1, testVPC("vpc-1", 100, 1))
	h := startHammer(ack.Bound["vpc-1"][0], 4, "host7.z.")
	deadline := time.Now().Add(2 * time.Second)
	for g := 0; time.Now().Before(deadline); g++ {
		switch g % 10 {
		case 0: // the control plane restarts
			closing(t, c)
			c = dial(t, filepath.Join(dir, "s"))
			replace(t, c, int64(g), testVPC("vpc-1", 100, g%250))
		case 5:
			replace(t, c, int64(g), testVPC("vpc-1", 100, g%250), testVPC("vpc-2", 10, 1))
		default:
			if _, err := c.Sync(t.Context(), int64(g), []Change{testDelta("vpc-1", 7, g%250)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.stop(t, 500)
	closing(t, c)
}

func TestNewerConnectionReplacesOlder(t *testing.T) {
	dir := t.TempDir()
	runInBackground(t, dir)
	socket := filepath.Join(dir, "s")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", info.Mode(), err)
	}
	first := dial(t, socket)
	ack := replace(t, first, 5, testVPC("vpc-1", 1, 1))
	second := dial(t, socket)
	<-first.Done()
	if _, err := first.Status(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("the older connection: %v", err)
	}
	// What the older one sent is served still, but is no base for changes.
	expect(t, ack.Bound["vpc-1"][0], "host0.z.", "10.0.1.0")
	if _, err := second.Sync(t.Context(), 6, []Change{testDelta("vpc-1", 0, 2)}); !errors.Is(err, ErrNeedSnapshot) {
		t.Errorf("sync on a new connection: %v", err)
	}
	st, err := second.Status(t.Context())
	if err != nil || st.Revision != 5 {
		t.Errorf("status %+v, %v", st, err)
	}
	eventually(t, 5*time.Second, "an unasked status", func() bool { return second.Last().Revision == 5 })
	closing(t, second)
	closing(t, first)
	expect(t, ack.Bound["vpc-1"][0], "host0.z.", "10.0.1.0") // nobody is connected
}

func TestDialRefusesOthers(t *testing.T) {
	for name, say := range map[string]any{
		"another protocol": hello{Service: serviceName, Protocol: Protocol + 1},
		"another service":  hello{Service: "ftp", Protocol: Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			defer closing(t, l)
			b, err := frame(say)
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() {
				conn, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := conn.Write(b); err != nil {
					t.Error(err)
				}
				closing(t, conn)
			})
			c, err := Dial(t.Context(), socket)
			if err == nil {
				closing(t, c)
				t.Error("connected")
			}
			if errors.Is(err, ErrProtocol) != (name == "another protocol") {
				t.Errorf("error: %v", err)
			}
			serving.Wait()
		})
	}
}

func TestUpstreams(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("search x\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		"none": "[]", "": "[]", "host": "[192.0.2.1:53 [2001:db8::1]:53]",
		"192.0.2.9": "[192.0.2.9:53]", "192.0.2.9:5353": "[192.0.2.9:5353]", "[2001:db8::2]:54": "[[2001:db8::2]:54]",
	} {
		got, err := Upstreams(value, conf)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v %v, want %s", value, got, err, want)
		}
	}
	for _, value := range []string{"dns.example", "1.2.3", "1.2.3.4:99999"} {
		if got, err := Upstreams(value, conf); err == nil {
			t.Errorf("%q: %v", value, got)
		}
	}
	if _, err := Upstreams("host", conf+".none"); err == nil {
		t.Error("a missing resolv.conf is no error")
	}
}
