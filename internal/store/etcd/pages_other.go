//go:build !linux

package etcd

// releasePages does nothing: only Linux counts a mapped file as the memory of
// the process that matters here.
func releasePages(string) error { return nil }
