package logs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	o.Writer.Reserve = -1
	s, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t testing.TB, s *Store, group, stream string, events ...Event) {
	t.Helper()
	if err := s.CreateStream(group, stream); err != nil && !errors.Is(err, ErrStreamExists) {
		t.Fatal(err)
	}
	if err := s.Put(context.Background(), group, stream, events); err != nil {
		t.Fatal(err)
	}
}

func ev(ms int64, message string) Event { return Event{Time: time.UnixMilli(ms), Message: message} }

func texts(events []Event) string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d:%s", e.Time.UnixMilli(), e.Message))
	}
	return strings.Join(out, " ")
}

// readForward pages through a stream from its head.
func readForward(t testing.TB, s *Store, q GetQuery) []Event {
	t.Helper()
	q.FromHead = true
	var all []Event
	for range 100_000 {
		p, err := s.Get(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Events...)
		if p.Forward == q.Token {
			return all
		}
		q.Token = p.Forward
	}
	t.Fatal("forward paging does not end")
	return nil
}

// readBackward pages through a stream from its tail.
func readBackward(t testing.TB, s *Store, q GetQuery) []Event {
	t.Helper()
	var all []Event
	for range 100_000 {
		p, err := s.Get(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(slices.Clone(p.Events), all...)
		if p.Backward == q.Token {
			return all
		}
		q.Token = p.Backward
	}
	t.Fatal("backward paging does not end")
	return nil
}

func readFilter(t testing.TB, s *Store, q FilterQuery) []Event {
	t.Helper()
	var all []Event
	for range 100_000 {
		p, err := s.Filter(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Events...)
		if p.Next == "" {
			return all
		}
		q.Token = p.Next
	}
	t.Fatal("filter paging does not end")
	return nil
}

func TestStore_StreamsAreMadeOnceListedAndDeleted(t *testing.T) {
	s := openStore(t, Options{})
	long := strings.Repeat("s/", 256)
	for _, name := range []string{"b", "a/1", "a/2", long, long[:510]} {
		if err := s.CreateStream("/g", name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CreateStream("/g", long); !errors.Is(err, ErrStreamExists) {
		t.Errorf("second CreateStream: %v", err)
	}
	list := func(prefix string) []string {
		names, err := s.Streams("/g", prefix)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got, want := list(""), []string{"a/1", "a/2", "b", long[:510], long}; !slices.Equal(got, want) {
		t.Errorf("streams %q, want %q", got, want)
	}
	if got := list("a/"); !slices.Equal(got, []string{"a/1", "a/2"}) {
		t.Errorf("streams under a/: %q", got)
	}
	if err := s.DeleteStream("/g", long); err != nil {
		t.Fatal(err)
	}
	if got := list("s"); !slices.Equal(got, []string{long[:510]}) {
		t.Errorf("after DeleteStream: %q", got)
	}
	if err := s.DeleteStream("/g", long); !errors.Is(err, ErrNoStream) {
		t.Errorf("second DeleteStream: %v", err)
	}
	if err := s.DeleteGroup("/g"); err != nil {
		t.Fatal(err)
	}
	if got := list(""); len(got) != 0 {
		t.Errorf("after DeleteGroup: %q", got)
	}
	left, err := filepath.Glob(filepath.Join(s.root, "[^.]*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left on disk: %q %v", left, err)
	}
	if left, err = filepath.Glob(filepath.Join(s.root, trash, "*")); err != nil || len(left) != 0 {
		t.Errorf("left in the trash: %q %v", left, err)
	}
}

func TestStore_UnknownStream(t *testing.T) {
	s := openStore(t, Options{})
	ctx := context.Background()
	_, getErr := s.Get(ctx, GetQuery{Group: "g", Stream: "s"})
	_, filterErr := s.Filter(ctx, FilterQuery{Group: "g", Streams: []string{"s"}})
	_, statsErr := s.Stats("g", "s")
	for _, err := range []error{getErr, filterErr, statsErr, s.Put(ctx, "g", "s", []Event{ev(1, "x")})} {
		if !errors.Is(err, ErrNoStream) {
			t.Errorf("got %v", err)
		}
	}
	if p, err := s.Filter(ctx, FilterQuery{Group: "g"}); err != nil || len(p.Events) != 0 || p.Next != "" {
		t.Errorf("filter of an empty group: %+v %v", p, err)
	}
}

func TestStore_GetTokens(t *testing.T) {
	s := openStore(t, Options{})
	if err := s.CreateStream("g", "s"); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	get := func(q GetQuery) GetPage {
		t.Helper()
		q.Group, q.Stream = "g", "s"
		p, err := s.Get(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	empty := get(GetQuery{})
	if len(empty.Events) != 0 || get(GetQuery{Token: empty.Forward}).Forward != empty.Forward {
		t.Fatalf("empty stream: %+v", empty)
	}
	put(t, s, "g", "s", ev(10, "a"), ev(10, "b"), ev(20, "c"), ev(30, "d"))
	if p := get(GetQuery{Token: empty.Forward}); texts(p.Events) != "10:a 10:b 20:c 30:d" {
		t.Errorf("forward from the empty page: %s", texts(p.Events))
	}
	tail := get(GetQuery{Limit: 2})
	if texts(tail.Events) != "20:c 30:d" {
		t.Errorf("tail: %s", texts(tail.Events))
	}
	older := get(GetQuery{Token: tail.Backward, Limit: 2})
	if texts(older.Events) != "10:a 10:b" {
		t.Errorf("older: %s", texts(older.Events))
	}
	oldest := get(GetQuery{Token: older.Backward})
	if len(oldest.Events) != 0 || oldest.Backward != older.Backward {
		t.Errorf("beyond the oldest: %+v", oldest)
	}
	if p := get(GetQuery{Token: oldest.Forward, Limit: 2}); texts(p.Events) != "10:a 10:b" {
		t.Errorf("forward from beyond the oldest: %s", texts(p.Events))
	}
	end := get(GetQuery{Token: tail.Forward})
	if len(end.Events) != 0 || end.Forward != tail.Forward {
		t.Errorf("beyond the newest: %+v", end)
	}
	if p := get(GetQuery{Token: end.Backward, Limit: 1}); texts(p.Events) != "30:d" {
		t.Errorf("backward from beyond the newest: %s", texts(p.Events))
	}
	if p := get(GetQuery{Range: Range{From: 10, Until: 20}, FromHead: true}); texts(p.Events) != "10:a 10:b" {
		t.Errorf("range [10,20): %s", texts(p.Events))
	}
	if p := get(GetQuery{Range: Range{Until: -1}}); len(p.Events) != 0 {
		t.Errorf("range of nothing: %s", texts(p.Events))
	}
	for _, bad := range []string{"x", "f/1/s", "f/" + strings.Repeat("x", 56) + "/s", "g/" + strings.Repeat("0", 56) + "/s", strings.Repeat("0", 56)} {
		if _, err := s.Get(ctx, GetQuery{Group: "g", Stream: "s", Token: bad}); !errors.Is(err, ErrBadToken) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}

func TestStore_PagesHoldOneMegabyte(t *testing.T) {
	s := openStore(t, Options{})
	for i := range 5 {
		put(t, s, "g", "s", ev(int64(i), strings.Repeat("z", 400_000)))
	}
	p, err := s.Get(context.Background(), GetQuery{Group: "g", Stream: "s", FromHead: true})
	if err != nil || len(p.Events) != 2 {
		t.Errorf("%d events on the first page, want 2: %v", len(p.Events), err)
	}
	if got := readForward(t, s, GetQuery{Group: "g", Stream: "s"}); len(got) != 5 {
		t.Errorf("%d events in all", len(got))
	}
	if got := readFilter(t, s, FilterQuery{Group: "g"}); len(got) != 5 {
		t.Errorf("%d events by filter", len(got))
	}
}

func TestStore_FilterMergesStreamsByTime(t *testing.T) {
	s := openStore(t, Options{})
	put(t, s, "g", "a/1", ev(10, "x ERROR"), ev(30, "y"), ev(50, "ERROR z"))
	put(t, s, "g", "a/2", ev(20, "ERROR p"), ev(40, "ERROR q"))
	put(t, s, "g", "b", ev(25, "ERROR r"))
	put(t, s, "other", "b", ev(25, "ERROR not ours"))
	match := func(m []byte) bool { return strings.Contains(string(m), "ERROR") }
	if got := texts(readFilter(t, s, FilterQuery{Group: "g", Match: match, Limit: 2})); got != "10:x ERROR 20:ERROR p 25:ERROR r 40:ERROR q 50:ERROR z" {
		t.Errorf("all: %s", got)
	}
	if got := texts(readFilter(t, s, FilterQuery{Group: "g", Prefix: "a/", Range: Range{From: 20, Until: 41}})); got != "20:ERROR p 30:y 40:ERROR q" {
		t.Errorf("a/ within [20,40]: %s", got)
	}
	got := readFilter(t, s, FilterQuery{Group: "g", Streams: []string{"b", "a/2", "b"}})
	if texts(got) != "20:ERROR p 25:ERROR r 40:ERROR q" {
		t.Errorf("two streams: %s", texts(got))
	}
	if got[1].Stream != "b" || len(got[1].ID) != 56 {
		t.Errorf("event %+v", got[1])
	}
	if _, err := s.Filter(context.Background(), FilterQuery{Group: "g", Token: "1"}); !errors.Is(err, ErrBadToken) {
		t.Errorf("bad token: %v", err)
	}
}

func TestStore_Stats(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	s := openStore(t, Options{Now: func() time.Time { return now }})
	put(t, s, "g", "s", ev(200, "bb"), ev(300, "c"))
	put(t, s, "g", "s", ev(100, "a"))
	st, err := s.Stats("g", "s")
	if err != nil {
		t.Fatal(err)
	}
	if !st.CreatedAt.Equal(now) || !st.LastIngested.Equal(now) || st.First.UnixMilli() != 100 || st.Last.UnixMilli() != 300 || st.Events != 3 || st.Bytes != 4+3*26 {
		t.Errorf("stats %+v", st)
	}
	if n, err := s.GroupBytes("g"); err != nil || n < st.Bytes {
		t.Errorf("group has %d bytes, %v", n, err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir("g", "s"), streamFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if st, err = s.Stats("g", "s"); err != nil || time.Since(st.CreatedAt) > time.Minute {
		t.Errorf("creation time lost: %v %v", st.CreatedAt, err)
	}
}

// model is the simplest store: a list for each stream.
type model map[string][]Event

func (m model) want(streams []string, r Range, match func([]byte) bool) []string {
	var all []Event
	for _, name := range streams {
		all = append(all, m[name]...)
	}
	var out []string
	slices.SortStableFunc(all, func(a, b Event) int { return a.Time.Compare(b.Time) })
	for _, e := range all {
		ms := e.Time.UnixMilli()
		if ms >= r.From && (r.Until == 0 || ms < r.Until) && (match == nil || match([]byte(e.Message))) {
			out = append(out, fmt.Sprintf("%d:%s", ms, e.Message))
		}
	}
	slices.Sort(out)
	return out
}

// compare checks what was read: in order, no id twice, the wanted events.
func compare(t *rapid.T, what string, got []Event, want []string) {
	t.Helper()
	var text []string
	for i, e := range got {
		text = append(text, fmt.Sprintf("%d:%s", e.Time.UnixMilli(), e.Message))
		if i > 0 && got[i-1].ID >= e.ID {
			t.Fatalf("%s: event %d is not after its predecessor", what, i)
		}
	}
	slices.Sort(text)
	if !slices.Equal(text, want) {
		t.Fatalf("%s: read %d events %.300q, want %d %.300q", what, len(text), text, len(want), want)
	}
}

// TestStore_Model runs random writes, reopenings and torn tails, in and out of
// the order of time, against the model.
func TestStore_Model(t *testing.T) {
	streams := []string{"a", "b/1", "c"}
	rapid.Check(t, func(rt *rapid.T) {
		s := openStore(t, Options{})
		m := model{}
		writers := map[string]*Writer{}
		clock, serial := int64(1000), 0
		draw := func() Event {
			clock += rapid.Int64Range(0, 3).Draw(rt, "step")
			at := clock
			if rapid.IntRange(0, 9).Draw(rt, "late") == 0 {
				at -= rapid.Int64Range(0, 500).Draw(rt, "by")
			}
			serial++
			size := rapid.SampledFrom([]int{0, 10, 3000, 70_000}).Draw(rt, "size")
			return ev(at, fmt.Sprintf("%d %s", serial, strings.Repeat("m", size)))
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			name := rapid.SampledFrom(streams).Draw(rt, "stream")
			switch rapid.SampledFrom([]string{"put", "put", "append", "append", "append", "reopen", "tear"}).Draw(rt, "do") {
			case "put":
				var batch []Event
				for range rapid.IntRange(1, 4).Draw(rt, "n") {
					batch = append(batch, draw())
				}
				put(t, s, "g", name, batch...)
				m[name] = append(m[name], batch...)
			case "append":
				if writers[name] == nil {
					writers[name] = openWriter(t, s.Dir("g", name), WriterOptions{Reserve: -1})
				}
				e := draw()
				if err := writers[name].Append(e.Time, []byte(e.Message)); err != nil {
					rt.Fatal(err)
				}
				m[name] = append(m[name], e)
			case "reopen":
				if w := writers[name]; w != nil {
					w.Close()
					delete(writers, name)
				}
			case "tear":
				tear(rt, s.Dir("g", name), writers[name])
				delete(writers, name)
			}
		}
		check(t, rt, s, m, streams, clock)
		reopened, err := Open(s.root, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		check(t, rt, reopened, m, streams, clock)
	})
}

// tear ends a writer as a crash in the middle of a record would.
func tear(rt *rapid.T, dir string, w *Writer) {
	if w == nil || w.f == nil {
		return
	}
	half := appendRecord(nil, 1, 1, []byte("never whole"))
	half = half[:rapid.IntRange(0, len(half)-1).Draw(rt, "torn at")]
	if _, err := w.f.WriteAt(half, w.off); err != nil {
		rt.Fatal(err)
	}
	w.Close()
}

func check(t *testing.T, rt *rapid.T, s *Store, m model, streams []string, clock int64) {
	var all []string
	for _, name := range streams {
		if m[name] != nil {
			all = append(all, name)
		}
	}
	r := Range{From: rapid.Int64Range(0, clock).Draw(rt, "from")}
	if rapid.Bool().Draw(rt, "bounded") {
		r.Until = rapid.Int64Range(r.From, clock+1).Draw(rt, "until") + 1
	}
	limit := rapid.IntRange(1, 7).Draw(rt, "limit")
	even := func(b []byte) bool { return len(b)%2 == 0 }
	compare(rt, "filter", readFilter(t, s, FilterQuery{Group: "g", Limit: limit, Range: r}), m.want(all, r, nil))
	compare(rt, "matching filter", readFilter(t, s, FilterQuery{Group: "g", Limit: limit, Match: even}), m.want(all, Range{}, even))
	for _, name := range all {
		q := GetQuery{Group: "g", Stream: name, Limit: limit, Range: r}
		want := m.want([]string{name}, r, nil)
		compare(rt, "forward", readForward(t, s, q), want)
		compare(rt, "backward", readBackward(t, s, q), want)
		st, err := s.Stats("g", name)
		if err != nil || st.Events != int64(len(m[name])) {
			rt.Fatalf("stats count %d events, want %d: %v", st.Events, len(m[name]), err)
		}
	}
}

func TestStore_ManyBlocksOutOfOrder(t *testing.T) {
	s := openStore(t, Options{})
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 3000
	order := rng.Perm(n)
	for i := 0; i < n; i += 500 {
		var batch []Event
		for _, ms := range order[i : i+500] {
			batch = append(batch, ev(int64(ms), fmt.Sprint(ms, strings.Repeat("w", 600))))
		}
		put(t, s, "g", "s", batch...)
	}
	for _, got := range [][]Event{
		readFilter(t, s, FilterQuery{Group: "g", Limit: 700}),
		readForward(t, s, GetQuery{Group: "g", Stream: "s", Limit: 700}),
		readBackward(t, s, GetQuery{Group: "g", Stream: "s", Limit: 700}),
	} {
		if len(got) != n {
			t.Fatalf("read %d of %d", len(got), n)
		}
		for i, e := range got {
			if e.Time.UnixMilli() != int64(i) {
				t.Fatalf("event %d has time %d", i, e.Time.UnixMilli())
			}
		}
	}
}

func TestStore_RareMatchReturnsEmptyPages(t *testing.T) {
	s := openStore(t, Options{})
	w := openWriter(t, s.Dir("g", "s"), WriterOptions{Reserve: -1})
	line := strings.Repeat("n", 1<<16)
	const lines = 2*maxPageScan/(1<<16) + 10
	for i := range lines {
		mustAppend(t, w, int64(i), line)
	}
	mustAppend(t, w, lines, "needle")
	match := func(m []byte) bool { return string(m) == "needle" }
	p, err := s.Filter(context.Background(), FilterQuery{Group: "g", Match: match})
	if err != nil || len(p.Events) != 0 || p.Next == "" {
		t.Fatalf("first page has %d events, next %q, %v", len(p.Events), p.Next, err)
	}
	if got := readFilter(t, s, FilterQuery{Group: "g", Match: match}); len(got) != 1 {
		t.Errorf("%d matches", len(got))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Filter(ctx, FilterQuery{Group: "g", Match: match}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStore_Sweep(t *testing.T) {
	now := time.Now()
	s := openStore(t, Options{Now: func() time.Time { return now }, Writer: WriterOptions{MaxBytes: 64 << 10}})
	put(t, s, "kept", "s", ev(1, "k"))
	put(t, s, "expired", "s", ev(1, "old"))
	held := openWriter(t, s.Dir("expired", "held"), WriterOptions{Reserve: -1})
	mustAppend(t, held, 1, "held")
	put(t, s, "gone", "s", ev(1, "g"))
	policy := func(group string) (time.Duration, bool) {
		return map[string]time.Duration{"expired": 24 * time.Hour}[group], group != "gone"
	}
	now = now.Add(26 * time.Hour)
	if got, err := s.Sweep(context.Background(), policy); err != nil || got.Groups != 1 || got.Segments != 0 {
		t.Fatalf("first sweep %+v %v", got, err)
	}
	now = now.Add(2 * time.Hour)
	if got, err := s.Sweep(context.Background(), policy); err != nil || got.Segments != 1 {
		t.Fatalf("second sweep %+v %v", got, err)
	}
	if got := texts(readFilter(t, s, FilterQuery{Group: "expired"})); got != "1:held" {
		t.Errorf("left of the expired group: %s", got)
	}
	if got := texts(readFilter(t, s, FilterQuery{Group: "kept"})); got != "1:k" {
		t.Errorf("left of the kept group: %s", got)
	}
	if names, err := s.Streams("gone", ""); err != nil || len(names) != 0 {
		t.Errorf("left of the deleted group: %q %v", names, err)
	}
	put(t, s, "expired", "s", ev(2, "new"))
	if got := texts(readFilter(t, s, FilterQuery{Group: "expired"})); got != "1:held 2:new" {
		t.Errorf("after a new event: %s", got)
	}
}

func TestStore_SweepBoundsTheTotal(t *testing.T) {
	s := openStore(t, Options{MaxTotal: 100 << 10, Writer: WriterOptions{MaxBytes: 1 << 20}})
	start := time.Now()
	for i := range 10 {
		name := fmt.Sprint("s", i)
		put(t, s, "g", name, ev(int64(i), strings.Repeat("x", 20<<10)))
		at := start.Add(time.Duration(i-20) * time.Minute)
		if err := os.Chtimes(segmentPath(s.Dir("g", name), 1), at, at); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Sweep(context.Background(), func(string) (time.Duration, bool) { return 0, true })
	if err != nil || got.Segments != 6 {
		t.Fatalf("swept %+v %v", got, err)
	}
	left := readFilter(t, s, FilterQuery{Group: "g"})
	if len(left) != 4 || left[0].Time.UnixMilli() != 6 {
		t.Errorf("left: %d events", len(left))
	}
}

func TestStore_RunSweepsAtOnce(t *testing.T) {
	s := openStore(t, Options{})
	put(t, s, "gone", "s", ev(1, "x"))
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx, func(group string) (time.Duration, bool) { asked <- group; return 0, false })
	}()
	if group := <-asked; group != "gone" {
		t.Errorf("asked about %q", group)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		if names, err := s.Streams("gone", ""); err != nil || len(names) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the group was not removed")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-ended
}

func BenchmarkAppend(b *testing.B) {
	w := openWriter(b, b.TempDir(), WriterOptions{Reserve: -1})
	line := []byte(strings.Repeat("a", 120))
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Append(now, line); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFilter reads 20 streams of 10,000 lines each and matches nothing.
func BenchmarkFilter(b *testing.B) {
	s := openStore(b, Options{})
	line := []byte(strings.Repeat("a", 120))
	for i := range 20 {
		w := openWriter(b, s.Dir("g", fmt.Sprint(i)), WriterOptions{Reserve: -1})
		for n := range 10_000 {
			if err := w.Append(time.UnixMilli(int64(n)), line); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.SetBytes(20 * 10_000 * 120)
	for b.Loop() {
		readFilter(b, s, FilterQuery{Group: "g", Match: func(m []byte) bool { return strings.Contains(string(m), "needle") }})
	}
}
