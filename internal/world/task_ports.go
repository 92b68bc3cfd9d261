package world

import (
	"cmp"
	"slices"
)

// TaskPort is a port of a task's own address.
type TaskPort struct {
	Protocol string // tcp, udp
	Port     int32
}

// AwaitedPorts are the ports of a task on which somebody must listen before its
// registries name it: those that the registries name or, where they name none,
// all for which its containers have mappings. A task that nobody finds has none,
// nor has one with a health check, which says more; and the ports of a task that
// is not in awsvpc mode are its host's.
func (t *Task) AwaitedPorts(d *TaskDefinition) []TaskPort {
	if len(t.Registries) == 0 || d.NetworkMode != "awsvpc" || d.HasHealthCheck() {
		return nil
	}
	var named []TaskPort
	for _, r := range t.Registries {
		switch m, ok := d.MappingOf(r); {
		case r.Port != 0:
			named = append(named, TaskPort{d.protocolOf(r.Port), r.Port})
		case ok:
			named = append(named, m.taskPort())
		}
	}
	if len(named) == 0 {
		for _, c := range d.Containers {
			for _, m := range c.PortMappings {
				named = append(named, m.taskPort())
			}
		}
	}
	slices.SortFunc(named, func(a, b TaskPort) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return slices.Compact(named)
}

func (m PortMapping) taskPort() TaskPort {
	if m.Protocol == "" {
		return TaskPort{"tcp", m.ContainerPort}
	}
	return TaskPort{m.Protocol, m.ContainerPort}
}

// protocolOf is the protocol of the mapping for a port; tcp where there is none.
func (d *TaskDefinition) protocolOf(port int32) string {
	for _, c := range d.Containers {
		for _, m := range c.PortMappings {
			if m.ContainerPort == port {
				return m.taskPort().Protocol
			}
		}
	}
	return "tcp"
}

// MappingOf is the port mapping of the container that a registry names.
func (d *TaskDefinition) MappingOf(r ServiceRegistry) (PortMapping, bool) {
	c := d.Container(r.ContainerName)
	if c == nil {
		return PortMapping{}, false
	}
	for _, p := range c.PortMappings {
		if p.ContainerPort == r.ContainerPort {
			return p, true
		}
	}
	return PortMapping{}, false
}

// HasHealthCheck says whether an essential container has one, so that tasks have
// a health.
func (d *TaskDefinition) HasHealthCheck() bool {
	return slices.ContainsFunc(d.Containers, func(c ContainerDefinition) bool { return c.Essential && c.HealthCheck != nil })
}
