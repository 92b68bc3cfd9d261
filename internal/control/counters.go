package control

import (
	"context"
	"strings"
	"time"

	"seamark/internal/dataplane"
	"seamark/internal/plan/zone"
	"seamark/internal/world"
)

// countersEvery is how often the data plane's counters are read.
const countersEvery = 2 * time.Second

// Sample is one value of a metric in the namespace AWS/Route53Resolver.
type Sample struct {
	Name       string
	Dimensions []Dimension
	Value      float64
}

// Dimension is a name and a value of a metric's dimensions.
type Dimension struct{ Name, Value string }

// Recorder takes metrics for a moment.
type Recorder interface {
	// RecordQueries takes how many queries a VPC's resolver had.
	RecordQueries(at time.Time, vpc world.VPCID, queries uint64)
	Record(at time.Time, s Sample)
}

// Counters turns the data plane's counters of DNS queries into metrics (Route 53
// developer guide, "Monitoring Resolver endpoints with Amazon CloudWatch").
type Counters struct {
	status   func(context.Context) (dataplane.Status, error)
	view     func() world.World
	recorder Recorder

	since time.Time         // start of the process whose counts are in seen
	seen  map[string]uint64 // by what was counted
}

// NewCounters reads status and records what was added since it was read last.
// The world says what endpoints and rules belong to.
func NewCounters(status func(context.Context) (dataplane.Status, error), view func() world.World, r Recorder) *Counters {
	return &Counters{status: status, view: view, recorder: r, seen: map[string]uint64{}}
}

// Run reads and records until ctx ends. What was counted before the first
// reading belongs to another process of ours, which has recorded it but for
// its last two seconds.
func (c *Counters) Run(ctx context.Context) error {
	tick := time.NewTicker(countersEvery)
	defer tick.Stop()
	for first := true; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		s, err := c.status(ctx)
		if err != nil {
			continue // between two data planes; the supervisor tells
		}
		c.take(s, first)
		first = false
	}
}

func (c *Counters) take(s dataplane.Status, first bool) {
	r := reading{
		Counters: c, now: time.Now().UTC(), w: c.view(), next: map[string]uint64{},
		adopted: first && time.Since(s.StartedAt) > 2*countersEvery,
	}
	if !s.StartedAt.Equal(c.since) {
		c.since = s.StartedAt
		clear(c.seen)
	}
	for id, v := range s.VPCs {
		if id == zone.PublicID {
			continue // no VPC's metric
		}
		if added := r.added("vpc "+string(id), v.Counters.Queries); added > 0 {
			c.recorder.RecordQueries(r.now, id, added)
		}
		r.add(v.Counters.Filtered, "VpcFirewallQueryVolume", Dimension{"VpcId", string(id)})
		for endpoint, e := range v.Endpoints {
			r.endpoint(id, endpoint, e)
		}
		for rule, counted := range v.Rules {
			r.rule(id, rule, counted)
		}
	}
	r.health()
	c.seen = r.next
}

// reading is one look at the data plane's counters.
type reading struct {
	*Counters
	now     time.Time
	w       world.World
	next    map[string]uint64
	adopted bool // what has been counted is somebody else's
}

// added is how much a counter has grown since the last reading.
func (r *reading) added(key string, count uint64) uint64 {
	r.next[key] = count
	if was := r.seen[key]; !r.adopted && count > was {
		return count - was
	}
	return 0
}

// add records what was added to the counter of a metric.
func (r *reading) add(count uint64, name string, dimensions ...Dimension) {
	key := []string{name}
	for _, d := range dimensions {
		key = append(key, d.Value)
	}
	if added := r.added(strings.Join(key, " "), count); added > 0 {
		r.recorder.Record(r.now, Sample{name, dimensions, float64(added)})
	}
}

// endpoint records what came in by an endpoint, or was sent from it, for one VPC.
func (r *reading) endpoint(vpc world.VPCID, id world.ResolverEndpointID, s dataplane.EndpointStatus) {
	e := r.w.ResolverEndpoints.Get(string(id))
	if e == nil {
		return
	}
	name := "OutboundQueryAggregateVolume"
	if e.Direction == world.Inbound {
		name = "InboundQueryVolume"
	}
	for _, a := range s.Addresses {
		added := r.added(string(vpc)+" "+string(a.Interface), a.Queries)
		if added == 0 {
			continue
		}
		r.recorder.Record(r.now, Sample{name, []Dimension{{"EndpointId", string(id)}}, float64(added)})
		for _, own := range e.Addresses {
			if own.Interface == a.Interface {
				r.recorder.Record(r.now, Sample{name, []Dimension{{"RniId", own.ID}}, float64(added)})
			}
		}
		if e.Direction == world.Inbound {
			r.recorder.Record(r.now, Sample{Name: name, Value: float64(added)})
		}
	}
}

// rule records the queries that a rule was for, as QueryCount, which AWS does
// not publish, and as those of its endpoint.
func (r *reading) rule(vpc world.VPCID, id world.ResolverRuleID, s dataplane.RuleStatus) {
	added := r.added(string(vpc)+" "+string(id), s.Queries)
	if added == 0 {
		return
	}
	r.recorder.Record(r.now, Sample{"QueryCount", []Dimension{{"ResolverRuleId", string(id)}}, float64(added)})
	if rule := r.w.ResolverRules.Get(string(id)); rule != nil && rule.Endpoint != "" {
		r.recorder.Record(r.now, Sample{"OutboundQueryVolume", []Dimension{{"EndpointId", string(rule.Endpoint)}}, float64(added)})
	}
}

// health records by how many interfaces endpoints are served.
func (r *reading) health() {
	for e := range r.w.ResolverEndpoints.All() {
		healthy := len(e.Observed.Serving)
		of := []Dimension{{"EndpointId", string(e.ID)}}
		r.recorder.Record(r.now, Sample{"EndpointHealthyENICount", of, float64(healthy)})
		r.recorder.Record(r.now, Sample{"EndpointUnHealthyENICount", of, float64(len(e.Addresses) - healthy)})
	}
}
