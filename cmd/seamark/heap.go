package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Collecting garbage takes a tenth of the CPU time that a busy API uses. A
// process that is small affords more of it between two collections.
const (
	// smallPercent is for as long as the garbage fits into roomy.
	smallPercent = 300
	roomy        = 160 << 20 // bytes of garbage
	usualPercent = 100
)

// gcPercent is how much garbage there may be, as a percentage of what lives,
// which is in bytes (runtime/debug.SetGCPercent).
func gcPercent(live uint64) int {
	if live == 0 {
		return smallPercent
	}
	return int(min(smallPercent, max(usualPercent, 100*roomy/live)))
}

// tendHeap sets it every few seconds, unless the user has set GOGC.
func tendHeap(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return ctx.Err()
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	live, set := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, 0
	for {
		metrics.Read(live)
		if want := gcPercent(live[0].Value.Uint64()); want != set {
			debug.SetGCPercent(want)
			set = want
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
