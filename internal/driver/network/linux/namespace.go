//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	vishvananda "github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
)

// namespace is an open router namespace: sockets that stay inside it, used
// from any thread.
type namespace struct {
	id   netns.ID
	path string
	file *os.File
	// route changes links, addresses and routes; conntrack is on it as well.
	route *vishvananda.Handle
	// dump reads them, and changes what the library has no call for.
	dump *nl.SocketHandle
	nft  *nftables.Conn
	// filter asks for nftables' generation.
	filter *netlink.Conn
}

// socketBuffer is the limit of the nftables socket's buffers, in bytes. The
// kernel answers each message of a transaction before we read the first
// answer, so all answers must fit.
const socketBuffer = 32 << 20

func openNamespace(path string) (*namespace, error) {
	n := &namespace{path: path}
	if err := n.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open namespace %s: %w", path, err), n.close())
	}
	return n, nil
}

func (n *namespace) open() (err error) {
	if n.id, err = netns.Identify(n.path); err != nil {
		return err
	}
	if n.file, err = os.Open(n.path); err != nil {
		return err
	}
	err = netns.InNamespace(n.path, func() (err error) {
		n.route, err = vishvananda.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		n.dump, err = dumpSocket()
		return err
	})
	if err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	fd := int(n.file.Fd())
	if n.filter, err = netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: fd}); err != nil {
		return fmt.Errorf("nftables socket: %w", err)
	}
	return n.openRules()
}

// dumpSocket opens a socket in the calling thread's namespace.
func dumpSocket() (*nl.SocketHandle, error) {
	s, err := nl.GetNetlinkSocketAt(vnetns.None(), vnetns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	// The kernel then checks and obeys what a dump asks for.
	if err := unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1); err != nil {
		s.Close()
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return &nl.SocketHandle{Socket: s}, nil
}

// openRules opens the nftables socket, also again after an error: answers
// that were not read would be taken for those of the next transaction.
func (n *namespace) openRules() error {
	if n.nft != nil {
		if err := n.nft.CloseLasting(); err != nil {
			return fmt.Errorf("nftables socket: %w", err)
		}
		n.nft = nil
	}
	c, err := nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(int(n.file.Fd())), nftables.WithSockOptions(
		func(c *netlink.Conn) error { return c.SetReadBuffer(socketBuffer) },
		func(c *netlink.Conn) error { return c.SetWriteBuffer(socketBuffer) }))
	if err != nil {
		return fmt.Errorf("nftables socket: %w", err)
	}
	n.nft = c
	return nil
}

// generation is the number of nftables transactions of this namespace.
func (n *namespace) generation() (uint32, error) {
	replies, err := n.filter.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN,
			Flags: netlink.Request,
		},
		Data: make([]byte, 4), // struct nfgenmsg: any family
	})
	if err != nil {
		return 0, fmt.Errorf("nftables generation: %w", err)
	}
	for _, m := range replies {
		if len(m.Data) < 4 {
			continue
		}
		ad, err := netlink.NewAttributeDecoder(m.Data[4:])
		if err != nil {
			return 0, fmt.Errorf("nftables generation: %w", err)
		}
		ad.ByteOrder = binary.BigEndian
		for ad.Next() {
			if ad.Type() == unix.NFTA_GEN_ID {
				return ad.Uint32(), nil
			}
		}
	}
	return 0, errors.New("nftables generation: no answer")
}

func (n *namespace) close() error {
	var errs []error
	if n.route != nil {
		n.route.Close()
	}
	if n.dump != nil {
		n.dump.Close()
	}
	if n.filter != nil {
		errs = append(errs, n.filter.Close())
	}
	if n.nft != nil {
		errs = append(errs, n.nft.CloseLasting())
	}
	if n.file != nil {
		errs = append(errs, n.file.Close())
	}
	return errors.Join(errs...)
}
