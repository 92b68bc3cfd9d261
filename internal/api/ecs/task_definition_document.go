package ecs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"seamark/internal/world"
)

// newDefinition checks a registration and makes the task definition of it, as
// far as it does not depend on what was registered before.
func (s *Server) newDefinition(in *RegisterTaskDefinitionInput) (*world.TaskDefinition, error) {
	r := registration{in: in, mode: valOr(in.NetworkMode, NetworkModeBridge), region: s.scope.Region, architecture: s.architecture}
	if err := r.check(); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	d := &world.TaskDefinition{
		TaskDefinitionRef: world.TaskDefinitionRef{Family: world.FamilyName(val(in.Family))},
		Status:            definitionActive, NetworkMode: r.mode, CPU: r.cpu, Memory: r.memory,
		RequiresCompatibilities: slices.Clone(in.RequiresCompatibilities),
		Compatibilities:         r.compatibilities(),
		TaskRoleARN:             val(in.TaskRoleArn), ExecutionRoleARN: val(in.ExecutionRoleArn),
		Tags: tags,
	}
	if in.EphemeralStorage != nil {
		d.EphemeralStorageGiB = val(in.EphemeralStorage.SizeInGiB)
	}
	for _, c := range in.ContainerDefinitions {
		d.Containers = append(d.Containers, worldContainer(c, r.mode))
	}
	for _, v := range in.Volumes {
		volume := world.Volume{Name: val(v.Name)}
		if v.Host != nil {
			volume.HostPath = val(v.Host.SourcePath)
		}
		d.Volumes = append(d.Volumes, volume)
	}
	d.Document, err = json.Marshal(r.document(d))
	if err != nil {
		return nil, fmt.Errorf("encode task definition: %w", err)
	}
	return d, nil
}

func valOr[T any](p *T, byDefault T) T {
	if p == nil {
		return byDefault
	}
	return *p
}

// document is the definition as the API shows it, without what only its
// registration gives it. Members that were left out appear where AWS fills in
// a default; clients compare what they read with what they wrote.
func (r *registration) document(d *world.TaskDefinition) *TaskDefinition {
	out := &TaskDefinition{
		Family: r.in.Family, NetworkMode: r.in.NetworkMode,
		TaskRoleArn: r.in.TaskRoleArn, ExecutionRoleArn: r.in.ExecutionRoleArn,
		PidMode: r.in.PidMode, IpcMode: r.in.IpcMode,
		EphemeralStorage: r.in.EphemeralStorage, RuntimePlatform: r.in.RuntimePlatform,
		EnableFaultInjection:    r.in.EnableFaultInjection,
		RequiresCompatibilities: r.in.RequiresCompatibilities,
		Compatibilities:         d.Compatibilities,
		RequiresAttributes:      r.attributes(),
		PlacementConstraints:    append([]TaskDefinitionPlacementConstraint{}, r.in.PlacementConstraints...),
		Volumes:                 append([]Volume{}, r.in.Volumes...),
		Cpu:                     sizeText(r.cpu), Memory: sizeText(r.memory),
	}
	for i := range out.Volumes {
		if out.Volumes[i].Host == nil {
			out.Volumes[i].Host = &HostVolumeProperties{}
		}
	}
	for _, c := range r.in.ContainerDefinitions {
		out.ContainerDefinitions = append(out.ContainerDefinitions, withDefaults(c, r.mode))
	}
	return out
}

func sizeText(n int64) *string {
	if n == 0 {
		return nil
	}
	return new(strconv.FormatInt(n, 10))
}

// withDefaults fills in what AWS shows of a container that did not say it.
func withDefaults(c ContainerDefinition, mode string) ContainerDefinition {
	c.Cpu = new(val(c.Cpu))
	c.Essential = new(valOr(c.Essential, true))
	c.Environment = append([]KeyValuePair{}, c.Environment...)
	c.MountPoints = append([]MountPoint{}, c.MountPoints...)
	c.VolumesFrom = append([]VolumeFrom{}, c.VolumesFrom...)
	c.SystemControls = append([]SystemControl{}, c.SystemControls...)
	c.PortMappings = append([]PortMapping{}, c.PortMappings...)
	for i := range c.PortMappings {
		p := &c.PortMappings[i]
		p.HostPort = new(hostPort(*p, mode))
		p.Protocol = new(valOr(p.Protocol, TransportProtocolTcp))
	}
	if h := c.HealthCheck; h != nil {
		c.HealthCheck = &HealthCheck{
			Command: h.Command, StartPeriod: h.StartPeriod,
			Interval: new(valOr(h.Interval, defaultInterval)),
			Timeout:  new(valOr(h.Timeout, defaultTimeout)),
			Retries:  new(valOr(h.Retries, defaultRetries)),
		}
	}
	return c
}

// hostPort is the port of the host: that of the container where both share
// one network, else as given (0: any).
func hostPort(p PortMapping, mode string) int32 {
	if mode == NetworkModeAwsvpc || mode == NetworkModeHost {
		return val(p.ContainerPort)
	}
	return val(p.HostPort)
}

// showDefinition adds to the document what registration and later life gave
// the definition.
func (s *Server) showDefinition(d *world.TaskDefinition) (*TaskDefinition, error) {
	out := &TaskDefinition{}
	if err := json.Unmarshal(d.Document, out); err != nil {
		return nil, fmt.Errorf("document of task definition %s: %w", d.TaskDefinitionRef, err)
	}
	out.TaskDefinitionArn = new(s.definitionARN(d.TaskDefinitionRef))
	out.Revision = new(int32(d.Revision))
	out.Status = new(d.Status)
	out.RegisteredAt = at(d.RegisteredAt)
	out.RegisteredBy = given(d.RegisteredBy)
	out.DeregisteredAt = at(d.DeregisteredAt)
	out.DeleteRequestedAt = at(d.DeleteRequestedAt)
	return out, nil
}
