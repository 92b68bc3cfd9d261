//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/runtime"
)

// Listens implements runtime.Driver. containerd is not asked: the container's
// first process leads to its network.
func (d *Driver) Listens(ctx context.Context, c runtime.Status, network string, at netip.AddrPort) (bool, error) {
	if c.PID == 0 || ctx.Err() != nil {
		return false, ctx.Err()
	}
	ok, err := netns.Listens(fmt.Sprintf("/proc/%d/ns/net", c.PID), network, at)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil // it has ended
	}
	return ok, err
}
