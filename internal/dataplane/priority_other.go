//go:build !linux

package dataplane

import "time"

// prioritise does nothing: a data plane of its own is for Linux.
func prioritise(bool) error { return nil }

// background runs f beside the caller.
func background(f func()) { go f() }

func cpuTime() time.Duration { return 0 }
