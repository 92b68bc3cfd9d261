package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Listens says whether a client that comes from elsewhere to that address of
// the namespace finds a socket: of TCP one that listens, of UDP one that is
// bound and has no peer. network is "tcp" or "udp".
//
// The kernel looks the socket up as it does for a packet (sock_diag(7)), so one
// that is bound to loopback alone is none, and the programs in the namespace
// notice nothing. /proc/net/tcp would cost a walk over the machine's whole table
// of connections, which is milliseconds.
func Listens(path, network string, at netip.AddrPort) (bool, error) {
	request, err := lookup(network, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	if err != nil {
		return false, err
	}
	fd := -1
	err = InNamespace(path, func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
		return os.NewSyscallError("socket", err)
	})
	if err != nil {
		return false, fmt.Errorf("look for a socket at %s %s in %s: %w", network, at, path, err)
	}
	found, err := ask(fd, request)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return false, fmt.Errorf("look for a socket at %s %s in %s: %w", network, at, path, err)
	}
	return found, nil
}

// lookup asks for the socket that gets what arrives at an address: a struct
// nlmsghdr and a struct inet_diag_req_v2.
func lookup(network string, at netip.AddrPort) ([]byte, error) {
	if !at.IsValid() {
		return nil, errors.New("look for a socket: no address")
	}
	const source, destination = 0, 1 // of struct inet_diag_sockid
	protocol, own := byte(unix.IPPROTO_TCP), source
	switch network {
	case "tcp":
	case "udp":
		// udp_diag looks from the packet's side ("src and dst are swapped for historical reasons").
		protocol, own = unix.IPPROTO_UDP, destination
	default:
		return nil, net.UnknownNetworkError(network)
	}
	family := byte(unix.AF_INET)
	if at.Addr().Is6() {
		family = unix.AF_INET6
	}
	message := make([]byte, unix.NLMSG_HDRLEN+56)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	binary.NativeEndian.PutUint16(message[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST)
	body := message[unix.NLMSG_HDRLEN:]
	body[0], body[1] = family, protocol
	binary.BigEndian.PutUint16(body[8+2*own:], at.Port())
	copy(body[12+16*own:], at.Addr().AsSlice())
	for i := 48; i < 56; i++ {
		body[i] = 0xff // INET_DIAG_NOCOOKIE: whichever socket it is
	}
	return message, nil
}

// ask sends a lookup and reads its answer, which the kernel gives within the
// call that sends.
func ask(fd int, request []byte) (found bool, err error) {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, os.NewSyscallError("sendto", err)
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return false, os.NewSyscallError("recvfrom", err)
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return false, fmt.Errorf("an answer of %d bytes", n)
	}
	if binary.NativeEndian.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return true, nil
	}
	errno := unix.Errno(-int32(binary.NativeEndian.Uint32(reply[unix.NLMSG_HDRLEN:])))
	if errno == unix.ENOENT {
		// There is no such socket. A kernel without TCP or UDP in sock_diag says
		// the same; whoever asks must not wait for ever.
		return false, nil
	}
	return false, os.NewSyscallError("sock_diag", errno)
}
