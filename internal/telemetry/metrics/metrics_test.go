package metrics

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var queries = Metric{Namespace: "AWS/Route53Resolver", Name: "QueryCount", Dimensions: Dimensions{{"VPC", "vpc-1"}}}

// base is a full hour.
var base = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func openStore(t testing.TB, path string, o Options) *Store {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "metrics.db")
	}
	if o.Now == nil {
		o.Now = (&clock{now: base.Add(time.Hour)}).Now
	}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func record(s *Store, at time.Time, v float64) {
	s.Record(Datum{Namespace: queries.Namespace, Name: queries.Name, Dimensions: queries.Dimensions, Unit: "Count", Time: at, Stat: Value(v)})
}

func query(t testing.TB, s *Store, q Query) []Point {
	t.Helper()
	points, err := s.Query(q)
	if err != nil {
		t.Fatal(err)
	}
	return points
}

func TestStat_MergeAndPercentiles(t *testing.T) {
	var s Stat
	for v := range 100 {
		s = s.Merge(Value(float64(v + 1)))
	}
	if s.Count != 100 || s.Sum != 5050 || s.Min != 1 || s.Max != 100 || s.Average() != 50.5 {
		t.Errorf("1..100: %+v", s)
	}
	for p, want := range map[float64]float64{0: 1, 1: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got, ok := s.Percentile(p); !ok || got != want {
			t.Errorf("p%v = %v %v, want %v", p, got, ok, want)
		}
	}
	weighed := Weighted(1, 99).Merge(Weighted(1000, 1))
	if got, _ := weighed.Percentile(99); got != 1 {
		t.Errorf("p99 of 99 ones and a thousand: %v", got)
	}
	if _, ok := Set(10, 100, 1, 50).Percentile(50); ok {
		t.Error("a statistic set has a percentile")
	}
	if v, ok := Set(10, 100, 10, 10).Percentile(50); !ok || v != 10 {
		t.Error("a statistic set of one value has no percentile")
	}
	if _, ok := s.Merge(Set(2, 3, 1, 2)).Percentile(50); ok {
		t.Error("a merge with a statistic set has a percentile")
	}
	if (Stat{}).Average() != 0 || (Stat{}).Merge(s).Count != 100 || s.Merge(Stat{}).Count != 100 {
		t.Error("the empty statistic is not neutral")
	}
}

func TestStat_PercentilesOfManyValuesAreClose(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var s Stat
	var all []float64
	for range 5000 {
		v := math.Exp(rng.NormFloat64() * 2)
		all = append(all, v)
		s = s.Merge(Value(v))
	}
	slices.Sort(all)
	if len(s.values) > maxValues {
		t.Errorf("%d values kept", len(s.values))
	}
	for _, p := range []float64{1, 25, 50, 90, 99} {
		want := all[int(math.Ceil(p/100*float64(len(all))))-1]
		got, ok := s.Percentile(p)
		if !ok || math.Abs(got-want) > 0.045*want {
			t.Errorf("p%v = %v (%v), want about %v", p, got, ok, want)
		}
	}
}

func TestStat_EncodingIsReversible(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var s Stat
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		for range rapid.IntRange(1, 400).Draw(rt, "n") {
			s = s.Merge(Value(rng.NormFloat64() * 1e6))
		}
		if rapid.Bool().Draw(rt, "set") {
			s = s.Merge(Set(3, 6, 1, 3))
		}
		back, err := decodeStat(s.encode())
		if err != nil || back.Count != s.Count || back.Sum != s.Sum || back.Min != s.Min || back.Max != s.Max ||
			back.opaque != s.opaque || back.level != s.level || !slices.Equal(back.values, s.values) {
			rt.Fatalf("%+v came back as %+v, %v", s, back, err)
		}
	})
	for _, bad := range [][]byte{nil, make([]byte, 5), make([]byte, statHeader+3)} {
		if _, err := decodeStat(bad); err == nil {
			t.Errorf("%d bytes decode", len(bad))
		}
	}
}

func TestStore_QuerySeesPendingFlushedAndReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.db")
	s := openStore(t, path, Options{})
	q := Query{Metric: queries, Start: base, End: base.Add(10 * time.Minute), Period: 5 * time.Minute}
	want := func(step string, sums ...float64) {
		t.Helper()
		points := query(t, s, q)
		if len(points) != len(sums) {
			t.Fatalf("%s: %d points, want %d", step, len(points), len(sums))
		}
		for i, p := range points {
			if p.Stat.Sum != sums[i] || p.Unit != "Count" || !p.Time.Equal(base.Add(time.Duration(i)*5*time.Minute)) {
				t.Errorf("%s: point %d is %+v, want sum %v", step, i, p, sums[i])
			}
		}
	}
	want("empty")
	record(s, base, 1)
	record(s, base.Add(4*time.Minute+59*time.Second), 2)
	record(s, base.Add(5*time.Minute), 4)
	record(s, base.Add(10*time.Minute), 1000) // beyond the end
	want("pending", 3, 4)
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	want("flushed", 3, 4)
	record(s, base.Add(time.Minute), 8)
	want("both", 11, 4)
	closeStore(t, s)
	s = openStore(t, path, Options{})
	defer closeStore(t, s)
	want("reopened", 11, 4)
	record(s, base, 1)
	want("recorded after reopening", 12, 4)
}

func TestStore_DimensionsAndUnits(t *testing.T) {
	s := openStore(t, "", Options{})
	defer closeStore(t, s)
	put := func(unit string, v float64, dims ...Dimension) {
		s.Record(Datum{Namespace: "N", Name: "m", Dimensions: dims, Unit: unit, Time: base, Stat: Value(v)})
	}
	put("Count", 1, Dimension{"A", "1"}, Dimension{"B", "2"})
	put("Count", 2, Dimension{"B", "2"}, Dimension{"A", "1"})
	put("", 10, Dimension{"A", "1"}, Dimension{"B", "2"})
	put("Count", 100, Dimension{"A", "1"})
	put("Count", 1000)
	get := func(unit string, dims ...Dimension) string {
		out := ""
		for _, p := range query(t, s, Query{Metric: Metric{"N", "m", dims}, Unit: unit, Start: base, End: base.Add(time.Minute), Period: time.Minute}) {
			out += fmt.Sprintf("%s=%v ", p.Unit, p.Stat.Sum)
		}
		return out
	}
	for _, c := range []struct{ got, want string }{
		{get("", Dimension{"A", "1"}, Dimension{"B", "2"}), "Count=3 None=10 "},
		{get("Count", Dimension{"B", "2"}, Dimension{"A", "1"}), "Count=3 "},
		{get("Bytes", Dimension{"B", "2"}, Dimension{"A", "1"}), ""},
		{get("", Dimension{"A", "1"}), "Count=100 "},
		{get(""), "Count=1000 "},
		{get("", Dimension{"B", "2"}), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestStore_List(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.db")
	s := openStore(t, path, Options{})
	for i, m := range []Metric{{"A", "x", nil}, {"A", "y", Dimensions{{"d", "1"}}}, {"A", "y", Dimensions{{"d", "2"}, {"e", "3"}}}, {"B", "x", nil}} {
		s.Record(Datum{Namespace: m.Namespace, Name: m.Name, Dimensions: m.Dimensions, Time: base.Add(time.Duration(i) * time.Hour), Stat: Value(1)})
	}
	check := func() {
		t.Helper()
		for _, c := range []struct {
			filter Filter
			want   string
		}{
			{Filter{}, "[{A x []} {A y [{d 1}]} {A y [{d 2} {e 3}]} {B x []}]"},
			{Filter{Namespace: "A", Name: "y"}, "[{A y [{d 1}]} {A y [{d 2} {e 3}]}]"},
			{Filter{Name: "x"}, "[{A x []} {B x []}]"},
			{Filter{Dimensions: Dimensions{{"d", ""}}}, "[{A y [{d 1}]} {A y [{d 2} {e 3}]}]"},
			{Filter{Dimensions: Dimensions{{"e", "3"}, {"d", "2"}}}, "[{A y [{d 2} {e 3}]}]"},
			{Filter{Dimensions: Dimensions{{"d", "9"}}}, "[]"},
			{Filter{Since: base.Add(2 * time.Hour)}, "[{A y [{d 2} {e 3}]} {B x []}]"},
		} {
			if got := fmt.Sprint(s.List(c.filter)); got != c.want {
				t.Errorf("%+v: %s, want %s", c.filter, got, c.want)
			}
		}
	}
	check()
	closeStore(t, s)
	s = openStore(t, path, Options{})
	defer closeStore(t, s)
	check()
}

func TestStore_RetentionAndTiers(t *testing.T) {
	now := &clock{now: base}
	s := openStore(t, "", Options{Now: now.Now})
	defer closeStore(t, s)
	s.Record(Datum{Namespace: queries.Namespace, Name: queries.Name, Dimensions: queries.Dimensions, Time: base.Add(7 * time.Second), Stat: Value(1), HighResolution: true})
	record(s, base.Add(90*time.Second), 2)
	at := func(period time.Duration) (out []float64) {
		for _, p := range query(t, s, Query{Metric: queries, Start: base, End: base.Add(time.Hour), Period: period}) {
			out = append(out, p.Time.Sub(base).Seconds(), p.Stat.Sum)
		}
		return out
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		age  time.Duration
		want map[time.Duration][]float64
	}{
		{time.Hour, map[time.Duration][]float64{time.Second: {7, 1}, time.Minute: {0, 1, 60, 2}}},
		{4 * time.Hour, map[time.Duration][]float64{time.Minute: {0, 1, 60, 2}, 5 * time.Minute: {0, 3}}},
		{16 * day, map[time.Duration][]float64{5 * time.Minute: {0, 3}, time.Hour: {0, 3}}},
		{64 * day, map[time.Duration][]float64{time.Hour: {0, 3}}},
		{456 * day, map[time.Duration][]float64{time.Hour: nil}},
		{470 * day, map[time.Duration][]float64{time.Hour: nil}},
	} {
		now.set(base.Add(c.age))
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := s.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		for period, want := range c.want {
			// Units differ, so points of one time come as two.
			if got := at(period); fold(got) != fold(want) {
				t.Errorf("after %v, period %v: %v, want %v", c.age, period, got, want)
			}
		}
	}
	if got := s.List(Filter{}); len(got) != 0 {
		t.Errorf("metrics past every retention: %v", got)
	}
}

// fold adds up pairs of time and value by time.
func fold(pairs []float64) string {
	sums := map[float64]float64{}
	for i := 0; i+1 < len(pairs); i += 2 {
		sums[pairs[i]] += pairs[i+1]
	}
	return fmt.Sprint(sums)
}

func TestStore_BoundsAndRefusals(t *testing.T) {
	s := openStore(t, "", Options{MaxSeries: 2, MaxPending: 7})
	defer closeStore(t, s)
	for i := range 3 {
		s.Record(Datum{Namespace: "N", Name: fmt.Sprint("m", i), Time: base, Stat: Value(1)})
	}
	if len(s.List(Filter{})) != 2 || s.Dropped() != 1 {
		t.Errorf("%d series, %d dropped", len(s.List(Filter{})), s.Dropped())
	}
	s.Record(Datum{Namespace: "N", Name: "m0", Time: base, Stat: Value(1)})                  // fits its bucket
	s.Record(Datum{Namespace: "N", Name: "m0", Time: base.Add(time.Minute), Stat: Value(1)}) // the seventh bucket, the others fit
	s.Record(Datum{Namespace: "N", Name: "m0", Time: base.Add(2 * time.Minute), Stat: Value(1)})
	s.Record(Datum{Namespace: "N", Name: "m0", Time: time.Unix(-1, 0), Stat: Value(1)})
	s.Record(Datum{Namespace: "N", Name: "m0", Time: base})
	if s.Dropped() != 4 {
		t.Errorf("%d dropped, want 4", s.Dropped())
	}
	if _, err := s.Query(Query{Metric: queries, Start: base, End: base, Period: time.Minute}); err == nil {
		t.Error("an empty range is queried")
	}
}

// TestStore_ConcurrentFlushCountsOnce queries while another goroutine flushes:
// a sum never goes back and never exceeds what was recorded.
func TestStore_ConcurrentFlushCountsOnce(t *testing.T) {
	s := openStore(t, "", Options{})
	const n = 3000
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for i := range n {
			record(s, base.Add(time.Duration(i%3)*time.Minute), 1)
		}
	})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := s.Flush(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	sum := func() (total float64) {
		for _, p := range query(t, s, Query{Metric: queries, Start: base, End: base.Add(time.Hour), Period: time.Hour}) {
			total += p.Stat.Sum
		}
		return total
	}
	last := 0.0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if now := sum(); now < last || now > n {
			t.Fatalf("the sum went from %v to %v", last, now)
		} else {
			last = now
		}
	}
	wg.Wait()
	if got := sum(); got != n {
		t.Errorf("sum %v, want %d", got, n)
	}
	closeStore(t, s)
}

func TestStore_Run(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.db")
	s := openStore(t, path, Options{FlushInterval: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Run(ctx) })
	record(s, base, 5)
	deadline := time.Now().Add(10 * time.Second)
	for {
		s.mu.Lock()
		waiting := len(s.pending.points) > 0 || s.flushing != nil
		s.mu.Unlock()
		if !waiting {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was flushed")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	closeStore(t, s)
}

func TestMetric_KeyIsReversible(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := Metric{Namespace: rapid.String().Draw(rt, "ns"), Name: rapid.String().Draw(rt, "name")}
		for range rapid.IntRange(0, 4).Draw(rt, "n") {
			m.Dimensions = append(m.Dimensions, Dimension{rapid.String().Draw(rt, "d"), rapid.String().Draw(rt, "v")})
		}
		m.Dimensions = m.Dimensions.sorted()
		back, unit, ok := parseMetric(string(appendPart([]byte(m.key()), "Count")))
		if !ok || unit != "Count" || compareMetrics(m, back) != 0 {
			rt.Fatalf("%+v came back as %+v", m, back)
		}
	})
	for _, bad := range []string{"", "\x05ab", "\x01a\x01b", "\x01a\x01b\x01c\x01d", "\xff"} {
		if _, _, ok := parseMetric(bad); ok {
			t.Errorf("%q is a metric", bad)
		}
	}
}
