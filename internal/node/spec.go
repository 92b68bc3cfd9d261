package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"seamark/internal/driver/runtime"
	"seamark/internal/store"
	"seamark/internal/world"
)

// spec is the container as the runtime is to start it, with the files that it
// needs made.
func (r *taskRun) spec(ctx context.Context, c *world.ContainerDefinition, id string) (runtime.Container, error) {
	dir := filepath.Join(r.n.o.Dir, string(r.t.ID))
	mounts, err := r.mounts(c, dir)
	if err != nil {
		return runtime.Container{}, fmt.Errorf("CannotCreateVolumeError: %w", err)
	}
	log, err := r.log(ctx, c)
	if err != nil {
		return runtime.Container{}, err
	}
	s := runtime.Container{
		ID: id, Group: string(r.t.ID), Image: c.Image,
		Entrypoint: c.EntryPoint, Command: c.Command, WorkingDir: c.WorkingDirectory, User: c.User,
		Env: r.env(c), Mounts: mounts, Tmpfs: tmpfs(c), Resources: r.resources(c),
		ReadonlyRootfs: c.ReadonlyRootFilesystem, InitProcess: c.InitProcessEnabled,
		CapAdd: c.CapAdd, CapDrop: c.CapDrop, Ulimits: ulimits(c),
		Sysctls: keyValues(c.SystemControls), Labels: r.labels(c), Log: log,
	}
	if o := r.override(c.Name); o != nil && o.Command != nil {
		s.Command = o.Command
	}
	if r.def.NetworkMode == "awsvpc" {
		s.Network = r.n.o.Network.Paths().Interface(r.t.Interface)
		s.Hostname = r.n.hostname(r.t.Address)
		s.ResolvConf, s.Hosts, err = r.n.resolverFiles(dir, r.w, r.vpc(), r.t.Address)
	}
	return s, err
}

func (r *taskRun) override(container string) *world.ContainerOverride {
	for i := range r.t.Overrides.Containers {
		if r.t.Overrides.Containers[i].Name == container {
			return &r.t.Overrides.Containers[i]
		}
	}
	return nil
}

// env is the definition's environment with ECS's own variables.
func (r *taskRun) env(c *world.ContainerDefinition) []string {
	env := []string{
		"AWS_EXECUTION_ENV=AWS_ECS_FARGATE",
		"AWS_REGION=" + r.n.o.Scope.Region,
		"AWS_DEFAULT_REGION=" + r.n.o.Scope.Region,
	}
	for _, kv := range c.Environment {
		env = append(env, kv.Name+"="+kv.Value)
	}
	if o := r.override(c.Name); o != nil {
		for _, kv := range o.Environment {
			env = append(env, kv.Name+"="+kv.Value)
		}
	}
	return env
}

// resources are the container's own limits and those of the whole task.
func (r *taskRun) resources(c *world.ContainerDefinition) runtime.Resources {
	cpu, memory, reservation := c.CPU, c.Memory, c.MemoryReservation
	taskCPU, taskMemory := r.def.CPU, r.def.Memory
	if o := r.override(c.Name); o != nil {
		cpu, memory, reservation = or(o.CPU, cpu), or(o.Memory, memory), or(o.MemoryReservation, reservation)
	}
	if r.t.Overrides.CPU != 0 {
		taskCPU = r.t.Overrides.CPU
	}
	if r.t.Overrides.Memory != 0 {
		taskMemory = r.t.Overrides.Memory
	}
	return runtime.Resources{
		CPUUnits: cpu, MemoryBytes: memory << 20, MemoryReservation: reservation << 20,
		GroupCPUQuota: taskCPU, GroupMemoryBytes: taskMemory << 20, PIDs: 4096,
	}
}

func or(p *int64, otherwise int64) int64 {
	if p != nil {
		return *p
	}
	return otherwise
}

func (r *taskRun) labels(c *world.ContainerDefinition) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, c.DockerLabels)
	labels["com.amazonaws.ecs.cluster"] = string(r.t.Cluster)
	labels["com.amazonaws.ecs.container-name"] = c.Name
	labels["com.amazonaws.ecs.task-arn"] = r.n.o.Scope.ARN("ecs", "task/"+string(r.t.Cluster)+"/"+string(r.t.ID))
	labels["com.amazonaws.ecs.task-definition-family"] = string(r.def.Family)
	labels["com.amazonaws.ecs.task-definition-version"] = fmt.Sprint(r.def.Revision)
	return labels
}

// mounts makes the task's volumes and returns the container's mounts.
func (r *taskRun) mounts(c *world.ContainerDefinition, dir string) ([]runtime.Mount, error) {
	var mounts []runtime.Mount
	for _, m := range c.MountPoints {
		mount, err := r.mount(m, dir)
		if err != nil {
			return nil, err
		}
		mounts = append(mounts, mount)
	}
	for _, from := range c.VolumesFrom {
		source := r.def.Container(from.SourceContainer)
		if source == nil {
			return nil, fmt.Errorf("volumesFrom: container %q: %w", from.SourceContainer, world.ErrNotFound)
		}
		for _, m := range source.MountPoints {
			mount, err := r.mount(m, dir)
			if err != nil {
				return nil, err
			}
			mount.ReadOnly = mount.ReadOnly || from.ReadOnly
			mounts = append(mounts, mount)
		}
	}
	return mounts, nil
}

func (r *taskRun) mount(m world.MountPoint, dir string) (runtime.Mount, error) {
	source := filepath.Join(dir, "volumes", m.SourceVolume)
	if err := os.MkdirAll(source, 0o777); err != nil {
		return runtime.Mount{}, err
	}
	// Containers run as users of their own choice: a task's volume is open to
	// all of them, whatever Seamark's umask.
	if err := os.Chmod(source, 0o777); err != nil {
		return runtime.Mount{}, err
	}
	return runtime.Mount{Source: source, Destination: m.ContainerPath, ReadOnly: m.ReadOnly}, nil
}

// log returns where the container's output goes. A missing log group is made
// in relaxed fidelity and fails the task in AWS's.
func (r *taskRun) log(ctx context.Context, c *world.ContainerDefinition) (runtime.Log, error) {
	if c.LogDriver != "awslogs" {
		return runtime.Log{}, nil
	}
	group := c.LogOptions["awslogs-group"]
	create := r.n.o.Fidelity.CreatesLogGroups() || strings.EqualFold(c.LogOptions["awslogs-create-group"], "true")
	if r.w.LogGroups.Get(group) == nil {
		if !create {
			return runtime.Log{}, errors.New("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.") //nolint:staticcheck // ST1005: AWS's own words
		}
		if err := r.n.createLogGroup(ctx, group); err != nil {
			return runtime.Log{}, err
		}
		if err := r.noticeLogGroup(ctx, c, group); err != nil {
			return runtime.Log{}, err
		}
	}
	stream := string(r.t.ID)
	if prefix := c.LogOptions["awslogs-stream-prefix"]; prefix != "" {
		stream = prefix + "/" + c.Name + "/" + string(r.t.ID)
	}
	return runtime.Log{Dir: r.n.o.LogDir(group, stream)}, nil
}

// noticeLogGroup tells that a log group was made which AWS would have missed.
func (r *taskRun) noticeLogGroup(ctx context.Context, c *world.ContainerDefinition, group string) error {
	if strings.EqualFold(c.LogOptions["awslogs-create-group"], "true") {
		return nil
	}
	return r.n.observe(ctx, r.t.ID, func(_ *world.Task, o *world.TaskObserved) {
		o.Notice = "the log group " + group + " did not exist and was created (relaxed fidelity; AWS would have stopped the task with ResourceInitializationError)."
	})
}

func (n *Node) createLogGroup(ctx context.Context, name string) error {
	_, err := n.o.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.World.LogGroups.Get(name) == nil {
			tx.Put(&world.LogGroup{Name: name, CreatedAt: tx.Now})
		}
		return nil
	})
	return err
}

// resolverFiles writes resolv.conf and hosts of a task or instance.
func (n *Node) resolverFiles(dir string, w world.World, vpc world.VPCID, a netip.Addr) (resolv, hosts string, err error) {
	v := w.VPCs.Get(string(vpc))
	if v == nil {
		return "", "", fmt.Errorf("VPC %s: %w", vpc, world.ErrNotFound)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", "", err
	}
	resolv, hosts = filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "hosts")
	if err := os.WriteFile(resolv, []byte(ResolvConf(w, v, n.o.Scope.Region)), 0o644); err != nil {
		return "", "", err
	}
	text := fmt.Sprintf("127.0.0.1 localhost\n%s %s\n", a, n.hostname(a))
	return resolv, hosts, os.WriteFile(hosts, []byte(text), 0o644)
}

// hostname is the private DNS name of an address.
func (n *Node) hostname(a netip.Addr) string { return world.PrivateDNSName(n.o.Scope.Region, a) }

func tmpfs(c *world.ContainerDefinition) []runtime.Tmpfs {
	var list []runtime.Tmpfs
	for _, t := range c.Tmpfs {
		list = append(list, runtime.Tmpfs{Destination: t.ContainerPath, SizeBytes: t.SizeMiB << 20, Options: t.Options})
	}
	return list
}

func ulimits(c *world.ContainerDefinition) []runtime.Ulimit {
	var list []runtime.Ulimit
	for _, u := range c.Ulimits {
		list = append(list, runtime.Ulimit{Name: u.Name, Soft: uint64(u.Soft), Hard: uint64(u.Hard)})
	}
	return list
}

func keyValues(list []world.KeyValue) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, kv := range list {
		m[kv.Name] = kv.Value
	}
	return m
}
