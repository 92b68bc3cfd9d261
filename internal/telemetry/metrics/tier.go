package metrics

import (
	"encoding/binary"
	"time"
)

// tier is one size of bucket.
type tier byte

const (
	seconds tier = iota
	minutes
	fives
	hours
	tierCount
)

// step is the size of a bucket in seconds.
func (t tier) step() int64 { return [tierCount]int64{1, 60, 300, 3600}[t] }

// retention is how long CloudWatch keeps buckets of that size (User Guide,
// "Metrics retention").
func (t tier) retention() time.Duration {
	const day = 24 * time.Hour
	return [tierCount]time.Duration{3 * time.Hour, 15 * day, 63 * day, 455 * day}[t]
}

// tierFor is the finest tier that has data of that age for that period.
func tierFor(start, now time.Time, period time.Duration) tier {
	age := now.Sub(start)
	t := minutes
	if period < time.Minute {
		t = seconds
	}
	for t < hours && age > t.retention() {
		t++
	}
	return t
}

// point names a bucket of a series.
type point struct {
	tier   tier
	time   uint32 // seconds since 1970, when the bucket begins
	series uint32
}

// maxSecond is the last time that a point can have, in the year 2106.
const maxSecond = 1<<32 - 1

const pointSize = 9

func (p point) key() []byte {
	b := make([]byte, 0, pointSize)
	b = append(b, byte(p.tier))
	b = binary.BigEndian.AppendUint32(b, p.time)
	return binary.BigEndian.AppendUint32(b, p.series)
}
