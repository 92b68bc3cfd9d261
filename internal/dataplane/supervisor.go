package dataplane

import (
	"context"
	"errors"
	"log/slog"
)

// SupervisorOptions configure a Supervisor.
type SupervisorOptions struct {
	// Command starts the data plane: the binary and its arguments, for instance
	// seamark dataplane --socket S --run-dir D. Required.
	Command []string
	// Socket is the unix socket that Command listens on. Required.
	Socket string
	// RunDir holds the record of the process (dataplane.json), its log and its
	// last snapshot. Required; it exists.
	RunDir string
	// Cgroups are directories of cgroups to put the process into; they exist.
	Cgroups []string
	// OnRestart is called, from a goroutine of the Supervisor, with the
	// connection to a process that took the place of one that died. The owner
	// sends everything with Replace. It may be nil.
	OnRestart func(*Client)
	Logger    *slog.Logger // required
}

// Supervisor keeps one data-plane process running. The process has its own
// session and outlives the Supervisor; the next one adopts it.
type Supervisor struct {
	opts SupervisorOptions
}

// NewSupervisor returns a Supervisor that has not looked at anything yet.
func NewSupervisor(opts SupervisorOptions) *Supervisor { return &Supervisor{opts: opts} }

// Start adopts the live process that RunDir records, or starts one, and
// connects to it. A process that speaks another version of the protocol is
// replaced.
func (s *Supervisor) Start(ctx context.Context) (*Client, error) {
	return nil, errors.ErrUnsupported
}

// Run restarts the process whenever it dies, until ctx ends. The process is
// left running. Call it after Start.
func (s *Supervisor) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Stop ends the process, and removes its record and its snapshot. It works
// without Start: `seamark down` calls it on a fresh Supervisor.
func (s *Supervisor) Stop(ctx context.Context) error { return errors.ErrUnsupported }
