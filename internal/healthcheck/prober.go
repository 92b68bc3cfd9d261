package healthcheck

import (
	"context"
	"hash/fnv"
	"log/slog"
	"net"
	"sync"
	"time"

	"seamark/internal/plan/probe"
	"seamark/internal/reconcile"
	"seamark/internal/world"
)

// Source is what a Prober checks.
type Source interface {
	// Target says what a key stands for and which status is known of it; ok is
	// false when there is nothing to check (any more).
	Target(key string) (t probe.Target, known world.HealthStatus, ok bool)
	// Report takes a status that differs from the one known. If the key stands
	// for another target meanwhile, it changes nothing.
	Report(ctx context.Context, key string, t probe.Target, status world.HealthStatus) error
}

// Dial connects from a VPC's network, or from this host when vpc is empty. The
// address is one of Target's, or its host's name with the network "tcp4".
type Dial func(ctx context.Context, vpc world.VPCID, network, address string) (net.Conn, error)

// Options is what a Prober needs; all are required but Workers.
type Options struct {
	Source Source
	Dial   Dial
	Logger *slog.Logger
	// Workers is how many checks may run at the same time; 0 means 128. A check
	// that finds none free is late, never lost.
	Workers int
}

// Prober checks targets.
type Prober struct {
	o    Options
	loop *reconcile.Loop

	mu    sync.Mutex // held for moments only
	known map[string]*memory
}

// memory is what a Prober knows of one key.
type memory struct {
	target probe.Target
	streak probe.Streak
	told   world.HealthStatus // what the newest check came to; empty: there was none
	due    time.Time
	last   Observation
}

// Observation is the outcome of the newest check of a key.
type Observation struct {
	At     time.Time
	Passed bool
	Text   string // as Route 53 shows it: "Success: HTTP Status Code 200, OK"
	// Failure is the newest failure; zero if none was seen.
	FailedAt    time.Time
	FailureText string
}

// New returns a prober that does nothing until Run.
func New(name string, o Options) *Prober {
	if o.Workers == 0 {
		o.Workers = 128
	}
	p := &Prober{o: o, known: map[string]*memory{}}
	p.loop = reconcile.New(name, reconcile.Options{Logger: o.Logger, Workers: o.Workers}, p.check)
	return p
}

// Run checks until ctx ends.
func (p *Prober) Run(ctx context.Context) error { return p.loop.Run(ctx) }

// Enqueue has a key looked at: a new target is checked at once, one that is
// known when it is due, one that is gone never again.
func (p *Prober) Enqueue(key string) { p.loop.Enqueue(key) }

// Resume is Enqueue for what was checked before this process: the first check
// waits for the key's place in the interval.
func (p *Prober) Resume(key string, now time.Time) {
	t, _, ok := p.o.Source.Target(key)
	if ok {
		p.loop.EnqueueAt(key, place(key, t.Interval, now))
	}
}

// Last returns the outcome of the newest check of a key.
func (p *Prober) Last(key string) (Observation, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.known[key]
	if m == nil || m.last.At.IsZero() {
		return Observation{}, false
	}
	return m.last, true
}

// check checks one key if it is due.
func (p *Prober) check(ctx context.Context, key string) (time.Time, error) {
	t, known, ok := p.o.Source.Target(key)
	if !ok {
		p.forget(key)
		return time.Time{}, nil
	}
	if due := p.due(key, t, known); time.Now().Before(due) {
		return due, nil
	}
	passed, text := attempt(ctx, p.o.Dial, key, t)
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	status, next := p.count(key, t, known, passed, text)
	if status == known {
		return next, nil
	}
	return next, p.o.Source.Report(ctx, key, t, status)
}

func (p *Prober) forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, key)
}

// soonest is the least time between two checks of a target whose status is
// forgotten again and again.
const soonest = time.Second

// due is when the target is to be checked; zero: at once, because it is new. One
// whose status was forgotten, because the instance was registered anew, does not
// wait for its place either: until it was checked nobody may find it.
func (p *Prober) due(key string, t probe.Target, known world.HealthStatus) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.known[key]
	if m == nil || m.target != t {
		m = &memory{target: t}
		p.known[key] = m
	}
	if forgotten := known == world.HealthUnknown && m.told != "" && m.told != world.HealthUnknown; forgotten {
		if at := m.last.At.Add(soonest); at.Before(m.due) {
			return at
		}
	}
	return m.due
}

// count counts an outcome. A status that somebody else has set, because the
// instance was registered anew, begins a new streak.
func (p *Prober) count(key string, t probe.Target, known world.HealthStatus, passed bool, text string) (world.HealthStatus, time.Time) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.known[key]
	if m == nil || m.target != t {
		m = &memory{target: t} // forgotten meanwhile; a new look is under way
	}
	if m.streak.Status != known {
		m.streak = probe.Streak{Status: known}
	}
	s := m.streak.After(passed, t.Threshold)
	m.streak = probe.Streak{Status: known, Passed: s.Passed, Failed: s.Failed} // the new status counts once it was taken
	m.told, m.due = s.Status, next(key, t.Interval, now)
	m.last.At, m.last.Passed, m.last.Text = now, passed, text
	if !passed {
		m.last.FailedAt, m.last.FailureText = now, text
	}
	return s.Status, m.due
}

// place is the next time that belongs to a key: each has its own in the
// interval.
func place(key string, interval time.Duration, now time.Time) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails (package hash)
	at := now.Truncate(interval).Add(time.Duration(h.Sum64() % uint64(interval)))
	if !at.After(now) {
		at = at.Add(interval)
	}
	return at
}

// next is when a key is due after a check: at its place, but not sooner than
// half an interval from now.
func next(key string, interval time.Duration, now time.Time) time.Time {
	return place(key, interval, now.Add(interval/2-1))
}
