package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// start starts what the primary deployment lacks, as far as maximumPercent,
// the backoff and the subnets allow.
func (s *state) start() {
	p := s.svc.Primary()
	if p == nil || p.RolloutState == "FAILED" {
		return
	}
	want := s.desired() - s.wellPrimary(p)
	room := s.upper() - s.total()
	n := min(want, room)
	if n <= 0 {
		return
	}
	if s.d.Now.Before(s.svc.RetryAt) {
		s.d.Again(s.svc.RetryAt)
		return
	}
	if n > maxStarts {
		n = maxStarts
		s.d.Again(s.d.Now)
	}
	s.launch(p, n)
}

func (s *state) launch(p *world.Deployment, n int) {
	before := s.d.World
	var started []string
	var err error
	for range n {
		var t *world.Task
		if t, err = place.Task(s.d, s.taskOf(p), s.live[p.ID]); err != nil {
			break
		}
		s.live[p.ID] = append(s.live[p.ID], t)
		started = append(started, fmt.Sprintf("(task %s)", t.ID))
	}
	if len(started) > 0 {
		s.event("(service %s) has started %d tasks: %s.", s.svc.Name, len(started), strings.Join(started, " "))
		s.svc.Steady = false
	}
	for _, t := range s.live[p.ID][len(s.live[p.ID])-len(started):] {
		s.noteEarly(before, t)
	}
	if err != nil {
		s.notPlaced(err)
	}
}

// noteEarly tells when a task got an address that clients may still hold for
// another one's.
func (s *state) noteEarly(before world.World, t *world.Task) {
	r := before.AddressRests.Get(string(t.Subnet) + "/" + t.Address.String())
	if r != nil && s.d.Now.Before(r.Until) {
		s.eventOnce("(service %s) reused the address %s before DNS answers that named it had expired: subnet %s has no other free address.", s.svc.Name, t.Address, t.Subnet)
	}
}

// notPlaced tells why a task could not be placed and tries again later.
func (s *state) notPlaced(err error) {
	reason := err.Error()
	if place.Exhausted(err) {
		reason = "RESOURCE:ENI: insufficient free addresses in the subnets of the service."
	}
	s.eventOnce("(service %s) was unable to place a task. Reason: %s", s.svc.Name, reason)
	s.d.Again(s.d.Now.Add(5 * time.Second))
}

func (s *state) taskOf(p *world.Deployment) world.Task {
	t := world.Task{
		Cluster: s.svc.Cluster, TaskDefinition: p.TaskDefinition, Service: s.svc.Name, Deployment: p.ID,
		StartedBy: string(p.ID), Group: "service:" + s.svc.Name, LaunchType: p.LaunchType,
		PlatformVersion: platformVersion(p), Network: p.Network, Registries: p.Registries,
		EnableExecute: s.svc.EnableExecute, Tags: s.taskTags(p),
	}
	if len(p.Strategy) > 0 {
		t.CapacityProvider = s.provider(p)
		t.LaunchType = "FARGATE"
	}
	return t
}

// platformVersion resolves LATEST, which is 1.4.0 on Linux.
func platformVersion(p *world.Deployment) string {
	if p.PlatformVersion == "" || p.PlatformVersion == "LATEST" {
		return "1.4.0"
	}
	return p.PlatformVersion
}

// provider picks the capacity provider for one more task of a deployment.
func (s *state) provider(p *world.Deployment) string {
	have := map[string]int32{}
	for _, t := range s.live[p.ID] {
		have[t.CapacityProvider]++
	}
	return place.Provider(p.Strategy, have)
}

func (s *state) taskTags(p *world.Deployment) world.Tags {
	tags := world.Tags{}
	switch s.svc.PropagateTags {
	case "SERVICE":
		maps.Copy(tags, s.svc.Tags)
	case "TASK_DEFINITION":
		if def := s.d.World.TaskDefinition(p.TaskDefinition); def != nil {
			maps.Copy(tags, def.Tags)
		}
	}
	if s.svc.EnableManagedTags {
		tags["aws:ecs:clusterName"] = string(s.svc.Cluster)
		tags["aws:ecs:serviceName"] = s.svc.Name
	}
	return tags
}

// stop stops what is too much: of the primary deployment what exceeds the
// desired count, of older ones as many as minimumHealthyPercent can spare. A
// failed deployment replaces nothing any more: then the desired count bounds
// all of them together.
func (s *state) stop() {
	p := s.svc.Primary()
	if p == nil {
		return
	}
	if p.RolloutState == "FAILED" {
		all := slices.Concat(slices.Collect(maps.Values(s.live))...)
		s.stopTasks(s.leastNeeded(all, len(all)-s.desired()), s.scalingReason(p))
		return
	}
	if surplus := s.wellPrimary(p) - s.desired(); surplus > 0 {
		s.stopTasks(s.leastNeeded(s.live[p.ID], surplus), s.scalingReason(p))
	}
	for i := range s.svc.Deployments {
		d := &s.svc.Deployments[i]
		if d.ID != p.ID {
			s.stopTasks(s.spare(p, d), s.scalingReason(d))
		}
	}
}

func (s *state) scalingReason(d *world.Deployment) string {
	return fmt.Sprintf("Scaling activity initiated by (deployment %s)", d.ID)
}

// spare picks the tasks of an old deployment that may stop now.
func (s *state) spare(p, old *world.Deployment) []*world.Task {
	var spare []*world.Task
	healthyLeft := s.healthy()
	primaryHealthy := 0
	for _, t := range s.live[p.ID] {
		if s.isHealthy(t) {
			primaryHealthy++
		}
	}
	complete := primaryHealthy >= s.desired()
	for _, t := range s.leastNeeded(s.live[old.ID], len(s.live[old.ID])) {
		switch {
		case complete, !s.mayServe(t):
			spare = append(spare, t)
			if s.isHealthy(t) {
				healthyLeft--
			}
		case healthyLeft > s.lower() && s.needsRoom(p, healthyLeft):
			spare = append(spare, t)
			healthyLeft--
		}
	}
	return spare
}

// needsRoom says whether stopping a healthy old task helps: the new tasks that
// are healthy replace it, or there is no room to start new ones.
func (s *state) needsRoom(p *world.Deployment, healthyLeft int) bool {
	return healthyLeft > s.desired() || s.upper()-s.total() <= 0 && s.wellPrimary(p) < s.desired()
}

// leastNeeded orders tasks by how little they are missed (not yet running
// first, then not healthy, then from the fullest zone, the youngest first) and
// returns the first n.
func (s *state) leastNeeded(tasks []*world.Task, n int) []*world.Task {
	left := slices.SortedFunc(slices.Values(tasks), byAge)
	inZone := map[string]int{}
	for _, t := range left {
		inZone[t.AvailabilityZone]++
	}
	var picked []*world.Task
	for len(picked) < n && len(left) > 0 {
		best := 0
		for i, t := range left {
			if s.missedLess(t, left[best], inZone) {
				best = i
			}
		}
		inZone[left[best].AvailabilityZone]--
		picked = append(picked, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return picked
}

func (s *state) missedLess(a, b *world.Task, inZone map[string]int) bool {
	return cmp.Or(
		cmp.Compare(s.worth(a), s.worth(b)),
		cmp.Compare(inZone[b.AvailabilityZone], inZone[a.AvailabilityZone]),
		byAge(b, a),
	) < 0
}

// worth is what a task does for the service: nothing yet, perhaps something, or
// all that it should.
func (s *state) worth(t *world.Task) int {
	switch {
	case s.isHealthy(t):
		return 3
	case s.mayServe(t):
		return 2
	case t.LastStatus == world.TaskRunning:
		return 1
	}
	return 0
}

// stopTasks asks for the end of tasks. One that has ended by itself keeps its
// own reason.
func (s *state) stopTasks(tasks []*world.Task, reason string) {
	tasks = slices.DeleteFunc(slices.Clone(tasks), s.hasEnded)
	if len(tasks) == 0 {
		return
	}
	s.warnTTL(tasks)
	var stopped []string
	for _, t := range tasks {
		next := *t
		next.DesiredStatus = world.TaskStopped
		next.StopCode, next.StoppedReason, next.StopAskedAt = "ServiceSchedulerInitiated", reason, s.d.Now
		s.d.Put(&next)
		s.live[t.Deployment] = slices.DeleteFunc(s.live[t.Deployment], func(o *world.Task) bool { return o.ID == t.ID })
		s.leaving[t.Deployment] = append(s.leaving[t.Deployment], &next)
		stopped = append(stopped, fmt.Sprintf("(task %s)", t.ID))
	}
	s.event("(service %s) has stopped %d running tasks: %s.", s.svc.Name, len(stopped), strings.Join(stopped, " "))
	s.svc.Steady = false
}

// warnTTL tells when clients that cache DNS answers will outlast the stop of
// the tasks, because the wait for them is capped.
func (s *state) warnTTL(tasks []*world.Task) {
	limit := s.d.Fidelity.DrainCap()
	if limit == 0 || s.desired() == 0 {
		return
	}
	for _, t := range tasks {
		for _, r := range t.Registries {
			ds := s.d.World.DiscoveryServices.Get(string(r.Service))
			if ds == nil || t.Registration.State != world.Registered || ds.MaxTTL() <= limit {
				continue
			}
			s.eventOnce("(service %s) stops tasks %s after they left DNS, but clients may use a cached answer for %s, the TTL of the records: lower the TTL to lose no request.", s.svc.Name, limit, ds.MaxTTL())
			return
		}
	}
}
