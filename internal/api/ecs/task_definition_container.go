package ecs

import (
	"fmt"
	"strings"
)

// minContainerMemory is what Docker reserves at least, in MiB.
const minContainerMemory = 6

func (r *registration) checkContainers() error {
	seen := map[string]bool{}
	for i := range r.in.ContainerDefinitions {
		c := &r.in.ContainerDefinitions[i]
		if err := r.checkContainer(c); err != nil {
			return err
		}
		if seen[val(c.Name)] {
			return refuse("Container names must be unique within a task definition. Duplicate name: '%s'.", val(c.Name))
		}
		seen[val(c.Name)] = true
	}
	return r.checkHostPorts()
}

func (r *registration) checkContainer(c *ContainerDefinition) error {
	return check(
		func() error { return checkIdentity(c) },
		func() error { return r.checkContainerSize(c) },
		func() error { return r.checkPorts(c) },
		func() error { return r.checkModeOf(c) },
		func() error { return checkHealthCheck(c) },
		func() error { return checkLimits(c) },
		func() error { return r.checkLog(c) },
	)
}

func checkIdentity(c *ContainerDefinition) error {
	name, image := val(c.Name), val(c.Image)
	switch {
	case name == "":
		return refuse("Container.name should not be null or empty.")
	case !validName(name):
		return refuse("Container.name contains invalid characters.")
	case image == "":
		return refuse("Container.image should not be null or empty.")
	case len(image) > 255:
		return refuse("Container.image should be 255 characters or less")
	case strings.ContainsAny(image, " \t\r\n"):
		return refuse("Container.image contains invalid characters.")
	}
	for _, e := range c.Environment {
		if val(e.Name) == "" {
			return refuse("Container.environment.name should not be null or empty.")
		}
	}
	return nil
}

func (r *registration) checkContainerSize(c *ContainerDefinition) error {
	name := val(c.Name)
	switch {
	case val(c.Cpu) < 0:
		return refuse("Invalid 'cpu' setting for container '%s'.", name)
	case c.Memory == nil && c.MemoryReservation == nil && r.memory == 0:
		return refuse("Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", name)
	case c.Memory != nil && *c.Memory < minContainerMemory:
		return refuse("Invalid 'memory' setting for container '%s'.", name)
	case c.MemoryReservation != nil && *c.MemoryReservation < minContainerMemory:
		return refuse("Invalid 'memoryReservation' setting for container '%s'.", name)
	case c.Memory != nil && val(c.MemoryReservation) > *c.Memory:
		return refuse("Invalid setting for container '%s'. 'memory' must be greater than 'memoryReservation'.", name)
	}
	return nil
}

func (r *registration) checkPorts(c *ContainerDefinition) error {
	name := val(c.Name)
	if r.mode == NetworkModeNone && len(c.PortMappings) > 0 {
		return refuse("Port mappings are not supported when networkMode=none.")
	}
	seen := map[int32]bool{}
	for _, p := range c.PortMappings {
		container, host := val(p.ContainerPort), val(p.HostPort)
		shared := r.mode == NetworkModeAwsvpc || r.mode == NetworkModeHost
		switch {
		case container < 1 || container > 65535:
			return refuse("Invalid 'containerPort' setting for container '%s'.", name)
		case host < 0 || host > 65535:
			return refuse("Invalid 'hostPort' setting for container '%s'.", name)
		case shared && host != 0 && host != container:
			return refuse("When networkMode=%s, the host ports and container ports in port mappings must match.", r.mode)
		case seen[container]:
			return refuse("Container port '%d' of container '%s' is mapped multiple times.", container, name)
		case p.Name != nil && !matches(`^[a-z0-9_][a-z0-9_-]{0,63}$`, *p.Name):
			return refuse("Invalid 'name' setting of a port mapping for container '%s'.", name)
		}
		seen[container] = true
	}
	return nil
}

// checkHostPorts refuses a port that two containers of a task claim, and a
// name that two port mappings have.
func (r *registration) checkHostPorts() error {
	taken, names := map[string]bool{}, map[string]bool{}
	for _, c := range r.in.ContainerDefinitions {
		for _, p := range c.PortMappings {
			port, protocol := hostPort(p, r.mode), strings.ToUpper(valOr(p.Protocol, TransportProtocolTcp))
			key := fmt.Sprintf("%s/%d", protocol, port)
			if port != 0 && taken[key] {
				return refuse("%s host port '%d' is mapped multiple times in task.", protocol, port)
			}
			taken[key] = true
			if p.Name != nil && names[*p.Name] {
				return refuse("Port mapping name '%s' is used multiple times in task.", *p.Name)
			}
			names[val(p.Name)] = true
		}
	}
	return nil
}

// checkModeOf checks what depends on the network mode.
func (r *registration) checkModeOf(c *ContainerDefinition) error {
	switch {
	case len(c.Links) > 0 && r.mode != NetworkModeBridge:
		return refuse("Links are not supported when networkMode=%s.", r.mode)
	case r.mode != NetworkModeAwsvpc:
		return nil
	case c.Hostname != nil:
		return refuse("Hostname is not supported on container when networkMode=awsvpc.")
	case len(c.ExtraHosts) > 0:
		return refuse("Extra hosts are not supported on container when networkMode=awsvpc.")
	case len(c.DnsServers) > 0:
		return refuse("DNS servers are not supported on container when networkMode=awsvpc.")
	case len(c.DnsSearchDomains) > 0:
		return refuse("DNS search domains are not supported on container when networkMode=awsvpc.")
	case val(c.DisableNetworking):
		return refuse("Disabling networking is not supported on container when networkMode=awsvpc.")
	}
	return nil
}

func checkHealthCheck(c *ContainerDefinition) error {
	h := c.HealthCheck
	if h == nil {
		return nil
	}
	kind := ""
	if len(h.Command) > 0 {
		kind = h.Command[0]
	}
	runs := kind == "CMD" || kind == "CMD-SHELL"
	if kind != "NONE" && !runs || runs && (len(h.Command) < 2 || kind == "CMD-SHELL" && len(h.Command) != 2) {
		return refuse("Invalid health check command for container '%s'. It must be CMD followed by a command and its arguments, CMD-SHELL followed by one command line, or NONE.", val(c.Name))
	}
	for _, limit := range []struct {
		name        string
		value       *int32
		least, most int32
	}{
		{"interval", h.Interval, 5, 300},
		{"timeout", h.Timeout, 2, 60},
		{"retries", h.Retries, 1, 10},
		{"startPeriod", h.StartPeriod, 0, 300},
	} {
		if limit.value != nil && (*limit.value < limit.least || *limit.value > limit.most) {
			return refuse("Invalid health check '%s' for container '%s'. It must be between %d and %d.", limit.name, val(c.Name), limit.least, limit.most)
		}
	}
	return nil
}

func checkLimits(c *ContainerDefinition) error {
	name := val(c.Name)
	switch {
	case c.StartTimeout != nil && *c.StartTimeout < 2:
		return refuse("Invalid 'startTimeout' setting for container '%s'.", name)
	case c.StopTimeout != nil && *c.StopTimeout < 2:
		return refuse("Invalid 'stopTimeout' setting for container '%s'.", name)
	}
	for _, u := range c.Ulimits {
		if val(u.HardLimit) >= 0 && val(u.SoftLimit) > val(u.HardLimit) {
			return refuse("Invalid ulimit '%s' for container '%s'. The soft limit cannot be greater than the hard limit.", val(u.Name), name)
		}
	}
	for _, k := range c.SystemControls {
		if val(k.Namespace) == "" || k.Value == nil {
			return refuse("Invalid 'systemControls' setting for container '%s'.", name)
		}
	}
	if c.LinuxParameters == nil {
		return nil
	}
	for _, t := range c.LinuxParameters.Tmpfs {
		if !strings.HasPrefix(val(t.ContainerPath), "/") || val(t.Size) <= 0 {
			return refuse("Invalid 'tmpfs' setting for container '%s'.", name)
		}
	}
	return nil
}
