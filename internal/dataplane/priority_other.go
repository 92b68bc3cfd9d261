//go:build !linux

package dataplane

// prioritise does nothing: a data plane of its own is for Linux.
func prioritise() error { return nil }

// background runs f beside the caller.
func background(f func()) { go f() }
