package reconcile

import (
	"container/heap"
	"time"
)

// queue knows for each key whether it waits to run, runs, or has a time. Keys
// that have nothing of that are forgotten.
type queue struct {
	keys    map[string]*entry
	waiting []string // in the order of arrival
	running int
	times   times
	watcher chan struct{} // closed when the queue becomes idle; may be nil
}

// entry is what the queue knows of one key.
type entry struct {
	waiting  bool
	running  bool
	more     bool // run again after this run
	failures int  // in a row
	time     *timed
}

// timed is a key's place in the heap of times.
type timed struct {
	key string
	at  time.Time
	in  int // index in the heap
}

func newQueue() queue { return queue{keys: make(map[string]*entry)} }

func (q *queue) entry(key string) *entry {
	e := q.keys[key]
	if e == nil {
		e = &entry{}
		q.keys[key] = e
	}
	return e
}

// add has the key run as soon as possible. It says whether a worker is needed.
func (q *queue) add(key string) bool {
	e := q.entry(key)
	switch {
	case e.running:
		e.more = true
		return false
	case e.waiting:
		return false
	}
	e.waiting = true
	q.waiting = append(q.waiting, key)
	return true
}

// addAt has the key run at that time, or earlier if it has an earlier time. It
// says whether that is now the earliest time of all.
func (q *queue) addAt(key string, at time.Time) bool {
	e := q.entry(key)
	if e.time != nil && !at.Before(e.time.at) {
		return false
	}
	q.setTime(key, e, at)
	return e.time.in == 0
}

// setTime replaces the time of a key; zero removes it.
func (q *queue) setTime(key string, e *entry, at time.Time) {
	if e.time != nil {
		heap.Remove(&q.times, e.time.in)
		e.time = nil
	}
	if !at.IsZero() {
		e.time = &timed{key: key, at: at}
		heap.Push(&q.times, e.time)
	}
}

// addDue adds the keys whose time has come. It returns how many, and the next
// time, or zero.
func (q *queue) addDue(now time.Time) (added int, next time.Time) {
	for len(q.times) > 0 {
		first := q.times[0]
		if first.at.After(now) {
			return added, first.at
		}
		q.setTime(first.key, q.keys[first.key], time.Time{})
		if q.add(first.key) {
			added++
		}
	}
	return added, time.Time{}
}

// take returns the key that waits longest, which now runs. Its time is void:
// the run will set a new one.
func (q *queue) take() (key string, ok bool) {
	if len(q.waiting) == 0 {
		return "", false
	}
	key = q.waiting[0]
	q.waiting = q.waiting[1:]
	e := q.keys[key]
	e.waiting = false
	e.running = true
	q.running++
	q.setTime(key, e, time.Time{})
	return key, true
}

// count records how a run of the key went and returns the failures in a row.
func (q *queue) count(key string, failed bool) int {
	e := q.keys[key]
	e.failures++
	if !failed {
		e.failures = 0
	}
	return e.failures
}

// finish ends a run. It says whether a worker is needed, and whether the time
// of the key is the earliest of all.
func (q *queue) finish(key string, again time.Time) (more, earliest bool) {
	e := q.keys[key]
	e.running = false
	q.running--
	if !again.IsZero() {
		earliest = q.addAt(key, again)
	}
	if e.more {
		e.more = false
		more = q.add(key)
	}
	if !e.waiting && e.time == nil {
		delete(q.keys, key)
	}
	if q.idle() && q.watcher != nil {
		close(q.watcher)
		q.watcher = nil
	}
	return more, earliest
}

func (q *queue) idle() bool { return len(q.waiting) == 0 && q.running == 0 }

// whenIdle returns a channel that is closed when the queue becomes idle, or nil
// if it is.
func (q *queue) whenIdle() <-chan struct{} {
	if q.idle() {
		return nil
	}
	if q.watcher == nil {
		q.watcher = make(chan struct{})
	}
	return q.watcher
}

// times is a heap.Interface with the earliest time first.
type times []*timed

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i].at.Before(t[j].at) }

func (t times) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].in, t[j].in = i, j
}

// Push implements heap.Interface.
func (t *times) Push(x any) {
	e := x.(*timed)
	e.in = len(*t)
	*t = append(*t, e)
}

// Pop implements heap.Interface.
func (t *times) Pop() any {
	last := (*t)[len(*t)-1]
	(*t)[len(*t)-1] = nil
	*t = (*t)[:len(*t)-1]
	return last
}
