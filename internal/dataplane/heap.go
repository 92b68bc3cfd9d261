package dataplane

import (
	"runtime/debug"
	"runtime/metrics"
)

// gcPercent keeps the heap close to what is in use: the process is to be small,
// and answering allocates nothing. Applying changes does; each collection reads
// the whole heap on the cores that answer, so that while changes come fast there
// are fewer.
const (
	gcPercent = 40
	// busyRevisions since the last look, a second ago, are fast.
	busyRevisions = 100
	// busyRoom is how many bytes the heap may then grow by, if it does not become
	// more than busyPercent of what is in use.
	busyRoom    = 32 << 20
	busyPercent = 400
)

// heap decides how often the process collects.
type heap struct {
	last int64 // revision at the last look
	busy bool
}

// next is what to do, given the revision and the bytes in use: a new percentage,
// or 0, and whether to give memory back.
func (h *heap) next(revision int64, live func() uint64) (percent int, giveBack bool) {
	fast := h.last != 0 && revision-h.last >= busyRevisions
	changed := fast != h.busy
	h.last, h.busy = revision, fast
	switch {
	case !changed:
		return 0, false
	case !fast:
		return gcPercent, true
	}
	return int(max(gcPercent, min(busyPercent, busyRoom*100/max(live(), 1)))), false
}

// look tells the runtime what next says.
func (h *heap) look(revision int64) {
	percent, giveBack := h.next(revision, liveHeap)
	if percent > 0 {
		debug.SetGCPercent(percent)
	}
	if giveBack {
		background(debug.FreeOSMemory)
	}
}

// liveHeap is how many bytes the last collection left.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
