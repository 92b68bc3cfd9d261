//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// routerName is the file of the router's namespace in a VPC's directory.
const routerName = "router"

// router is what this process knows of one VPC in the kernel. Whoever has put
// a token into turn may use the other fields.
type router struct {
	vpc      world.VPCID
	dir      string
	instance string
	log      *slog.Logger
	turn     chan struct{}

	ns *namespace // nil until opened
	// six: IPv6 was switched on in it.
	six bool
	// rules is what the table held at generation; nil when that is not known.
	rules      *ruleset
	generation uint32
	known      map[world.NetworkInterfaceID]attached
}

// attached is an interface that was found or made whole by this process.
type attached struct {
	port
	id netns.ID // of its namespace
}

func newRouter(id world.VPCID, dir, instance string, log *slog.Logger) *router {
	return &router{
		vpc: id, dir: dir, instance: instance, log: log,
		turn: make(chan struct{}, 1), known: map[world.NetworkInterfaceID]attached{},
	}
}

func (r *router) path() string { return filepath.Join(r.dir, routerName) }

func (r *router) interfacePath(id world.NetworkInterfaceID) string {
	return filepath.Join(r.dir, string(id))
}

// set makes the kernel equal to the layout. The order: what goes, then the
// rules, then what comes, so no link is ever without its rules.
func (r *router) set(ctx context.Context, want layout) error {
	adopting, err := r.ensureNamespace()
	if err != nil {
		return err
	}
	if err := r.setIPv6(want.six); err != nil {
		return err
	}
	now, err := r.ns.observe()
	if err != nil {
		return err
	}
	removed, err := r.removeLinks(now, want)
	if err != nil {
		return err
	}
	if err := r.setRules(want.rules); err != nil {
		return fmt.Errorf("security groups: %w", err)
	}
	if err := r.setAddresses(now, want.addresses); err != nil {
		return err
	}
	var errs []error
	for _, p := range want.ports {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := r.ensureInterface(now, p); err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", p.ID, err))
		}
	}
	errs = append(errs, r.removeNamespaces(want))
	if adopting || removed {
		errs = append(errs, r.forgetConnections(want))
	}
	return errors.Join(errs...)
}

// ensureNamespace opens the router's namespace and says whether it was not
// open before. A namespace whose mount was taken away is still held open
// here, so it is mounted again and nothing in it is lost.
func (r *router) ensureNamespace() (opened bool, err error) {
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return false, err
	}
	id, err := netns.Identify(r.path())
	switch {
	case err == nil && r.ns != nil && r.ns.id == id:
		return false, nil
	case err == nil: // an earlier process's, or somebody put another one there
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, netns.ErrNotNamespace):
		return false, err
	case r.ns != nil:
		r.log.Warn("mounting the VPC's namespace again", "vpc", r.vpc)
		return false, netns.Bind(r.ns.file, r.path())
	default:
		if err := netns.Create(r.path()); err != nil {
			return false, err
		}
	}
	if err := r.close(); err != nil {
		return false, err
	}
	if r.ns, err = openNamespace(r.path()); err != nil {
		return false, err
	}
	if err := r.prepare(); err != nil {
		return false, errors.Join(err, r.close())
	}
	return true, nil
}

// setIPv6 switches IPv6 on in the router's namespace, or off.
func (r *router) setIPv6(on bool) error {
	if on == r.six {
		return nil
	}
	if err := applyIn(r.path(), ipv6Settings(on)); err != nil {
		return err
	}
	r.six = on
	return nil
}

// prepare gives the router's namespace what every one has.
func (r *router) prepare() error {
	if err := applyIn(r.path(), routerSettings()); err != nil {
		return err
	}
	lo, err := r.ns.route.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	// A name for whoever meets the namespace without its path.
	if err := r.ns.route.LinkSetAlias(lo, "seamark "+r.instance+" "+string(r.vpc)); err != nil {
		return fmt.Errorf("lo: set alias: %w", err)
	}
	if err := r.ns.route.LinkSetUp(lo); err != nil {
		return fmt.Errorf("lo: set up: %w", err)
	}
	return nil
}

// close closes the namespace's handles and forgets what was known through
// them. The namespace itself stays.
func (r *router) close() error {
	r.rules, r.six = nil, false
	r.known = map[world.NetworkInterfaceID]attached{}
	if r.ns == nil {
		return nil
	}
	err := r.ns.close()
	r.ns = nil
	return err
}

// setRules makes the nftables table equal to want in one transaction.
func (r *router) setRules(want *ruleset) error {
	before, err := r.ns.generation()
	if err != nil {
		return err
	}
	changed := true
	if r.rules == nil || r.generation != before {
		if r.rules != nil {
			r.log.Warn("replacing rules that somebody else has changed", "vpc", r.vpc)
		}
		err = replace(r.ns.nft, want)
	} else {
		changed, err = update(r.ns.nft, r.rules, want)
	}
	if err == nil && changed {
		err = r.ns.nft.Flush()
	}
	if err != nil {
		r.rules = nil
		return errors.Join(err, r.ns.openRules())
	}
	after, err := r.ns.generation()
	if err != nil {
		r.rules = nil
		return err
	}
	r.rules, r.generation = want, after
	if changed && after != before+1 {
		// Another transaction came in between: what the table holds is not
		// certain, so the next Set replaces it. (The number skips 0 when it
		// wraps, which costs one needless replacement.)
		r.rules = nil
	}
	return nil
}

// setAddresses makes the router's own addresses those of the layout. They are
// on lo, so nothing but ARP and routing ties them to a link.
func (r *router) setAddresses(now *observed, want []netip.Addr) error {
	lo := &vishvananda.Device{LinkAttrs: vishvananda.LinkAttrs{Index: now.links["lo"].index}}
	wanted := map[netip.Addr]bool{}
	for _, a := range want {
		wanted[a] = true
		if !now.addresses[a] {
			if err := r.ns.route.AddrReplace(lo, hostAddress(a)); err != nil {
				return fmt.Errorf("add address %s: %w", a, err)
			}
			if err := awaitLocal(r.ns.route, a); err != nil {
				return err
			}
		}
	}
	for a := range now.addresses {
		if !wanted[a] {
			if err := r.ns.route.AddrDel(lo, hostAddress(a)); err != nil {
				return fmt.Errorf("remove address %s: %w", a, err)
			}
		}
	}
	if !now.links["lo"].up {
		if err := r.ns.route.LinkSetUp(lo); err != nil {
			return fmt.Errorf("lo: set up: %w", err)
		}
	}
	return nil
}

// hostAddress is an address without a subnet. Nobody else can have it, so an IPv6
// one is in use at once and not after duplicate address detection.
func hostAddress(a netip.Addr) *vishvananda.Addr {
	out := &vishvananda.Addr{IPNet: hostNet(a)}
	if a.Is6() {
		out.Flags = unix.IFA_F_NODAD
	}
	return out
}

// localWithin bounds how long the kernel may take to use an address: a busy
// machine was seen to need some milliseconds.
const localWithin = 5 * time.Second

// awaitLocal returns once packets to an IPv6 address arrive. The kernel adds the
// route to it in a work queue, after the request was acknowledged and sockets may
// already bind to it; until then, packets to it are lost.
func awaitLocal(h *vishvananda.Handle, a netip.Addr) error {
	if !a.Is6() {
		return nil
	}
	for end := time.Now().Add(localWithin); ; time.Sleep(100 * time.Microsecond) {
		routes, err := h.RouteGet(a.AsSlice())
		if err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("address %s is not in use after %v", a, localWithin), err)
		}
	}
}

func hostNet(a netip.Addr) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
}

// remove takes away the whole VPC. Links are deleted first: a process that
// still holds the namespace open, such as the data plane, would keep them.
func (r *router) remove() error {
	if _, err := netns.Identify(r.path()); err == nil && r.ns == nil {
		if r.ns, err = openNamespace(r.path()); err != nil {
			return err
		}
	}
	if r.ns != nil {
		now, err := r.ns.observe()
		if err != nil {
			return err
		}
		if err := r.ns.deleteLinks(now.ours()); err != nil {
			return err
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := netns.Delete(filepath.Join(r.dir, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(r.dir)
}

// forgetConnections deletes tracked connections with an address that no
// interface has any more. Otherwise the next owner of the address would
// receive packets of its predecessor's connections past its security groups.
func (r *router) forgetConnections(want layout) error {
	keep := map[netip.Addr]bool{}
	for _, a := range want.addresses {
		keep[a] = true
	}
	for _, p := range want.ports {
		keep[p.Address], keep[p.IPv6] = true, true
	}
	for _, family := range []vishvananda.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if _, err := r.ns.route.ConntrackDeleteFilters(vishvananda.ConntrackTable, family, stale(keep)); err != nil {
			return fmt.Errorf("forget connections: %w", err)
		}
	}
	return nil
}

// stale matches connections of which either end is not among the addresses.
type stale map[netip.Addr]bool

// MatchConntrackFlow implements the library's filter.
func (keep stale) MatchConntrackFlow(flow *vishvananda.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	to, _ := netip.AddrFromSlice(flow.Forward.DstIP)
	return !keep[from.Unmap()] || !keep[to.Unmap()]
}

// kernelEqual says whether two interfaces are the same but for their rules.
func kernelEqual(a, b netcfg.Interface) bool {
	return a.Address == b.Address && a.Subnet == b.Subnet && a.IPv6 == b.IPv6 && a.MAC == b.MAC && a.UnprivilegedPorts == b.UnprivilegedPorts
}
