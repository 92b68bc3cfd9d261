package task

import (
	"net/netip"
	"slices"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// onHost places the task on a container instance, with a mapping of its
// container's port 8080.
func onHost(mode string, hostPort int32, more ...world.ServiceRegistry) func(t *world.Task, def *world.TaskDefinition) {
	return func(t *world.Task, def *world.TaskDefinition) {
		def.NetworkMode = mode
		def.Containers[0].PortMappings[0] = world.PortMapping{ContainerPort: 8080, HostPort: hostPort, Protocol: "tcp"}
		t.Address, t.Interface = netip.Addr{}, ""
		t.Host = world.TaskHost{Instance: "i-1", Address: netip.MustParseAddr("10.0.9.9")}
		t.Registries = append([]world.ServiceRegistry{{Service: "srv-b", ContainerName: "app", ContainerPort: 8080}}, more...)
	}
}

func bound(d *plan.Draft, bindings ...world.NetworkBinding) {
	see(d, func(o *world.TaskObserved) { o.Containers[0].Bindings = bindings })
}

func TestPlan_RegistersWhereTheHostIsReached(t *testing.T) {
	for name, c := range map[string]struct {
		mode     string
		hostPort int32
		bindings []world.NetworkBinding
		port     string // empty: not registered
	}{
		"host":                     {"host", 8080, nil, "8080"},
		"bridge, chosen by a user": {"bridge", 80, nil, "80"},
		"bridge, chosen by the host": {"bridge", 0, []world.NetworkBinding{
			{ContainerPort: 8080, HostPort: 32768, Protocol: "udp"}, {ContainerPort: 8080, HostPort: 32769, Protocol: "tcp"},
		}, "32769"},
		"bridge, not chosen yet":        {"bridge", 0, nil, ""},
		"bridge, another port's chosen": {"bridge", 0, []world.NetworkBinding{{ContainerPort: 9090, HostPort: 32768, Protocol: "tcp"}}, ""},
		"none":                          {"none", 0, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(onHost(c.mode, c.hostPort))
			bound(d, c.bindings...)
			Plan(d, "t")
			i := d.World.Instance("srv-b", "t")
			if c.port == "" {
				if i != nil || get(d).LastStatus != world.TaskPending {
					t.Errorf("%s, registered %+v", get(d).LastStatus, i)
				}
				return
			}
			if i == nil {
				t.Fatal("not registered")
			}
			if a := i.Attributes; a["AWS_INSTANCE_IPV4"] != "10.0.9.9" || a["AWS_INSTANCE_PORT"] != c.port || a["EC2_INSTANCE_ID"] != "i-1" {
				t.Errorf("attributes %v", a)
			}
			if get(d).LastStatus != world.TaskRunning {
				t.Errorf("%s", get(d).LastStatus)
			}
		})
	}
}

func TestPlan_WaitsForThePortOfTheHost(t *testing.T) {
	d := draft(onHost("bridge", 0))
	Plan(d, "t")
	if !d.Empty() && get(d).LastStatus != world.TaskPending {
		t.Fatalf("%s", get(d).LastStatus)
	}
	d = next(d, 0)
	bound(d, world.NetworkBinding{ContainerPort: 8080, HostPort: 40000, Protocol: "tcp"})
	Plan(d, "t")
	if i := d.World.Instance("srv-b", "t"); i == nil || i.Attributes["AWS_INSTANCE_PORT"] != "40000" || get(d).LastStatus != world.TaskRunning {
		t.Errorf("%s, registered %+v", get(d).LastStatus, i)
	}
}

func TestPlan_DoesNotWaitForARegistryThatIsGone(t *testing.T) {
	d := draft(onHost("bridge", 80, world.ServiceRegistry{Service: "srv-gone", ContainerName: "x", ContainerPort: 1}))
	if Plan(d, "t"); get(d).LastStatus != world.TaskRunning {
		t.Errorf("%s", get(d).LastStatus)
	}
}

// A task in awsvpc mode on a container instance is reached at its own address.
func TestPlan_RegistersTheInterfaceOnEC2(t *testing.T) {
	d := draft(func(t *world.Task, _ *world.TaskDefinition) {
		t.Host = world.TaskHost{Instance: "i-1", Address: netip.MustParseAddr("10.0.9.9")}
	})
	Plan(d, "t")
	if a := d.World.Instance("srv-b", "t").Attributes; a["AWS_INSTANCE_IPV4"] != "10.0.1.4" || a["EC2_INSTANCE_ID"] != "i-1" || a["AWS_INSTANCE_PORT"] != "8080" {
		t.Errorf("attributes %v", a)
	}
}

func TestPlan_HealthThatTurnsBackIsCancelled(t *testing.T) {
	d := draft(withCheck)
	d.Fidelity = world.AWS
	Plan(d, "t")
	for _, health := range []world.HealthStatus{world.Healthy, world.Unhealthy} {
		d = next(d, 0)
		see(d, func(o *world.TaskObserved) { o.Containers[0].Health = health })
		Plan(d, "t")
	}
	if i := d.World.Instance("srv-a", "t"); i.Health != world.Unhealthy || i.Pending != "" || !i.PendingAt.IsZero() {
		t.Errorf("instance %+v", i)
	}
}

func TestPlan_RegistersIPv6(t *testing.T) {
	d := draft(func(t *world.Task, _ *world.TaskDefinition) { t.IPv6 = netip.MustParseAddr("fd5e:a::9") })
	Plan(d, "t")
	if a := d.World.Instance("srv-a", "t").Attributes; a["AWS_INSTANCE_IPV4"] != "10.0.1.4" || a["AWS_INSTANCE_IPV6"] != "fd5e:a::9" {
		t.Errorf("attributes %v", a)
	}
}

func TestPlan_KeepsNamedPorts(t *testing.T) {
	named := func(def *world.TaskDefinition) {
		def.Containers[0].PortMappings = []world.PortMapping{
			{Name: "web", AppProtocol: "http", ContainerPort: 8080, Protocol: "tcp"},
			{ContainerPort: 9090, Protocol: "tcp"}, {Name: "dns", ContainerPort: 53, HostPort: 5353, Protocol: "udp"},
		}
	}
	for name, c := range map[string]struct {
		change func(t *world.Task, def *world.TaskDefinition)
		want   []world.NamedPort
	}{
		"awsvpc": {func(_ *world.Task, def *world.TaskDefinition) { named(def) },
			[]world.NamedPort{{Name: "web", Protocol: "tcp", Port: 8080}, {Name: "http", Protocol: "tcp", Port: 8080}, {Name: "dns", Protocol: "udp", Port: 53}}},
		"bridge": {func(t *world.Task, def *world.TaskDefinition) {
			onHost("bridge", 0)(t, def)
			named(def)
			t.Registries = []world.ServiceRegistry{{Service: "srv-b", ContainerName: "app", ContainerPort: 53}}
		},
			[]world.NamedPort{{Name: "dns", Protocol: "udp", Port: 5353}}}, // the other port is not chosen
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(c.change)
			Plan(d, "t")
			if i := d.World.Instance("srv-b", "t"); i == nil || !slices.Equal(i.Ports, c.want) {
				t.Errorf("registered %+v", i)
			}
		})
	}
}
