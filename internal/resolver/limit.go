package resolver

import (
	"net/netip"
	"sync"
	"time"
)

// limiter drops what one source address sends beyond a number of packets per
// second (Amazon VPC user guide, "DNS quotas": 1,024 packets for each network
// interface). It is a token bucket that holds one second's packets, kept as the
// moment at which the bucket will be full again.
type limiter struct {
	packets int
	each    int64 // nanoseconds for a token

	mu   sync.Mutex
	full map[netip.Addr]int64
}

// maxLimited bounds the addresses that are remembered; a VPC has at most 65,536.
const maxLimited = 1 << 16

func newLimiter(packets int) *limiter {
	return &limiter{packets: packets, each: int64(time.Second) / int64(packets), full: map[netip.Addr]int64{}}
}

// allow takes a token for an address at a moment in nanoseconds.
func (l *limiter) allow(a netip.Addr, now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.full[a]
	if at < now {
		at = now
	}
	if at-now > int64(time.Second)-l.each {
		return false
	}
	if !known && len(l.full) >= maxLimited {
		l.sweep(now)
	}
	l.full[a] = at + l.each
	return true
}

// sweep forgets the addresses whose buckets are full, and all if none is.
func (l *limiter) sweep(now int64) {
	for a, at := range l.full {
		if at <= now {
			delete(l.full, a)
		}
	}
	if len(l.full) >= maxLimited {
		clear(l.full)
	}
}

// SetPacketLimit limits what one source address may send in a second to the
// VPC's own addresses; 0: there is no limit.
func (r *Resolver) SetPacketLimit(packets int) {
	old := r.limit.Load()
	switch {
	case packets <= 0:
		r.limit.Store(nil)
	case old == nil || old.packets != packets:
		r.limit.Store(newLimiter(packets))
	}
}

// limiter is the limit for what comes in by in; nil: none.
func (w *worker) limiter() *limiter {
	if w.in != nil {
		return nil
	}
	return w.resolver.limit.Load()
}
