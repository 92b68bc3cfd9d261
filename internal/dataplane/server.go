package dataplane

import (
	"context"
	"errors"
	"log/slog"
)

// Options configure a data plane.
type Options struct {
	// Socket is the unix socket that Run listens on (mode 0600). Required by
	// Run, unused by New.
	Socket string
	// RunDir is where the data plane keeps its last snapshot, to serve it at
	// once after a restart. Empty: it keeps none.
	RunDir string
	Logger *slog.Logger // required
}

// Server is a data plane in this process.
type Server struct {
	opts Options
}

// New starts a data plane in this process. It serves nothing until Replace.
func New(opts Options) (*Server, error) {
	return nil, errors.ErrUnsupported
}

// Run is the data-plane process: it serves the last snapshot from RunDir, takes
// one control connection at a time on Socket and returns when ctx ends.
func Run(ctx context.Context, opts Options) error {
	return errors.ErrUnsupported
}

// Replace implements Plane.
func (s *Server) Replace(ctx context.Context, revision int64, snap Snapshot) (Ack, error) {
	return Ack{}, errors.ErrUnsupported
}

// Sync implements Plane.
func (s *Server) Sync(ctx context.Context, revision int64, changes []Change) (Ack, error) {
	return Ack{}, errors.ErrUnsupported
}

// Status implements Plane.
func (s *Server) Status(ctx context.Context) (Status, error) {
	return Status{}, errors.ErrUnsupported
}

// Close implements Plane.
func (s *Server) Close() error { return errors.ErrUnsupported }
