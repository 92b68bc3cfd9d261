package plan_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"seamark/internal/plan"
	"seamark/internal/plan/deploy"
	"seamark/internal/plan/discover"
	"seamark/internal/plan/place"
	"seamark/internal/plan/task"
	"seamark/internal/world"
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// sim runs the planners over a world, with a node and a resolver that do at
// once what they are asked, unless they are told otherwise.
type sim struct {
	tester
	w        world.World
	now      time.Time
	applied  int64
	fidelity world.Fidelity
	seed     int

	// How the machine behaves, by revision of the task definition.
	broken map[int]bool // its image cannot be pulled
	sick   map[int]bool // its health checks fail
	slow   map[int]bool // its containers take for ever to start
	deaf   map[int]bool // its containers listen on no port
	held   bool         // the resolver serves nothing newer

	numbers  map[world.TaskID]int // of tasks, in the order of their start
	wake     time.Time            // the earliest wish to be planned anew
	observer func(s *sim, before world.World, key string)
}

func newSim(t tester) *sim {
	s := &sim{
		tester: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), fidelity: world.Relaxed,
		broken: map[int]bool{}, sick: map[int]bool{}, slow: map[int]bool{}, deaf: map[int]bool{}, numbers: map[world.TaskID]int{},
	}
	s.put(
		&world.VPC{ID: "vpc-1", CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true, DefaultSecurityGroup: "sg-1"},
		&world.SecurityGroup{ID: "sg-1", VPC: "vpc-1"},
		&world.Cluster{Name: "c", Status: "ACTIVE"},
		&world.Namespace{ID: "ns-1", Name: "myapp.local", Type: "DNS_PRIVATE", VPC: "vpc-1"},
	)
	s.subnet("a", "10.0.1.0/24")
	s.subnet("b", "10.0.2.0/24")
	return s
}

// put changes the world as an API call does.
func (s *sim) put(objects ...world.Object) {
	for _, o := range objects {
		s.w.Put(o)
	}
	s.w.Revision++
}

func (s *sim) subnet(zone, cidr string) {
	s.put(&world.Subnet{ID: world.SubnetID("subnet-" + zone), VPC: "vpc-1", CIDR: netip.MustParsePrefix(cidr), AvailabilityZone: "us-east-1" + zone})
}

// registry makes the Cloud Map service of an ECS service.
func (s *sim) registry(name string, ttl int64) {
	s.put(&world.DiscoveryService{
		ID: world.DiscoveryServiceID("srv-" + name), Namespace: "ns-1", Name: name, Type: "DNS_HTTP", RoutingPolicy: "MULTIVALUE",
		Records: []world.DNSRecord{{Type: "A", TTL: ttl}}, CustomHealth: true,
	})
}

// definition registers revision n, with a health check or without.
func (s *sim) definition(n int, checked bool) world.TaskDefinitionRef {
	ref := world.TaskDefinitionRef{Family: "web", Revision: n}
	c := world.ContainerDefinition{Name: "app", Image: fmt.Sprintf("web:%d", n), Essential: true, PortMappings: []world.PortMapping{{ContainerPort: 80, Protocol: "tcp"}}}
	if checked {
		c.HealthCheck = &world.HealthCheck{Command: []string{"CMD", "true"}, Interval: 10 * time.Second, Timeout: time.Second, Retries: 3}
	}
	s.put(&world.TaskDefinition{TaskDefinitionRef: ref, Status: "ACTIVE", NetworkMode: "awsvpc", Containers: []world.ContainerDefinition{c}})
	return ref
}

// service returns a service with a first deployment, not yet in the world.
func (s *sim) service(name string, desired int32, def world.TaskDefinitionRef) *world.Service {
	svc := &world.Service{
		Cluster: "c", Name: name, Status: world.ServiceActive, DesiredCount: desired, SchedulingStrategy: "REPLICA",
		Configuration: world.DeploymentConfiguration{MinimumHealthyPercent: 100, MaximumPercent: 200}, CreatedAt: s.now,
	}
	d := world.Deployment{LaunchType: "FARGATE", TaskDefinition: def, Network: world.NetworkConfiguration{Subnets: []world.SubnetID{"subnet-a", "subnet-b"}}}
	if s.w.DiscoveryServices.Get("srv-"+name) != nil {
		d.Registries = []world.ServiceRegistry{{Service: world.DiscoveryServiceID("srv-" + name)}}
	}
	s.deployment(svc, d)
	return svc
}

// deployment starts a deployment, as package api/ecs does.
func (s *sim) deployment(svc *world.Service, next world.Deployment) {
	s.seed++
	next.ID = world.DeploymentID("ecs-svc/" + s.draw().Digits(19))
	next.Status, next.RolloutState, next.CreatedAt = "PRIMARY", "IN_PROGRESS", s.now
	next.FailedTasks = 0
	all := []world.Deployment{next}
	for _, old := range svc.Deployments {
		if old.Status == "PRIMARY" {
			old.Status = "ACTIVE"
		}
		all = append(all, old)
	}
	svc.Deployments = all
	svc.FailureStreak, svc.RetryAt, svc.Steady = 0, time.Time{}, false
}

// update changes a service as an API call does.
func (s *sim) update(name string, f func(svc *world.Service)) {
	next := *s.svc(name)
	f(&next)
	s.put(&next)
}

// deploy starts a deployment of another revision.
func (s *sim) deploy(name string, def world.TaskDefinitionRef) {
	s.update(name, func(svc *world.Service) {
		d := *svc.Primary()
		d.TaskDefinition = def
		s.deployment(svc, d)
	})
}

func (s *sim) svc(name string) *world.Service {
	s.Helper()
	svc := s.w.Services.Get(world.ServiceKey("c", name))
	if svc == nil {
		s.Fatalf("no service %q", name)
	}
	return svc
}

func (s *sim) draw() *plan.Draw {
	return plan.NewDraw(sha256.Sum256([]byte(fmt.Sprint(s.seed))))
}

// plan runs a planner and commits what it drafts. It says whether that was
// anything.
func (s *sim) plan(key string, f func(d *plan.Draft)) bool {
	s.Helper()
	s.seed++
	d := &plan.Draft{
		World: s.w, Now: s.now, Draw: s.draw(), Revision: s.w.Revision + 1, Applied: s.applied,
		Scope: world.Scope{Region: "us-east-1", Account: "123456789012"}, Fidelity: s.fidelity,
	}
	f(d)
	if w := d.Wake(); !w.IsZero() && (s.wake.IsZero() || w.Before(s.wake)) {
		s.wake = w
	}
	if d.Empty() {
		return false
	}
	before := s.w
	for _, r := range d.Changed() { // and nothing else, as what is written to disk
		if o := d.World.Get(r.Kind, r.Key); o != nil {
			s.w.Put(o)
		} else {
			s.w.Delete(r.Kind, r.Key)
		}
	}
	s.w.Revision++
	s.number()
	if s.observer != nil {
		s.observer(s, before, key)
	}
	return true
}

// number gives new tasks their numbers.
func (s *sim) number() {
	var fresh []*world.Task
	for t := range s.w.Tasks.All() {
		if _, ok := s.numbers[t.ID]; !ok {
			fresh = append(fresh, t)
		}
	}
	slices.SortFunc(fresh, func(a, b *world.Task) int { return a.Address.Compare(b.Address) })
	for _, t := range fresh {
		s.numbers[t.ID] = len(s.numbers) + 1
	}
}

// task returns the task of that number.
func (s *sim) task(number int) *world.Task {
	s.Helper()
	for id, n := range s.numbers {
		if t := s.w.Tasks.Get(string(id)); n == number && t != nil {
			return t
		}
	}
	s.Fatalf("no task t%d", number)
	return nil
}

// tasks returns the tasks in the order of their numbers.
func (s *sim) tasks() []*world.Task {
	return slices.SortedFunc(s.w.Tasks.All(), func(a, b *world.Task) int { return s.numbers[a.ID] - s.numbers[b.ID] })
}

// services and planners of all keys, each once.
func (s *sim) planServices() (changed bool) {
	for svc := range s.w.Services.All() {
		changed = s.plan(svc.Key(), func(d *plan.Draft) { deploy.Plan(d, svc.Key()) }) || changed
	}
	return changed
}

func (s *sim) planTasks() (changed bool) {
	for _, t := range s.tasks() {
		changed = s.plan(t.Key(), func(d *plan.Draft) { task.Plan(d, t.ID) }) || changed
	}
	for i := range s.w.DiscoveryInstances.All() {
		changed = s.plan(i.Key(), func(d *plan.Draft) { discover.Plan(d, i.Key()) }) || changed
	}
	return changed
}

// round lets everybody act once.
func (s *sim) round() bool {
	s.wake = time.Time{}
	services, tasks := s.planServices(), s.planTasks()
	nodes := s.node()
	return s.resolve() || services || tasks || nodes
}

func (s *sim) resolve() bool {
	if s.held || s.applied == s.w.Revision {
		return false
	}
	s.applied = s.w.Revision
	return true
}

// settle lets everybody act until nothing changes: the fixpoint that must exist.
func (s *sim) settle() {
	s.Helper()
	for range 500 {
		if !s.round() {
			return
		}
	}
	s.Fatalf("no fixpoint:\n%s", s.census())
}

// advance lets time pass, stopping at every time that a planner asked for.
func (s *sim) advance(d time.Duration) {
	s.Helper()
	s.settle()
	for end := s.now.Add(d); s.now.Before(end); s.settle() {
		next := end
		if !s.wake.IsZero() && s.wake.Before(end) {
			next = s.wake
		}
		if !next.After(s.now) {
			next = s.now.Add(time.Millisecond) // as package reconcile does
		}
		s.now = next
	}
}

// node does what the tasks' states ask for.
func (s *sim) node() (changed bool) {
	for _, t := range s.tasks() {
		changed = s.see(t, s.obey) || changed
	}
	return changed
}

// see changes what the node saw of a task.
func (s *sim) see(t *world.Task, f func(t *world.Task, o *world.TaskObserved)) bool {
	next := *t
	next.Observed.Containers = slices.Clone(t.Observed.Containers)
	f(t, &next.Observed)
	if fmt.Sprintf("%+v", next.Observed) == fmt.Sprintf("%+v", t.Observed) {
		return false
	}
	s.put(&next)
	return true
}

func (s *sim) obey(t *world.Task, o *world.TaskObserved) {
	revision := t.TaskDefinition.Revision
	switch t.LastStatus {
	case world.TaskProvisioning:
		o.Attached = true
	case world.TaskPending:
		switch {
		case s.slow[revision]:
		case s.broken[revision]:
			o.Failure = fmt.Sprintf("CannotPullContainerError: web:%d: not found", revision)
		default:
			o.Started, o.Listens = true, !s.deaf[revision]
			for i := range o.Containers {
				o.Containers[i].LastStatus = "RUNNING"
			}
		}
	case world.TaskActivating, world.TaskRunning:
		o.Listens = o.Listens || !s.deaf[revision]
		s.probe(t, o)
	case world.TaskStopping:
		for i := range o.Containers {
			o.Containers[i].LastStatus = "STOPPED"
		}
		if o.ExecutionStoppedAt.IsZero() {
			o.ExecutionStoppedAt = s.now
		}
	case world.TaskDeprovisioning:
		o.Released = true
	}
}

// probe runs health checks: a failing one shows after three intervals.
func (s *sim) probe(t *world.Task, o *world.TaskObserved) {
	def := s.w.TaskDefinition(t.TaskDefinition)
	for i := range o.Containers {
		c := &o.Containers[i]
		if h := def.Container(c.Name).HealthCheck; h == nil || c.LastStatus != "RUNNING" || c.Health != world.HealthUnknown {
			continue
		}
		failed := t.StartedAt.Add(30 * time.Second)
		switch {
		case !s.sick[t.TaskDefinition.Revision]:
			c.Health = world.Healthy
		case s.now.Before(failed):
			if s.wake.IsZero() || failed.Before(s.wake) {
				s.wake = failed
			}
		default:
			c.Health = world.Unhealthy
		}
	}
}

// crash ends a container.
func (s *sim) crash(t *world.Task) {
	s.see(t, func(_ *world.Task, o *world.TaskObserved) {
		o.Containers[0].LastStatus = "STOPPED"
	})
}

func (s *sim) health(t *world.Task, h world.HealthStatus) {
	s.see(t, func(_ *world.Task, o *world.TaskObserved) { o.Containers[0].Health = h })
}

// stopTask is what StopTask does.
func (s *sim) stopTask(t *world.Task) {
	next := *t
	next.DesiredStatus, next.StopAskedAt = world.TaskStopped, s.now
	next.StopCode, next.StoppedReason = "UserInitiated", "Task stopped by user"
	s.put(&next)
}

// run starts a task as RunTask does.
func (s *sim) run(def world.TaskDefinitionRef) error {
	var err error
	s.plan("run", func(d *plan.Draft) {
		_, err = place.Task(d, world.Task{
			Cluster: "c", TaskDefinition: def, LaunchType: "FARGATE",
			Network: world.NetworkConfiguration{Subnets: []world.SubnetID{"subnet-a", "subnet-b"}},
		}, nil)
	})
	return err
}

// answered lists the addresses that DNS would name for a service.
func (s *sim) answered(name string) []netip.Addr {
	var addresses []netip.Addr
	for i := range s.w.InstancesOf(world.DiscoveryServiceID("srv-" + name)) {
		if i.Health == world.Healthy {
			addresses = append(addresses, netip.MustParseAddr(i.Attributes["AWS_INSTANCE_IPV4"]))
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}

// census prints what there is, in words that do not depend on drawn ids.
func (s *sim) census() string {
	var b strings.Builder
	for svc := range s.w.Services.All() {
		fmt.Fprintf(&b, "%s %s desired=%d", svc.Name, svc.Status, svc.DesiredCount)
		for _, d := range svc.Deployments {
			fmt.Fprintf(&b, " | %s %s %s running=%d pending=%d failed=%d", d.TaskDefinition, d.Status, d.RolloutState, d.RunningCount, d.PendingCount, d.FailedTasks)
		}
		b.WriteString("\n")
	}
	var left []*world.Task
	for _, t := range s.tasks() {
		if t.LastStatus != world.TaskStopped {
			left = append(left, t)
		}
	}
	if len(left) > 10 {
		fmt.Fprintf(&b, "  %d tasks\n", len(left))
		return b.String()
	}
	for _, t := range left {
		fmt.Fprintf(&b, "  t%d %s %s %s", s.numbers[t.ID], t.TaskDefinition, t.LastStatus, t.Address)
		if t.Registration.State != "" {
			fmt.Fprintf(&b, " %s", t.Registration.State)
		}
		if def := s.w.TaskDefinition(t.TaskDefinition); def != nil && def.Containers[0].HealthCheck != nil {
			fmt.Fprintf(&b, " %s", t.Health(def))
		}
		b.WriteString("\n")
	}
	return b.String()
}
