package dataplane

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
)

// sharesPorts: UDP sockets on one address share the load (SO_REUSEPORT).
const sharesPorts = true

// receiveBuffer is what a burst of queries may fill while all cores are busy:
// about 1,000 packets as the kernel counts them.
const receiveBuffer = 1 << 20

// identity tells a namespace from another that took its place under its path.
type identity struct {
	device, inode uint64
}

// identify looks at a namespace's path. The process's own is the zero identity.
func identify(path string) (identity, error) {
	if path == "" {
		return identity{}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, fmt.Errorf("network namespace: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("network namespace %s: no inode", path)
	}
	return identity{uint64(st.Dev), st.Ino}, nil
}

// within runs f inside a namespace; sockets that it makes stay there.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	return netns.InNamespace(namespace, f)
}

func listenUDP(namespace string, at netip.AddrPort) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepare(c, true) }}
	var conn net.PacketConn
	err := within(namespace, func() (err error) {
		conn, err = lc.ListenPacket(context.Background(), "udp", at.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

func listenTCP(namespace string, at netip.AddrPort, share bool) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepare(c, share) }}
	lc.SetMultipathTCP(false) // no DNS client speaks it
	var l net.Listener
	err := within(namespace, func() (err error) {
		l, err = lc.Listen(context.Background(), "tcp", at.String())
		return err
	})
	return l, err
}

// prepare sets what must be set before bind.
func prepare(c syscall.RawConn, share bool) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		if share {
			failed = os.NewSyscallError("SO_REUSEPORT", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		}
		// Beyond the machine's limit only with CAP_NET_ADMIN; the limit will do.
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		}
	})
	if err != nil {
		return err
	}
	return failed
}
