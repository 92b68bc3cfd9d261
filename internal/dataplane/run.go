package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
)

// lockName is the file in RunDir that a starting data plane holds locked.
const lockName = "dataplane.lock"

// spareProcessors are what Go's scheduler has beyond one for each poller: a
// poller keeps its own while it waits for queries, and the rest of the process
// must not wait for that.
const spareProcessors = 2

// Run is the data-plane process: it serves the last snapshot from RunDir, takes
// one control connection at a time on Socket and returns when ctx ends. If
// RunDir names another live data plane, this one takes over from it: both listen
// until the other has ended, so that no query is lost.
func Run(ctx context.Context, opts Options) (err error) {
	debug.SetGCPercent(gcPercent)
	opts.threads = runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(opts.threads + spareProcessors)
	if err := prioritise(false); err != nil {
		opts.Logger.Warn("the data plane has no priority over other processes", "err", err)
	}
	self, err := itself(opts)
	if err != nil {
		return err
	}
	unlock, err := lock(opts.RunDir)
	if err != nil {
		return fmt.Errorf("data plane: %w", err)
	}
	server, listener, err := start(ctx, opts, self)
	if err := errors.Join(err, unlock()); err != nil {
		return fmt.Errorf("start data plane: %w", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := shrink(); err != nil {
		opts.Logger.Warn("memory of the start was not given back", "err", err)
	}
	opts.Logger.Info("data plane ready", "socket", opts.Socket, "pid", self.PID)
	return (&control{server, listener}).run(ctx)
}

// itself is the record of this process.
func itself(opts Options) (record, error) {
	started, err := startTime(os.Getpid())
	if err != nil {
		return record{}, fmt.Errorf("start time of this process: %w", err)
	}
	return record{PID: os.Getpid(), StartTime: started, Socket: opts.Socket, Protocol: Protocol}, nil
}

// start serves, ends the data plane that was there, and then takes its place in
// the record: at every moment the record names a process that serves.
func start(ctx context.Context, opts Options, self record) (*Server, *net.UnixListener, error) {
	previous, err := readRecord(opts.RunDir)
	if err != nil {
		return nil, nil, err
	}
	server, err := New(opts)
	if err != nil {
		return nil, nil, err
	}
	listener, err := takeOver(ctx, opts, previous, self)
	if err != nil {
		return nil, nil, errors.Join(err, server.Close())
	}
	if err := server.do(ctx, server.check); err != nil { // the other's addresses are free now
		return nil, nil, errors.Join(err, listener.Close(), server.Close())
	}
	return server, listener, nil
}

func takeOver(ctx context.Context, opts Options, previous *record, self record) (*net.UnixListener, error) {
	if previous != nil {
		if err := previous.end(ctx); err != nil {
			return nil, err
		}
	}
	if err := self.write(opts.RunDir); err != nil {
		return nil, err
	}
	return listenControl(opts.Socket)
}

// end ends the recorded process, if it still runs.
func (r *record) end(ctx context.Context) error {
	p, err := r.open()
	if errors.Is(err, errGone) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(p.terminate(ctx), p.close())
}
