//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	eventtypes "github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/moby/sys/signal"

	"seamark/internal/driver/runtime"
)

// Signal implements runtime.Driver.
func (d *Driver) Signal(ctx context.Context, id string, s runtime.Signal) (err error) {
	ctx = d.within(ctx)
	defer func() { err = unavailable(err) }()
	sig := syscall.SIGKILL
	if s == runtime.StopSignal {
		record, err := d.client.ContainerService().Get(ctx, id)
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("signal container %s: %w", id, err)
		}
		sig = stopSignal(record.Labels[labelStopSignal])
	}
	if err := d.kill(ctx, id, sig); err != nil {
		return fmt.Errorf("signal container %s: %w", id, err)
	}
	return nil
}

// stopSignal reads an image's STOPSIGNAL: SIGQUIT, QUIT or 3. What is no
// signal is SIGTERM.
func stopSignal(name string) syscall.Signal {
	if name == "" {
		return syscall.SIGTERM
	}
	sig, err := signal.ParseSignal(name)
	if err != nil {
		return syscall.SIGTERM
	}
	return sig
}

// kill sends a signal. A process that is not there, or no longer, is no error.
func (d *Driver) kill(ctx context.Context, id string, sig syscall.Signal) error {
	_, err := d.client.TaskService().Kill(ctx, &tasks.KillRequest{ContainerID: id, Signal: uint32(sig)})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// Remove implements runtime.Driver.
func (d *Driver) Remove(ctx context.Context, id string) error {
	ctx = d.within(ctx)
	release, err := d.locks.take(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	return unavailable(d.remove(ctx, id))
}

// remove takes away whatever is there of a container: task, snapshot, record
// and mark, in this order, so that an interruption leaves something by which
// List shows the rest.
func (d *Driver) remove(ctx context.Context, id string) error {
	snapshotter, group := d.opts.Snapshotter, id
	record, err := d.client.ContainerService().Get(ctx, id)
	if err == nil {
		group = record.Labels[labelGroup]
		snapshotter = record.Snapshotter // the data directory may have moved to another file system
	} else if !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	if err := d.removeTask(ctx, id, group); err != nil {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	if err := d.client.SnapshotService(snapshotter).Remove(ctx, id); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove snapshot of container %s: %w", id, err)
	}
	if err := d.client.ContainerService().Delete(ctx, id); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	if err := os.Remove(d.startedFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	return nil
}

// removeTask kills what runs and deletes the task, with its mounts, control
// group, logger and, if it was the last of its group, shim.
func (d *Driver) removeTask(ctx context.Context, id, group string) error {
	service := d.client.TaskService()
	got, err := service.Get(ctx, &tasks.GetRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	// A task that is not found is deleted all the same. If a deletion was cut
	// off, because its caller was killed, the shim may have carried it out while
	// containerd has not, and keeps the shim.
	if err == nil && got.Process.Status != task.Status_STOPPED {
		if err := d.kill(ctx, id, syscall.SIGKILL); err != nil {
			return err
		}
		if _, err := service.Wait(ctx, &tasks.WaitRequest{ContainerID: id}); err != nil && !errdefs.IsNotFound(errgrpc.ToNative(err)) {
			return errgrpc.ToNative(err)
		}
	}
	release, err := d.groups.take(ctx, group)
	if err != nil {
		return err
	}
	defer release()
	deleted, err := service.Delete(ctx, &tasks.DeleteTaskRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.announce(ctx, id, deleted)
}

// recently is how old an end may be to be announced again.
const recently = 5 * time.Second

// announce publishes the end of a container that has just been removed. The
// shim has announced it too, unless it was asked to end first: it puts the
// event into its queue after it has told that the process has ended, and a
// shim without containers does not wait for its queue to fill.
func (d *Driver) announce(ctx context.Context, id string, ended *tasks.DeleteResponse) error {
	if time.Since(ended.ExitedAt.AsTime()) > recently {
		return nil
	}
	return d.client.EventService().Publish(ctx, topicExit, &eventtypes.TaskExit{
		ContainerID: id, ID: id, Pid: ended.Pid, ExitStatus: ended.ExitStatus, ExitedAt: ended.ExitedAt,
	})
}

// groupLimit is how long the last processes of a group may take to go.
const groupLimit = 5 * time.Second

// RemoveGroup implements runtime.Driver.
func (d *Driver) RemoveGroup(ctx context.Context, group string) error {
	if !validID.MatchString(group) {
		return fmt.Errorf("group %q: must be up to 76 letters, digits and hyphens", group)
	}
	ctx, cancel := context.WithTimeout(ctx, groupLimit)
	defer cancel()
	return d.cgroups.Remove(ctx, d.groupCgroup(group))
}
