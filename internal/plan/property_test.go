package plan_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"seamark/internal/plan"
	"seamark/internal/plan/deploy"
	"seamark/internal/plan/place"
	"seamark/internal/plan/task"
	"seamark/internal/world"
)

// TestProperties has users and the machine do random things, looks at every
// single plan, and at where all of it ends.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t)
		s.observer = checkPlan
		if rapid.Bool().Draw(t, "small subnets") {
			s.subnet("a", "10.0.1.0/28")
			s.subnet("b", "10.0.2.0/28")
		}
		if rapid.Bool().Draw(t, "aws") {
			s.fidelity = world.AWS
		}
		checked := rapid.Bool().Draw(t, "checked")
		ref := s.definition(1, checked)
		s.put(randomService(t, s, ref))
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			randomAct(t, s, checked)
		}
		checkEnd(t, s, checked)
	})
}

func randomService(t *rapid.T, s *sim, ref world.TaskDefinitionRef) *world.Service {
	if rapid.Bool().Draw(t, "discovered") {
		s.registry("web", rapid.Int64Range(0, 100).Draw(t, "ttl"))
	}
	svc := s.service("web", rapid.Int32Range(0, 9).Draw(t, "desired"), ref)
	p := rapid.SampledFrom([][2]int32{{100, 200}, {50, 100}, {0, 100}, {100, 100}, {100, 150}, {50, 150}, {0, 200}, {34, 134}}).Draw(t, "percentages")
	svc.Configuration.MinimumHealthyPercent, svc.Configuration.MaximumPercent = p[0], p[1]
	svc.Configuration.CircuitBreaker = rapid.Bool().Draw(t, "breaker")
	svc.Configuration.Rollback = rapid.Bool().Draw(t, "rollback")
	return svc
}

// randomAct is one thing that happens.
func randomAct(t *rapid.T, s *sim, checked bool) {
	revision := func() int { return rapid.IntRange(1, 3).Draw(t, "revision") }
	flip := func(m map[int]bool) { m[revision()] = rapid.Bool().Draw(t, "on") }
	live := func(f func(*world.Task)) {
		var tasks []*world.Task
		for _, task := range s.tasks() {
			if task.LastStatus == world.TaskRunning {
				tasks = append(tasks, task)
			}
		}
		if len(tasks) > 0 {
			f(tasks[rapid.IntRange(0, len(tasks)-1).Draw(t, "task")])
		}
	}
	switch rapid.SampledFrom([]string{"round", "round", "round", "shuffle", "shuffle", "advance", "desired", "deploy", "broken", "sick", "slow", "deaf", "crash", "unhealthy", "stop", "hold", "run", "forget"}).Draw(t, "act") {
	case "round":
		s.round()
	case "shuffle":
		shuffled(t, s)
	case "advance":
		s.advance(time.Duration(rapid.IntRange(1, 200).Draw(t, "seconds")) * time.Second)
	case "desired":
		s.update("web", func(svc *world.Service) { svc.DesiredCount = rapid.Int32Range(0, 9).Draw(t, "desired") })
	case "deploy":
		s.deploy("web", s.definition(revision(), checked))
	case "broken":
		flip(s.broken)
	case "sick":
		flip(s.sick)
	case "slow":
		flip(s.slow)
	case "deaf":
		flip(s.deaf)
	case "crash":
		live(s.crash)
	case "unhealthy":
		if checked {
			live(func(task *world.Task) { s.health(task, world.Unhealthy) })
		}
	case "stop":
		live(s.stopTask)
	case "hold":
		s.held = !s.held
	case "run":
		if err := s.run(world.TaskDefinitionRef{Family: "web", Revision: 1}); err != nil && !place.Exhausted(err) {
			t.Fatal(err)
		}
	case "forget":
		s.applied = 0
	}
}

// shuffled lets some of the planners and the node act, in any order.
func shuffled(t *rapid.T, s *sim) {
	acts := []func(){
		func() { s.planServices() },
		func() { s.node() },
		func() { s.resolve() },
	}
	for _, task_ := range s.tasks() {
		acts = append(acts, func() { s.plan(task_.Key(), func(d *plan.Draft) { task.Plan(d, task_.ID) }) })
	}
	for _, n := range rapid.Permutation(slices.Collect(upTo(len(acts)))).Draw(t, "order")[:rapid.IntRange(0, len(acts)).Draw(t, "acts")] {
		acts[n]()
	}
}

func upTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// checkPlan holds every committed plan against the rules of the world.
func checkPlan(s *sim, before world.World, key string) {
	s.Helper()
	checkForward(s, before)
	checkAddresses(s, before)
	if svc := s.w.Services.Get(key); svc != nil {
		checkBounds(s, before, svc)
	}
}

// checkForward: no task moves backwards or comes back, none vanishes.
func checkForward(s *sim, before world.World) {
	for old := range before.Tasks.All() {
		now := s.w.Tasks.Get(old.Key())
		switch {
		case now == nil:
			s.Fatalf("t%d vanished", s.numbers[old.ID])
		case now.LastStatus.Before(old.LastStatus):
			s.Fatalf("t%d went from %s to %s", s.numbers[old.ID], old.LastStatus, now.LastStatus)
		case old.DesiredStatus == world.TaskStopped && now.DesiredStatus != world.TaskStopped:
			s.Fatalf("t%d is wanted again", s.numbers[old.ID])
		case old.Registration.State == world.Deregistered && now.Registration.State != world.Deregistered:
			s.Fatalf("t%d is registered again", s.numbers[old.ID])
		case now.Version < old.Version:
			s.Fatalf("t%d: version %d after %d", s.numbers[old.ID], now.Version, old.Version)
		}
		if i := s.w.Instance("srv-web", string(now.ID)); (i != nil) != (now.Registration.State == world.Registered && len(now.Registries) > 0) {
			s.Fatalf("t%d is %q, instance %v", s.numbers[old.ID], now.Registration.State, i)
		}
		if ended := now.Observed.Containers[0].LastStatus == "STOPPED"; ended && now.LastStatus != old.LastStatus && now.Registration.State == world.Registered {
			s.Fatalf("t%d has ended and is still registered", s.numbers[old.ID])
		}
	}
}

// checkAddresses: each address has one owner, is usable, and was not resting
// while another one was free.
func checkAddresses(s *sim, before world.World) {
	owner := map[netip.Addr]world.NetworkInterfaceID{}
	for n := range s.w.NetworkInterfaces.All() {
		subnet := s.w.Subnets.Get(string(n.Subnet))
		if other, taken := owner[n.Address]; taken {
			s.Fatalf("%s belongs to %s and %s", n.Address, n.ID, other)
		}
		owner[n.Address] = n.ID
		if !place.Usable(subnet.CIDR, n.Address) {
			s.Fatalf("%s is not usable in %s", n.Address, subnet.CIDR)
		}
		if task := s.w.Tasks.Get(n.OwnerID); task == nil || task.Address != n.Address || !task.LastStatus.Before(world.TaskDeprovisioning) {
			s.Fatalf("%s is owned by %v", n.Address, task)
		}
		if before.NetworkInterfaces.Get(n.Key()) == nil {
			checkGiven(s, before, subnet, n.Address)
		}
	}
}

func checkGiven(s *sim, before world.World, subnet *world.Subnet, given netip.Addr) {
	r := before.AddressRests.Get(string(subnet.ID) + "/" + given.String())
	if r == nil {
		return
	}
	used := map[netip.Addr]bool{}
	for n := range s.w.InterfacesIn(subnet.ID) {
		used[n.Address] = true
	}
	for a := subnet.CIDR.Addr(); subnet.CIDR.Contains(a); a = a.Next() {
		if !place.Usable(subnet.CIDR, a) || used[a] {
			continue
		}
		other := s.w.AddressRests.Get(string(subnet.ID) + "/" + a.String())
		switch {
		case other == nil:
			s.Fatalf("%s was given although %s was never used", given, a)
		case s.now.Before(r.Until) && !s.now.Before(other.Until):
			s.Fatalf("%s still rested while %s did not", given, a)
		}
	}
}

// checkBounds: what a plan for a service starts and stops stays within its
// percentages.
func checkBounds(s *sim, before world.World, svc *world.Service) {
	desired := int(svc.DesiredCount)
	if svc.Status != world.ServiceActive {
		desired = 0
	}
	least := (desired*int(svc.Configuration.MinimumHealthyPercent) + 99) / 100
	most := desired * int(svc.Configuration.MaximumPercent) / 100
	healthy, total, started, stopped := 0, 0, 0, 0
	for t := range s.w.TasksOfService(svc.Cluster, svc.Name) {
		old := before.Tasks.Get(t.Key())
		wanted := t.DesiredStatus == world.TaskRunning
		switch {
		case old == nil:
			started++
		case old.DesiredStatus == world.TaskRunning && !wanted && serves(s, old):
			stopped++
		}
		if wanted && t.LastStatus.Before(world.TaskDeactivating) {
			total++
		}
		if wanted && serves(s, t) {
			healthy++
		}
	}
	if started > 0 && total > most {
		s.Fatalf("started %d: %d tasks, at most %d\n%s", started, total, most, s.census())
	}
	if stopped > 0 && healthy < min(least, desired) {
		s.Fatalf("stopped %d healthy: %d left, at least %d\n%s", stopped, healthy, least, s.census())
	}
	if len(svc.Events) > 100 {
		s.Fatalf("%d events", len(svc.Events))
	}
}

// serves says whether clients are served by a task: it runs, is not known to be
// unwell, and DNS names it if it should.
func serves(s *sim, t *world.Task) bool {
	if t.LastStatus != world.TaskRunning || t.Observed.Containers[0].LastStatus != "RUNNING" {
		return false
	}
	if s.fidelity == world.AWS && s.now.Before(t.StartedAt.Add(s.fidelity.CountsHealthyAfter())) && !hasCheck(s, t) {
		return false
	}
	if hasCheck(s, t) && t.Observed.Containers[0].Health != world.Healthy {
		return false
	}
	i := s.w.Instance("srv-web", string(t.ID))
	return s.fidelity == world.AWS || len(t.Registries) == 0 || i != nil && i.Health == world.Healthy && t.Registration.Revision <= s.applied
}

func hasCheck(s *sim, t *world.Task) bool {
	return s.w.TaskDefinition(t.TaskDefinition).Containers[0].HealthCheck != nil
}

// checkEnd: when nothing is wrong any more the service comes to what it should
// be, and when it is deleted nothing is left.
func checkEnd(t *rapid.T, s *sim, checked bool) {
	s.held, s.broken, s.sick, s.slow = false, map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, task := range s.tasks() { // unhealthy containers stay so, as of themselves
		if task.Service == "" && task.DesiredStatus == world.TaskRunning {
			s.stopTask(task)
		}
	}
	s.update("web", func(svc *world.Service) {
		svc.Configuration.MinimumHealthyPercent, svc.Configuration.MaximumPercent = 50, 200
		svc.DesiredCount = min(svc.DesiredCount, 8)
	})
	s.deploy("web", s.definition(4, checked))
	s.advance(time.Hour)
	svc := s.svc("web")
	p := svc.Primary()
	if len(svc.Deployments) != 1 || p.RolloutState != "COMPLETED" || p.RunningCount != svc.DesiredCount || p.PendingCount != 0 || !svc.Steady {
		t.Fatalf("after an hour without trouble:\n%s", s.census())
	}
	if got := len(s.answered("web")); len(p.Registries) > 0 && got != int(svc.DesiredCount) {
		t.Fatalf("%d addresses are answered:\n%s", got, s.census())
	}
	s.update("web", func(svc *world.Service) { svc.Status, svc.DesiredCount = world.ServiceDraining, 0 })
	s.advance(time.Hour)
	if s.svc("web").Status != world.ServiceInactive || s.w.NetworkInterfaces.Len() != 0 || s.w.DiscoveryInstances.Len() != 0 {
		t.Fatalf("after the end:\n%s", s.census())
	}
	for _, task := range s.tasks() {
		if task.LastStatus != world.TaskStopped {
			t.Fatalf("after the end:\n%s", s.census())
		}
	}
}

// TestPlan_IsDeterministic plans the same world, put together in different
// orders, with the same seed.
func TestPlan_IsDeterministic(t *testing.T) {
	s := newSim(t)
	s.registry("web", 10)
	s.put(s.service("web", 6, s.definition(1, true)))
	s.settle()
	s.slow[2] = true
	s.deploy("web", s.definition(2, true))
	s.update("web", func(svc *world.Service) { svc.Configuration.MinimumHealthyPercent = 50 })
	s.crash(s.task(1))
	s.health(s.task(2), world.Unhealthy)
	var objects []world.Object
	for _, kind := range world.Kinds() {
		objects = slices.AppendSeq(objects, s.w.All(kind))
	}
	var first []world.Object
	for n := range 20 {
		rand.New(rand.NewPCG(1, uint64(n))).Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		w := world.New()
		for _, o := range objects {
			w.Put(o)
		}
		d := &plan.Draft{World: w, Now: s.now, Draw: plan.NewDraw([32]byte{1}), Revision: 99, Applied: s.applied, Fidelity: world.Relaxed}
		for task_ := range w.Tasks.All() {
			task.Plan(d, task_.ID)
		}
		deploy.Plan(d, world.ServiceKey("c", "web"))
		made := outcome(d)
		if n == 0 {
			first = made
			if len(first) < 8 {
				t.Fatalf("only %d changes: %v", len(first), first)
			}
		}
		if !reflect.DeepEqual(made, first) {
			t.Fatalf("order %d gives another plan:\n%v\n%v", n, made, first)
		}
	}
}

// outcome lists what a draft made of the objects that it touched; nil: deleted.
func outcome(d *plan.Draft) []world.Object {
	var out []world.Object
	for _, r := range d.Changed() {
		out = append(out, d.World.Get(r.Kind, r.Key))
	}
	return out
}

// TestManyTasks spreads more tasks than one plan starts over two /24 subnets.
func TestManyTasks(t *testing.T) {
	s := newSim(t)
	s.observer = checkPlan
	s.registry("web", 10)
	s.put(s.service("web", 130, s.definition(1, false)))
	s.advance(time.Second)
	zones := map[string]int{}
	for _, task := range s.tasks() {
		if task.LastStatus == world.TaskRunning {
			zones[task.AvailabilityZone]++
		}
	}
	if fmt.Sprint(zones) != "map[us-east-1a:65 us-east-1b:65]" || len(s.answered("web")) != 130 || s.svc("web").Primary().RolloutState != "COMPLETED" {
		t.Errorf("zones %v, %d answered\n%s", zones, len(s.answered("web")), s.census())
	}
	s.deploy("web", s.definition(2, false))
	s.advance(5 * time.Minute)
	if got := s.svc("web").Deployments; len(got) != 1 || got[0].RunningCount != 130 {
		t.Errorf("%s", s.census())
	}
	s.update("web", func(svc *world.Service) { svc.DesiredCount = 0 })
	s.advance(5 * time.Minute)
	if n := s.w.NetworkInterfaces.Len(); n != 0 {
		t.Errorf("%d interfaces left", n)
	}
}
