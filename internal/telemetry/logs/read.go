package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Bounds of one page, as AWS has them.
const (
	MaxPageEvents = 10_000
	maxPageBytes  = 1 << 20
	// maxPageScan is how much one Filter call reads before it returns what it
	// has and a token, so that a rare match does not hold the caller.
	maxPageScan = 32 << 20
)

// Range is the half-open span of timestamps that a reader wants, in
// milliseconds.
type Range struct {
	From  int64 // inclusive
	Until int64 // exclusive; 0: no end; negative: nothing
}

func (r Range) bounds() bounds {
	b := bounds{lo: at(max(r.From, 0)), hi: at(maxTime + 1)}
	if r.Until != 0 && r.Until <= maxTime {
		b.hi = at(max(r.Until, 0))
	}
	return b
}

// GetQuery asks for one stream's events.
type GetQuery struct {
	Group, Stream string
	Range         Range
	// FromHead asks for the oldest events where there is no token.
	FromHead bool
	Limit    int // 0: MaxPageEvents
	Token    string
}

// GetPage is a page of one stream. Both tokens are always there. A token that
// comes back as it was sent is the end in its direction.
type GetPage struct {
	Events            []Event // oldest first
	Forward, Backward string
}

// Get reads one stream, as GetLogEvents does.
func (s *Store) Get(ctx context.Context, q GetQuery) (GetPage, error) {
	if err := s.need(q.Group, q.Stream); err != nil {
		return GetPage{}, err
	}
	b := q.Range.bounds()
	back := !q.FromHead
	var pos key
	if q.Token != "" {
		var err error
		if pos, back, err = parseToken(q.Token); err != nil {
			return GetPage{}, err
		}
		switch {
		case back && pos.compare(b.hi) < 0:
			b.hi = pos
		case !back && pos.compare(b.lo) > 0:
			b.lo = pos
		}
	}
	entries, err := s.page(ctx, q, b, back)
	if err != nil {
		return GetPage{}, fmt.Errorf("read stream %q of %q: %w", q.Stream, q.Group, err)
	}
	return makePage(entries, q, pos, back), nil
}

// page reads as many events of one stream as a page holds, oldest first.
func (s *Store) page(ctx context.Context, q GetQuery, b bounds, back bool) ([]entry, error) {
	cursors, err := s.cursors(q.Group, q.Stream, b, back)
	if err != nil {
		return nil, err
	}
	limit := pageLimit(q.Limit)
	m := newMerge(back, cursors)
	var entries []entry
	size := 0
	for len(entries) < limit {
		e, _, ok, err := m.next(ctx)
		if err != nil {
			return nil, err
		}
		size += len(e.message) + eventOverhead
		if !ok || len(entries) > 0 && size > maxPageBytes {
			break
		}
		entries = append(entries, e)
	}
	if back {
		slices.Reverse(entries)
	}
	return entries, nil
}

func pageLimit(n int) int {
	if n <= 0 || n > MaxPageEvents {
		return MaxPageEvents
	}
	return n
}

// makePage adds the tokens. An empty page gives the token back that was sent,
// and for the other way one that begins at the same place.
func makePage(entries []entry, q GetQuery, pos key, back bool) GetPage {
	var p GetPage
	for _, e := range entries {
		p.Events = append(p.Events, e.event(q.Stream))
	}
	switch {
	case len(entries) > 0:
		p.Backward = token('b', entries[0].key)
		p.Forward = token('f', entries[len(entries)-1].key)
	case q.Token == "":
		// Nothing yet: what comes is in front of both.
		pos = key{time: max(q.Range.From, 0)}
		p.Backward, p.Forward = token('b', pos), token('f', pos)
	case back:
		p.Backward, p.Forward = q.Token, token('f', pos.before())
	default:
		p.Backward, p.Forward = token('b', pos.after()), q.Token
	}
	return p
}

// token writes a place and a direction: f/… is what comes after it, b/… what
// came before.
func token(direction byte, k key) string { return string(direction) + "/" + k.id() + "/s" }

func parseToken(s string) (k key, back bool, err error) {
	body, ok := strings.CutSuffix(s, "/s")
	body, forward := strings.CutPrefix(body, "f/")
	if !forward {
		body, back = strings.CutPrefix(body, "b/")
	}
	k, valid := parseKey(body)
	if !ok || !valid || !forward && !back {
		return key{}, false, ErrBadToken
	}
	return k, back, nil
}

// cursors makes a cursor for each segment of a stream that may hold events
// within the bounds.
func (s *Store) cursors(group, stream string, b bounds, back bool) ([]*cursor, error) {
	dir := s.Dir(group, stream)
	segs, err := s.segments(dir)
	if err != nil {
		return nil, err
	}
	var out []*cursor
	ref := streamRef{name: stream, hash: streamHash(stream)}
	for _, x := range segs {
		if x.count == 0 || x.last < b.lo.time || x.first > b.hi.time {
			continue
		}
		out = append(out, &cursor{dir: dir, stream: ref, x: x, bounds: b, back: back})
	}
	return out, nil
}

// FilterQuery asks for the matching events of many streams.
type FilterQuery struct {
	Group string
	// Streams are the streams to read; nil: all whose names begin with Prefix.
	Streams []string
	Prefix  string
	Range   Range
	// Match selects by message; nil takes all.
	Match func(message []byte) bool
	Limit int // 0: MaxPageEvents
	Token string
}

// FilterPage is a page of matching events. It may be empty although there is
// a Next.
type FilterPage struct {
	Events []Event // oldest first
	Next   string  // empty: everything was read
}

// Filter reads many streams as one, as FilterLogEvents does.
func (s *Store) Filter(ctx context.Context, q FilterQuery) (FilterPage, error) {
	b := q.Range.bounds()
	if q.Token != "" {
		pos, ok := parseKey(q.Token)
		if !ok {
			return FilterPage{}, ErrBadToken
		}
		if pos.compare(b.lo) > 0 {
			b.lo = pos
		}
	}
	names, err := s.filtered(q)
	if err != nil {
		return FilterPage{}, err
	}
	var cursors []*cursor
	for _, name := range names {
		cs, err := s.cursors(q.Group, name, b, false)
		if err != nil {
			return FilterPage{}, fmt.Errorf("filter group %q: %w", q.Group, err)
		}
		cursors = append(cursors, cs...)
	}
	page, err := filter(ctx, newMerge(false, cursors), q)
	if err != nil {
		return FilterPage{}, fmt.Errorf("filter group %q: %w", q.Group, err)
	}
	return page, nil
}

// filtered returns the names of the streams that a query is about.
func (s *Store) filtered(q FilterQuery) ([]string, error) {
	if q.Streams == nil {
		return s.Streams(q.Group, q.Prefix)
	}
	names := slices.Compact(slices.Sorted(slices.Values(q.Streams)))
	for _, name := range names {
		if err := s.need(q.Group, name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func filter(ctx context.Context, m *merge, q FilterQuery) (FilterPage, error) {
	var p FilterPage
	var last key
	limit, size, scanned := pageLimit(q.Limit), 0, 0
	for first := true; ; first = false {
		e, stream, ok, err := m.next(ctx)
		if err != nil || !ok {
			return p, err
		}
		matched := q.Match == nil || q.Match(e.message)
		cost := len(e.message) + eventOverhead
		full := len(p.Events) >= limit || scanned > maxPageScan || matched && size+cost > maxPageBytes
		if full && !first {
			p.Next = last.id()
			return p, nil
		}
		last = e.key
		scanned += cost
		if matched {
			size += cost
			p.Events = append(p.Events, e.event(stream))
		}
	}
}
