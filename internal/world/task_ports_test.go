package world_test

import (
	"slices"
	"testing"

	"seamark/internal/world"
)

func TestTask_AwaitedPorts(t *testing.T) {
	tcp := func(port int32) world.TaskPort { return world.TaskPort{Protocol: "tcp", Port: port} }
	udp := func(port int32) world.TaskPort { return world.TaskPort{Protocol: "udp", Port: port} }
	srv := func(container string, port int32) world.ServiceRegistry {
		return world.ServiceRegistry{Service: "srv-b", ContainerName: container, ContainerPort: port}
	}
	a := world.ServiceRegistry{Service: "srv-a"}
	for name, c := range map[string]struct {
		registries []world.ServiceRegistry
		change     func(d *world.TaskDefinition)
		want       []world.TaskPort
	}{
		"no port is named":   {[]world.ServiceRegistry{a}, nil, []world.TaskPort{tcp(53), udp(53), tcp(80), tcp(9090)}},
		"a container's":      {[]world.ServiceRegistry{a, srv("app", 80)}, nil, []world.TaskPort{tcp(80)}},
		"a container's, UDP": {[]world.ServiceRegistry{srv("dns", 53)}, nil, []world.TaskPort{udp(53)}},
		"twice the same":     {[]world.ServiceRegistry{srv("app", 80), srv("app", 80)}, nil, []world.TaskPort{tcp(80)}},
		"a port":             {[]world.ServiceRegistry{{Service: "srv-b", Port: 8443}}, nil, []world.TaskPort{tcp(8443)}},
		"a port with a mapping": {[]world.ServiceRegistry{{Service: "srv-b", Port: 53}}, func(d *world.TaskDefinition) { d.Containers[1].PortMappings = d.Containers[1].PortMappings[:1] },
			[]world.TaskPort{udp(53)}},
		"no registry":              {nil, nil, nil},
		"no mapping":               {[]world.ServiceRegistry{a}, func(d *world.TaskDefinition) { d.Containers = d.Containers[2:] }, nil},
		"a health check":           {[]world.ServiceRegistry{a}, func(d *world.TaskDefinition) { d.Containers[0].HealthCheck = &world.HealthCheck{} }, nil},
		"a sidecar's health check": {[]world.ServiceRegistry{srv("app", 80)}, func(d *world.TaskDefinition) { d.Containers[1].HealthCheck = &world.HealthCheck{} }, []world.TaskPort{tcp(80)}},
		"another network mode":     {[]world.ServiceRegistry{a}, func(d *world.TaskDefinition) { d.NetworkMode = "bridge" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := &world.TaskDefinition{NetworkMode: "awsvpc", Containers: []world.ContainerDefinition{
				{Name: "app", Essential: true, PortMappings: []world.PortMapping{{ContainerPort: 9090, Protocol: "tcp"}, {ContainerPort: 80}}},
				{Name: "dns", PortMappings: []world.PortMapping{{ContainerPort: 53, Protocol: "udp"}, {ContainerPort: 53, Protocol: "tcp"}}},
				{Name: "side"},
			}}
			if c.change != nil {
				c.change(d)
			}
			task := &world.Task{Registries: c.registries}
			if got := task.AwaitedPorts(d); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
