//go:build linux

package linux_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seamark/internal/driver/network/netns"
	"seamark/internal/driver/network/networktest"
	"seamark/internal/plan/netcfg"
)

// TestAdoption: a second driver takes over what a first one made, while a
// connection is open. Nothing is replaced but the rules.
func TestAdoption(t *testing.T) {
	dir := runDir(t)
	first := newDriver(t, dir)
	set(t, first, pair())
	c := reaches(t, newProbe(t, first), networktest.ID(1), web(80))
	router, inner := identify(t, first.Paths().VPC(vpcID)), identify(t, first.Paths().Interface(networktest.ID(2)))

	d := newDriver(t, dir) // the first one is not closed: its process was killed
	if ids, err := d.List(t.Context()); err != nil || len(ids) != 1 || ids[0] != vpcID {
		t.Fatalf("List before the first Set: %v, %v", ids, err)
	}
	set(t, d, pair())
	if err := c.Exchange(); err != nil {
		t.Errorf("connection after adoption: %v", err)
	}
	if identify(t, d.Paths().VPC(vpcID)) != router || identify(t, d.Paths().Interface(networktest.ID(2))) != inner {
		t.Error("adoption replaced a namespace")
	}
	p := newProbe(t, d)
	blocked(t, p, networktest.ID(1), web(81))

	closed := networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10), networktest.Interface(2, 1, 11))
	set(t, d, closed)
	blocked(t, p, networktest.ID(1), web(80))
	if err := c.Exchange(); err != nil {
		t.Errorf("established connection after the rule was revoked: %v", err)
	}
	set(t, d, networktest.VPC(vpcID)) // a process that knows of no interface removes what it finds
	if _, err := netns.Identify(first.Paths().Interface(networktest.ID(2))); err == nil {
		t.Error("the removed interface's namespace is still there")
	}
}

// TestRemoveWithoutSet: what an earlier process left can be removed at once.
func TestRemoveWithoutSet(t *testing.T) {
	dir := runDir(t)
	set(t, newDriver(t, dir), pair())
	d := newDriver(t, dir)
	if err := d.Remove(t.Context(), vpcID); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.List(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("List: %v, %v", ids, err)
	}
}

// TestRulesChangeAtomically: while one driver after the other replaces the
// whole table, not one packet to a closed port passes and none to an open one
// is lost.
func TestRulesChangeAtomically(t *testing.T) {
	dir := runDir(t)
	d := newDriver(t, dir)
	open := networktest.Interface(2, 1, 11, netcfg.Rule{
		Protocol: netcfg.ProtocolUDP, From: 7000, To: 7000, Peer: networktest.All("10.0.0.0/16").Peer,
	})
	v := networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10), open)
	set(t, d, v)
	p := newProbe(t, d)
	target := networktest.Target{Interface: networktest.ID(2), Protocol: netcfg.ProtocolUDP, Port: 7000}
	allowed := reaches(t, p, networktest.ID(1), target)

	inner := d.Paths().Interface(networktest.ID(2))
	leaks, err := netns.ListenPacket(inner, "udp", "10.0.1.11:7001")
	if err != nil {
		t.Fatal(err)
	}
	var leaked atomic.Int64
	var running sync.WaitGroup
	running.Go(func() {
		b := make([]byte, 64)
		for {
			if _, _, err := leaks.ReadFrom(b); err != nil {
				return
			}
			leaked.Add(1)
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	sent, answered := 0, 0
	running.Go(func() {
		probing, err := netns.Dial(ctx, d.Paths().Interface(networktest.ID(1)), "udp", "10.0.1.11:7001")
		if err != nil {
			t.Errorf("dial: %v", err)
			return
		}
		defer func() { _ = probing.Close() }()
		for ctx.Err() == nil {
			if _, err := probing.Write([]byte("let me in")); err == nil {
				sent++
			}
			if err := allowed.Exchange(); err != nil {
				t.Errorf("allowed packet lost: %v", err)
				return
			}
			answered++
		}
	})
	for range 30 {
		set(t, newDriver(t, dir), v)
	}
	stop()
	if err := leaks.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	running.Wait()
	if err := leaks.Close(); err != nil {
		t.Error(err)
	}
	if leaked.Load() != 0 || sent == 0 || answered == 0 {
		t.Errorf("%d of %d packets to the closed port passed; %d to the open one were answered", leaked.Load(), sent, answered)
	}
}

// TestAddressReuse: the next owner of an address gets nothing of its
// predecessor's connections.
func TestAddressReuse(t *testing.T) {
	d := newDriver(t, runDir(t))
	p := newProbe(t, d)
	set(t, d, pair())
	c := reaches(t, p, networktest.ID(1), web(80))
	heir := networktest.Interface(3, 1, 11) // 2's address, and nothing allowed in
	set(t, d, networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10)))
	set(t, d, networktest.With(networktest.VPC(vpcID), networktest.Interface(1, 1, 10), heir))

	received := capture(t, d.Paths().Interface(networktest.ID(3)))
	done := make(chan error, 1)
	go func() { done <- c.Exchange() }() // retransmits for a while
	select {
	case packet := <-received:
		t.Errorf("the new owner received %d bytes of an old connection", len(packet))
	case <-time.After(700 * time.Millisecond): // TCP retransmits first after 0.2 s
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("the old connection still works")
	}
}
