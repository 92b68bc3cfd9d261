// Package mem is the store for tests: the real Committer over a map instead of
// a log on disk, with faults on request.
//
// Objects are kept in their stored form, so that reopening a Disk shows what a
// restart of Seamark would show. A store works inside a testing/synctest bubble
// if it is opened and closed there.
package mem

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"seamark/internal/store"
	"seamark/internal/world"
)

// Options of a store.
type Options struct {
	Disk   *Disk        // nil: a new one
	Limits store.Limits // zero: 10,000 objects and 8 MiB
	Logger *slog.Logger // nil: discarded
}

// Store is a store.Store with faults. The zero Store is not usable.
type Store struct {
	*store.Committer
	disk *Disk
}

// New opens a store. It panics where the Disk holds what cannot be read, which
// only a test that broke it on purpose can reach; use Open there.
func New(o Options) *Store {
	s, err := Open(o)
	if err != nil {
		panic(err)
	}
	return s
}

// Open opens a store on a Disk. A store that is open on the same Disk is
// fenced.
func Open(o Options) (*Store, error) {
	if o.Disk == nil {
		o.Disk = NewDisk()
	}
	if o.Limits == (store.Limits{}) {
		o.Limits = store.Limits{Writes: 10_000, Bytes: 8 << 20}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w, epoch, err := o.Disk.load()
	if err != nil {
		return nil, err
	}
	c := store.NewCommitter(store.Options{
		Backend: &backend{disk: o.Disk, epoch: epoch},
		World:   w,
		Limits:  o.Limits,
		Logger:  o.Logger,
	})
	return &Store{Committer: c, disk: o.Disk}, nil
}

// Disk returns what the store writes to, for its faults and for reopening.
func (s *Store) Disk() *Disk { return s.disk }

// backend is one opening of a Disk.
type backend struct {
	disk  *Disk
	epoch int
}

func (b *backend) Commit(_ context.Context, batch store.Batch) error {
	b.disk.wait()
	return b.disk.commit(b.epoch, batch)
}

func (b *backend) Resolve(_ context.Context, batch store.Batch) (bool, error) {
	return b.disk.resolve(b.epoch, batch)
}

func (b *backend) Ready() error { return b.disk.ready() }
func (b *backend) Close() error { return nil }

// Disk is what outlives a store. It may be used from any goroutine.
type Disk struct {
	mu       sync.Mutex // held for moments only
	values   map[world.Kind]map[string][]byte
	revision int64
	epoch    int
	commits  int

	refuse error
	fail   []Fault
	held   chan struct{} // not nil: commits wait until it is closed
	lost   bool          // Resolve cannot tell
}

// Fault is what happens to one commit.
type Fault struct {
	Err error
	// Written: the commit is done although it fails. Only with an Err that
	// wraps store.ErrOutcomeUnknown.
	Written bool
}

// NewDisk returns an empty Disk.
func NewDisk() *Disk { return &Disk{values: make(map[world.Kind]map[string][]byte)} }

// Fail has the next commits meet these faults, one each.
func (d *Disk) Fail(faults ...Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = append(d.fail, faults...)
}

// FailNext has the next commit fail with err and write nothing.
func (d *Disk) FailNext(err error) { d.Fail(Fault{Err: err}) }

// Refuse has the store refuse updates with err, such as store.ErrNoSpace,
// until Refuse(nil).
func (d *Disk) Refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = err
}

// Lose has Resolve fail, as if the log did not answer, until Lose(false).
func (d *Disk) Lose(lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = lost
}

// Hold makes commits wait until release is called. Only one Hold at a time.
func (d *Disk) Hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := make(chan struct{})
	d.held = held
	return sync.OnceFunc(func() {
		d.mu.Lock()
		d.held = nil
		d.mu.Unlock()
		close(held)
	})
}

// Commits is how many batches were written.
func (d *Disk) Commits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.commits
}

func (d *Disk) wait() {
	d.mu.Lock()
	held := d.held
	d.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (d *Disk) ready() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refuse
}

func (d *Disk) commit(epoch int, b store.Batch) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case epoch != d.epoch:
		return store.ErrFenced
	case b.Base != d.revision:
		return fmt.Errorf("%w: batch is on revision %d, the disk has %d", store.ErrUnavailable, b.Base, d.revision)
	case d.refuse != nil:
		return d.refuse
	}
	if len(d.fail) > 0 {
		f := d.fail[0]
		d.fail = d.fail[1:]
		if f.Written {
			d.apply(b)
		}
		return f.Err
	}
	d.apply(b)
	return nil
}

func (d *Disk) apply(b store.Batch) {
	for _, w := range b.Writes {
		if d.values[w.Kind] == nil {
			d.values[w.Kind] = make(map[string][]byte)
		}
		if w.Value == nil {
			delete(d.values[w.Kind], w.Key)
			continue
		}
		d.values[w.Kind][w.Key] = w.Value
	}
	d.revision = b.Revision
	d.commits++
}

func (d *Disk) resolve(epoch int, b store.Batch) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.lost:
		return false, store.ErrUnavailable
	case epoch != d.epoch:
		return false, store.ErrFenced
	}
	return d.revision == b.Revision, nil
}

// load reads the world and fences every earlier opening.
func (d *Disk) load() (world.World, int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := world.New()
	for kind, values := range d.values {
		for key, value := range values {
			o, err := world.Decode(kind, value)
			if err != nil {
				return w, 0, fmt.Errorf("load %s %q: %w", kind, key, err)
			}
			w.Put(o)
		}
	}
	w.Revision = d.revision
	d.epoch++
	return w, d.epoch, nil
}
