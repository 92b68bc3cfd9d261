package task

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// draft is a world with a task about to run, registered with an A service and
// an SRV service. change may alter the task and its definition.
func draft(change func(t *world.Task, def *world.TaskDefinition)) *plan.Draft {
	d := &plan.Draft{World: world.New(), Now: start, Draw: plan.NewDraw([32]byte{1}), Revision: 7, Applied: 6,
		Fidelity: world.Relaxed, Scope: world.Scope{Region: "eu-west-1"}}
	d.Put(&world.DiscoveryService{ID: "srv-a", Records: []world.DNSRecord{{Type: "A", TTL: 60}}, CustomHealth: true})
	d.Put(&world.DiscoveryService{ID: "srv-b", Records: []world.DNSRecord{{Type: "SRV", TTL: 90}}})
	def := &world.TaskDefinition{
		TaskDefinitionRef: world.TaskDefinitionRef{Family: "web", Revision: 1}, NetworkMode: "awsvpc",
		Containers: []world.ContainerDefinition{
			{Name: "app", Essential: true, PortMappings: []world.PortMapping{{ContainerPort: 8080}}},
			{Name: "side"},
		},
	}
	t := &world.Task{
		ID: "t", Cluster: "c", Service: "web", TaskDefinition: def.TaskDefinitionRef, LastStatus: world.TaskPending,
		DesiredStatus: world.TaskRunning, AvailabilityZone: "eu-west-1a", Address: netip.MustParseAddr("10.0.1.4"), Interface: "eni-1",
		Registries: []world.ServiceRegistry{{Service: "srv-a"}, {Service: "srv-b", ContainerName: "app", ContainerPort: 8080}},
		Observed: world.TaskObserved{Attached: true, Started: true, Listens: true, Containers: []world.ContainerObserved{
			{Name: "app", LastStatus: "RUNNING", Health: world.HealthUnknown}, {Name: "side", LastStatus: "RUNNING"},
		}},
	}
	if change != nil {
		change(t, def)
	}
	d.Put(def)
	d.Put(t)
	d.Put(&world.Service{Cluster: "c", Name: "web", Status: world.ServiceActive, DesiredCount: 2})
	d.Put(&world.NetworkInterface{ID: "eni-1", Subnet: "subnet-1", Address: t.Address, OwnerID: "t"})
	return d
}

func get(d *plan.Draft) *world.Task { return d.World.Tasks.Get("t") }

// see changes what the node saw.
func see(d *plan.Draft, f func(o *world.TaskObserved)) {
	next := *get(d)
	next.Observed.Containers = append([]world.ContainerObserved{}, next.Observed.Containers...)
	f(&next.Observed)
	d.Put(&next)
}

// next is the draft after another commit, at the same time or later.
func next(d *plan.Draft, later time.Duration) *plan.Draft {
	return &plan.Draft{World: d.World, Now: d.Now.Add(later), Draw: d.Draw, Revision: d.Revision + 1, Applied: d.Applied, Fidelity: d.Fidelity, Scope: d.Scope}
}

func TestPlan_RegistersWithTheAttributesOfECS(t *testing.T) {
	d := draft(nil)
	Plan(d, "t")
	want := map[string]string{
		"AWS_INSTANCE_IPV4": "10.0.1.4", "AVAILABILITY_ZONE": "eu-west-1a", "REGION": "eu-west-1",
		"ECS_CLUSTER_NAME": "c", "ECS_SERVICE_NAME": "web", "ECS_TASK_DEFINITION_FAMILY": "web",
		"AWS_INIT_HEALTH_STATUS": "HEALTHY",
	}
	if got := d.World.Instance("srv-a", "t"); got == nil || !maps.Equal(got.Attributes, want) || got.Health != world.Healthy {
		t.Errorf("registered %+v", got)
	}
	want["AWS_INSTANCE_PORT"] = "8080"
	delete(want, "AWS_INIT_HEALTH_STATUS") // srv-b has no custom health
	if got := d.World.Instance("srv-b", "t"); got == nil || !maps.Equal(got.Attributes, want) {
		t.Errorf("registered %+v", got)
	}
	if r := get(d).Registration; r.State != world.Registered || r.Revision != 7 || r.Health != world.Healthy {
		t.Errorf("registration %+v", r)
	}
	if ds := d.World.DiscoveryServices.Get("srv-a"); d.World.InstancesRevision(ds) != 1 {
		t.Errorf("instances revision %d", d.World.InstancesRevision(ds))
	}
	if got := get(d); got.LastStatus != world.TaskRunning || got.StartedAt != start || got.Version != 1 {
		t.Errorf("task %+v", got)
	}
}

func TestPlan_RegistersTheGivenPort(t *testing.T) {
	d := draft(func(t *world.Task, _ *world.TaskDefinition) {
		t.Registries = []world.ServiceRegistry{{Service: "srv-b", Port: 9000}, {Service: "srv-gone"}}
	})
	Plan(d, "t")
	if got := d.World.Instance("srv-b", "t").Attributes["AWS_INSTANCE_PORT"]; got != "9000" {
		t.Errorf("port %s", got)
	}
	if d.World.Instance("srv-gone", "t") != nil {
		t.Error("registered with a service that does not exist")
	}
}

func withCheck(_ *world.Task, def *world.TaskDefinition) {
	def.Containers[0].HealthCheck = &world.HealthCheck{Command: []string{"true"}}
}

func TestPlan_TellsTheRegistryOfHealth(t *testing.T) {
	d := draft(withCheck)
	Plan(d, "t")
	if i := d.World.Instance("srv-a", "t"); i.Health != world.Unhealthy || i.WasHealthy || i.Attributes["AWS_INIT_HEALTH_STATUS"] != "UNHEALTHY" {
		t.Errorf("at first %+v", i)
	}
	d = next(d, 0)
	see(d, func(o *world.TaskObserved) { o.Containers[0].Health = world.Healthy })
	Plan(d, "t")
	if i, r := d.World.Instance("srv-a", "t"), get(d).Registration; i.Health != world.Healthy || !i.WasHealthy || r.Revision != 8 || r.Health != world.Healthy {
		t.Errorf("healthy: %+v, %+v", i, r)
	}
	if i := d.World.Instance("srv-b", "t"); i.Health != world.Unhealthy {
		t.Errorf("a service without custom health was told: %+v", i)
	}
	d = next(d, 0)
	see(d, func(o *world.TaskObserved) { o.Containers[0].Health = world.Unhealthy })
	Plan(d, "t")
	if i := d.World.Instance("srv-a", "t"); i.Health != world.Unhealthy || !i.WasHealthy {
		t.Errorf("unhealthy: %+v", i)
	}
	d = next(d, 0)
	Plan(d, "t")
	if !d.Empty() {
		t.Error("planning again changes something")
	}
}

func TestPlan_KeepsTheCustomStatusOfAUser(t *testing.T) {
	d := draft(withCheck)
	see(d, func(o *world.TaskObserved) { o.Containers[0].Health = world.Healthy })
	Plan(d, "t")
	i := *d.World.Instance("srv-a", "t")
	i.Health = world.Unhealthy
	d.Put(&i)
	d = next(d, 0)
	Plan(d, "t")
	if !d.Empty() {
		t.Error("the user's status was replaced although the task's health is the same")
	}
}

func TestPlan_DelaysHealthInAWSFidelity(t *testing.T) {
	d := draft(withCheck)
	d.Fidelity = world.AWS
	Plan(d, "t")
	d = next(d, 0)
	see(d, func(o *world.TaskObserved) { o.Containers[0].Health = world.Healthy })
	Plan(d, "t")
	if i := d.World.Instance("srv-a", "t"); i.Health != world.Unhealthy || i.Pending != world.Healthy || i.PendingAt != start.Add(30*time.Second) {
		t.Errorf("instance %+v", i)
	}
}

func TestPlan_StartsStepByStep(t *testing.T) {
	d := draft(func(t *world.Task, _ *world.TaskDefinition) {
		t.LastStatus = world.TaskProvisioning
		t.Observed.Attached, t.Observed.Started = false, false
	})
	for _, c := range []struct {
		see  func(o *world.TaskObserved)
		want world.TaskStatus
	}{
		{func(*world.TaskObserved) {}, world.TaskProvisioning},
		{func(o *world.TaskObserved) { o.Attached = true }, world.TaskPending},
		{func(*world.TaskObserved) {}, world.TaskPending},
		{func(o *world.TaskObserved) { o.Started = true }, world.TaskRunning},
	} {
		see(d, c.see)
		if Plan(d, "t"); get(d).LastStatus != c.want {
			t.Errorf("%s, want %s", get(d).LastStatus, c.want)
		}
	}
}

func TestPlan_Ends(t *testing.T) {
	crash := func(n int) func(o *world.TaskObserved) {
		return func(o *world.TaskObserved) { o.Containers[n].LastStatus = "STOPPED" }
	}
	for name, c := range map[string]struct {
		see          func(o *world.TaskObserved)
		status       world.TaskStatus
		code, reason string
	}{
		"an essential container exits": {crash(0), world.TaskStopping, "EssentialContainerExited", "Essential container in task exited"},
		"another container exits":      {crash(1), world.TaskRunning, "", ""},
		"it fails": {func(o *world.TaskObserved) { o.Failure = "CannotPullContainerError: no" }, world.TaskDeactivating,
			"TaskFailedToStart", "CannotPullContainerError: no"},
	} {
		t.Run(name, func(t *testing.T) {
			d := draft(nil)
			Plan(d, "t")
			d = next(d, 0)
			see(d, c.see)
			Plan(d, "t")
			got := get(d)
			if got.LastStatus != c.status || got.StopCode != c.code || got.StoppedReason != c.reason {
				t.Errorf("%s %q %q", got.LastStatus, got.StopCode, got.StoppedReason)
			}
			if registered := d.World.Instance("srv-a", "t") != nil; registered != (c.code == "") {
				t.Errorf("registered: %v", registered)
			}
		})
	}
}

func TestPlan_FailsBeforeItWasRegistered(t *testing.T) {
	d := draft(func(t *world.Task, _ *world.TaskDefinition) {
		t.LastStatus, t.Observed.Started, t.Observed.Failure = world.TaskProvisioning, false, "CannotPullContainerError: no"
	})
	Plan(d, "t")
	if got := get(d); got.LastStatus != world.TaskStopping || got.StopCode != "TaskFailedToStart" || got.Registration.State != "" || !got.StartedAt.IsZero() {
		t.Errorf("task %+v", got)
	}
}

// stopped is a registered task that the scheduler stops while another one serves.
func stopped(change func(t *world.Task)) *plan.Draft {
	d := draft(nil)
	Plan(d, "t")
	d.Put(&world.Task{ID: "other", Cluster: "c", Service: "web", LastStatus: world.TaskRunning, Registration: world.Registration{State: world.Registered}})
	d = next(d, 0)
	t := *get(d)
	t.DesiredStatus, t.StopCode = world.TaskStopped, "ServiceSchedulerInitiated"
	if change != nil {
		change(&t)
	}
	d.Put(&t)
	return d
}

func TestPlan_DrainsForTheLongestTTL(t *testing.T) {
	d := stopped(nil)
	Plan(d, "t")
	if got := get(d); got.LastStatus != world.TaskDeactivating || d.World.Instance("srv-a", "t") != nil || d.World.Instance("srv-b", "t") != nil {
		t.Fatalf("not deregistered: %+v", got)
	}
	if d.Wake() != start.Add(resolverGrace) || !get(d).DrainUntil.IsZero() {
		t.Errorf("waits for the resolver until %v", d.Wake())
	}
	d = next(d, time.Second)
	d.Applied = 8
	Plan(d, "t")
	if got := get(d).DrainUntil; got != start.Add(61*time.Second) || d.Wake() != got {
		t.Errorf("drains until %v, wakes at %v", got, d.Wake()) // 90 s are capped to 60
	}
	d = next(d, 59*time.Second)
	if Plan(d, "t"); !d.Empty() {
		t.Error("something happened while it drains")
	}
	d = next(d, time.Second)
	if Plan(d, "t"); get(d).LastStatus != world.TaskStopping {
		t.Errorf("after draining: %s", get(d).LastStatus)
	}
}

func TestPlan_DoesNotDrain(t *testing.T) {
	for name, change := range map[string]func(d *plan.Draft){
		"for a user":       func(d *plan.Draft) { change(d, func(t *world.Task) { t.StopCode = "UserInitiated" }) },
		"for nobody else":  func(d *plan.Draft) { d.Delete(d.World.Tasks.Get("other")) },
		"when others left": func(d *plan.Draft) { d.Put(&world.Task{ID: "other", Cluster: "c", Service: "web"}) },
		"going to zero":    func(d *plan.Draft) { d.Put(&world.Service{Cluster: "c", Name: "web", Status: world.ServiceActive}) },
		"a deleted service": func(d *plan.Draft) {
			d.Put(&world.Service{Cluster: "c", Name: "web", Status: world.ServiceDraining, DesiredCount: 2})
		},
		"in AWS's fidelity":  func(d *plan.Draft) { d.Fidelity = world.AWS },
		"without a TTL":      func(d *plan.Draft) { change(d, func(t *world.Task) { t.Registries = nil }) },
		"what crashed since": func(d *plan.Draft) { see(d, func(o *world.TaskObserved) { o.Containers[0].LastStatus = "STOPPED" }) },
	} {
		t.Run(name, func(t *testing.T) {
			d := stopped(nil)
			change(d)
			d.Applied = d.Revision
			if Plan(d, "t"); get(d).LastStatus != world.TaskStopping {
				t.Errorf("%s until %v", get(d).LastStatus, get(d).DrainUntil)
			}
		})
	}
}

func change(d *plan.Draft, f func(t *world.Task)) {
	next := *get(d)
	f(&next)
	d.Put(&next)
}

func TestPlan_DoesNotWaitForADeadResolver(t *testing.T) {
	d := stopped(func(t *world.Task) { t.StopCode = "UserInitiated" })
	Plan(d, "t")
	d = next(d, resolverGrace-time.Nanosecond)
	if Plan(d, "t"); get(d).LastStatus != world.TaskDeactivating {
		t.Errorf("within the grace: %s", get(d).LastStatus)
	}
	d = next(d, time.Nanosecond)
	if Plan(d, "t"); get(d).LastStatus != world.TaskStopping {
		t.Errorf("after the grace: %s", get(d).LastStatus)
	}
}

func TestPlan_ReleasesTheAddressWhenAllHasEnded(t *testing.T) {
	d := stopped(func(t *world.Task) { t.StopCode, t.Tags = "UserInitiated", world.Tags{"a": "b"} })
	d.Applied = d.Revision
	Plan(d, "t")
	if d.World.NetworkInterfaces.Get("eni-1") == nil {
		t.Fatal("the interface is gone while containers run")
	}
	see(d, func(o *world.TaskObserved) { o.ExecutionStoppedAt = d.Now })
	Plan(d, "t")
	r := d.World.AddressRests.Get("subnet-1/10.0.1.4")
	if d.World.NetworkInterfaces.Get("eni-1") != nil || r == nil || r.Until != start.Add(90*time.Second) {
		t.Errorf("rest %+v", r)
	}
	if get(d).LastStatus != world.TaskDeprovisioning {
		t.Errorf("%s", get(d).LastStatus)
	}
	see(d, func(o *world.TaskObserved) { o.Released = true })
	Plan(d, "t")
	if got := get(d); got.LastStatus != world.TaskStopped || got.StoppedAt != start || got.Tags != nil || got.Address != netip.MustParseAddr("10.0.1.4") {
		t.Errorf("%+v", got)
	}
	d = next(d, time.Hour)
	if Plan(d, "t"); !d.Empty() {
		t.Error("a stopped task changes")
	}
}
