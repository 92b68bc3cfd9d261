package dataplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// SupervisorOptions configure a Supervisor.
type SupervisorOptions struct {
	// Command starts the data plane: the binary and its arguments, for instance
	// seamark dataplane --socket S --run-dir D. The paths must be those below,
	// and absolute: it runs in "/". Required.
	Command []string
	// Socket is the unix socket that Command listens on. Required.
	Socket string
	// RunDir holds the record of the process, its last snapshot and its log.
	// Required; it exists.
	RunDir string
	// Adopt is called with the id of each process that is started, before it
	// serves: the place to put it into a cgroup of its own. It may be nil.
	Adopt func(pid int) error
	// OnRestart is called, from a goroutine of Run, with a new connection
	// whenever the last one ended: usually because the process died and another
	// took its place. The owner sends everything with Replace. Required by Run.
	OnRestart func(*Client)
	Logger    *slog.Logger // required
}

// Times of starting the process.
const (
	startTimeout = 10 * time.Second
	dialEvery    = 2 * time.Millisecond
	// The first restart is at once. One that follows within steady waits for a
	// pause, which doubles from firstPause to lastPause.
	steady     = 10 * time.Second
	firstPause = 10 * time.Millisecond
	lastPause  = 5 * time.Second
)

// logName is the file in RunDir that takes the process's output.
const logName = "dataplane.log"

// maxLog is how large that file may be when a process starts.
const maxLog = 8 << 20

// Supervisor keeps one data-plane process running. The process has its own
// session and outlives the Supervisor; the next one adopts it.
type Supervisor struct {
	opts SupervisorOptions

	client  *Client        // the connection that was handed out last
	reaping sync.WaitGroup // of children
}

// NewSupervisor returns a Supervisor that has not looked at anything yet. Its
// methods are not for concurrent use.
func NewSupervisor(opts SupervisorOptions) *Supervisor { return &Supervisor{opts: opts} }

// Start adopts the live process that RunDir records, or starts one, and
// connects to it. A process that does not answer or speaks another version of
// the protocol is replaced by one that takes over its snapshot.
func (s *Supervisor) Start(ctx context.Context) (*Client, error) {
	adopted, err := s.adopt(ctx)
	if err != nil {
		return nil, err
	}
	if adopted {
		s.opts.Logger.Info("data plane adopted", "pid", s.client.PID())
		return s.client, nil
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	return s.client, nil
}

// adopt connects to the recorded process. It reports false when there is none
// to be had; what is wrong with it is logged.
func (s *Supervisor) adopt(ctx context.Context) (bool, error) {
	r, err := readRecord(s.opts.RunDir)
	if err != nil {
		s.opts.Logger.Warn("record of the data plane is unreadable", "err", err)
		return false, nil
	}
	if r == nil {
		return false, nil
	}
	p, err := r.open()
	if errors.Is(err, errGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if r.Socket != s.opts.Socket {
		s.opts.Logger.Warn("data plane listens elsewhere and is replaced", "pid", r.PID, "socket", r.Socket)
		return false, p.close()
	}
	// Held for the comparison alone: its end shows on the connection.
	if err := p.close(); err != nil {
		return false, err
	}
	c, err := Dial(ctx, s.opts.Socket)
	if err == nil && c.PID() != r.PID {
		err = errors.Join(errors.New("another process answers on its socket"), c.Close())
	}
	if err != nil {
		s.opts.Logger.Warn("data plane is replaced", "pid", r.PID, "err", err)
		return false, context.Cause(ctx)
	}
	s.client = c
	return true, nil
}

// launch starts a process and waits until it answers.
func (s *Supervisor) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	output := filepath.Join(s.opts.RunDir, logName)
	if info, err := os.Stat(output); err == nil && info.Size() > maxLog {
		if err := os.Rename(output, output+".1"); err != nil {
			return fmt.Errorf("start data plane: %w", err)
		}
	}
	cmd, err := spawn(s.opts.Command, output)
	if err != nil {
		return fmt.Errorf("start data plane: %w", err)
	}
	exited := make(chan error, 1)
	s.reaping.Go(func() { exited <- cmd.Wait() })
	began := time.Now()
	if err := s.connect(ctx, cmd, exited); err != nil {
		return errors.Join(fmt.Errorf("start data plane (its output is in %s): %w", output, err), kill(cmd))
	}
	s.opts.Logger.Info("data plane started", "pid", cmd.Process.Pid, "took", time.Since(began))
	return nil
}

// kill ends a child that is of no use.
func kill(cmd *exec.Cmd) error {
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// connect waits for the new process's record and socket.
func (s *Supervisor) connect(ctx context.Context, cmd *exec.Cmd, exited <-chan error) error {
	if s.opts.Adopt != nil {
		if err := s.opts.Adopt(cmd.Process.Pid); err != nil {
			return fmt.Errorf("data plane: %w", err)
		}
	}
	tick := time.NewTicker(dialEvery)
	defer tick.Stop()
	for {
		r, err := readRecord(s.opts.RunDir)
		if err == nil && r != nil && r.PID == cmd.Process.Pid {
			var c *Client
			if c, err = Dial(ctx, s.opts.Socket); err == nil && c.PID() == r.PID {
				s.client = c
				return nil
			}
			if c != nil {
				err = errors.Join(errors.New("another process answers on the socket"), c.Close())
			}
		}
		if errors.Is(err, ErrProtocol) {
			return err
		}
		select {
		case <-tick.C:
		case failed := <-exited:
			return fmt.Errorf("it ended at once: %w", errors.Join(failed, errGone))
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// Run keeps a process running and connected until ctx ends, and then leaves it
// running. Call it after Start.
func (s *Supervisor) Run(ctx context.Context) error {
	var last time.Time
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.client.Done():
		}
		if errors.Is(s.client.Err(), ErrClosed) {
			return nil // the owner has closed the connection
		}
		s.opts.Logger.Warn("data plane lost", "pid", s.client.PID(), "err", s.client.Err())
		if time.Since(last) > steady {
			pause = firstPause
		} else {
			if !wait(ctx, pause) {
				return nil
			}
			pause = min(2*pause, lastPause)
		}
		last = time.Now()
		if !s.again(ctx) {
			return nil
		}
		s.opts.OnRestart(s.client)
	}
}

// again connects anew, starting a process if need be, until that works. It
// reports false when ctx has ended.
func (s *Supervisor) again(ctx context.Context) bool {
	pause := firstPause
	for {
		_, err := s.Start(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.opts.Logger.Error("data plane not restarted", "err", err, "again", pause)
		if !wait(ctx, pause) {
			return false
		}
		pause = min(2*pause, lastPause)
	}
}

// wait reports false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Stop ends the process, and removes its record, its snapshot and its socket.
// It works without Start: `seamark down` calls it on a fresh Supervisor. Run
// must have returned.
func (s *Supervisor) Stop(ctx context.Context) error {
	var errs []error
	if s.client != nil {
		errs = append(errs, s.client.Close())
	}
	r, err := readRecord(s.opts.RunDir)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	if r != nil {
		if err := r.end(ctx); err != nil {
			return fmt.Errorf("stop data plane: %w", errors.Join(append(errs, err)...))
		}
	}
	s.reaping.Wait()
	for _, path := range []string{
		s.opts.Socket, filepath.Join(s.opts.RunDir, snapshotName),
		filepath.Join(s.opts.RunDir, lockName), filepath.Join(s.opts.RunDir, recordName),
	} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
