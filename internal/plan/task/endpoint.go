package task

import (
	"net/netip"

	"seamark/internal/world"
)

// endpoint is where clients reach a task.
type endpoint struct {
	address, ipv6 netip.Addr // ipv6 is the zero value without one
	port          int32      // 0: the registry names none
}

// endpoint is what a registry is told (ECS developer guide, "Service discovery
// considerations"): in awsvpc mode the task's own address and the port as the
// registry has it; in bridge and host mode the host's address and the port of the
// host that leads to the container's. It reports false while a port of the host
// is not chosen, and where the network mode reaches nobody.
func (s *step) endpoint(r world.ServiceRegistry) (endpoint, bool) {
	mapping, named := s.def.MappingOf(r)
	switch s.def.NetworkMode {
	case "awsvpc":
		e := endpoint{address: s.t.Address, ipv6: s.t.IPv6, port: r.Port}
		if e.port == 0 && named {
			e.port = mapping.ContainerPort
		}
		return e, true
	case "host":
		return endpoint{address: s.t.Host.Address, port: mapping.ContainerPort}, named && s.t.Host.Address.IsValid()
	case "bridge":
		port, ok := s.hostPort(r.ContainerName, mapping)
		return endpoint{address: s.t.Host.Address, port: port}, named && ok && s.t.Host.Address.IsValid()
	}
	return endpoint{}, false
}

// hostPort is the port of the host that a mapping asks for or, where it leaves
// the choice to the host, that the node saw.
func (s *step) hostPort(container string, p world.PortMapping) (int32, bool) {
	if p.HostPort != 0 {
		return p.HostPort, true
	}
	seen := s.t.Observed.Container(container)
	if seen == nil {
		return 0, false
	}
	for _, b := range seen.Bindings {
		if b.ContainerPort == p.ContainerPort && b.Protocol == p.Protocol {
			return b.HostPort, true
		}
	}
	return 0, false
}

// reachable says whether what the registries are to be told is known.
func (s *step) reachable() bool {
	for _, r := range s.t.Registries {
		if _, ok := s.endpoint(r); !ok && s.d.World.DiscoveryServices.Get(string(r.Service)) != nil {
			return false
		}
	}
	return true
}

// namedPorts are the ports that the definition gives a name, where clients reach
// them. An application protocol is a name, too.
func (s *step) namedPorts() []world.NamedPort {
	var out []world.NamedPort
	for _, c := range s.def.Containers {
		for _, p := range c.PortMappings {
			port, ok := p.ContainerPort, s.def.NetworkMode != "none"
			if s.def.NetworkMode == "bridge" {
				port, ok = s.hostPort(c.Name, p)
			}
			if p.Name == "" || port == 0 || !ok {
				continue
			}
			out = append(out, world.NamedPort{Name: p.Name, Protocol: p.Protocol, Port: port})
			if p.AppProtocol != "" && p.AppProtocol != p.Name {
				out = append(out, world.NamedPort{Name: p.AppProtocol, Protocol: p.Protocol, Port: port})
			}
		}
	}
	return out
}
