package deploy

import (
	"fmt"
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
	s.blocked = want > 0 && room <= 0 && s.total() > len(s.live[p.ID])
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
	var started []string
	for range n {
		t, err := place.Task(s.d, s.taskOf(p), s.live[p.ID])
		if err != nil {
			s.notPlaced(err)
			break
		}
		s.live[p.ID] = append(s.live[p.ID], t)
		started = append(started, fmt.Sprintf("(task %s)", t.ID))
	}
	if len(started) > 0 {
		s.event("(service %s) has started %d tasks: %s.", s.svc.Name, len(started), strings.Join(started, " "))
		s.svc.Steady = false
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

// provider picks the capacity provider for one more task: bases first, then
// the one furthest below its share of the weights.
func (s *state) provider(p *world.Deployment) string {
	have := map[string]int32{}
	for _, t := range s.live[p.ID] {
		have[t.CapacityProvider]++
	}
	best, bestLoad := "", 0.0
	for _, item := range p.Strategy {
		if have[item.CapacityProvider] < item.Base {
			return item.CapacityProvider
		}
		if item.Weight == 0 {
			continue
		}
		load := float64(have[item.CapacityProvider]-item.Base+1) / float64(item.Weight)
		if best == "" || load < bestLoad {
			best, bestLoad = item.CapacityProvider, load
		}
	}
	return best
}

func (s *state) taskTags(p *world.Deployment) world.Tags {
	tags := world.Tags{}
	switch s.svc.PropagateTags {
	case "SERVICE":
		for k, v := range s.svc.Tags {
			tags[k] = v
		}
	case "TASK_DEFINITION":
		if def := s.d.World.TaskDefinition(p.TaskDefinition); def != nil {
			for k, v := range def.Tags {
				tags[k] = v
			}
		}
	}
	if s.svc.EnableManagedTags {
		tags["aws:ecs:clusterName"] = string(s.svc.Cluster)
		tags["aws:ecs:serviceName"] = s.svc.Name
	}
	return tags
}

// stop stops what is too much: of the primary deployment what exceeds the
// desired count, of older ones as many as minimumHealthyPercent can spare.
func (s *state) stop() {
	p := s.svc.Primary()
	if p == nil {
		return
	}
	if surplus := s.wellPrimary(p) - s.desired(); surplus > 0 {
		s.stopTasks(s.leastNeeded(s.live[p.ID], surplus), s.scalingReason(p))
	}
	if p.RolloutState == "FAILED" {
		return
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
		case complete, !s.isHealthy(t):
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
// first, then from the fullest zone, the youngest first) and returns the first n.
func (s *state) leastNeeded(tasks []*world.Task, n int) []*world.Task {
	left := slices.Clone(tasks)
	inZone := map[string]int{}
	for _, t := range left {
		inZone[t.AvailabilityZone]++
	}
	var picked []*world.Task
	for range min(n, len(left)) {
		best := 0
		for i, t := range left {
			if missedLess(t, left[best], inZone) {
				best = i
			}
		}
		inZone[left[best].AvailabilityZone]--
		picked = append(picked, left[best])
		left = slices.Delete(left, best, best+1)
	}
	return picked
}

func missedLess(a, b *world.Task, inZone map[string]int) bool {
	if ra, rb := a.LastStatus == world.TaskRunning, b.LastStatus == world.TaskRunning; ra != rb {
		return rb
	}
	if za, zb := inZone[a.AvailabilityZone], inZone[b.AvailabilityZone]; za != zb {
		return za > zb
	}
	return byAge(a, b) > 0
}

// stopTasks asks for the end of tasks.
func (s *state) stopTasks(tasks []*world.Task, reason string) {
	if len(tasks) == 0 {
		return
	}
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
