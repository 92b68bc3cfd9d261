package dataplane

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
	"seamark/internal/resolver"
)

// sharesPorts: UDP sockets on one address share the load (SO_REUSEPORT).
const sharesPorts = true

// receiveBuffer is what a burst of queries may fill while all cores are busy:
// about 1,000 packets as the kernel counts them.
const receiveBuffer = 1 << 20

// identity tells a namespace from another that took its place under its path.
type identity = netns.ID

// identify looks at a namespace's path. The process's own is the zero identity.
func identify(path string) (identity, error) {
	if path == "" {
		return identity{}, nil
	}
	return netns.Identify(path)
}

// within runs f inside a namespace; sockets that it makes stay there.
func within(namespace string, f func() error) error {
	if namespace == "" {
		return f()
	}
	return netns.InNamespace(namespace, f)
}

func listenUDP(namespace string, at netip.AddrPort) (*resolver.UDPSocket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepare(c, true) }}
	var conn net.PacketConn
	err := within(namespace, func() (err error) {
		conn, err = lc.ListenPacket(context.Background(), "udp", at.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resolver.NewUDPSocket(conn.(*net.UDPConn))
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

// setMark sets SO_MARK, which needs CAP_NET_ADMIN unless it is 0 already.
func setMark(s *resolver.UDPSocket, mark int) error {
	return s.Control(func(fd int) error {
		if now, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK); err == nil && now == mark {
			return nil
		}
		return os.NewSyscallError("SO_MARK", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark))
	})
}

// drainTimeout bounds the wait for a socket's last queries.
const drainTimeout = 200 * time.Millisecond

// drain makes a socket receive no more, so that new queries go to other sockets
// on its address (those of a data plane that takes over), and waits until what
// it has received was taken. A UDP socket that is connected gets packets from
// its peer alone (Linux does so within SO_REUSEPORT groups since 5.4); the peer
// here is the resolver's own address at the discard port, where nothing is.
func drain(s *resolver.UDPSocket, at netip.AddrPort) error {
	const discard = 9
	if err := s.Control(func(fd int) error { return unix.Connect(fd, sockaddr(at.Addr(), discard)) }); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	for deadline := time.Now().Add(drainTimeout); time.Now().Before(deadline); {
		queued := 0
		err := s.Control(func(fd int) (err error) {
			queued, err = unix.IoctlGetInt(fd, unix.SIOCINQ)
			return err
		})
		if err != nil || queued == 0 {
			return err
		}
		<-time.After(time.Millisecond)
	}
	return fmt.Errorf("drain: queries left after %v", drainTimeout)
}

func sockaddr(a netip.Addr, port int) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Port: port, Addr: a.As16()}
}
