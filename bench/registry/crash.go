package registry

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Crash has ledgers churn, each on a connection of its own. When they have that
// many acknowledgements together, and up to a millisecond later, in which other
// changes come under way, it kills the server. Until then nothing may fail.
func Crash(a Access, books []*Ledger, moment int64, kill func() error) error {
	var acknowledged atomic.Int64
	now := make(chan struct{})
	reached := sync.OnceFunc(func() { close(now) })
	failures := make(chan error, len(books))
	var running sync.WaitGroup
	for _, l := range books {
		running.Go(func() {
			err := l.untilLost(a, func() {
				if acknowledged.Add(1) >= moment {
					reached()
				}
			})
			var refused *Refused
			if errors.As(err, &refused) || acknowledged.Load() < moment {
				failures <- err
				reached()
			}
		})
	}
	<-now
	// The moment itself is what is random; nothing is waited for.
	time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond))))
	err := kill()
	running.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

// untilLost churns on a connection until that is lost.
func (l *Ledger) untilLost(a Access, acknowledged func()) error {
	c, err := Dial(a)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // lost by then
	return l.Churn(c, func() bool {
		acknowledged()
		return false
	})
}
