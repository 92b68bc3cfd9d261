package ecs

import (
	"slices"
	"time"

	"seamark/internal/world"
)

// Defaults of a container health check (ECS API reference, HealthCheck).
const (
	defaultInterval int32 = 30
	defaultTimeout  int32 = 5
	defaultRetries  int32 = 3
)

// worldContainer is what the machine acts on of a container definition that
// passed validation.
func worldContainer(c ContainerDefinition, mode string) world.ContainerDefinition {
	out := world.ContainerDefinition{
		Name: val(c.Name), Image: val(c.Image), CPU: int64(val(c.Cpu)), Memory: int64(val(c.Memory)),
		MemoryReservation: int64(val(c.MemoryReservation)), Essential: valOr(c.Essential, true),
		EntryPoint: slices.Clone(c.EntryPoint), Command: slices.Clone(c.Command),
		WorkingDirectory: val(c.WorkingDirectory), User: val(c.User),
		Environment: worldPairs(c.Environment), HealthCheck: worldHealthCheck(c.HealthCheck),
		StartTimeout: seconds(c.StartTimeout), StopTimeout: seconds(c.StopTimeout),
		ReadonlyRootFilesystem: val(c.ReadonlyRootFilesystem), Privileged: val(c.Privileged),
		DockerLabels: c.DockerLabels,
	}
	for _, p := range c.PortMappings {
		out.PortMappings = append(out.PortMappings, world.PortMapping{
			Name: val(p.Name), ContainerPort: val(p.ContainerPort), HostPort: hostPort(p, mode),
			Protocol: valOr(p.Protocol, TransportProtocolTcp), AppProtocol: val(p.AppProtocol),
		})
	}
	for _, m := range c.MountPoints {
		out.MountPoints = append(out.MountPoints, world.MountPoint{SourceVolume: val(m.SourceVolume), ContainerPath: val(m.ContainerPath), ReadOnly: val(m.ReadOnly)})
	}
	for _, v := range c.VolumesFrom {
		out.VolumesFrom = append(out.VolumesFrom, world.VolumeFrom{SourceContainer: val(v.SourceContainer), ReadOnly: val(v.ReadOnly)})
	}
	for _, d := range c.DependsOn {
		out.DependsOn = append(out.DependsOn, world.Dependency{ContainerName: val(d.ContainerName), Condition: val(d.Condition)})
	}
	for _, u := range c.Ulimits {
		out.Ulimits = append(out.Ulimits, world.Ulimit{Name: val(u.Name), Soft: int64(val(u.SoftLimit)), Hard: int64(val(u.HardLimit))})
	}
	for _, k := range c.SystemControls {
		out.SystemControls = append(out.SystemControls, world.KeyValue{Name: val(k.Namespace), Value: val(k.Value)})
	}
	if l := c.LogConfiguration; l != nil {
		out.LogDriver, out.LogOptions = val(l.LogDriver), l.Options
	}
	worldLinux(&out, c.LinuxParameters)
	return out
}

func worldLinux(out *world.ContainerDefinition, p *LinuxParameters) {
	if p == nil {
		return
	}
	out.InitProcessEnabled = val(p.InitProcessEnabled)
	if p.Capabilities != nil {
		out.CapAdd, out.CapDrop = slices.Clone(p.Capabilities.Add), slices.Clone(p.Capabilities.Drop)
	}
	for _, t := range p.Tmpfs {
		out.Tmpfs = append(out.Tmpfs, world.Tmpfs{ContainerPath: val(t.ContainerPath), SizeMiB: int64(val(t.Size)), Options: slices.Clone(t.MountOptions)})
	}
}

// worldHealthCheck is nil for the command NONE, which turns a check off.
func worldHealthCheck(h *HealthCheck) *world.HealthCheck {
	if h == nil || h.Command[0] == "NONE" {
		return nil
	}
	return &world.HealthCheck{
		Command: slices.Clone(h.Command), StartPeriod: seconds(h.StartPeriod),
		Interval: seconds(new(valOr(h.Interval, defaultInterval))),
		Timeout:  seconds(new(valOr(h.Timeout, defaultTimeout))),
		Retries:  int(valOr(h.Retries, defaultRetries)),
	}
}

func worldPairs(in []KeyValuePair) []world.KeyValue {
	var out []world.KeyValue
	for _, p := range in {
		out = append(out, world.KeyValue{Name: val(p.Name), Value: val(p.Value)})
	}
	return out
}

func seconds(n *int32) time.Duration { return time.Duration(val(n)) * time.Second }
