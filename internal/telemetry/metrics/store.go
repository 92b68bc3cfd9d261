package metrics

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Options configure a Store.
type Options struct {
	// FlushInterval is how often Run flushes; 0: 5 seconds.
	FlushInterval time.Duration
	// MaxPending bounds the buckets that wait for a flush; 0: 200,000.
	MaxPending int
	// MaxSeries bounds the different series; 0: 100,000.
	MaxSeries int
	// Logger hears of flushes that fail; nil: nobody does.
	Logger *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.FlushInterval <= 0 {
		o.FlushInterval = 5 * time.Second
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 200_000
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 100_000
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Store is a file of metrics. It is safe for concurrent use.
type Store struct {
	opts Options
	db   *bolt.DB
	// flushing is held by the one flush or sweep under way.
	turn chan struct{}

	mu       sync.Mutex
	series   map[string]*series // by key with unit
	metrics  map[string]*metric // by key without unit
	next     uint32             // number of the next series
	pending  *batch             // what Record took since the last flush
	flushing *batch             // what is being written; nil: nothing is
	dropped  int64
}

// series is one metric in one unit.
type series struct {
	id    uint32
	unit  string
	dirty bool // active differs from what is stored
}

// metric is one metric in all its units.
type metric struct {
	Metric
	series []*series
	active time.Time // the youngest datum
}

// batch is data that is not in the file yet. Its generation is stored with it,
// so that a reader who holds the batch can tell whether the file holds it too.
type batch struct {
	generation uint64
	points     map[point]Stat
}

// The buckets of the file.
const (
	bucketMeta   = "meta"
	bucketSeries = "series"
	bucketPoints = "points"

	keyGeneration = "generation"
)

// Open opens the file, or makes it, and reads the names of the series.
func Open(path string, o Options) (*Store, error) {
	o = o.withDefaults()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: 5 * time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	s := &Store{opts: o, db: db, turn: make(chan struct{}, 1), series: map[string]*series{}, metrics: map[string]*metric{}}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open metrics: %w", err), db.Close())
	}
	return s, nil
}

func (s *Store) load() error {
	err := s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{bucketMeta, bucketSeries, bucketPoints} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.db.View(func(tx *bolt.Tx) error {
		s.pending = newBatch(generation(tx) + 1)
		return tx.Bucket([]byte(bucketSeries)).ForEach(func(k, v []byte) error {
			if len(v) != 12 {
				return fmt.Errorf("series %q has a value of %d bytes", k, len(v))
			}
			m, unit, ok := parseMetric(string(k))
			if !ok {
				return fmt.Errorf("series %q is no series", k)
			}
			x := &series{id: binary.BigEndian.Uint32(v), unit: unit}
			s.add(m, string(k), x, time.Unix(int64(binary.BigEndian.Uint64(v[4:])), 0))
			s.next = max(s.next, x.id+1)
			return nil
		})
	})
}

func newBatch(generation uint64) *batch {
	return &batch{generation: generation, points: map[point]Stat{}}
}

// generation is that of the last flush in the file.
func generation(tx *bolt.Tx) uint64 {
	if b := tx.Bucket([]byte(bucketMeta)).Get([]byte(keyGeneration)); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// add files a series under its metric. The caller holds the mutex.
func (s *Store) add(m Metric, key string, x *series, active time.Time) *metric {
	m.Dimensions = m.Dimensions.sorted()
	s.series[key] = x
	at := m.key()
	known := s.metrics[at]
	if known == nil {
		known = &metric{Metric: m}
		s.metrics[at] = known
	}
	known.series = append(known.series, x)
	if active.After(known.active) {
		known.active = active
	}
	return known
}

// Record takes a datum. One that cannot be kept is dropped and counted.
func (s *Store) Record(d Datum) {
	second := d.Time.Unix()
	if d.Stat.Count <= 0 || second < 0 || second > maxSecond {
		s.drop()
		return
	}
	if d.Unit == "" {
		d.Unit = "None"
	}
	key := d.Metric().key()
	full := string(appendPart([]byte(key), d.Unit))
	first := minutes
	if d.HighResolution {
		first = seconds
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.series[full]
	if x == nil {
		if len(s.series) >= s.opts.MaxSeries {
			s.dropped++
			return
		}
		x = &series{id: s.next, unit: d.Unit, dirty: true}
		s.next++
		s.add(d.Metric(), full, x, d.Time)
	}
	if m := s.metrics[key]; d.Time.After(m.active) {
		m.active, x.dirty = d.Time, true
	}
	for t := first; t < tierCount; t++ {
		p := point{tier: t, time: uint32(second - second%t.step()), series: x.id}
		had, ok := s.pending.points[p]
		if !ok && len(s.pending.points) >= s.opts.MaxPending {
			s.dropped++
			return
		}
		s.pending.points[p] = had.Merge(d.Stat)
	}
}

func (s *Store) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
}

// Dropped counts the data that were not kept since Open: those without a value,
// those beyond the bounds of memory.
func (s *Store) Dropped() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Run flushes and expires until ctx ends. Close flushes what is left then.
func (s *Store) Run(ctx context.Context) {
	flush := time.NewTicker(s.opts.FlushInterval)
	defer flush.Stop()
	sweep := time.NewTicker(time.Hour)
	defer sweep.Stop()
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-flush.C:
			err = s.Flush()
		case <-sweep.C:
			err = s.Sweep(ctx)
		}
		if err != nil && !failing {
			s.opts.Logger.Error("metrics are not being stored", "err", err)
		}
		if err == nil && failing {
			s.opts.Logger.Info("metrics are being stored again", "dropped", s.Dropped())
		}
		failing = err != nil
	}
}

// Close flushes and closes the file. The file is closed even when the flush
// fails.
func (s *Store) Close() error {
	return errors.Join(s.Flush(), s.db.Close())
}
