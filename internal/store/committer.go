package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"seamark/internal/world"
)

// Committer is the Store over a Backend. It runs updates one after the other
// on one goroutine and has a second one write the batches.
type Committer struct {
	backend  Backend
	limits   Limits
	patience time.Duration
	log      *slog.Logger

	view    atomic.Pointer[world.World]
	refusal atomic.Pointer[error] // why nothing can be written; set by settle and Close
	subs    atomic.Pointer[[]*subscription]

	requests  chan *request
	toWrite   chan *batch
	results   chan outcome
	stop      chan struct{}
	closeOnce sync.Once
	closeErr  error
	running   sync.WaitGroup

	// Owned by the goroutine that runs updates.
	tentative world.World // with everything that was executed
	waiting   []*batch    // executed, not yet given to the writer
	inFlight  *batch
	usual     int // how many writes the last batch had
	guard     *guard
	pace      *pace       // nil: no batch is held back
	held      *time.Timer // fires when the batch that is held back may be written
}

// Options of a Committer.
type Options struct {
	Backend Backend     // required; the Committer closes it
	World   world.World // as the backend holds it
	Limits  Limits      // required
	// Patience is how long callers wait for the outcome of a batch that is
	// unknown; 0 means 2 s.
	Patience time.Duration
	// Paced: where many call at once, batches are held back a little, so that
	// they become fewer. A caller alone is never held back.
	Paced  bool
	Logger *slog.Logger // required
}

type request struct {
	ctx  context.Context
	f    func(*Tx) error
	done chan answer // buffered
}

type answer struct {
	revision int64
	err      error
}

// outcome is what became of a batch.
type outcome struct {
	err     error
	unknown bool // another outcome of the same batch follows
}

type subscription struct{ f func(Commit) }

// NewCommitter starts a Committer. It runs until Close.
func NewCommitter(o Options) *Committer {
	c := &Committer{
		backend:   o.Backend,
		limits:    o.Limits,
		patience:  o.Patience,
		log:       o.Logger,
		requests:  make(chan *request),
		toWrite:   make(chan *batch),
		results:   make(chan outcome),
		stop:      make(chan struct{}),
		tentative: o.World,
		guard:     newGuard(o.World),
		held:      time.NewTimer(time.Hour),
	}
	c.held.Stop()
	if o.Paced {
		c.pace = &pace{}
	}
	if c.patience == 0 {
		c.patience = 2 * time.Second
	}
	c.view.Store(&o.World)
	c.subs.Store(new([]*subscription))
	c.running.Go(c.execute)
	c.running.Go(c.write)
	return c
}

// View implements Store.
func (c *Committer) View() world.World { return *c.view.Load() }

// Ready implements Store.
func (c *Committer) Ready() error {
	if why := c.refusal.Load(); why != nil {
		return *why
	}
	return c.backend.Ready()
}

// Update implements Store.
func (c *Committer) Update(ctx context.Context, f func(tx *Tx) error) (int64, error) {
	if err := c.Ready(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := &request{ctx: ctx, f: f, done: make(chan answer, 1)}
	select {
	case c.requests <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-c.stop:
		return 0, ErrClosed
	}
	a := <-r.done
	return a.revision, a.err
}

// Subscribe implements Store.
func (c *Committer) Subscribe(f func(Commit)) (cancel func()) {
	s := &subscription{f}
	c.changeSubs(func(list []*subscription) []*subscription { return append(list, s) })
	return func() {
		c.changeSubs(func(list []*subscription) []*subscription {
			var rest []*subscription
			for _, other := range list {
				if other != s {
					rest = append(rest, other)
				}
			}
			return rest
		})
	}
}

// changeSubs replaces the list of subscribers. The list in use is never
// changed, and no lock is taken: a contended mutex would hold up the clock of
// a testing/synctest bubble.
func (c *Committer) changeSubs(edit func([]*subscription) []*subscription) {
	for {
		old := c.subs.Load()
		next := edit(append([]*subscription(nil), *old...))
		if c.subs.CompareAndSwap(old, &next) {
			return
		}
	}
}

// Close implements Store.
func (c *Committer) Close() error {
	c.closeOnce.Do(func() {
		close(c.stop)
		c.running.Wait()
		closed := ErrClosed
		c.refusal.Store(&closed)
		c.closeErr = c.backend.Close()
	})
	return c.closeErr
}

// execute runs updates and publishes what the writer made durable. It ends
// after Close, when everything that was executed is settled.
func (c *Committer) execute() {
	finished := false
	defer func() {
		// An update's function may end its goroutine (runtime.Goexit, as
		// testing.T.FailNow does). The store outlives that.
		if !finished {
			c.running.Go(c.execute)
		}
	}()
	stop := c.stop
	for {
		c.dispatch()
		if stop == nil && c.inFlight == nil && len(c.waiting) == 0 {
			finished = true
			close(c.toWrite)
			return
		}
		requests := c.requests
		if stop == nil || len(c.waiting) > 1 {
			requests = nil
		}
		select {
		case r := <-requests:
			c.perform(r)
			c.performReady()
		case o := <-c.results:
			if c.pace != nil {
				c.pace.seen(c.callers())
			}
			c.settle(o)
		case <-c.held.C:
		case <-stop:
			stop = nil
		}
	}
}

// performReady runs the updates that wait already, so that they share a batch.
func (c *Committer) performReady() {
	for len(c.waiting) <= 1 {
		select {
		case r := <-c.requests:
			c.perform(r)
		default:
			return
		}
	}
}

// callers is how many wait for an answer.
func (c *Committer) callers() int {
	n := len(c.inFlight.waiting)
	for _, b := range c.waiting {
		n += len(b.waiting)
	}
	return n
}

// dispatch gives the next batch to the writer if that is free and it is time.
func (c *Committer) dispatch() {
	if c.inFlight != nil || len(c.waiting) == 0 {
		return
	}
	if c.pace != nil && len(c.waiting) == 1 {
		now := time.Now()
		if wait := c.pace.wait(len(c.waiting[0].waiting), now); wait > 0 {
			c.held.Reset(wait)
			return
		}
		c.pace.began = now
	}
	c.inFlight, c.waiting = c.waiting[0], c.waiting[1:]
	c.usual = len(c.inFlight.Writes)
	c.toWrite <- c.inFlight
}

// perform runs one update and files it with a batch, or answers it.
func (c *Committer) perform(r *request) {
	if why := c.refusal.Load(); why != nil {
		r.done <- answer{err: *why}
		return
	}
	if err := r.ctx.Err(); err != nil {
		r.done <- answer{err: err}
		return
	}
	exited := true
	defer func() {
		if exited {
			r.done <- answer{err: errors.New("store: update ended its goroutine")}
		}
	}()
	tx := newTx(c.tentative, time.Now(), c.guard)
	err := c.call(r.f, tx)
	exited = false
	var commit Commit
	var writes []Write
	if err == nil {
		commit.Changes = tx.changes()
		writes, err = c.encode(commit.Changes)
	}
	if err != nil || len(commit.Changes) == 0 {
		c.answerLater(waiter{request: r, revision: c.tentative.Revision, err: err})
		return
	}
	tx.World.Revision = tx.Revision()
	commit.World = tx.World
	c.tentative = tx.World
	c.guard.commit(commit.Changes)
	b := c.batchFor(writes)
	b.add(commit, writes)
	b.waiting = append(b.waiting, waiter{request: r, revision: tx.World.Revision})
}

// call runs f and turns a panic into an error.
func (c *Committer) call(f func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("update panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("store: update panicked: %v", p)
		}
	}()
	return f(tx)
}

func (c *Committer) encode(changes []Change) ([]Write, error) {
	writes, err := encode(changes)
	if err != nil {
		return nil, err
	}
	if bytes := size(writes); len(writes) > c.limits.Writes || bytes > c.limits.Bytes {
		return nil, fmt.Errorf("%w: %d objects in %d bytes, the log takes %d in %d at once",
			ErrTooLarge, len(writes), bytes, c.limits.Writes, c.limits.Bytes)
	}
	return writes, nil
}

// batchFor returns the batch that takes the writes: the last one that waits if
// it has room, or a new one.
func (c *Committer) batchFor(writes []Write) *batch {
	if n := len(c.waiting); n > 0 && c.waiting[n-1].fits(writes, c.limits) {
		return c.waiting[n-1]
	}
	base := c.View().Revision
	if c.inFlight != nil {
		base = c.inFlight.Revision
	}
	if n := len(c.waiting); n > 0 {
		base = c.waiting[n-1].Revision
	}
	b := newBatch(base, min(c.usual, mostRoom))
	c.waiting = append(c.waiting, b)
	return b
}

// answerLater answers an update that wrote nothing. What it saw may not be
// durable yet: then its answer waits for that, too.
func (c *Committer) answerLater(w waiter) {
	b := c.inFlight
	if n := len(c.waiting); n > 0 {
		b = c.waiting[n-1]
	}
	if b == nil {
		b = newBatch(0, 0)
		b.waiting = append(b.waiting, w)
		b.answer(nil)
		return
	}
	b.waiting = append(b.waiting, w)
}

// settle publishes or drops the batch that the writer had.
func (c *Committer) settle(o outcome) {
	b := c.inFlight
	if o.err != nil {
		c.drop(o)
		if o.unknown {
			return
		}
	}
	c.inFlight = nil
	if o.err != nil {
		return
	}
	c.publish(b)
	if c.refusal.Load() != nil {
		// The outcome was unknown: nothing was executed on top since.
		c.tentative = b.World
		c.guard.reset(b.World)
	}
	c.refusal.Store(nil)
	b.answer(nil)
}

// drop fails the batch in flight and everything that was executed on top.
func (c *Committer) drop(o outcome) {
	var refusal *error
	if o.unknown || errors.Is(o.err, ErrFenced) {
		refusal = &o.err
	}
	c.refusal.Store(refusal)
	c.inFlight.answer(o.err)
	for _, b := range c.waiting {
		b.answer(o.err)
	}
	c.waiting = nil
	c.tentative = c.View()
	c.guard.reset(c.tentative)
}

func (c *Committer) publish(b *batch) {
	c.guard.checkAll()
	c.view.Store(&b.World)
	for _, commit := range b.commits {
		for _, s := range *c.subs.Load() {
			c.notify(s, commit)
		}
	}
	c.guard.checkAll()
}

func (c *Committer) notify(s *subscription, commit Commit) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("subscriber panicked", "panic", p, "revision", commit.World.Revision, "stack", string(debug.Stack()))
		}
	}()
	s.f(commit)
}
