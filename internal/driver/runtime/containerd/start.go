//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/api/types/runc/options"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errgrpc"
	"github.com/containerd/typeurl/v2"

	"seamark/internal/cgroup"
	"seamark/internal/driver/runtime"
	"seamark/internal/logdriver"
)

// runtimeName is containerd's name for its shim of runc.
const runtimeName = "io.containerd.runc.v2"

// Labels of our own on containerd's records. Users' labels cannot have the
// prefix.
const (
	labelPrefix     = "seamark.internal/"
	labelGroup      = labelPrefix + "group"
	labelStopSignal = labelPrefix + "stop-signal"
	labelBoot       = labelPrefix + "boot"   // the machine's boot in which it was made
	labelParent     = labelPrefix + "parent" // the snapshot that its own builds on
)

// startLimit bounds a start, and cleanupLimit the removal of what a failed one
// left. A start that is under way does not end with its caller's context: when
// a call is given up, containerd loses sight of the shim that it was starting.
const (
	startLimit   = 2 * time.Minute
	cleanupLimit = 15 * time.Second
)

// Start implements runtime.Driver.
//
// It calls containerd four times: create the record, prepare the snapshot,
// create the task (shim, logger, runc create), start it (runc start). The
// record comes first, because containerd's garbage collector takes a snapshot
// that no record names.
func (d *Driver) Start(ctx context.Context, c runtime.Container) (pid int, err error) {
	ctx = d.within(ctx)
	defer func() { err = unavailable(err) }()
	if err := check(c); err != nil {
		return 0, err
	}
	release, err := d.locks.take(ctx, c.ID)
	if err != nil {
		return 0, err
	}
	defer release()
	record, err := d.record(ctx, c)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	_, err = d.client.ContainerService().Create(ctx, *record)
	if errdefs.IsAlreadyExists(err) {
		if pid, err := d.existing(ctx, c.ID); err != nil || pid != 0 {
			return pid, err
		}
		_, err = d.client.ContainerService().Create(ctx, *record)
	}
	if err != nil {
		return 0, fmt.Errorf("start container %s: %w", c.ID, err)
	}
	pid, err = d.run(ctx, c, record)
	if err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupLimit)
		defer cancel()
		return 0, errors.Join(fmt.Errorf("start container %s: %w", c.ID, err), d.remove(cleanup, c.ID))
	}
	return pid, nil
}

// validID keeps IDs usable as file, cgroup and containerd names. containerd
// allows 76 characters.
var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,75}$`)

func check(c runtime.Container) error {
	if !validID.MatchString(c.ID) {
		return fmt.Errorf("container id %q: must be up to 76 letters, digits and hyphens", c.ID)
	}
	if c.Group != "" && !validID.MatchString(c.Group) {
		return fmt.Errorf("container %s: group %q: must be up to 76 letters, digits and hyphens", c.ID, c.Group)
	}
	for k := range c.Labels {
		if strings.HasPrefix(k, labelPrefix) {
			return fmt.Errorf("container %s: label %s is reserved", c.ID, k)
		}
	}
	return nil
}

// groupOf is the container's group; one without is a group by itself.
func groupOf(c runtime.Container) string {
	if c.Group == "" {
		return c.ID
	}
	return c.Group
}

func (d *Driver) groupCgroup(group string) string { return d.opts.CgroupParent + "/" + group }

func (d *Driver) containerCgroup(group, id string) string { return d.groupCgroup(group) + "/" + id }

// record is containerd's record of a container that does not exist yet.
func (d *Driver) record(ctx context.Context, c runtime.Container) (*containers.Container, error) {
	name, err := runtime.FullImageName(c.Image)
	if err != nil {
		return nil, runtime.ImageError(err)
	}
	i, err := d.local(ctx, name)
	if errdefs.IsNotFound(err) {
		return nil, errNoImage(c.Image)
	}
	if err != nil {
		return nil, imageError(err)
	}
	s, err := d.spec(ctx, c, i)
	if err != nil {
		return nil, fmt.Errorf("start container %s: %w", c.ID, err)
	}
	spec, err := typeurl.MarshalAny(s)
	if err != nil {
		return nil, fmt.Errorf("start container %s: %w", c.ID, err)
	}
	// runc's state goes into our own directory, not into a shared one.
	runc, err := typeurl.MarshalAny(&options.Options{Root: filepath.Join(d.opts.RunDir, "runc")})
	if err != nil {
		return nil, fmt.Errorf("start container %s: %w", c.ID, err)
	}
	labels := map[string]string{labelGroup: groupOf(c), labelStopSignal: i.config.StopSignal, labelBoot: d.boot, labelParent: i.parent}
	maps.Copy(labels, c.Labels)
	return &containers.Container{
		ID: c.ID, Labels: labels, Image: name, Spec: spec,
		Runtime:     containers.RuntimeInfo{Name: runtimeName, Options: runc},
		Snapshotter: d.opts.Snapshotter, SnapshotKey: c.ID,
	}, nil
}

// existing looks at a container of that id: it returns the pid of one that
// runs, refuses one that ran, and removes what an interrupted start left.
func (d *Driver) existing(ctx context.Context, id string) (pid int, err error) {
	got, err := d.client.TaskService().Get(ctx, &tasks.GetRequest{ContainerID: id})
	if err = errgrpc.ToNative(err); err != nil && !errdefs.IsNotFound(err) {
		return 0, fmt.Errorf("start container %s: %w", id, err)
	}
	if err == nil {
		switch got.Process.Status {
		case task.Status_RUNNING, task.Status_PAUSED, task.Status_PAUSING:
			return int(got.Process.Pid), nil
		case task.Status_STOPPED:
			return 0, fmt.Errorf("container %s ran and has ended", id)
		}
	} else if _, ran := d.startedAt(id); ran {
		return 0, fmt.Errorf("container %s ran and has ended", id)
	}
	return 0, d.remove(ctx, id)
}

// run makes the container of a record run.
func (d *Driver) run(ctx context.Context, c runtime.Container, record *containers.Container) (int, error) {
	limits := cgroup.Limits{CPUUnits: c.Resources.GroupCPUQuota, MemoryBytes: c.Resources.GroupMemoryBytes}
	if err := d.cgroups.Create(d.groupCgroup(groupOf(c)), limits); err != nil {
		return 0, err
	}
	rootfs, err := d.prepare(ctx, c.ID, record.Labels[labelParent])
	if err != nil {
		return 0, err
	}
	request := &tasks.CreateTaskRequest{ContainerID: c.ID, Rootfs: rootfs}
	if c.Log.Dir != "" {
		request.Stdout = logdriver.URI(d.opts.SeamarkBinary, c.Log.Dir, c.Log.MaxBytes)
		request.Stderr = request.Stdout
	}
	if err := d.createTask(ctx, groupOf(c), request); err != nil {
		return 0, err
	}
	if err := os.WriteFile(d.startedFile(c.ID), nil, 0o600); err != nil {
		return 0, err
	}
	started, err := d.client.TaskService().Start(ctx, &tasks.StartRequest{ContainerID: c.ID})
	if err != nil {
		return 0, errgrpc.ToNative(err)
	}
	return int(started.Pid), nil
}

// createTask does not run beside another start or removal in the group: two
// first containers of a group, or a last and a next one, come into each
// other's way over the socket of the shim (containerd 2.4.2).
func (d *Driver) createTask(ctx context.Context, group string, request *tasks.CreateTaskRequest) error {
	release, err := d.groups.take(ctx, group)
	if err != nil {
		return err
	}
	defer release()
	_, err = d.client.TaskService().Create(ctx, request)
	return errgrpc.ToNative(err)
}

// pastRemains calls f, which makes a snapshot, and once more where a directory
// is in the way that a containerd which was killed did not come to record: the
// attempt that fails removes it (createSnapshot of containerd's overlay).
func pastRemains(f func() error) error {
	err := f()
	if err != nil && !errdefs.IsAlreadyExists(err) && strings.Contains(err.Error(), "file exists") {
		return f()
	}
	return err
}

// prepare makes the container's root file system and returns how to mount it.
func (d *Driver) prepare(ctx context.Context, key, parent string) ([]*types.Mount, error) {
	snapshots := d.client.SnapshotService(d.opts.Snapshotter)
	var mounts []mount.Mount
	prepare := func() (err error) {
		mounts, err = snapshots.Prepare(ctx, key, parent)
		return err
	}
	err := pastRemains(prepare)
	if errdefs.IsAlreadyExists(err) { // of an earlier container whose removal was cut short
		if err := snapshots.Remove(ctx, key); err != nil {
			return nil, fmt.Errorf("replace snapshot: %w", err)
		}
		err = pastRemains(prepare)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare snapshot: %w", err)
	}
	return mount.ToProto(mounts), nil
}

// startedFile marks a container that was started, or was about to be. Its
// time is the time of the start.
func (d *Driver) startedFile(id string) string { return filepath.Join(d.opts.RunDir, "started", id) }

func (d *Driver) startedAt(id string) (time.Time, bool) {
	info, err := os.Stat(d.startedFile(id))
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}
