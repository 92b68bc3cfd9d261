package metrics

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Query asks for the statistics of one metric. Times and the period are in
// whole seconds.
type Query struct {
	Metric Metric    // dimensions must be the whole set
	Unit   string    // empty: every unit, each by itself
	Start  time.Time // inclusive; the first period begins here
	End    time.Time // exclusive
	Period time.Duration
}

// Point is the statistic of one period in one unit.
type Point struct {
	Time time.Time // when the period begins
	Unit string
	Stat Stat
}

// Query returns the periods that have data, by time and unit. It reads the
// finest buckets that are kept for the age of Start.
func (s *Store) Query(q Query) ([]Point, error) {
	if q.Period < time.Second || !q.Start.Before(q.End) {
		return nil, fmt.Errorf("query metrics: period %v from %v to %v", q.Period, q.Start, q.End)
	}
	t := tierFor(q.Start, s.opts.Now(), q.Period)
	wanted, batches := s.find(q, t)
	if len(wanted) == 0 {
		return nil, nil
	}
	sum := summary{q: q, units: wanted, points: map[slot]Stat{}}
	err := s.db.View(func(tx *bolt.Tx) error {
		stored := generation(tx)
		for _, b := range batches {
			if b.generation > stored {
				sum.addBatch(b)
			}
		}
		return sum.addStored(tx.Bucket([]byte(bucketPoints)).Cursor(), t)
	})
	if err != nil {
		return nil, fmt.Errorf("query metrics: %w", err)
	}
	return sum.list(), nil
}

// find returns the series that a query is about and a copy of their data that
// may not be in the file yet. The file is read after this: a batch that is
// written meanwhile is told by its generation.
func (s *Store) find(q Query, t tier) (units map[uint32]string, batches []*batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.metrics[q.Metric.key()]
	if m == nil {
		return nil, nil
	}
	units = map[uint32]string{}
	for _, x := range m.series {
		if q.Unit == "" || x.unit == q.Unit {
			units[x.id] = x.unit
		}
	}
	for _, from := range []*batch{s.flushing, s.pending} {
		if from == nil {
			continue
		}
		b := newBatch(from.generation)
		for p, st := range from.points {
			if _, ok := units[p.series]; ok && p.tier == t {
				b.points[p] = st // a Stat's values are never changed in place
			}
		}
		batches = append(batches, b)
	}
	return units, batches
}

// slot is one period in one unit.
type slot struct {
	period int64
	unit   string
}

// summary gathers points into periods.
type summary struct {
	q      Query
	units  map[uint32]string
	points map[slot]Stat
}

func (s *summary) addBatch(b *batch) {
	for p, st := range b.points {
		s.add(p, st)
	}
}

// addStored reads the buckets of the file. Keys are by time first, so each
// bucket of each series is one look-up.
func (s *summary) addStored(c *bolt.Cursor, t tier) error {
	first, last := seriesSpan(s.units)
	end := min(s.q.End.Unix(), maxSecond)
	start := max(s.q.Start.Unix(), 0)
	for at := start - start%t.step(); at < end; {
		from := point{tier: t, time: uint32(at), series: first}.key()
		k, v := c.Seek(from)
		if k == nil || k[0] != byte(t) {
			return nil
		}
		// Where nothing was recorded for a while, go on at what comes next.
		if found := int64(binary.BigEndian.Uint32(k[1:])); found > at {
			at = found
			continue
		}
		for ; k != nil && k[0] == byte(t) && int64(binary.BigEndian.Uint32(k[1:])) == at; k, v = c.Next() {
			id := binary.BigEndian.Uint32(k[5:])
			if id > last {
				break
			}
			if _, ok := s.units[id]; !ok {
				continue
			}
			st, err := decodeStat(v)
			if err != nil {
				return err
			}
			s.add(point{tier: t, time: uint32(at), series: id}, st)
		}
		at += t.step()
	}
	return nil
}

func seriesSpan(units map[uint32]string) (first, last uint32) {
	first = maxSecond
	for id := range units {
		first, last = min(first, id), max(last, id)
	}
	return first, last
}

func (s *summary) add(p point, st Stat) {
	at, start := int64(p.time), s.q.Start.Unix()
	if at < start || at >= s.q.End.Unix() {
		return
	}
	in := slot{period: (at - start) / int64(s.q.Period/time.Second), unit: s.units[p.series]}
	s.points[in] = s.points[in].Merge(st)
}

func (s *summary) list() []Point {
	out := make([]Point, 0, len(s.points))
	for at, st := range s.points {
		begins := s.q.Start.Unix() + at.period*int64(s.q.Period/time.Second)
		out = append(out, Point{Time: time.Unix(begins, 0), Unit: at.unit, Stat: st})
	}
	slices.SortFunc(out, func(a, b Point) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Unit, b.Unit))
	})
	return out
}

// Filter selects metrics. Empty fields select all.
type Filter struct {
	Namespace string
	Name      string
	// Dimensions must all be among a metric's; an empty value stands for any.
	Dimensions Dimensions
	// Since leaves out metrics whose youngest datum is older.
	Since time.Time
}

func (f Filter) matches(m *metric) bool {
	if f.Namespace != "" && f.Namespace != m.Namespace || f.Name != "" && f.Name != m.Name || m.active.Before(f.Since) {
		return false
	}
	for _, want := range f.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d Dimension) bool {
			return d.Name == want.Name && (want.Value == "" || d.Value == want.Value)
		}) {
			return false
		}
	}
	return true
}

// List returns the metrics that a filter selects, in a fixed order.
func (s *Store) List(f Filter) []Metric {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Metric
	for _, m := range s.metrics {
		if f.matches(m) {
			out = append(out, m.Metric)
		}
	}
	slices.SortFunc(out, compareMetrics)
	return out
}
