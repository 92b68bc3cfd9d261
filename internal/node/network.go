package node

import (
	"context"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"seamark/internal/plan/netcfg"
	"seamark/internal/world"
)

// attachments are the interfaces that exist in the kernel, by VPC, with their owners.
type attachments struct {
	mu     sync.Mutex
	byVPC  map[world.VPCID]map[world.NetworkInterfaceID]string
	inodes map[world.VPCID]uint64 // of the VPCs' namespaces
	ready  chan struct{}          // closed and replaced with each change
}

func newAttachments() *attachments {
	return &attachments{byVPC: map[world.VPCID]map[world.NetworkInterfaceID]string{}, inodes: map[world.VPCID]uint64{}, ready: make(chan struct{})}
}

// set records what exists in a VPC now and returns the owners of interfaces
// that came or went.
func (a *attachments) set(vpc world.VPCID, owners map[world.NetworkInterfaceID]string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var moved []string
	for id, owner := range owners {
		if _, had := a.byVPC[vpc][id]; !had {
			moved = append(moved, owner)
		}
	}
	for id, owner := range a.byVPC[vpc] {
		if _, has := owners[id]; !has {
			moved = append(moved, owner)
		}
	}
	a.byVPC[vpc] = owners
	if len(owners) == 0 {
		delete(a.byVPC, vpc)
	}
	slices.Sort(moved)
	close(a.ready)
	a.ready = make(chan struct{})
	return moved
}

// gone forgets the namespace of a VPC that was removed.
func (a *attachments) gone(vpc world.VPCID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.inodes, vpc)
}

// isNew records the namespace of a VPC and says whether it is another one.
func (a *attachments) isNew(vpc world.VPCID, inode uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, had := a.inodes[vpc]
	a.inodes[vpc] = inode
	return !had || old != inode
}

func (a *attachments) has(vpc world.VPCID, id world.NetworkInterfaceID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.byVPC[vpc][id]
	return ok
}

// changed returns a channel that is closed at the next change.
func (a *attachments) changed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ready
}

// reconcileNetwork makes the kernel's part of one VPC equal to the world's.
func (n *Node) reconcileNetwork(ctx context.Context, key string) (time.Time, error) {
	w := n.o.Store.View()
	id := world.VPCID(key)
	want, ok := netcfg.Compile(w, id)
	owners := map[world.NetworkInterfaceID]string{}
	if !ok {
		if err := n.o.Network.Remove(ctx, id); err != nil {
			return time.Time{}, err
		}
		n.attached.gone(id)
	} else {
		if err := n.o.Network.Set(ctx, want); err != nil {
			return time.Time{}, err
		}
		if n.attached.isNew(id, inode(n.o.Network.Paths().VPC(id))) {
			n.o.OnNetwork(ctx, id)
		}
		for _, i := range want.Interfaces {
			if ni := w.NetworkInterfaces.Get(string(i.ID)); ni != nil {
				owners[i.ID] = ni.OwnerID
			}
		}
	}
	moved := n.attached.set(id, owners)
	for _, owner := range moved {
		n.enqueueGroup(owner)
	}
	if len(moved) > 0 && n.o.OnInterfaces != nil {
		n.o.OnInterfaces(id)
	}
	if !ok {
		return time.Time{}, nil
	}
	return n.now().Add(healEvery), nil
}

// healEvery is how often a VPC's network is compared with the world even if
// nothing changed: the kernel's objects may be lost to somebody else's hands.
const healEvery = 10 * time.Second

// inode identifies a network namespace; 0 where there is none.
func inode(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}

// WaitAttached returns once the interface exists in the kernel, with the path
// of its network namespace.
func (n *Node) WaitAttached(ctx context.Context, vpc world.VPCID, id world.NetworkInterfaceID) (string, error) {
	for {
		changed := n.attached.changed()
		if n.attached.has(vpc, id) {
			return n.o.Network.Paths().Interface(id), nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-changed:
		}
	}
}
