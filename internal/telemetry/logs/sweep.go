package logs

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Policy says what is to be kept of a group: events younger than retention,
// 0 meaning all, and nothing at all of a group that does not exist. It is
// asked after the group's directory was seen, so a group that is made while a
// sweep runs is safe when the world knows it before its first stream is made.
type Policy func(group string) (retention time.Duration, exists bool)

// Swept is what a sweep removed.
type Swept struct {
	Groups   int // that no longer exist
	Segments int
	Bytes    int64 // of segments
}

// futureSlack is how much younger than its file an event may be: PutLogEvents
// takes timestamps up to two hours ahead.
const futureSlack = 3 * time.Hour

// sweepable is a segment that a sweep looks at.
type sweepable struct {
	dir string
	segmentFile
}

// Sweep removes groups that are gone, segments that are past their group's
// retention, and the oldest segments beyond Options.MaxTotal. Segments that a
// writer holds stay. A segment's age is that of its youngest write; readers
// that must not see expired events inside it raise Range.From.
//
// It must not be called before the world is loaded: the policy of an empty
// world would remove everything.
func (s *Store) Sweep(ctx context.Context, policy Policy) (Swept, error) {
	var done Swept
	if err := s.Close(); err != nil { // idle segments can go too
		return done, err
	}
	dirs := map[string]string{}
	if err := walkNames(s.root, func(name, dir string) error { dirs[name] = dir; return nil }); err != nil {
		return done, fmt.Errorf("sweep logs: %w", err)
	}
	var kept []sweepable
	for group, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		retention, exists := policy(group)
		if !exists {
			if err := s.remove(dir, s.root); err != nil {
				return done, err
			}
			done.Groups++
			continue
		}
		left, err := s.sweepGroup(dir, retention, &done)
		if err != nil {
			return done, err
		}
		kept = append(kept, left...)
	}
	return done, s.sweepTotal(kept, &done)
}

// sweepGroup drops a group's expired segments and returns the others.
func (s *Store) sweepGroup(dir string, retention time.Duration, done *Swept) (kept []sweepable, err error) {
	cutoff := s.opts.Now().Add(-retention - futureSlack)
	err = walkNames(dir, func(_, stream string) error {
		files, err := listSegments(stream)
		if err != nil {
			return err
		}
		for _, f := range files {
			at := sweepable{dir: stream, segmentFile: f}
			gone := false
			if retention > 0 && f.mtime.Before(cutoff) {
				if gone, err = s.drop(at, done); err != nil {
					return err
				}
			}
			if !gone {
				kept = append(kept, at)
			}
		}
		return nil
	})
	return kept, err
}

// sweepTotal drops the oldest segments of all streams beyond the bound.
func (s *Store) sweepTotal(kept []sweepable, done *Swept) error {
	var total int64
	for _, f := range kept {
		total += f.size
	}
	if s.opts.MaxTotal < 0 || total <= s.opts.MaxTotal {
		return nil
	}
	s.opts.Logger.Warn("log events exceed their bound, dropping the oldest", "bytes", total, "bound", s.opts.MaxTotal)
	slices.SortFunc(kept, func(a, b sweepable) int { return a.mtime.Compare(b.mtime) })
	for _, f := range kept {
		if total <= s.opts.MaxTotal {
			break
		}
		gone, err := s.drop(f, done)
		if err != nil {
			return err
		}
		if gone {
			total -= f.size
		}
	}
	return nil
}

// sweepEvery is how often Run sweeps.
const sweepEvery = time.Hour

// Run sweeps now and every hour until ctx ends. The policy is that of Sweep.
func (s *Store) Run(ctx context.Context, policy Policy) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		done, err := s.Sweep(ctx, policy)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.opts.Logger.Error("old log events are not being removed", "err", err)
		case done != (Swept{}):
			s.opts.Logger.Info("removed old log events", "groups", done.Groups, "segments", done.Segments, "bytes", done.Bytes)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (s *Store) drop(f sweepable, done *Swept) (bool, error) {
	gone, err := dropSegment(f.dir, f.number)
	if gone {
		done.Segments++
		done.Bytes += f.size
		s.forget(f.dir)
	}
	return gone, err
}
