package store

import "time"

// Each batch costs as much as several updates (with etcd 560 µs of CPU against
// 240, as measured), so that it pays to have many in one. While one batch is
// written the next one gathers, but where writing is fast that is not many.
const (
	// paceEach is how far apart two batches begin at least, for each caller
	// beyond the first.
	paceEach = 500 * time.Microsecond
	// paceMost bounds that. It is what a response may be later by.
	paceMost = 3 * time.Millisecond
	// paceShare of the crowd is as many as are worth waiting for.
	paceShare = 0.5
	// paceMemory: of a crowd this share is remembered with each batch.
	paceMemory = 0.8
)

// pace decides when a batch may be written. A caller alone never waits, and few
// hardly do: their next update comes later than that anyway.
type pace struct {
	began time.Time // of the last batch
	crowd float64   // how many called at once lately
}

// seen records how many callers waited at once.
func (p *pace) seen(callers int) { p.crowd = max(float64(callers), p.crowd*paceMemory) }

// wait is how long the next batch, for which so many callers wait, is to be held
// back.
func (p *pace) wait(callers int, now time.Time) time.Duration {
	if float64(callers) >= p.crowd*paceShare {
		return 0
	}
	apart := min(paceMost, time.Duration((p.crowd-1)*float64(paceEach)))
	return apart - now.Sub(p.began)
}
