package metrics

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Flush writes what Record took to the file. What could not be written is
// kept for the next flush.
func (s *Store) Flush() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	b, names := s.take()
	if b == nil {
		return nil
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		if err := putNames(tx, names); err != nil {
			return err
		}
		if err := putPoints(tx, b.points); err != nil {
			return err
		}
		g := binary.BigEndian.AppendUint64(nil, b.generation)
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(keyGeneration), g)
	})
	s.settle(b, names, err)
	if err != nil {
		return fmt.Errorf("flush metrics: %w", err)
	}
	return nil
}

// name is the stored form of a series' name and activity.
type name struct {
	x          *series
	key, value []byte
}

// take makes the pending data those being flushed; nil when there are none.
func (s *Store) take() (*batch, []name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending.points) == 0 {
		return nil, nil
	}
	b := s.pending
	s.flushing = b
	s.pending = newBatch(b.generation + 1)
	var names []name
	for at, m := range s.metrics {
		for _, x := range m.series {
			if !x.dirty {
				continue
			}
			x.dirty = false
			v := binary.BigEndian.AppendUint32(nil, x.id)
			v = binary.BigEndian.AppendUint64(v, uint64(m.active.Unix()))
			names = append(names, name{x: x, key: appendPart([]byte(at), x.unit), value: v})
		}
	}
	return b, names
}

// settle ends a flush. After a failure its data are pending again.
func (s *Store) settle(b *batch, names []name, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushing = nil
	if err == nil {
		return
	}
	for _, n := range names {
		n.x.dirty = true
	}
	for p, st := range s.pending.points {
		b.points[p] = b.points[p].Merge(st)
	}
	s.pending.points = b.points
}

func putNames(tx *bolt.Tx, names []name) error {
	bucket := tx.Bucket([]byte(bucketSeries))
	for _, n := range names {
		if err := bucket.Put(n.key, n.value); err != nil {
			return err
		}
	}
	return nil
}

// putPoints merges points into the file, in the order of their keys.
func putPoints(tx *bolt.Tx, points map[point]Stat) error {
	bucket := tx.Bucket([]byte(bucketPoints))
	keys := make([]point, 0, len(points))
	for p := range points {
		keys = append(keys, p)
	}
	slices.SortFunc(keys, func(a, b point) int { return slices.Compare(a.key(), b.key()) })
	for _, p := range keys {
		st := points[p]
		if old := bucket.Get(p.key()); old != nil {
			had, err := decodeStat(old)
			if err != nil {
				return err
			}
			st = had.Merge(st)
		}
		if err := bucket.Put(p.key(), st.encode()); err != nil {
			return err
		}
	}
	return nil
}

// sweepBatch bounds one transaction of Sweep, so that flushes wait little.
const sweepBatch = 10_000

// Sweep removes points that are past their retention, and series that have
// none any more.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.opts.Now()
	for t := range tierCount {
		first := point{tier: t}.key()
		end := point{tier: t, time: uint32(max(0, now.Add(-t.retention()).Unix()))}.key()
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if more, err = s.removePoints(first, end); err != nil {
				return fmt.Errorf("expire metrics: %w", err)
			}
		}
	}
	if err := s.removeSeries(); err != nil {
		return fmt.Errorf("expire series: %w", err)
	}
	return nil
}

// removePoints removes one batch of points between two keys.
func (s *Store) removePoints(from, to []byte) (more bool, err error) {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	var gone [][]byte
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(bucketPoints)).Cursor()
		for k, _ := c.Seek(from); k != nil && slices.Compare(k, to) < 0 && len(gone) < sweepBatch; k, _ = c.Next() {
			gone = append(gone, slices.Clone(k))
		}
		return nil
	})
	if err != nil || len(gone) == 0 {
		return false, err
	}
	err = s.db.Update(func(tx *bolt.Tx) error { return deleteKeys(tx, bucketPoints, gone) })
	return len(gone) == sweepBatch, err
}

// removeSeries forgets metrics whose youngest datum is past every retention.
func (s *Store) removeSeries() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	gone := s.expired()
	if len(gone) == 0 {
		return nil
	}
	return s.db.Update(func(tx *bolt.Tx) error { return deleteKeys(tx, bucketSeries, gone) })
}

func (s *Store) expired() (keys [][]byte) {
	cutoff := s.opts.Now().Add(-hours.retention() - hours.retention()/100)
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, m := range s.metrics {
		if m.active.After(cutoff) {
			continue
		}
		delete(s.metrics, at)
		for _, x := range m.series {
			key := appendPart([]byte(at), x.unit)
			delete(s.series, string(key))
			keys = append(keys, key)
		}
	}
	return keys
}

func deleteKeys(tx *bolt.Tx, bucket string, keys [][]byte) error {
	b := tx.Bucket([]byte(bucket))
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
