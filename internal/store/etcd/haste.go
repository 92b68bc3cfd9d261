package etcd

import (
	"runtime/debug"
	"runtime/metrics"
)

// While writes come fast, the heap may grow further between two collections:
// with a small heap those are many, and each reads all of it.
const (
	// fast is how many commits in an upkeepInterval that is.
	fast = 10
	// room is how many bytes the heap may then grow by, if it does not become
	// more than hastyPercent of what is in use.
	room         = 64 << 20
	hastyPercent = 400
)

// haste knows whether collections are delayed. Calm ends that.
type haste struct {
	last   int64 // etcd's revision when it was looked at
	usual  int   // the percentage (GOGC) to return to
	delays bool
}

// look delays collections if commits came fast since the last look, and enough
// of them since memory was given back that it will be again; given the bytes in
// use.
func (h *haste) look(revision, given int64, live func() uint64) (percent int, change bool) {
	commits := revision - h.last
	first := h.last == 0
	h.last = revision
	if first || commits < fast || revision-given < burst || h.delays {
		return 0, false
	}
	percent = int(min(hastyPercent, room*100/max(live(), 1)))
	return percent, percent > 100
}

// hurry looks, and tells the runtime.
func (u *upkeep) hurry(h *haste, given int64) {
	percent, change := h.look(u.etcdRevision.Load(), given, liveHeap)
	if !change {
		return
	}
	h.usual, h.delays = debug.SetGCPercent(percent), true
	if h.usual > percent || h.usual < 0 {
		debug.SetGCPercent(h.usual) // the user wants fewer yet
	}
}

// rest returns to the usual pace.
func (h *haste) rest() {
	if h.delays {
		debug.SetGCPercent(h.usual)
		h.delays = false
	}
}

// liveHeap is how many bytes the last collection left.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
