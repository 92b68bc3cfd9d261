package control

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/world"
)

// counted is a data plane's status, and what was recorded of it.
type counted struct {
	mu       sync.Mutex
	status   dataplane.Status
	failure  error
	recorded map[world.VPCID]uint64
	samples  map[string]float64
}

func newCounted(since time.Time) *counted {
	return &counted{
		status:   dataplane.Status{StartedAt: since, VPCs: map[world.VPCID]dataplane.VPCStatus{}},
		recorded: map[world.VPCID]uint64{}, samples: map[string]float64{},
	}
}

func (c *counted) RecordQueries(_ time.Time, vpc world.VPCID, queries uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded[vpc] += queries
}

func (c *counted) Record(_ time.Time, s Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := s.Name
	for _, d := range s.Dimensions {
		key += " " + d.Name + "=" + d.Value
	}
	c.samples[key] += s.Value
}

func (c *counted) read(context.Context) (dataplane.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.VPCs = maps.Clone(s.VPCs)
	return s, c.failure
}

// change changes the status.
func (c *counted) change(f func(c *counted)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *counted) count(n uint64) {
	c.status.VPCs["vpc-1"] = dataplane.VPCStatus{Counters: dataplane.Counters{Queries: n}}
}

func (c *counted) sum() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recorded["vpc-1"]
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plane := newCounted(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- NewCounters(plane.read, world.New, plane).Run(ctx) }()
		synctest.Wait()
		for n, step := range []struct {
			change func(c *counted)
			want   uint64
		}{
			{func(c *counted) { c.count(5) }, 5},
			{func(*counted) {}, 5},
			{func(c *counted) { c.count(8) }, 8},
			{func(c *counted) { c.count(9); c.failure = errors.New("between two data planes") }, 8},
			{func(c *counted) { c.failure = nil }, 9},
			{func(c *counted) { c.status.StartedAt = time.Now(); c.count(2) }, 11}, // a new process counts from nothing
			{func(c *counted) { delete(c.status.VPCs, "vpc-1") }, 11},
			{func(c *counted) { c.count(1) }, 12}, // the VPC is served anew
		} {
			plane.change(step.change)
			time.Sleep(countersEvery)
			synctest.Wait()
			if got := plane.sum(); got != step.want {
				t.Errorf("step %d: %d queries recorded, want %d", n, got, step.want)
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestCounters_LeaveWhatAnEarlierProcessHasCounted(t *testing.T) {
	plane := newCounted(time.Now().Add(-time.Hour))
	c := NewCounters(plane.read, world.New, plane)
	plane.count(1000)
	c.take(plane.status, true)
	if got := plane.sum(); got != 0 {
		t.Errorf("recorded %d again", got)
	}
	plane.count(1003)
	if c.take(plane.status, false); plane.sum() != 3 {
		t.Errorf("recorded %d, want 3", plane.sum())
	}
}

// Endpoints, rules and the firewall are counted under the names that AWS has,
// each address and VPC once.
func TestCounters_OfEndpointsAndRules(t *testing.T) {
	w := world.New()
	address := func(n string) world.EndpointAddress {
		return world.EndpointAddress{ID: "rni-" + n, Interface: world.NetworkInterfaceID("eni-" + n)}
	}
	w.Put(&world.ResolverEndpoint{ID: "rslvr-in-1", Direction: world.Inbound, Addresses: []world.EndpointAddress{address("a"), address("b")},
		Observed: world.EndpointObserved{Serving: []world.NetworkInterfaceID{"eni-a"}}})
	w.Put(&world.ResolverEndpoint{ID: "rslvr-out-1", Direction: world.Outbound, Addresses: []world.EndpointAddress{address("c")},
		Observed: world.EndpointObserved{Serving: []world.NetworkInterfaceID{"eni-c"}}})
	w.Put(&world.ResolverRule{ID: "rslvr-rr-1", Endpoint: "rslvr-out-1"})
	status := func(inA, inB, out, rule, filtered uint64) dataplane.VPCStatus {
		return dataplane.VPCStatus{
			Counters: dataplane.Counters{Filtered: filtered},
			Endpoints: map[world.ResolverEndpointID]dataplane.EndpointStatus{
				"rslvr-in-1":  {Addresses: []dataplane.AddressStatus{{Interface: "eni-a", Queries: inA}, {Interface: "eni-b", Queries: inB}}},
				"rslvr-out-1": {Addresses: []dataplane.AddressStatus{{Interface: "eni-c", Queries: out}}},
			},
			Rules: map[world.ResolverRuleID]dataplane.RuleStatus{"rslvr-rr-1": {Queries: rule}},
		}
	}
	plane := newCounted(time.Now())
	c := NewCounters(plane.read, func() world.World { return w }, plane)
	for _, v := range []dataplane.VPCStatus{status(0, 0, 0, 0, 0), status(3, 2, 9, 7, 4), status(4, 2, 10, 8, 4)} {
		plane.status.VPCs["vpc-1"] = v
		c.take(plane.status, false)
	}
	for key, want := range map[string]float64{
		"InboundQueryVolume": 6, "InboundQueryVolume EndpointId=rslvr-in-1": 6, "InboundQueryVolume RniId=rni-a": 4, "InboundQueryVolume RniId=rni-b": 2,
		"OutboundQueryAggregateVolume EndpointId=rslvr-out-1": 10, "OutboundQueryAggregateVolume RniId=rni-c": 10, "OutboundQueryVolume EndpointId=rslvr-out-1": 8,
		"QueryCount ResolverRuleId=rslvr-rr-1": 8, "VpcFirewallQueryVolume VpcId=vpc-1": 4,
		"EndpointHealthyENICount EndpointId=rslvr-in-1": 3, "EndpointUnHealthyENICount EndpointId=rslvr-in-1": 3, // by three readings
		"EndpointHealthyENICount EndpointId=rslvr-out-1": 3, "EndpointUnHealthyENICount EndpointId=rslvr-out-1": 0,
	} {
		if got, ok := plane.samples[key]; !ok || got != want {
			t.Errorf("%s: %v, expected %v", key, got, want)
		}
	}
	if len(plane.samples) != 13 {
		t.Errorf("%d metrics: %v", len(plane.samples), plane.samples)
	}
}
