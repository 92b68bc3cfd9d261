package netns_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	vishvananda "github.com/vishvananda/netlink"

	"seamark/internal/driver/network/netns"
)

// directory is a directory of namespaces, removed with the test.
func directory(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") == "1" {
			t.Fatal("root is required")
		}
		t.Skip("needs root")
	}
	base, err := os.MkdirTemp("/run", "seamark-test-") //nolint:usetesting // namespaces are bound where they are on a machine
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "netns")
	t.Cleanup(func() {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if err := netns.Delete(filepath.Join(dir, e.Name())); err != nil {
				t.Error(err)
			}
		}
		if gone, err := netns.RemoveDirectory(dir); err != nil || !gone {
			t.Errorf("RemoveDirectory: %v, %v", gone, err)
		}
		if err := os.Remove(base); err != nil {
			t.Error(err)
		}
	})
	if err := netns.MakeDirectory(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// namespace is a namespace with lo up.
func namespace(t *testing.T, path string) string {
	t.Helper()
	if err := netns.Create(path); err != nil {
		t.Fatal(err)
	}
	err := netns.InNamespace(path, func() error {
		lo, err := vishvananda.LinkByName("lo")
		if err != nil {
			return err
		}
		return vishvananda.LinkSetUp(lo)
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNamespacesAreSeparate(t *testing.T) {
	dir := directory(t)
	a, b := namespace(t, filepath.Join(dir, "a")), namespace(t, filepath.Join(dir, "b"))
	var servers sync.WaitGroup
	defer servers.Wait()
	for name, path := range map[string]string{"from a": a, "from b": b} {
		l, err := netns.Listen(path, "tcp", "127.0.0.1:8080") // the same address in both
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		servers.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, name) // the client sees what is missing
				_ = c.Close()
			}
		})
		c, err := netns.Dial(t.Context(), path, "tcp", "127.0.0.1:8080")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || string(got) != name {
			t.Errorf("got %q, %v; want %q", got, err, name)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPackets(t *testing.T) {
	path := namespace(t, filepath.Join(directory(t), "a"))
	l, err := netns.ListenPacket(path, "udp", "127.0.0.1:5353")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := netns.Dial(t.Context(), path, "udp4", "127.0.0.1:5353")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, from, err := l.ReadFrom(b)
	if err != nil || string(b[:n]) != "question" || from.String() != c.LocalAddr().String() {
		t.Errorf("received %q from %v, %v", b[:n], from, err)
	}
}

func TestDialFails(t *testing.T) {
	path := namespace(t, filepath.Join(directory(t), "a"))
	if _, err := netns.Dial(t.Context(), path, "tcp", "127.0.0.1:9"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("closed port: %v, want refused", err)
	}
	if _, err := netns.Dial(t.Context(), path, "tcp", "10.0.0.1:9"); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("no route: %v, want unreachable", err)
	}
	for _, address := range []string{"localhost:80", "127.0.0.1:http", "127.0.0.1", ""} {
		if _, err := netns.Dial(t.Context(), path, "tcp", address); err == nil {
			t.Errorf("%q was dialled", address)
		}
		if _, err := netns.Listen(path, "tcp", address); err == nil {
			t.Errorf("%q was listened on", address)
		}
	}
	for _, network := range []string{"tcp6", "unix", "ip"} {
		if _, err := netns.Dial(t.Context(), path, network, "127.0.0.1:9"); err == nil {
			t.Errorf("network %q was dialled", network)
		}
	}
	if _, err := netns.Dial(t.Context(), path+"-none", "tcp", "127.0.0.1:9"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no namespace: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	silence(t, path)
	if _, err := netns.Dial(ctx, path, "tcp", "10.9.9.9:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent address: %v, want the deadline", err)
	}
}

// silence gives the namespace a link behind which nobody answers.
func silence(t *testing.T, path string) {
	t.Helper()
	err := netns.InNamespace(path, func() error {
		attrs := vishvananda.NewLinkAttrs()
		attrs.Name = "quiet0"
		pair := vishvananda.NewVeth(attrs)
		pair.PeerName = "quiet1"
		if err := vishvananda.LinkAdd(pair); err != nil {
			return err
		}
		a, err := vishvananda.ParseAddr("10.9.9.1/24")
		if err != nil {
			return err
		}
		for _, name := range []string{"quiet0", "quiet1"} {
			l, err := vishvananda.LinkByName(name)
			if err != nil {
				return err
			}
			if err := vishvananda.LinkSetUp(l); err != nil {
				return err
			}
			if name == "quiet0" {
				if err := vishvananda.AddrAdd(l, a); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestThreadsComeBack: whatever f does, no thread stays inside for others to
// run on, and the main thread never goes in.
func TestThreadsComeBack(t *testing.T) {
	path := namespace(t, filepath.Join(directory(t), "a"))
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("from inside")
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			err := netns.InNamespace(path, func() error {
				here, err := os.Readlink("/proc/thread-self/ns/net")
				if err != nil || here == home {
					t.Errorf("inside is %s, %v", here, err)
				}
				switch n % 3 {
				case 1:
					return failed
				case 2:
					runtime.Goexit() // as t.FailNow does
				}
				return nil
			})
			if want := []bool{false, true, true}[n%3]; (err != nil) != want || n%3 == 1 && !errors.Is(err, failed) {
				t.Errorf("call %d: %v", n, err)
			}
		})
	}
	all.Wait()
	for range 200 {
		all.Go(func() {
			if here, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || here != home {
				t.Errorf("a goroutine runs in %s, %v; want %s", here, err, home)
			}
		})
	}
	all.Wait()
	if now, err := os.Readlink("/proc/self/ns/net"); err != nil || now != home {
		t.Errorf("the main thread is in %s, %v; want %s", now, err, home)
	}
}

func TestCreateAndDelete(t *testing.T) {
	dir := directory(t)
	path := namespace(t, filepath.Join(dir, "a"))
	if err := netns.MakeDirectory(dir); err != nil {
		t.Errorf("MakeDirectory again: %v", err)
	}
	first, err := netns.Identify(path)
	if err != nil || !netns.Is(path, first) {
		t.Fatalf("Identify: %v, %v", first, err)
	}
	if err := netns.Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a namespace: %v", err)
	}
	if gone, err := netns.RemoveDirectory(dir); gone || err != nil {
		t.Errorf("RemoveDirectory of a directory in use: %v, %v", gone, err)
	}
	held, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	for range 2 {
		if err := netns.Delete(path); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, err := netns.Identify(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Identify after Delete: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := netns.Identify(path); !errors.Is(err, netns.ErrNotNamespace) {
		t.Errorf("Identify of a plain file: %v", err)
	}
	if err := netns.Bind(held, path); err != nil {
		t.Fatal(err)
	}
	if !netns.Is(path, first) {
		t.Error("Bind brought another namespace")
	}
}

func BenchmarkInNamespace(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	for b.Loop() {
		if err := netns.InNamespace("/proc/self/ns/net", func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
