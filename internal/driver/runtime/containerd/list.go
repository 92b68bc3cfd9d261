//go:build linux

package containerd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"seamark/internal/driver/runtime"
)

// killedCode is the exit code of a process that SIGKILL ended.
const killedCode = 128 + int32(syscall.SIGKILL)

// List implements runtime.Driver, sorted by id.
func (d *Driver) List(ctx context.Context) (out []runtime.Status, err error) {
	ctx = d.within(ctx)
	defer func() { err = unavailable(err) }()
	records, err := d.client.ContainerService().List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	listed, err := d.client.TaskService().List(ctx, &tasks.ListTasksRequest{})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", errgrpc.ToNative(err))
	}
	processes := map[string]*task.Process{}
	for _, p := range listed.Tasks {
		processes[p.ID] = p
	}
	out = make([]runtime.Status, 0, len(records))
	for _, r := range records {
		s, err := d.status(ctx, r, processes[r.ID])
		if errdefs.IsNotFound(err) {
			continue // removed since
		}
		if err != nil {
			return nil, fmt.Errorf("list containers: %s: %w", r.ID, err)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b runtime.Status) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func (d *Driver) status(ctx context.Context, r containers.Container, p *task.Process) (runtime.Status, error) {
	s := runtime.Status{ID: r.ID, Group: r.Labels[labelGroup], Labels: map[string]string{}}
	for k, v := range r.Labels {
		if !strings.HasPrefix(k, labelPrefix) {
			s.Labels[k] = v
		}
	}
	started, ran := d.startedAt(r.ID)
	s.StartedAt = started
	if p == nil {
		// containerd leaves a task out of its list when the shim is slow to
		// answer, too. Only NotFound means that there is none.
		got, err := d.client.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: r.ID})
		if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
			return d.lost(ctx, s, r, ran)
		}
		if err != nil {
			return s, err
		}
		p = got.Process
	}
	s.PID = int(p.Pid)
	switch p.Status {
	case task.Status_RUNNING, task.Status_PAUSED, task.Status_PAUSING:
		s.State = runtime.StateRunning
	case task.Status_STOPPED:
		s.State, s.PID = runtime.StateStopped, 0
		s.ExitCode, s.StoppedAt = int32(p.ExitStatus), p.ExitedAt.AsTime()
		var err error
		s.OOMKilled, err = d.oomKilled(s.Group, s.ID, s.ExitCode)
		return s, err
	default:
		s.State = runtime.StateCreated
	}
	return s, nil
}

// lost is a container without a task. It was not started yet, or it was and
// the task is gone with its shim: killed, or by a reboot.
func (d *Driver) lost(ctx context.Context, s runtime.Status, r containers.Container, ran bool) (runtime.Status, error) {
	if _, err := d.client.ContainerService().Get(ctx, r.ID); err != nil {
		return s, err // a removal was under way
	}
	s.State = runtime.StateCreated
	if ran || r.Labels[labelBoot] != d.boot {
		s.State, s.ExitCode = runtime.StateStopped, killedCode
	}
	return s, nil
}

// oomKilled reports whether the kernel killed the container's first process
// for want of memory. The count is in the container's control group, which is
// there until the task is deleted.
func (d *Driver) oomKilled(group, id string, code int32) (bool, error) {
	if code != killedCode {
		return false, nil
	}
	n, err := d.cgroups.OOMKills(d.containerCgroup(group, id))
	return n > 0, err
}
