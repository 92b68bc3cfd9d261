package control

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/change"
	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

// bound is a data plane that keeps which interfaces of which endpoints each VPC
// was given.
type bound struct {
	mu     sync.Mutex
	vpcs   map[world.VPCID]map[world.ResolverEndpointID][]world.NetworkInterfaceID
	sets   int
	failed map[world.VPCID]string // VPCs that do not listen everywhere, for the sake of which interface
}

func (b *bound) set(v dataplane.VPC) {
	b.sets++
	b.setEndpoints(v.Table.ID, v.Endpoints)
}

func (b *bound) setEndpoints(id world.VPCID, list []dataplane.Endpoint) {
	endpoints := map[world.ResolverEndpointID][]world.NetworkInterfaceID{}
	for _, e := range list {
		for _, a := range e.Addresses {
			endpoints[e.ID] = append(endpoints[e.ID], a.Interface)
		}
	}
	b.vpcs[id] = endpoints
}

func (b *bound) ack(revision int64) dataplane.Ack {
	ack := dataplane.Ack{Revision: revision, Failed: maps.Clone(b.failed), Bound: map[world.VPCID][]netip.AddrPort{}}
	for id := range b.vpcs {
		ack.Bound[id] = nil
	}
	return ack
}

func (b *bound) Replace(_ context.Context, revision int64, s dataplane.Snapshot) (dataplane.Ack, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.vpcs = map[world.VPCID]map[world.ResolverEndpointID][]world.NetworkInterfaceID{}
	for _, v := range s.VPCs {
		b.set(v)
	}
	return b.ack(revision), nil
}

func (b *bound) Sync(_ context.Context, revision int64, changes []dataplane.Change) (dataplane.Ack, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changes {
		if c.Set != nil {
			b.set(*c.Set)
		}
		if c.Endpoints != nil {
			b.setEndpoints(c.Endpoints.VPC, c.Endpoints.Endpoints)
		}
		delete(b.vpcs, c.Remove)
	}
	return b.ack(revision), nil
}

func (b *bound) Status(context.Context) (dataplane.Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := dataplane.Status{VPCs: map[world.VPCID]dataplane.VPCStatus{}}
	for id, endpoints := range b.vpcs {
		v := dataplane.VPCStatus{Failed: b.failed[id], Endpoints: map[world.ResolverEndpointID]dataplane.EndpointStatus{}}
		for e, interfaces := range endpoints {
			var status dataplane.EndpointStatus
			for _, i := range interfaces {
				a := dataplane.AddressStatus{Interface: i}
				if v.Failed == string(i) {
					a.Failed = "no such address"
				}
				status.Addresses = append(status.Addresses, a)
			}
			v.Endpoints[e] = status
		}
		s.VPCs[id] = v
	}
	return s, nil
}

func (b *bound) TakeQueries(context.Context) ([]dataplane.Query, uint64, error) { return nil, 0, nil }
func (b *bound) Close() error                                                   { return nil }

// site runs a whole Control over such a data plane.
type site struct {
	*testing.T
	store   *mem.Store
	answers *Answers
	plane   *bound
	made    sync.Map // interfaces that exist
}

func runSite(t *testing.T, f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &site{T: t, store: mem.New(mem.Options{}), plane: &bound{}}
		logger := slog.New(slog.DiscardHandler)
		s.answers = NewAnswers(AnswersOptions{
			Store: s.store, Zone: zone.Options{Fidelity: world.Relaxed, Region: "us-east-1"}, Logger: logger,
			Listen: func(*world.VPC) (dataplane.Listen, bool) { return dataplane.Listen{}, true },
			Endpoint: func(_ *world.ResolverEndpoint, n *world.NetworkInterface) (dataplane.EndpointAddress, bool) {
				_, ok := s.made.Load(n.ID)
				return dataplane.EndpointAddress{Interface: n.ID}, ok
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		runner := &change.Runner{Store: s.store, Applied: s.answers.Applied}
		go func() { ended <- New(runner, s.answers, logger).Run(ctx) }()
		s.answers.Use(s.plane)
		synctest.Wait()
		f(s)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (s *site) change(f func(tx *store.Tx)) {
	s.Helper()
	if _, err := s.store.Update(s.Context(), func(tx *store.Tx) error { f(tx); return nil }); err != nil {
		s.Fatal(err)
	}
	synctest.Wait()
}

// endpoint makes an endpoint whose interfaces are named after it.
func (s *site) endpoint(id world.ResolverEndpointID, direction string, vpc world.VPCID, interfaces ...world.NetworkInterfaceID) {
	s.change(func(tx *store.Tx) {
		e := &world.ResolverEndpoint{ID: id, Direction: direction, VPC: vpc}
		for _, i := range interfaces {
			tx.Put(&world.NetworkInterface{ID: i, VPC: vpc})
			e.Addresses = append(e.Addresses, world.EndpointAddress{Interface: i})
		}
		tx.Put(e)
	})
}

// attach has interfaces come to be.
func (s *site) attach(vpc world.VPCID, interfaces ...world.NetworkInterfaceID) {
	for _, i := range interfaces {
		s.made.Store(i, true)
	}
	s.answers.Attached(vpc)
	synctest.Wait()
}

func (s *site) expect(id world.ResolverEndpointID, operational bool, serving ...world.NetworkInterfaceID) {
	s.Helper()
	e := s.store.View().ResolverEndpoints.Get(string(id))
	if e.Observed.Operational != operational || !slices.Equal(e.Observed.Serving, serving) {
		s.Errorf("%s: %+v, expected %v by %v", id, e.Observed, operational, serving)
	}
}

func (s *site) given(vpc world.VPCID, id world.ResolverEndpointID, want ...world.NetworkInterfaceID) {
	s.Helper()
	s.plane.mu.Lock()
	defer s.plane.mu.Unlock()
	if got := s.plane.vpcs[vpc][id]; !slices.Equal(got, want) {
		s.Errorf("%s was given %v for %s, expected %v", vpc, got, id, want)
	}
}

// An endpoint is operational when the data plane has all its interfaces, and not
// before; what goes and comes is seen.
func TestAnswers_Endpoints(t *testing.T) {
	runSite(t, func(s *site) {
		s.change(func(tx *store.Tx) { tx.Put(&world.VPC{ID: "vpc-1"}) })
		sets := s.plane.sets
		s.endpoint("rslvr-in-1", world.Inbound, "vpc-1", "eni-a", "eni-b")
		s.expect("rslvr-in-1", false)
		s.attach("vpc-1", "eni-a")
		s.given("vpc-1", "rslvr-in-1", "eni-a")
		s.expect("rslvr-in-1", false, "eni-a")
		s.attach("vpc-1", "eni-b")
		s.expect("rslvr-in-1", true, "eni-a", "eni-b")
		s.attach("vpc-1") // some other interface
		s.change(func(tx *store.Tx) { tx.Put(&world.VPC{ID: "vpc-1", EnableDNSHostnames: true}) })
		if s.plane.sets != sets {
			t.Errorf("the VPC's whole table was sent %d times for nothing", s.plane.sets-sets)
		}
		s.made.Delete(world.NetworkInterfaceID("eni-a"))
		s.attach("vpc-1")
		s.expect("rslvr-in-1", true, "eni-b")
		s.change(func(tx *store.Tx) { tx.Delete(world.KindResolverEndpoint, "rslvr-in-1") })
		s.given("vpc-1", "rslvr-in-1")
	})
}

// An outbound endpoint is given to the VPCs whose rules ask from it, wherever it
// is, and to its own.
func TestAnswers_OutboundEndpointsOfRules(t *testing.T) {
	runSite(t, func(s *site) {
		s.change(func(tx *store.Tx) {
			tx.Put(&world.VPC{ID: "vpc-1"})
			tx.Put(&world.VPC{ID: "vpc-2"})
			tx.Put(&world.ResolverRule{ID: "rslvr-rr-1", Type: world.ForwardRule, Domain: "corp.", Endpoint: "rslvr-out-1"})
		})
		s.endpoint("rslvr-out-1", world.Outbound, "vpc-1", "eni-a")
		s.endpoint("rslvr-out-2", world.Outbound, "vpc-1", "eni-b")
		s.change(func(tx *store.Tx) {
			tx.Put(&world.ResolverRuleAssociation{ID: "assoc", Rule: "rslvr-rr-1", VPC: "vpc-2"})
		})
		s.given("vpc-2", "rslvr-out-1")
		s.attach("vpc-1", "eni-a", "eni-b")
		s.given("vpc-1", "rslvr-out-1", "eni-a")
		s.given("vpc-1", "rslvr-out-2", "eni-b")
		s.given("vpc-2", "rslvr-out-1", "eni-a")
		s.given("vpc-2", "rslvr-out-2")
		s.change(func(tx *store.Tx) {
			tx.Put(&world.ResolverRule{ID: "rslvr-rr-1", Type: world.ForwardRule, Domain: "corp.", Endpoint: "rslvr-out-2"})
		})
		s.given("vpc-2", "rslvr-out-1")
		s.given("vpc-2", "rslvr-out-2", "eni-b")
		s.change(func(tx *store.Tx) { tx.Delete(world.KindResolverRuleAssociation, "assoc") })
		s.given("vpc-2", "rslvr-out-2")
		s.expect("rslvr-out-2", true, "eni-b")
	})
}

// An interface whose sockets cannot be bound serves no endpoint until they can;
// the others of its VPC do.
func TestAnswers_EndpointsThatDoNotListen(t *testing.T) {
	runSite(t, func(s *site) {
		s.change(func(tx *store.Tx) { tx.Put(&world.VPC{ID: "vpc-1"}) })
		s.plane.mu.Lock()
		s.plane.failed = map[world.VPCID]string{"vpc-1": "eni-a"}
		s.plane.mu.Unlock()
		s.endpoint("rslvr-in-1", world.Inbound, "vpc-1", "eni-a", "eni-b")
		s.attach("vpc-1", "eni-a", "eni-b")
		s.expect("rslvr-in-1", false)
		time.Sleep(2 * retryPlane)
		synctest.Wait()
		s.expect("rslvr-in-1", false, "eni-b")
		s.plane.mu.Lock()
		s.plane.failed = nil // the data plane tried again
		s.plane.mu.Unlock()
		time.Sleep(2 * retryPlane)
		synctest.Wait()
		s.expect("rslvr-in-1", true, "eni-a", "eni-b")
	})
}
