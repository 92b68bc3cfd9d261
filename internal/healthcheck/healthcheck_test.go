package healthcheck

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"seamark/internal/plan/probe"
	"seamark/internal/world"
)

// server answers on a real socket.
func server(t *testing.T, secure bool, h http.HandlerFunc) probe.Target {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	kind := probe.HTTP
	if secure {
		s.StartTLS()
		kind = probe.HTTPS
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	return probe.Target{Type: kind, Address: at.Addr(), Port: at.Port(), Path: "/", Interval: probe.LongInterval, Threshold: 3}
}

func host(ctx context.Context, _ world.VPCID, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}
}

func TestAttempt_statuses(t *testing.T) {
	for code, want := range map[int]bool{200: true, 204: true, 299: true, 301: true, 399: true, 400: false, 404: false, 500: false, 503: false} {
		for _, secure := range []bool{false, true} {
			passed, text := attempt(t.Context(), host, "k", server(t, secure, status(code, "")))
			if passed != want || !strings.Contains(text, fmt.Sprintf("HTTP Status Code %d", code)) || strings.HasPrefix(text, "Success") != want {
				t.Errorf("%d, TLS %v: %v, %q", code, secure, passed, text)
			}
		}
	}
}

// What a check asks for: the path, the Host header, and the server's name in
// the TLS handshake only where it is wanted.
func TestAttempt_request(t *testing.T) {
	seen := make(chan *http.Request, 1)
	record := func(_ http.ResponseWriter, r *http.Request) { seen <- r }
	for _, secure := range []bool{false, true} {
		target := server(t, secure, record)
		target.Path = "/health?deep=1"
		bare := fmt.Sprintf("127.0.0.1:%d", target.Port)
		for _, c := range []struct {
			host, header, sni string
			useSNI            bool
		}{
			{"", bare, "", false},
			{"www.example.com", fmt.Sprintf("www.example.com:%d", target.Port), "", false},
			{"www.example.com", fmt.Sprintf("www.example.com:%d", target.Port), "www.example.com", true},
		} {
			target.Host, target.SNI = c.host, c.useSNI
			if passed, text := attempt(t.Context(), host, "ref-1", target); !passed {
				t.Fatalf("TLS %v %+v: %s", secure, c, text)
			}
			r := <-seen
			if r.Host != c.header || r.RequestURI != "/health?deep=1" || r.UserAgent() != "Amazon-Route53-Health-Check-Service (ref ref-1)" {
				t.Errorf("TLS %v %+v: Host %q, URI %q, agent %q", secure, c, r.Host, r.RequestURI, r.UserAgent())
			}
			if secure && r.TLS.ServerName != c.sni {
				t.Errorf("%+v: server name %q", c, r.TLS.ServerName)
			}
		}
	}
}

func TestAttempt_search(t *testing.T) {
	for body, want := range map[string]bool{
		"all is well": true, "": false, "all is bad": false,
		strings.Repeat("x", searchedBytes-4) + "well": true, strings.Repeat("x", searchedBytes-3) + "well": false,
	} {
		target := server(t, false, status(200, body))
		target.Type, target.Search = probe.HTTPStrMatch, "well"
		if passed, text := attempt(t.Context(), host, "k", target); passed != want {
			t.Errorf("body of %d bytes: %v, %s", len(body), passed, text)
		}
	}
	target := server(t, true, status(404, "well"))
	target.Type, target.Search = probe.HTTPSStrMatch, "well"
	if passed, text := attempt(t.Context(), host, "k", target); passed {
		t.Errorf("a 404 passed: %s", text)
	}
}

// What an endpoint says instead of HTTP is not repeated at length, whatever it is.
func TestAttempt_garbage(t *testing.T) {
	for name, sent := range map[string]string{
		"no status": strings.Repeat("\x01\xff", 30_000) + "\r\n\r\n",
		"a header":  "HTTP/1.1 200 OK\r\n" + strings.Repeat("\x01\xff", 30_000) + "\r\n\r\n",
		"no end":    "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 50_000),
	} {
		dial := func(context.Context, world.VPCID, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				_, _ = far.Read(make([]byte, 1024))
				_, _ = io.WriteString(far, sent) // ends when the other side has had enough
			}()
			return near, nil
		}
		passed, text := attempt(t.Context(), dial, "k", probe.Target{Type: probe.HTTP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80, Path: "/"})
		if passed || len(text) > len("Failure: ")+longestReason || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%s: %v, %d octets: %.300q", name, passed, len(text), text)
		}
	}
}

func TestAttempt_TCP(t *testing.T) {
	target := server(t, false, status(500, ""))
	target.Type = probe.TCP
	if passed, text := attempt(t.Context(), host, "k", target); !passed {
		t.Error(text)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	target.Port = netip.MustParseAddrPort(l.Addr().String()).Port()
	l.Close()
	for _, kind := range []string{probe.TCP, probe.HTTP, probe.HTTPS} {
		target.Type = kind
		if passed, text := attempt(t.Context(), host, "k", target); passed || text != "Failure: Connection refused." {
			t.Errorf("%s, a closed port: %v, %s", kind, passed, text)
		}
	}
}

// A target without an address is dialled by name.
func TestAttempt_name(t *testing.T) {
	var network, address string
	dial := func(_ context.Context, _ world.VPCID, n, a string) (net.Conn, error) {
		network, address = n, a
		return nil, &net.DNSError{Err: "no such host", Name: "db.example.com"}
	}
	passed, text := attempt(t.Context(), dial, "k", probe.Target{Type: probe.TCP, Host: "db.example.com", Port: 5432})
	if passed || network != "tcp4" || address != "db.example.com:5432" || !strings.Contains(text, "no such host") {
		t.Errorf("%s %s: %s", network, address, text)
	}
}

// The limits are Route 53's, in virtual time.
func TestAttempt_timeouts(t *testing.T) {
	silent := func(ctx context.Context, _ world.VPCID, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	// slow answers after pauses; the connection is a pipe.
	slow := func(t *testing.T, answers ...any) Dial {
		return func(context.Context, world.VPCID, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			go func() { _, _ = http.ReadRequest(reader(far)); play(far, answers) }()
			return near, nil
		}
	}
	head, ms := "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", time.Millisecond
	for _, c := range []struct {
		name   string
		target probe.Target
		dial   func(t *testing.T) Dial
		passed bool
		took   time.Duration
	}{
		{"TCP, silence", probe.Target{Type: probe.TCP}, func(*testing.T) Dial { return silent }, false, 10 * time.Second},
		{"HTTP, silence", probe.Target{Type: probe.HTTP}, func(*testing.T) Dial { return silent }, false, 4 * time.Second},
		{"HTTPS, no handshake", probe.Target{Type: probe.HTTPS}, func(t *testing.T) Dial { return slow(t, 10*time.Second) }, false, 4 * time.Second},
		{"a response in time", probe.Target{Type: probe.HTTP}, func(t *testing.T) Dial { return slow(t, 1900*ms, head) }, true, 1900 * ms},
		{"a response too late", probe.Target{Type: probe.HTTP}, func(t *testing.T) Dial { return slow(t, 2100*ms, head) }, false, 2 * time.Second},
		{"a body in time", probe.Target{Type: probe.HTTPStrMatch, Search: "well"}, func(t *testing.T) Dial { return slow(t, 1900*ms, head, 1900*ms, "well") }, true, 3800 * ms},
		{"a body too late", probe.Target{Type: probe.HTTPStrMatch, Search: "well"}, func(t *testing.T) Dial { return slow(t, head, 2100*ms, "well") }, false, 2 * time.Second},
		{"only information", probe.Target{Type: probe.HTTP}, func(t *testing.T) Dial { return slow(t, "HTTP/1.1 103 Early Hints\r\n\r\n", head) }, true, 0},
		{"not HTTP", probe.Target{Type: probe.HTTP}, func(t *testing.T) Dial { return slow(t, "220 mail\r\n\r\n") }, false, 0},
		{"endless headers", probe.Target{Type: probe.HTTP}, func(t *testing.T) Dial { return slow(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)) }, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.target.Address, c.target.Port, c.target.Path = netip.MustParseAddr("192.0.2.1"), 80, "/"
				start := time.Now()
				passed, text := attempt(t.Context(), c.dial(t), "k", c.target)
				if took := time.Since(start); passed != c.passed || took != c.took {
					t.Errorf("%v after %s: %s; want %v after %s", passed, took, text, c.passed, c.took)
				}
				time.Sleep(time.Minute) // virtual time: the endpoint comes to its end
			})
		})
	}
}

// source is a Source over a map.
type source struct {
	mu       sync.Mutex
	targets  map[string]probe.Target
	statuses map[string]world.HealthStatus
	reports  []string
}

func (s *source) Target(key string) (probe.Target, world.HealthStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.targets[key]
	return t, s.statuses[key], ok
}

func (s *source) Report(_ context.Context, key string, t probe.Target, status world.HealthStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = append(s.reports, key+" "+string(status))
	if s.targets[key] == t {
		s.statuses[key] = status
	}
	return nil
}

func (s *source) set(key string, t probe.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets[key], s.statuses[key] = t, world.HealthUnknown
}

func (s *source) status(key string) world.HealthStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statuses[key]
}

// endpoints are up or down, and know when each was dialled.
type endpoints struct {
	mu   sync.Mutex
	up   map[string]bool
	seen map[string][]time.Time
	now  int // dials at the same time
	most int
	slow time.Duration
}

func (e *endpoints) dial(_ context.Context, vpc world.VPCID, _, address string) (net.Conn, error) {
	e.mu.Lock()
	up := e.up[string(vpc)+address]
	e.seen[address] = append(e.seen[address], time.Now())
	e.now++
	e.most = max(e.most, e.now)
	slow := e.slow
	e.mu.Unlock()
	time.Sleep(slow) // virtual time
	e.mu.Lock()
	e.now--
	e.mu.Unlock()
	if !up {
		return nil, net.ErrClosed
	}
	near, far := net.Pipe()
	return near, far.Close()
}

func (e *endpoints) set(address string, up bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.up[address] = up
}

func tcp(address string) probe.Target {
	a := netip.MustParseAddrPort(address)
	return probe.Target{Type: probe.TCP, Address: a.Addr(), Port: a.Port(), Interval: probe.LongInterval, Threshold: 3}
}

// bubble runs f beside a prober in virtual time.
func bubble(t *testing.T, workers int, f func(t *testing.T, p *Prober, s *source, e *endpoints)) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{targets: map[string]probe.Target{}, statuses: map[string]world.HealthStatus{}}
		e := &endpoints{up: map[string]bool{}, seen: map[string][]time.Time{}}
		p := New("test", Options{Source: s, Dial: e.dial, Logger: slog.New(slog.DiscardHandler), Workers: workers})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		f(t, p, s, e)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestProber_ThresholdsAndInterval(t *testing.T) {
	bubble(t, 4, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		e.set("192.0.2.1:80", true)
		s.set("k", tcp("192.0.2.1:80"))
		p.Enqueue("k")
		synctest.Wait()
		if got := s.status("k"); got != world.Healthy {
			t.Errorf("%s at once, want HEALTHY", got)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		seen := e.seen["192.0.2.1:80"]
		if n := len(seen); n < 10 || n > 12 {
			t.Errorf("%d checks in five minutes", n)
		}
		for i := 2; i < len(seen); i++ {
			if gap := seen[i].Sub(seen[i-1]); gap != 30*time.Second {
				t.Errorf("check %d came %s after the one before", i, gap)
			}
		}
		e.set("192.0.2.1:80", false)
		time.Sleep(2 * 30 * time.Second)
		synctest.Wait()
		if got := s.status("k"); got != world.Healthy {
			t.Errorf("%s after two failures", got)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := s.status("k"); got != world.Unhealthy {
			t.Errorf("%s after three failures", got)
		}
		if o, ok := p.Last("k"); !ok || o.Passed || o.FailedAt != o.At || !strings.HasPrefix(o.FailureText, "Failure: ") {
			t.Errorf("observation %+v, %v", o, ok)
		}
		e.set("192.0.2.1:80", true)
		time.Sleep(3 * 30 * time.Second)
		synctest.Wait()
		if got := s.status("k"); got != world.Healthy {
			t.Errorf("%s after three successes", got)
		}
		if len(s.reports) != 3 {
			t.Errorf("reports %v, want one for each change", s.reports)
		}
	})
}

// A key that stands for another target begins anew; one that is gone is not
// checked again.
func TestProber_TargetChanges(t *testing.T) {
	bubble(t, 4, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		s.set("k", tcp("192.0.2.1:80"))
		p.Enqueue("k")
		time.Sleep(65 * time.Second) // two or three failures
		e.set("192.0.2.2:80", true)
		s.set("k", tcp("192.0.2.2:80"))
		p.Enqueue("k")
		synctest.Wait()
		if got := s.status("k"); got != world.Healthy || len(e.seen["192.0.2.2:80"]) != 1 {
			t.Errorf("%s, %d checks of the new target", got, len(e.seen["192.0.2.2:80"]))
		}
		p.Enqueue("k") // nothing changed: not due
		synctest.Wait()
		if n := len(e.seen["192.0.2.2:80"]); n != 1 {
			t.Errorf("%d checks before it was due", n)
		}
		s.mu.Lock()
		delete(s.targets, "k")
		s.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if n := len(e.seen["192.0.2.2:80"]); n != 1 {
			t.Errorf("%d checks of a target that is gone", n)
		}
		if _, ok := p.Last("k"); ok {
			t.Error("not forgotten")
		}
	})
}

// The counts of a status that somebody else changed begin anew: registered
// again, an instance needs three failures, not one.
func TestProber_StatusSetElsewhere(t *testing.T) {
	bubble(t, 4, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		s.set("k", tcp("192.0.2.1:80"))
		p.Enqueue("k")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := s.status("k"); got != world.Unhealthy {
			t.Fatal(got)
		}
		dials := len(e.seen["192.0.2.1:80"])
		s.set("k", tcp("192.0.2.1:80")) // unknown again
		p.Enqueue("k")
		for failed := 1; failed < 3; failed++ {
			for len(e.seen["192.0.2.1:80"]) < dials+failed {
				time.Sleep(time.Second)
				synctest.Wait()
			}
			if got := s.status("k"); got != world.HealthUnknown {
				t.Errorf("%s after %d failures", got, failed)
			}
		}
		time.Sleep(45 * time.Second)
		synctest.Wait()
		if got := s.status("k"); got != world.Unhealthy {
			t.Errorf("%s after three failures", got)
		}
	})
}

// A status that was forgotten is found again at once, but a target is not checked
// at the pace at which somebody registers it.
func TestProber_StatusForgotten(t *testing.T) {
	bubble(t, 4, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		e.set("192.0.2.1:80", true)
		again := func() {
			s.set("k", tcp("192.0.2.1:80"))
			p.Enqueue("k")
			synctest.Wait()
		}
		again()
		for range 5 {
			time.Sleep(2 * time.Second)
			again()
			if got := s.status("k"); got != world.Healthy {
				t.Fatalf("%s at once after it was registered again", got)
			}
		}
		before := len(e.seen["192.0.2.1:80"])
		for range 1000 {
			again()
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(e.seen["192.0.2.1:80"]) - before; n > 11 {
			t.Errorf("%d checks in ten seconds", n)
		}
	})
}

// Many checks spread over the interval and never run more at once than there
// are workers; none is lost.
func TestProber_SpreadAndBounded(t *testing.T) {
	bubble(t, 8, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		e.slow = time.Second
		const n = 200
		for i := range n {
			address := fmt.Sprintf("192.0.2.%d:80", i)
			e.set(address, true)
			s.set(fmt.Sprint(i), tcp(address))
			p.Resume(fmt.Sprint(i), time.Now())
		}
		synctest.Wait()
		if len(e.seen) != 0 {
			t.Errorf("%d checks at once after a restart", len(e.seen))
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if got := len(e.seen); got < n/4 || got > n*3/4 {
			t.Errorf("%d of %d checked in half an interval", got, n)
		}
		time.Sleep(25 * time.Second)
		synctest.Wait()
		for address, times := range maps.All(e.seen) {
			if len(times) > 2 {
				t.Errorf("%s checked %d times in 40 seconds", address, len(times))
			}
		}
		if len(e.seen) != n || e.most > 8 {
			t.Errorf("%d checked, %d at once", len(e.seen), e.most)
		}
	})
}

// A check comes from the VPC that the target names.
func TestProber_DialsFromTheVPC(t *testing.T) {
	bubble(t, 1, func(t *testing.T, p *Prober, s *source, e *endpoints) {
		e.set("vpc-1192.0.2.1:80", true)
		inside := tcp("192.0.2.1:80")
		inside.VPC = "vpc-1"
		s.set("k", inside)
		p.Enqueue("k")
		synctest.Wait()
		if got := s.status("k"); got != world.Healthy {
			t.Error(got)
		}
	})
}
