package etcd

import (
	"runtime/debug"
	"time"
)

// A burst of writes leaves a heap of up to twice what is in use, and pages of the
// database that the tree's upkeep touched. Go collects by itself only after two
// quiet minutes; here both are given back a moment after the last write. While
// writes go on nothing is collected early: their speed is worth more.
const (
	calmAfter = 2 * time.Second
	// burst is how many commits make that worth a collection.
	burst = 100
)

// calm knows when writes began to rest. The zero calm has given nothing back
// yet, so that what the start needed goes, too.
type calm struct {
	last  int64     // etcd's revision when it was looked at
	since time.Time // when it was another one
	given int64     // the revision of the last time that memory was given back
}

// due says whether it is time, at a revision of etcd's, to give memory back.
func (c *calm) due(revision int64, now time.Time) bool {
	if revision != c.last {
		c.last, c.since = revision, now
		return false
	}
	if now.Sub(c.since) < calmAfter || revision-c.given < burst {
		return false
	}
	c.given = revision
	return true
}

// giveBack returns memory to the system that is not in use.
func (u *upkeep) giveBack() {
	if u.disk != nil {
		u.releasePages()
	}
	debug.FreeOSMemory()
}
