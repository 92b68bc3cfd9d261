package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Listen opens a TCP listener on an address literal inside the namespace.
func Listen(path, network, address string) (net.Listener, error) {
	if _, err := literal(address); err != nil {
		return nil, err
	}
	var l net.Listener
	err := InNamespace(path, func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(context.Background(), network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", path, err)
	}
	return l, nil
}

// ListenPacket opens a UDP socket on an address literal inside the namespace.
func ListenPacket(path, network, address string) (net.PacketConn, error) {
	if _, err := literal(address); err != nil {
		return nil, err
	}
	var c net.PacketConn
	err := InNamespace(path, func() (err error) {
		c, err = (&net.ListenConfig{}).ListenPacket(context.Background(), network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in %s: %w", path, err)
	}
	return c, nil
}

// Dial connects to an address literal from inside the namespace. network is
// "tcp" or "udp", with or without "4" or "6". Only the socket is made inside;
// waiting for the connection holds no thread and ends with ctx.
func Dial(ctx context.Context, path, network, address string) (net.Conn, error) {
	return DialFrom(ctx, path, Origin{}, network, address)
}

// DialFrom is Dial with a word on where the connection comes from.
func DialFrom(ctx context.Context, path string, from Origin, network, address string) (net.Conn, error) {
	to, err := literal(address)
	if err != nil {
		return nil, err
	}
	fd, err := socketIn(path, network, to.Addr().Is4())
	if err != nil {
		return nil, fmt.Errorf("dial %s in %s: %w", address, path, err)
	}
	if err := from.set(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("dial %s in %s: %w", address, path, err), unix.Close(fd))
	}
	// The file owns fd from here; FileConn duplicates it.
	f := os.NewFile(uintptr(fd), network+" "+address)
	defer func() { _ = f.Close() }() // the connection has its own copy
	if err := connect(ctx, f, sockaddr(to.Addr().As16(), to.Addr().Is4(), int(to.Port()))); err != nil {
		return nil, fmt.Errorf("dial %s in %s: %w", address, path, err)
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("dial %s in %s: %w", address, path, err)
	}
	return c, nil
}

// set gives a socket its origin.
func (o Origin) set(fd int) error {
	if o.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, o.Mark); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if !o.Address.IsValid() {
		return nil
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sockaddr(o.Address.As16(), o.Address.Is4(), 0)))
}

// socketIn makes a non-blocking socket inside the namespace.
func socketIn(path, network string, ipv4 bool) (int, error) {
	kind := 0
	switch strings.TrimRight(network, "46") {
	case "tcp":
		kind = unix.SOCK_STREAM
	case "udp":
		kind = unix.SOCK_DGRAM
	default:
		return -1, net.UnknownNetworkError(network)
	}
	if (ipv4 && strings.HasSuffix(network, "6")) || (!ipv4 && strings.HasSuffix(network, "4")) {
		return -1, &net.AddrError{Err: "address family does not fit the network", Addr: network}
	}
	family := unix.AF_INET6
	if ipv4 {
		family = unix.AF_INET
	}
	fd := -1
	err := InNamespace(path, func() (err error) {
		fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return os.NewSyscallError("socket", err)
	})
	return fd, err
}

func sockaddr(ip [16]byte, ipv4 bool, port int) unix.Sockaddr {
	if ipv4 {
		return &unix.SockaddrInet4{Port: port, Addr: [4]byte(ip[12:])}
	}
	return &unix.SockaddrInet6{Port: port, Addr: ip}
}

// connect connects a non-blocking socket and waits until it is connected,
// refused, or ctx ends.
func connect(ctx context.Context, f *os.File, to unix.Sockaddr) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Connect(int(fd), to) }); err != nil {
		return err
	}
	if failed == nil {
		return nil
	}
	if !errors.Is(failed, unix.EINPROGRESS) {
		return os.NewSyscallError("connect", failed)
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) }) // fails only on a closed file
	defer stop()
	err = raw.Write(func(fd uintptr) bool {
		var done bool
		done, failed = connected(int(fd))
		return done
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	return failed
}

// connected asks for the outcome of a connect that was in progress.
func connected(fd int) (bool, error) {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return true, os.NewSyscallError("getsockopt", err)
	}
	if code != 0 {
		return true, os.NewSyscallError("connect", syscall.Errno(code))
	}
	// No error yet may also mean that it is still under way.
	if _, err := unix.Getpeername(fd); err == unix.ENOTCONN {
		return false, nil
	}
	return true, nil
}
