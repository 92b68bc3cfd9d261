package reconcile

import (
	"math/rand/v2"
	"time"
)

// backoff is the pause after failures in a row.
type backoff struct{ least, most time.Duration }

// pause doubles with each failure up to the most, less up to a fifth at
// random, so that what failed together is not tried together for ever.
func (b backoff) pause(failures int) time.Duration {
	d := b.least
	for n := 1; n < failures && d < b.most; n++ {
		d *= 2
	}
	d = min(d, b.most)
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}
