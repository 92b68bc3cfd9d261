package registry

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
)

// slots is how many instances a service of a ledger has at most: as many as one
// answer holds, so that DNS can be compared whole.
const slots = 8

// Ledger knows what was acknowledged for a set of services. It is for one
// goroutine; several with services of their own may work side by side.
type Ledger struct {
	Namespace string // its name
	Services  []*Entry
	Random    *rand.Rand
	// Acknowledged counts changes.
	Acknowledged int

	next uint32 // of the addresses given out
}

// Entry is one service.
type Entry struct {
	ID, Name string
	// has is what was acknowledged. doubt is what was asked for last and not
	// acknowledged: the zero address for a deregistration.
	has, doubt map[string]netip.Addr
}

// NewLedger makes services and a ledger of them. Number tells it from others
// of the same namespace.
func NewLedger(c *Client, namespaceID, namespace string, number, services int, random *rand.Rand) (*Ledger, error) {
	l := &Ledger{Namespace: namespace, Random: random, next: uint32(10<<24 | number<<16)}
	for i := range services {
		e := &Entry{Name: fmt.Sprintf("ledger-%d-%d", number, i), has: map[string]netip.Addr{}, doubt: map[string]netip.Addr{}}
		var err error
		if e.ID, err = c.Service(namespaceID, e.Name, true); err != nil {
			return nil, err
		}
		l.Services = append(l.Services, e)
	}
	return l, nil
}

// Churn registers and deregisters until a call fails, or enough says so after
// one that did not.
func (l *Ledger) Churn(c *Client, enough func() bool) error {
	for {
		e := l.Services[l.Random.IntN(len(l.Services))]
		id := fmt.Sprintf("i-%d", l.Random.IntN(slots))
		if err := l.change(c, e, id); err != nil {
			return err
		}
		l.Acknowledged++
		if enough() {
			return nil
		}
	}
}

// change registers what is not there, and else removes it or, now and then,
// registers it with another address.
func (l *Ledger) change(c *Client, e *Entry, id string) error {
	_, has := e.has[id]
	if has && l.Random.IntN(4) > 0 {
		e.doubt[id] = netip.Addr{}
		if err := c.Deregister(e.ID, id); err != nil {
			return err
		}
		delete(e.has, id)
		delete(e.doubt, id)
		return nil
	}
	address := l.address()
	e.doubt[id] = address
	if err := c.Register(e.ID, id, address); err != nil {
		return err
	}
	e.has[id] = address
	delete(e.doubt, id)
	return nil
}

// address is one that was never given out before.
func (l *Ledger) address() netip.Addr {
	l.next++
	return netip.AddrFrom4([4]byte{byte(l.next >> 24), byte(l.next >> 16), byte(l.next >> 8), byte(l.next)})
}

// Check compares every service with what API and DNS answer, and takes over
// what became of the calls that nobody acknowledged.
func (l *Ledger) Check(c *Client, r *Resolver) error {
	var wrong []error
	for _, e := range l.Services {
		got, err := c.Discover(l.Namespace, e.Name)
		if err != nil {
			return err
		}
		wrong = append(wrong, e.compare(got))
		a, err := r.Ask(e.Name + "." + l.Namespace + ".")
		if err != nil {
			return err
		}
		if want := slices.SortedFunc(maps.Values(got), netip.Addr.Compare); !sameAddresses(a.Addresses, want) {
			wrong = append(wrong, fmt.Errorf("%s: DNS answers %v, DiscoverInstances %v", e.Name, a.Addresses, want))
		}
		e.has = got
		clear(e.doubt)
	}
	return errors.Join(wrong...)
}

func sameAddresses(got, want []netip.Addr) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(got), netip.Addr.Compare), want)
}

// compare says which acknowledged changes are not there.
func (e *Entry) compare(got map[string]netip.Addr) error {
	var wrong []error
	for slot := range slots {
		id := fmt.Sprintf("i-%d", slot)
		is, acknowledged := got[id], e.has[id]
		asked, open := e.doubt[id]
		if is != acknowledged && (!open || is != asked) {
			wrong = append(wrong, fmt.Errorf("%s %s: is %v, acknowledged was %v", e.Name, id, text(is), text(acknowledged)))
		}
	}
	return errors.Join(wrong...)
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return "absent"
	}
	return a.String()
}
