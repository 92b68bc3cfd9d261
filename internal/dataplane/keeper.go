package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"seamark/internal/resolver"
	"seamark/internal/world"
)

// snapshotName is the file in RunDir that holds what was served last.
const snapshotName = "dataplane.snapshot"

// snapshotFormat is the version of that file. Another one is not read: the
// control plane sends everything anyway.
const snapshotFormat = 2

// kept is the content of the file.
type kept struct {
	Format   int
	Revision int64
	Config   Config
	VPCs     []keptVPC
}

type keptVPC struct {
	VPC   VPC
	Bound []netip.AddrPort
	// Ports on which the interfaces of inbound endpoints listen.
	Ports map[world.NetworkInterfaceID][]netip.AddrPort
}

// state is a server's state as tables, which are turned into a file elsewhere.
type state struct {
	revision int64
	config   Config
	vpcs     []stateVPC
}

type stateVPC struct {
	table     *resolver.Table
	listen    Listen
	endpoints []Endpoint
	bound     []netip.AddrPort
	ports     map[world.NetworkInterfaceID][]netip.AddrPort
}

// keeper writes the file a moment after each change, and the more rarely the
// longer it takes. The server's loop owns it; the writing is done beside it. A
// nil keeper keeps nothing.
type keeper struct {
	dir     string
	timer   *time.Timer
	done    chan error // from the goroutine that writes
	dirty   bool       // changed since the last save began
	writing bool
	started time.Time
	took    time.Duration
}

// Writing takes at most a twentieth of the time.
const (
	keepDelay = 100 * time.Millisecond
	keepShare = 20
)

func newKeeper(dir string) *keeper {
	k := &keeper{dir: dir, timer: time.NewTimer(time.Hour), done: make(chan error, 1)}
	k.timer.Stop()
	return k
}

// changed asks for the state to be saved soon.
func (k *keeper) changed() {
	if k == nil || k.dirty {
		return
	}
	k.dirty = true
	if !k.writing {
		k.timer.Reset(max(keepDelay, keepShare*k.took))
	}
}

// due fires when it is time to call save.
func (k *keeper) due() <-chan time.Time {
	if k == nil {
		return nil
	}
	return k.timer.C
}

// save starts to write a state.
func (k *keeper) save(s state) {
	k.dirty, k.writing, k.started = false, true, time.Now()
	background(func() { k.done <- write(k.dir, s) }) // joined by saved or finish
}

// saved fires when a save has ended. The receiver must call ended.
func (k *keeper) saved() <-chan error {
	if k == nil {
		return nil
	}
	return k.done
}

func (k *keeper) ended() {
	k.writing = false
	k.took = time.Since(k.started)
	if k.dirty {
		k.timer.Reset(max(keepDelay, keepShare*k.took))
	}
}

// finish saves what has not been saved.
func (k *keeper) finish(current func() state) error {
	if k == nil {
		return nil
	}
	var err error
	if k.writing {
		err = <-k.done
	}
	if k.dirty {
		err = write(k.dir, current())
	}
	return err
}

// write replaces the file in one step.
func write(dir string, s state) error {
	out := kept{Format: snapshotFormat, Revision: s.revision, Config: s.config}
	for _, v := range s.vpcs {
		out.VPCs = append(out.VPCs, keptVPC{VPC{Table: v.table.VPC(), Listen: v.listen, Endpoints: v.endpoints}, v.bound, v.ports})
	}
	b, err := encode(out)
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	return replaceFile(filepath.Join(dir, snapshotName), b)
}

// replaceFile writes a file that is either the old or the new one, whole. It is
// not synced: the file is worth nothing after a reboot.
func replaceFile(path string, b []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// read returns the kept state; false when there is none that can be used.
func (k *keeper) read() (kept, bool, error) {
	b, err := os.ReadFile(filepath.Join(k.dir, snapshotName))
	if errors.Is(err, os.ErrNotExist) {
		return kept{}, false, nil
	}
	if err != nil {
		return kept{}, false, err
	}
	var out kept
	if err := decode(b, &out); err != nil {
		return kept{}, false, fmt.Errorf("decode snapshot: %w", err)
	}
	return out, out.Format == snapshotFormat, nil
}

// restore serves the kept snapshot, before the loop starts.
func (s *Server) restore() {
	k, ok, err := s.keeper.read()
	if err != nil {
		s.opts.Logger.Error("kept snapshot cannot be read; nothing is served until the control plane connects", "err", err)
		return
	}
	if !ok {
		return
	}
	p := newPlan(s)
	p.config, p.restoring = &k.Config, true
	for i := range k.VPCs {
		v := &k.VPCs[i]
		p.set(&v.VPC)
		id := v.VPC.Table.ID
		s.vpcs[id] = newServed(id, p.vpcs[id].table, s)
		s.vpcs[id].main.ports, s.vpcs[id].ports = v.Bound, v.Ports
	}
	s.commit(k.Revision, p)
	s.opts.Logger.Info("serving the kept snapshot", "revision", k.Revision, "vpcs", len(k.VPCs))
}

// kept is the state to be kept.
func (s *Server) kept() state {
	out := state{revision: s.revision, config: s.config}
	for _, v := range s.vpcs {
		out.vpcs = append(out.vpcs, stateVPC{v.resolver.Table(), v.main.listen, v.configured(), v.main.bound(), v.inboundPorts()})
	}
	return out
}
