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
}

func newCounted(since time.Time) *counted {
	return &counted{
		status:   dataplane.Status{StartedAt: since, VPCs: map[world.VPCID]dataplane.VPCStatus{}},
		recorded: map[world.VPCID]uint64{},
	}
}

func (c *counted) RecordQueries(_ time.Time, vpc world.VPCID, queries uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded[vpc] += queries
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
		go func() { ended <- NewCounters(plane.read, plane).Run(ctx) }()
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
	c := NewCounters(plane.read, plane)
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
