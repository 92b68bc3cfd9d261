package dataplane

import (
	"log/slog"
	"time"
)

// Beside a control plane that is busy, one answer of fifty waited a millisecond and
// more for a core, whatever the niceness; in real time none does (decision 0015).
// A process in real time keeps all others from running, though, so that it is for
// one that uses little: where somebody asks without pause, the cores are shared.
const (
	// modest is the share of one core below which the process is scheduled in real
	// time, and immodest the one above which it no longer is.
	modest   = 0.25
	immodest = 0.5
)

// urgency decides how the process is scheduled.
type urgency struct {
	used     time.Duration // CPU time at the last look
	at       time.Time     // of the last look; zero: there was none
	realTime bool
	refused  bool // the kernel does not let us
}

// next is whether to be in real time, given the CPU time used so far.
func (u *urgency) next(used time.Duration, now time.Time) bool {
	spent, passed := used-u.used, now.Sub(u.at)
	first := u.at.IsZero()
	u.used, u.at = used, now
	switch share := float64(spent) / float64(passed); {
	case first || passed <= 0:
		return u.realTime
	case u.realTime:
		return share < immodest
	default:
		return share < modest
	}
}

// look tells the kernel what next says.
func (u *urgency) look(log *slog.Logger) {
	want := u.next(cpuTime(), time.Now())
	if want == u.realTime || u.refused {
		return
	}
	if err := prioritise(want); err != nil {
		u.refused = true
		log.Info("the data plane is not scheduled in real time", "err", err)
		if err := prioritise(false); err != nil { // some threads may be
			log.Warn("the data plane has no priority over other processes", "err", err)
		}
		u.realTime = false
		return
	}
	u.realTime = want
}
