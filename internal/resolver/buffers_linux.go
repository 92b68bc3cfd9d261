package resolver

import "sync"

// Buffers are the memory that the UDP sockets of all VPCs share: as much as
// there are sockets being answered at one moment.
type Buffers struct{ batches *sync.Pool }

// NewBuffers returns empty Buffers.
func NewBuffers() *Buffers { return &Buffers{newBatches()} }
