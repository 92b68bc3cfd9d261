//go:build !linux

package dataplane

import (
	"context"
	"errors"
	"os/exec"
)

// The data plane as a process of its own needs Linux: pidfds and start times.
var (
	errGone        = errors.New("process has ended")
	errUnsupported = errors.New("the data-plane process needs Linux")
)

type process struct{}

func startTime(int) (uint64, error)                { return 0, errUnsupported }
func (r *record) open() (*process, error)          { return nil, errUnsupported }
func (p *process) close() error                    { return errUnsupported }
func (p *process) wait(context.Context) error      { return errUnsupported }
func (p *process) terminate(context.Context) error { return errUnsupported }
func spawn([]string, string) (*exec.Cmd, error)    { return nil, errUnsupported }
func lock(string) (func() error, error)            { return nil, errUnsupported }
