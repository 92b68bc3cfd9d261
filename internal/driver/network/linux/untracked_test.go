//go:build linux

package linux_test

import (
	"net"
	"testing"
	"time"

	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/linux"
	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
)

// TestQueriesAreNotTracked: a query and its answer, with and without the mark
// of answers, leave nothing in the table of connections; other packets do.
func TestQueriesAreNotTracked(t *testing.T) {
	d := newDriver(t, runDir(t))
	everything := networktest.All("0.0.0.0/0")
	set(t, d, networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10, everything), networktest.Interface(2, 1, 11, everything)))
	vpc, client := d.Paths().VPC(vpcID), d.Paths().Interface(networktest.ID(1))
	for name, mark := range map[string]int{"without mark": 0, "marked": linux.AnswerMark} {
		t.Run(name, func(t *testing.T) {
			server := echoUDP(t, vpc, "10.0.0.2:53")
			if err := setMark(server, mark); err != nil {
				t.Fatal(err)
			}
			exchange(t, client, "10.0.0.2:53")
			if n := trackedUDP(t, vpc); n != 0 {
				t.Errorf("%d entries", n)
			}
		})
	}
	echoUDP(t, d.Paths().Interface(networktest.ID(2)), "10.0.1.11:53")
	exchange(t, client, "10.0.1.11:53")
	if n := trackedUDP(t, vpc); n != 1 {
		t.Errorf("%d entries of a connection between interfaces", n)
	}
}

// echoUDP sends back what comes to a socket, until the test ends.
func echoUDP(t *testing.T, path, at string) *net.UDPConn {
	t.Helper()
	l, err := netns.ListenPacket(path, "udp", at)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-ended })
	go func() {
		defer close(ended)
		b := make([]byte, 64)
		for {
			n, from, err := l.ReadFrom(b)
			if err != nil {
				return // closed
			}
			if _, err := l.WriteTo(b[:n], from); err != nil {
				t.Errorf("answer: %v", err)
			}
		}
	}()
	return l.(*net.UDPConn)
}

func setMark(c *net.UDPConn, mark int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark)
	}); err != nil {
		return err
	}
	return failed
}

// exchange sends a datagram and waits until it comes back.
func exchange(t *testing.T, path, to string) {
	t.Helper()
	c, err := netns.Dial(t.Context(), path, "udp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("query")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 64)); err != nil {
		t.Fatalf("no answer from %s: %v", to, err)
	}
}

func trackedUDP(t *testing.T, path string) (n int) {
	t.Helper()
	err := netns.InNamespace(path, func() error {
		flows, err := vishvananda.ConntrackTableList(vishvananda.ConntrackTable, unix.AF_INET)
		for _, f := range flows {
			if f.Forward.Protocol == unix.IPPROTO_UDP {
				n++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
