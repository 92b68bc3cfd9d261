package conformance

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// program finds a server, which Debian keeps where a user's PATH does not look.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"} {
		if path := filepath.Join(dir, name); executable(path) {
			return path
		}
	}
	if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
		t.Fatalf("needs %s (make deps)", name)
	}
	t.Skipf("needs %s (make deps)", name)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// freePort is a port that was free a moment ago for UDP and TCP on 127.0.0.1.
func freePort(t testing.TB) uint16 {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().(*net.TCPAddr).AddrPort()
		u, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		l.Close()
		if err == nil {
			u.Close()
			return at.Port()
		}
	}
	t.Fatal("no port is free for UDP and TCP")
	return 0
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run starts a server that stays in the foreground, waits until it answers for
// a name, and ends it with the test. It reports false where the server ended by
// itself, as it does when somebody took its port.
func run(t testing.TB, at netip.AddrPort, name, path string, args ...string) bool {
	t.Helper()
	said := new(output)
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() { _ = cmd.Wait(); close(ended) }) // its end is judged below, its status by nobody
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
		}
		waiting.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", path, said)
		}
	})
	c := &dns.Client{Timeout: time.Second}
	deadline := time.Now().Add(30 * time.Second)
	for {
		r, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeSOA), at.String())
		if err == nil && r.Rcode == dns.RcodeSuccess && len(r.Answer) == 1 {
			return true
		}
		select {
		case <-ended:
			t.Logf("%s ended:\n%s", path, said)
			return false
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer: %v\n%s", path, err, said)
		}
	}
}

// copyFile copies a program.
func copyFile(t testing.TB, to, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}
