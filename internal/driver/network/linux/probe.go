//go:build linux

package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
)

// probe makes one of everything that a VPC needs, in a namespace of its own,
// and takes it away again. So what is missing is said at the start and by
// name, and not by the first task.
func probe(dir string) (err error) {
	path := filepath.Join(dir, "probe")
	if err := netns.Delete(path); err != nil { // of a process that was killed here
		return err
	}
	if err := netns.Create(path); err != nil {
		if errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("root is needed: %w", err)
		}
		return err
	}
	defer func() { err = errors.Join(err, netns.Delete(path)) }()
	n, err := openNamespace(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if err := applyIn(path, routerSettings()); err != nil {
		return err
	}
	attrs := vishvananda.NewLinkAttrs()
	attrs.Name = "probe0"
	pair := vishvananda.NewVeth(attrs)
	pair.PeerName = "probe1"
	if err := n.route.LinkAdd(pair); err != nil {
		return fmt.Errorf("make a veth pair (kernel module veth): %w", err)
	}
	if err := replace(n.nft, &ruleset{}); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	if err := n.nft.Flush(); err != nil {
		return fmt.Errorf("nftables with connection tracking (kernel modules nf_tables, nft_ct, nf_conntrack): %w", err)
	}
	if _, err := n.generation(); err != nil {
		return err
	}
	if _, err := n.route.ConntrackTableList(vishvananda.ConntrackTable, unix.AF_INET); err != nil {
		return fmt.Errorf("list connections (kernel module nf_conntrack_netlink): %w", err)
	}
	if _, err := n.observe(); err != nil {
		return err
	}
	return nil
}
