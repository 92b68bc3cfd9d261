package simulated

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"seamark/internal/driver/runtime"
)

// Driver is a runtime.Driver on a Machine.
type Driver struct {
	machine *Machine
	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup
}

var _ runtime.Driver = (*Driver)(nil)

// New returns a driver on a machine of its own.
func New(o Options) *Driver { return NewMachine(o).Open() }

// Open returns a driver on m.
func (m *Machine) Open() *Driver {
	d := &Driver{machine: m}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// Machine returns what the driver's containers run on.
func (d *Driver) Machine() *Machine { return d.machine }

// String prints the state of the machine.
func (d *Driver) String() string { return d.machine.String() }

// Close implements runtime.Driver.
func (d *Driver) Close() error {
	d.end()
	d.running.Wait()
	return nil
}

// Start implements runtime.Driver.
func (d *Driver) Start(ctx context.Context, c runtime.Container) (int, error) {
	if c.ID == "" {
		return 0, errors.New("start container: no id")
	}
	name, err := runtime.FullImageName(c.Image)
	if err != nil {
		return 0, runtime.ImageError(err)
	}
	if !d.machine.has(name) {
		return 0, runtime.ImageError(fmt.Errorf("No such image: %s", c.Image)) //nolint:staticcheck // ST1005: Docker's words
	}
	p, err := d.program(c)
	if err != nil {
		return 0, fmt.Errorf("start container %s: %w", c.ID, err)
	}
	if err := sleep(ctx, p.StartTakes); err != nil {
		return 0, err
	}
	if p.StartError != "" {
		return 0, fmt.Errorf("start container %s: %s", c.ID, p.StartError)
	}
	return d.machine.start(c, p)
}

func (d *Driver) program(c runtime.Container) (Program, error) {
	if d.machine.opts.Program != nil {
		return d.machine.opts.Program(c), nil
	}
	return programOf(c)
}

// sleep waits, or returns ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Signal implements runtime.Driver.
func (d *Driver) Signal(ctx context.Context, id string, s runtime.Signal) error {
	d.machine.signal(id, s)
	return ctx.Err()
}

// Remove implements runtime.Driver.
func (d *Driver) Remove(ctx context.Context, id string) error {
	d.machine.remove(id)
	return ctx.Err()
}

// RemoveGroup implements runtime.Driver: there is nothing to remove.
func (d *Driver) RemoveGroup(ctx context.Context, _ string) error { return ctx.Err() }

// List implements runtime.Driver, sorted by id.
func (d *Driver) List(ctx context.Context) ([]runtime.Status, error) {
	return d.machine.list(), ctx.Err()
}

// Events implements runtime.Driver.
func (d *Driver) Events(ctx context.Context) <-chan runtime.Event {
	out := make(chan runtime.Event)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.life, cancel)
	s := d.machine.subscribe()
	d.running.Go(func() {
		defer close(out)
		defer cancel()
		defer stop()
		defer d.machine.unsubscribe(s)
		d.machine.pass(ctx, s, out)
	})
	return out
}

// Exec implements runtime.Driver. The command is not looked at.
func (d *Driver) Exec(ctx context.Context, id string, _ []string, timeout time.Duration) (runtime.ExecResult, error) {
	takes, code, err := d.machine.command(id)
	if err != nil {
		return runtime.ExecResult{}, fmt.Errorf("exec in container %s: %w", id, err)
	}
	if takes >= timeout {
		if err := sleep(ctx, timeout); err != nil {
			return runtime.ExecResult{}, err
		}
		return runtime.ExecResult{ExitCode: killedCode}, fmt.Errorf("exec in container %s: %w after %v", id, runtime.ErrTimeout, timeout)
	}
	if err := sleep(ctx, takes); err != nil {
		return runtime.ExecResult{}, err
	}
	return runtime.ExecResult{ExitCode: code}, nil
}

// Listens implements runtime.Driver. A container listens on all ports of its
// network, or on none yet.
func (d *Driver) Listens(ctx context.Context, c runtime.Status, _ string, _ netip.AddrPort) (bool, error) {
	return d.machine.listens(c.ID), ctx.Err()
}
