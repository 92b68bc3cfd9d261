// Package deploy keeps an ECS service at its desired count and carries out
// rolling deployments: it starts and stops tasks, counts them, and tells the
// story in service events. It is pure.
//
// The arithmetic is that of the ECS API reference (DeploymentConfiguration):
// never fewer healthy tasks than ceil(desired × minimumHealthyPercent), never
// more tasks than floor(desired × maximumPercent).
package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// maxStarts bounds the tasks that one plan starts, so that one update of the
// store stays small.
const maxStarts = 50

// Plan brings the service of that key (world.ServiceKey) as far as it can go now.
func Plan(d *plan.Draft, key string) {
	old := d.World.Services.Get(key)
	if old == nil || old.Status == world.ServiceInactive {
		return
	}
	s := newState(d, old)
	s.tellNotices()
	s.accountFailures()
	s.replaceUnhealthy()
	s.trip()
	s.start()
	s.stop()
	s.settle()
	s.commit(old)
}

// state is one service while it is planned.
type state struct {
	d   *plan.Draft
	svc world.Service
	// live tasks are wanted and not yet on their way out, by deployment;
	// leaving are on their way out but may still run; ended have stopped. The
	// oldest come first.
	live    map[world.DeploymentID][]*world.Task
	leaving map[world.DeploymentID][]*world.Task
	ended   []*world.Task
	// since is when the first of a deployment's running tasks began.
	since   map[world.DeploymentID]time.Time
	changed bool
}

func newState(d *plan.Draft, svc *world.Service) *state {
	s := &state{
		d: d, svc: *svc, live: map[world.DeploymentID][]*world.Task{}, leaving: map[world.DeploymentID][]*world.Task{},
		since: map[world.DeploymentID]time.Time{},
	}
	s.svc.Deployments = slices.Clone(svc.Deployments)
	s.svc.Events = slices.Clone(svc.Events)
	for _, t := range slices.SortedFunc(d.World.TasksOfService(svc.Cluster, svc.Name), byAge) {
		switch {
		case t.LastStatus == world.TaskStopped:
			s.ended = append(s.ended, t)
		case t.DesiredStatus == world.TaskRunning && t.LastStatus.Before(world.TaskDeactivating):
			s.live[t.Deployment] = append(s.live[t.Deployment], t)
			if first, ok := s.since[t.Deployment]; s.mayServe(t) && (!ok || t.Began().Before(first)) {
				s.since[t.Deployment] = t.Began()
			}
		default:
			s.leaving[t.Deployment] = append(s.leaving[t.Deployment], t)
		}
	}
	return s
}

func (s *state) desired() int {
	if s.svc.Status != world.ServiceActive {
		return 0
	}
	return int(s.svc.DesiredCount)
}

// lower and upper bound the number of tasks during a deployment.
func (s *state) lower() int {
	return (s.desired()*int(s.svc.Configuration.MinimumHealthyPercent) + 99) / 100
}

func (s *state) upper() int {
	return s.desired() * int(s.svc.Configuration.MaximumPercent) / 100
}

// total is the number of live tasks over all deployments.
func (s *state) total() int {
	n := 0
	for _, tasks := range s.live {
		n += len(tasks)
	}
	return n
}

// healthy is the number of live tasks that count as healthy.
func (s *state) healthy() int {
	n := 0
	for _, tasks := range s.live {
		for _, t := range tasks {
			if s.isHealthy(t) {
				n++
			}
		}
	}
	return n
}

// isHealthy says whether a task counts towards minimumHealthyPercent: RUNNING,
// HEALTHY where it has a health check, and answered where it is registered.
func (s *state) isHealthy(t *world.Task) bool {
	if !s.mayServe(t) || !s.isAnswered(t) {
		return false
	}
	if def := s.d.World.TaskDefinition(t.TaskDefinition); def != nil && def.HasHealthCheck() {
		return true
	}
	counts := s.countsFrom(t)
	if s.d.Now.Before(counts) {
		s.d.Again(counts)
		return false
	}
	return true
}

// firstMoments is how long the first task of a deployment must run until tasks
// of the one before may stop for it: what lacks a setting, a file or a free port
// ends within a second or so of its start. A rolling deployment takes that much
// longer, once and not per task.
const firstMoments = 2 * time.Second

// countsFrom is when a running task without a health check begins to count as
// healthy. Where it is to replace others, that is not before its deployment has
// proved that it does not end at once; where a task of that deployment has
// failed or a circuit breaker watches, not before its end would no longer count
// as a failure. Else a broken revision would replace one that works before
// anybody notices.
func (s *state) countsFrom(t *world.Task) time.Time {
	counts := t.StartedAt.Add(s.d.Fidelity.CountsHealthyAfter())
	of := s.deployment(t.Deployment)
	replaces := of != nil && of.RolloutState != "COMPLETED" && s.replacing()
	switch {
	case s.watched(), replaces && of.FailedTasks > 0:
		return maxTime(counts, t.StartedAt.Add(shortRun))
	case replaces:
		return maxTime(counts, s.since[t.Deployment].Add(firstMoments))
	}
	return counts
}

// watched says whether the circuit breaker watches the primary deployment.
func (s *state) watched() bool {
	p := s.svc.Primary()
	return p != nil && p.RolloutState == "IN_PROGRESS" && s.svc.Configuration.CircuitBreaker
}

// replacing says whether there are tasks that those of the primary deployment
// are to replace.
func (s *state) replacing() bool {
	p := s.svc.Primary()
	return p != nil && s.total() > len(s.live[p.ID])
}

// deployment is the service's deployment of that id, or nil.
func (s *state) deployment(id world.DeploymentID) *world.Deployment {
	for i := range s.svc.Deployments {
		if s.svc.Deployments[i].ID == id {
			return &s.svc.Deployments[i]
		}
	}
	return nil
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mayServe says whether a task runs and nothing speaks against its serving
// clients. Such a task may not count as healthy yet, for example while the
// resolver has not told what it serves, after a restart of Seamark; but it is
// not free to be stopped either.
func (s *state) mayServe(t *world.Task) bool {
	if t.LastStatus != world.TaskRunning {
		return false
	}
	def := s.d.World.TaskDefinition(t.TaskDefinition)
	return def == nil || !s.hasEnded(t) && (!def.HasHealthCheck() || t.Health(def) == world.Healthy)
}

// hasEnded says whether a task has failed or an essential container of it has
// ended, which plan/task may not have acted on yet.
func (s *state) hasEnded(t *world.Task) bool {
	def := s.d.World.TaskDefinition(t.TaskDefinition)
	if def == nil || t.Observed.Failure != "" {
		return def != nil
	}
	return slices.ContainsFunc(def.Containers, func(c world.ContainerDefinition) bool {
		seen := t.Observed.Container(c.Name)
		return c.Essential && seen != nil && seen.LastStatus == "STOPPED"
	})
}

// isAnswered says whether clients find a task that has registries: it is
// registered, its registry knows that it is healthy, and the resolver serves
// that. AWS waits for none of these (containers-roadmap #830).
func (s *state) isAnswered(t *world.Task) bool {
	if len(t.Registries) == 0 || s.d.Fidelity == world.AWS {
		return true
	}
	r := t.Registration
	return r.State == world.Registered && r.Health == world.Healthy && s.d.Applied >= r.Revision
}

// isUnhealthy says whether a task failed its health checks after the grace period.
func (s *state) isUnhealthy(t *world.Task) bool {
	def := s.d.World.TaskDefinition(t.TaskDefinition)
	if def == nil || t.LastStatus != world.TaskRunning || s.hasEnded(t) || t.Health(def) != world.Unhealthy {
		return false
	}
	until := t.StartedAt.Add(s.svc.HealthCheckGrace)
	if s.d.Now.Before(until) {
		s.d.Again(until)
		return false
	}
	return true
}

// failedChecks is the stoppedReason of a task that failed its health checks.
const failedChecks = "Task failed container health checks"

// replaceUnhealthy stops tasks that failed their health checks: at once where
// enough others are healthy, else when a replacement is, and one by one when
// there is no room for a replacement.
func (s *state) replaceUnhealthy() {
	p := s.svc.Primary()
	for _, id := range s.deploymentIDs() {
		for _, t := range slices.Clone(s.live[id]) {
			if !s.isUnhealthy(t) || s.replacementComes() {
				continue
			}
			s.event("(service %s) (task %s) failed container health checks.", s.svc.Name, t.ID)
			s.stopTasks([]*world.Task{t}, failedChecks)
			if p != nil && p.ID == id {
				p.FailedTasks++
			}
		}
	}
}

// replacementComes says whether an unhealthy task is to wait: too few others
// are healthy, but one more is on its way or has room to come.
func (s *state) replacementComes() bool {
	if s.healthy() >= min(s.lower(), s.desired()) {
		return false
	}
	return s.total() < s.upper() || s.coming(slices.Concat(slices.Collect(maps.Values(s.live))...))
}

// coming says whether one of the tasks is neither healthy nor unhealthy yet.
func (s *state) coming(tasks []*world.Task) bool {
	return slices.ContainsFunc(tasks, func(t *world.Task) bool { return !s.isHealthy(t) && !s.isUnhealthy(t) })
}

func (s *state) deploymentIDs() []world.DeploymentID {
	return slices.Sorted(maps.Keys(s.live))
}

// byAge orders tasks by their age. Those of one plan follow their addresses.
func byAge(a, b *world.Task) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.Address.Compare(b.Address), cmp.Compare(a.ID, b.ID))
}

// wellPrimary is the number of live tasks of the primary deployment that have
// not failed their health checks.
func (s *state) wellPrimary(p *world.Deployment) int {
	n := 0
	for _, t := range s.live[p.ID] {
		if !s.isUnhealthy(t) {
			n++
		}
	}
	return n
}

// event adds a line to the service's story.
func (s *state) event(format string, args ...any) {
	s.svc.Events = slices.Insert(s.svc.Events, 0, world.ServiceEvent{
		ID: s.d.Draw.UUID(), CreatedAt: s.d.Now, Message: fmt.Sprintf(format, args...),
	})
	if len(s.svc.Events) > 100 {
		s.svc.Events = s.svc.Events[:100]
	}
	s.changed = true
}

// tellNotices tells what AWS would have done otherwise with the service's tasks.
func (s *state) tellNotices() {
	for _, id := range s.deploymentIDs() {
		for _, t := range s.live[id] {
			if t.Observed.Notice != "" {
				s.eventOnce("(service %s) %s", s.svc.Name, t.Observed.Notice)
			}
		}
	}
}

// eventOnce adds a line unless the same one was written within the last six hours.
func (s *state) eventOnce(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	for _, e := range s.svc.Events {
		if e.Message == message && s.d.Now.Sub(e.CreatedAt) < 6*time.Hour {
			return
		}
	}
	s.event("%s", message)
}
