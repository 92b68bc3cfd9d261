//go:build linux

package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	vishvananda "github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"seamark/internal/driver/network/netns"
)

// endName is the interface's name inside its own namespace.
const endName = "eth0"

// doomedGroup collects links that are deleted together.
const doomedGroup = linkGroup + 1

// routerMAC is the hardware address of the router's end of every pair. One
// for all, as each pair is a network of its own: when a link is made anew, or
// an address moves, what neighbours have learned stays true.
var routerMAC = [6]byte{0x0a, 0x5e, 0xa0, 0x00, 0x00, 0x01}

// ours are the links that the driver made.
func (o *observed) ours() []int {
	var out []int
	for _, l := range o.links {
		if l.ours {
			out = append(out, l.index)
		}
	}
	return out
}

// removeLinks deletes the links of interfaces that are no longer wanted, or
// wanted with another address, and forgets them. It takes them out of now.
func (r *router) removeLinks(now *observed, want layout) (bool, error) {
	keep := map[string]bool{}
	for _, p := range want.ports {
		k, known := r.known[p.ID]
		keep[p.link] = !known || kernelEqual(k.Interface, p.Interface)
	}
	var doomed []int
	for name, l := range now.links {
		if l.ours && !keep[name] {
			doomed = append(doomed, l.index)
			delete(now.links, name)
		}
	}
	for id, k := range r.known {
		if !keep[k.link] {
			delete(r.known, id)
		}
	}
	return len(doomed) > 0, r.ns.deleteLinks(doomed)
}

// deleteLinks deletes links by index, several in one request.
func (n *namespace) deleteLinks(indexes []int) error {
	if len(indexes) == 0 {
		return nil
	}
	for _, index := range indexes {
		err := n.route.LinkSetGroup(device(index), doomedGroup)
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("delete link %d: %w", index, err)
		}
	}
	if err := n.deleteGroup(doomedGroup); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete %d links: %w", len(indexes), err)
	}
	return nil
}

func device(index int) vishvananda.Link {
	return &vishvananda.Device{LinkAttrs: vishvananda.LinkAttrs{Index: index}}
}

// removeNamespaces removes the namespaces of interfaces that are not wanted.
func (r *router) removeNamespaces(want layout) error {
	keep := map[string]bool{routerName: true}
	for _, p := range want.ports {
		keep[string(p.ID)] = true
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !keep[e.Name()] {
			errs = append(errs, netns.Delete(filepath.Join(r.dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// ensureInterface makes one interface whole. For one that this process knows
// and whose router side is as it should be, it only looks at the namespace's
// file.
func (r *router) ensureInterface(now *observed, p port) error {
	path := r.interfacePath(p.ID)
	known, ok := r.known[p.ID]
	if ok && netns.Is(path, known.id) && now.whole(p) {
		return nil
	}
	id, err := netns.Identify(path)
	if ok {
		r.log.Warn("repairing a network interface", "vpc", r.vpc, "interface", p.ID)
		delete(r.known, p.ID)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, netns.ErrNotNamespace) {
			return err
		}
		if err := netns.Create(path); err != nil {
			return err
		}
		if id, err = netns.Identify(path); err != nil {
			return err
		}
	}
	end, err := openEnd(path, p)
	if err != nil {
		return err
	}
	defer end.close()
	if err := r.attach(now, p, end); err != nil {
		return err
	}
	r.known[p.ID] = attached{port: p, id: id}
	return nil
}

// whole says whether the router's side of a port is complete.
func (o *observed) whole(p port) bool {
	l, ok := o.links[p.link]
	if !ok {
		return false
	}
	delay, listed := o.delays[l.index]
	return l.up && l.ours && l.forwards && l.alias == string(p.ID) &&
		o.routes[p.Address] == l.index && listed && delay == 0 &&
		(!p.IPv6.IsValid() || o.routes[p.IPv6] == l.index && o.gateways[l.index])
}

// attach makes the veth pair, or keeps the one that is there, and completes
// both ends.
func (r *router) attach(now *observed, p port, end *end) error {
	l, ok := now.links[p.link]
	if !ok || !end.whole(p, l) {
		var err error
		if l, err = r.connect(l, ok, p, end); err != nil {
			return err
		}
	} else if !l.forwards {
		if err := applyIn(r.path(), linkSettings(p.link)); err != nil {
			return err
		}
	}
	if err := end.configure(p); err != nil {
		return err
	}
	return r.completeLink(l, p)
}

// connect makes a new pair in place of whatever is left of an old one.
func (r *router) connect(old observedLink, exists bool, p port, end *end) (observedLink, error) {
	if exists {
		if err := r.ns.deleteLinks([]int{old.index}); err != nil {
			return observedLink{}, err
		}
	}
	if err := end.deleteLink(); err != nil {
		return observedLink{}, err
	}
	attrs := vishvananda.NewLinkAttrs()
	attrs.Name, attrs.Group, attrs.HardwareAddr = p.link, linkGroup, routerMAC[:]
	pair := vishvananda.NewVeth(attrs)
	pair.PeerName, pair.PeerHardwareAddr = endName, p.mac
	pair.PeerNamespace = vishvananda.NsFd(end.file.Fd())
	if err := r.ns.route.LinkAdd(pair); err != nil {
		return observedLink{}, fmt.Errorf("make veth pair: %w", err)
	}
	made, err := r.ns.route.LinkByName(p.link)
	if err != nil {
		return observedLink{}, fmt.Errorf("make veth pair: %w", err)
	}
	return observedLink{index: made.Attrs().Index}, nil
}

// completeLink sets what the router's end needs besides its defaults.
func (r *router) completeLink(l observedLink, p port) error {
	dev := device(l.index)
	if err := r.ns.noProxyDelay(l.index); err != nil {
		return fmt.Errorf("set proxy_delay: %w", err)
	}
	if err := r.ns.route.LinkSetAlias(dev, string(p.ID)); err != nil {
		return fmt.Errorf("set alias: %w", err)
	}
	if err := r.ns.route.LinkSetUp(dev); err != nil {
		return fmt.Errorf("set up: %w", err)
	}
	route := &vishvananda.Route{LinkIndex: l.index, Dst: hostNet(p.Address), Scope: vishvananda.SCOPE_LINK}
	if err := r.ns.route.RouteReplace(route); err != nil {
		return fmt.Errorf("route to %s: %w", p.Address, err)
	}
	if p.IPv6.IsValid() {
		return r.completeIPv6(dev, p)
	}
	return nil
}

// completeIPv6 makes the router's end the gateway of the interface's IPv6 address.
func (r *router) completeIPv6(dev vishvananda.Link, p port) error {
	if err := applyIn(r.path(), linkIPv6(p.link)); err != nil {
		return err
	}
	if err := r.ns.route.AddrReplace(dev, hostAddress(gatewayIPv6())); err != nil {
		return fmt.Errorf("add address %s: %w", gatewayIPv6(), err)
	}
	route := &vishvananda.Route{LinkIndex: dev.Attrs().Index, Dst: hostNet(p.IPv6), Scope: vishvananda.SCOPE_LINK}
	if err := r.ns.route.RouteReplace(route); err != nil {
		return fmt.Errorf("route to %s: %w", p.IPv6, err)
	}
	return nil
}

// end is an interface's own namespace, open.
type end struct {
	file  *os.File
	route *vishvananda.Handle
}

// openEnd opens a task's namespace and applies its settings.
func openEnd(path string, p port) (*end, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	e := &end{file: file}
	err = netns.InNamespace(path, func() (err error) {
		if err := apply(interfaceSettings(p)); err != nil {
			return err
		}
		e.route, err = vishvananda.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return e, nil
}

func (e *end) close() {
	e.route.Close()
	_ = e.file.Close() // opened for reading: nothing is lost
}

// whole says whether eth0 is the other end of the router's link l and has the
// hardware address and the address it should.
func (e *end) whole(p port, l observedLink) bool {
	eth, err := e.route.LinkByName(endName)
	if err != nil || eth.Attrs().Index != l.peer || eth.Attrs().ParentIndex != l.index ||
		eth.Attrs().HardwareAddr.String() != p.mac.String() {
		return false
	}
	have, err := e.route.AddrList(eth, unix.AF_UNSPEC)
	if err != nil {
		return false
	}
	four, six := false, !p.IPv6.IsValid()
	for _, a := range have {
		got, _ := netip.AddrFromSlice(a.IP)
		got = got.Unmap()
		four = four || got == p.Address && a.Mask.String() == subnetMask(p).String()
		six = six || got == p.IPv6
	}
	return four && six
}

func subnetMask(p port) net.IPMask { return net.CIDRMask(p.Subnet.Bits(), 32) }

// deleteLink deletes eth0 if there is one.
func (e *end) deleteLink() error {
	eth, err := e.route.LinkByName(endName)
	if _, missing := errors.AsType[vishvananda.LinkNotFoundError](err); missing {
		return nil
	}
	if err == nil {
		err = e.route.LinkDel(eth)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete old %s: %w", endName, err)
	}
	return nil
}

// configure completes the inner end: lo, address, default route.
func (e *end) configure(p port) error {
	lo, err := e.route.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: %w", err)
	}
	if err := e.route.LinkSetUp(lo); err != nil {
		return fmt.Errorf("lo: set up: %w", err)
	}
	eth, err := e.route.LinkByName(endName)
	if err != nil {
		return fmt.Errorf("%s: %w", endName, err)
	}
	address := &vishvananda.Addr{IPNet: &net.IPNet{IP: p.Address.AsSlice(), Mask: subnetMask(p)}}
	if err := e.route.AddrReplace(eth, address); err != nil {
		return fmt.Errorf("%s: add address: %w", endName, err)
	}
	if err := e.route.LinkSetUp(eth); err != nil {
		return fmt.Errorf("%s: set up: %w", endName, err)
	}
	route := &vishvananda.Route{LinkIndex: eth.Attrs().Index, Gw: p.Gateway().AsSlice()}
	if err := e.route.RouteReplace(route); err != nil {
		return fmt.Errorf("%s: default route: %w", endName, err)
	}
	if p.IPv6.IsValid() {
		return e.configureIPv6(eth, p)
	}
	return nil
}

// configureIPv6 gives eth0 its IPv6 address and the way to the router.
func (e *end) configureIPv6(eth vishvananda.Link, p port) error {
	if err := e.route.AddrReplace(eth, hostAddress(p.IPv6)); err != nil {
		return fmt.Errorf("%s: add address: %w", endName, err)
	}
	if err := awaitLocal(e.route, p.IPv6); err != nil {
		return fmt.Errorf("%s: %w", endName, err)
	}
	route := &vishvananda.Route{LinkIndex: eth.Attrs().Index, Gw: gatewayIPv6().AsSlice()}
	if err := e.route.RouteReplace(route); err != nil {
		return fmt.Errorf("%s: default route: %w", endName, err)
	}
	return nil
}
