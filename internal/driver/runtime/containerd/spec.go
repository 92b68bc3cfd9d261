//go:build linux

package containerd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"seamark/internal/driver/runtime"
	"seamark/internal/initproc"
)

// defaultPath is what Docker gives an image that sets none.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// groupAnnotation is how containers come to share a shim process.
const groupAnnotation = "io.containerd.runc.v2.group"

// spec writes the OCI runtime specification of a container. ctx carries the
// containerd namespace.
func (d *Driver) spec(ctx context.Context, c runtime.Container, i *image) (*specs.Spec, error) {
	s, err := oci.GenerateSpec(ctx, nil, &containers.Container{ID: c.ID})
	if err != nil {
		return nil, err
	}
	s.Hostname = c.Hostname
	s.Root.Readonly = c.ReadonlyRootfs
	s.Annotations = map[string]string{groupAnnotation: groupOf(c)}
	s.Linux.CgroupsPath = d.containerCgroup(groupOf(c), c.ID)
	s.Linux.Namespaces = joined(c.Network)
	if s.Linux.Sysctl, err = sysctls(c.Sysctls); err != nil {
		return nil, err
	}
	if err := d.setProcess(s.Process, c, i); err != nil {
		return nil, err
	}
	setResources(s.Linux.Resources, c.Resources)
	s.Mounts = d.mounts(s.Mounts, c)
	// Last: which system calls are allowed depends on the capabilities.
	s.Linux.Seccomp = seccomp.DefaultProfile(s)
	return s, nil
}

func joined(network string) []specs.LinuxNamespace {
	return []specs.LinuxNamespace{
		{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
		{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace},
		{Type: specs.NetworkNamespace, Path: network}, // no path: a new, empty one
	}
}

func (d *Driver) setProcess(p *specs.Process, c runtime.Container, i *image) error {
	p.NoNewPrivileges = false // as in Docker; containerd's default differs
	p.Args = arguments(c, i)
	if len(p.Args) == 0 {
		return errors.New("no command specified")
	}
	if c.InitProcess {
		p.Args = append([]string{initPath, initproc.Command}, p.Args...)
	}
	p.Env = environment(c, i)
	p.Cwd = "/"
	if i.config.WorkingDir != "" {
		p.Cwd = i.config.WorkingDir
	}
	if c.WorkingDir != "" {
		p.Cwd = c.WorkingDir
	}
	name := i.config.User
	if c.User != "" {
		name = c.User
	}
	var err error
	if p.User, err = i.users.resolve(name); err != nil {
		return err
	}
	caps, err := capabilities(c.Machine, c.CapAdd, c.CapDrop)
	if err != nil {
		return err
	}
	p.Capabilities = &specs.LinuxCapabilities{Bounding: caps}
	if p.User.UID == 0 { // others have what execve leaves them: nothing
		p.Capabilities.Effective, p.Capabilities.Permitted = caps, caps
	}
	p.Rlimits = rlimits(c.Ulimits, d.nofile)
	zero := 0
	p.OOMScoreAdj = &zero // not the shim's
	return nil
}

// arguments follows Docker: a new entry point drops the image's command.
func arguments(c runtime.Container, i *image) []string {
	entrypoint, command := i.config.Entrypoint, i.config.Cmd
	if c.Entrypoint != nil {
		entrypoint, command = c.Entrypoint, nil
	}
	if c.Command != nil {
		command = c.Command
	}
	return slices.Concat(entrypoint, command)
}

// environment is the image's, then the host name, then the container's; the
// last value of a name counts.
func environment(c runtime.Container, i *image) []string {
	all := slices.Concat([]string{defaultPath}, i.config.Env)
	if c.Hostname != "" {
		all = append(all, "HOSTNAME="+c.Hostname)
	}
	all = append(all, c.Env...)
	at := map[string]int{}
	var out []string
	for _, kv := range all {
		name, _, _ := strings.Cut(kv, "=")
		if n, ok := at[name]; ok {
			out[n] = kv
			continue
		}
		at[name] = len(out)
		out = append(out, kv)
	}
	return out
}

// cpuPeriod is the kernel's default, in µs.
const cpuPeriod = 100_000

func setResources(out *specs.LinuxResources, r runtime.Resources) {
	out.CPU, out.Memory = &specs.LinuxCPU{}, &specs.LinuxMemory{}
	if r.CPUUnits > 0 {
		shares := uint64(max(r.CPUUnits, 2)) // the kernel's least
		out.CPU.Shares = &shares
	}
	cpu := r.CPUQuota
	if r.GroupCPUQuota > 0 && cpu > r.GroupCPUQuota {
		cpu = r.GroupCPUQuota // cgroup v1 refuses a part that exceeds the whole
	}
	if cpu > 0 {
		period, quota := uint64(cpuPeriod), max(cpu*cpuPeriod/1024, 1000) // the kernel's least is 1 ms
		out.CPU.Period, out.CPU.Quota = &period, &quota
	}
	if r.MemoryBytes > 0 {
		limit, swap := r.MemoryBytes, r.MemoryBytes // memory and swap together: no swap
		out.Memory.Limit, out.Memory.Swap = &limit, &swap
	}
	if r.MemoryReservation > 0 {
		reservation := r.MemoryReservation
		out.Memory.Reservation = &reservation
	}
	if r.PIDs > 0 {
		pids := r.PIDs
		out.Pids = &specs.LinuxPids{Limit: &pids}
	}
}

// sysctls adds what Docker and Fargate set, and refuses what is not the
// container's own: only these names belong to a namespace that it has.
// https://docs.docker.com/reference/cli/docker/container/run/#sysctl
func sysctls(asked map[string]string) (map[string]string, error) {
	out := map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "0",
		"net.ipv4.ping_group_range":           "0 2147483647",
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if !strings.HasPrefix(name, "net.") && !strings.HasPrefix(name, "fs.mqueue.") && !ipcSysctl(name) {
			return nil, fmt.Errorf("sysctl %s is not a container's own", name)
		}
		out[name] = asked[name]
	}
	return out, nil
}

func ipcSysctl(name string) bool {
	return slices.Contains([]string{
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
	}, name)
}
