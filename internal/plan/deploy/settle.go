package deploy

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"seamark/internal/world"
)

// settle brings the deployments' counts and states up to date and says when
// the service has reached its goal.
func (s *state) settle() {
	p := s.svc.Primary()
	for i := range s.svc.Deployments {
		s.count(&s.svc.Deployments[i], p)
	}
	switch {
	case s.svc.Status == world.ServiceDraining:
		s.finishDraining()
	case p == nil:
	case s.reached(p):
		s.complete(p)
	case s.deadlocked(p):
		s.eventOnce("(service %s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", s.svc.Name)
	}
	keep := s.rollbackTarget(p)
	s.svc.Deployments = slices.DeleteFunc(s.svc.Deployments, func(d world.Deployment) bool {
		return d.Status != "PRIMARY" && s.gone(d.ID) && d.ID != keep
	})
}

// rollbackTarget is the deployment that the circuit breaker would go back to,
// or "". It stays listed while that may happen, even without tasks.
func (s *state) rollbackTarget(p *world.Deployment) world.DeploymentID {
	c := s.svc.Configuration
	if p == nil || p.RolloutState != "IN_PROGRESS" || !c.CircuitBreaker || !c.Rollback || s.svc.Status != world.ServiceActive {
		return ""
	}
	i := s.lastCompleted()
	if i < 0 {
		return ""
	}
	return s.svc.Deployments[i].ID
}

// lastCompleted is the index of the newest deployment that completed and is
// not the primary one, or -1.
func (s *state) lastCompleted() int {
	return slices.IndexFunc(s.svc.Deployments, func(d world.Deployment) bool {
		return d.Status != "PRIMARY" && d.RolloutState == "COMPLETED"
	})
}

// deadlocked says that the percentages leave no room to move, and that nothing
// is on its way that could make some.
func (s *state) deadlocked(p *world.Deployment) bool {
	if p.RolloutState == "FAILED" || s.wellPrimary(p) >= s.desired() || s.total() < s.upper() || s.total() == len(s.live[p.ID]) {
		return false
	}
	for _, tasks := range s.leaving {
		if len(tasks) > 0 {
			return false
		}
	}
	return !s.coming(s.live[p.ID]) && s.healthy() <= s.lower()
}

func (s *state) count(d, primary *world.Deployment) {
	pending, running := int32(0), int32(0)
	for _, t := range s.live[d.ID] {
		if t.LastStatus == world.TaskRunning {
			running++
		} else {
			pending++
		}
	}
	desired := int32(0)
	if primary != nil && d.ID == primary.ID {
		desired = int32(s.desired())
	}
	if d.PendingCount != pending || d.RunningCount != running || d.DesiredCount != desired {
		d.PendingCount, d.RunningCount, d.DesiredCount = pending, running, desired
		d.UpdatedAt = s.d.Now
	}
}

// gone says that no task of a deployment may still serve.
func (s *state) gone(id world.DeploymentID) bool {
	return len(s.live[id]) == 0 && !slices.ContainsFunc(s.leaving[id], func(t *world.Task) bool {
		return t.LastStatus.Before(world.TaskStopping)
	})
}

// reached says that the primary deployment is all there is and all there should be.
func (s *state) reached(p *world.Deployment) bool {
	if len(s.live[p.ID]) != s.desired() || p.RolloutState == "FAILED" {
		return false
	}
	for i := range s.svc.Deployments {
		if d := &s.svc.Deployments[i]; d.ID != p.ID && !s.gone(d.ID) {
			return false
		}
	}
	for _, t := range s.live[p.ID] {
		if !s.isHealthy(t) {
			return false
		}
	}
	return true
}

func (s *state) complete(p *world.Deployment) {
	if p.RolloutState != "COMPLETED" {
		p.RolloutState = "COMPLETED"
		p.RolloutStateReason = fmt.Sprintf("ECS deployment %s completed.", p.ID)
		p.UpdatedAt = s.d.Now
		s.event("(service %s) (deployment %s) deployment completed.", s.svc.Name, p.ID)
		s.svc.Steady = false
	}
	if !s.svc.Steady {
		s.svc.Steady = true
		s.event("(service %s) has reached a steady state.", s.svc.Name)
	}
}

// finishDraining ends a deleted service once all its tasks are on their last way.
func (s *state) finishDraining() {
	if s.total() > 0 {
		return
	}
	for _, tasks := range s.leaving {
		for _, t := range tasks {
			if t.LastStatus.Before(world.TaskStopping) {
				return
			}
		}
	}
	s.svc.Status = world.ServiceInactive
	s.svc.DeletedAt = s.d.Now
}

// The backoff after tasks that stopped before they ran: the first retries come
// quickly, the last waits are AWS's 15 minutes (ECS developer guide, "Service
// throttle logic"; the steps below that cap are Seamark's own).
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Minute
	// A task that ran shorter than this counts as a crash; crashes in a row are
	// retried with at most crashRetry between them. AWS has no such rule: its
	// tasks take half a minute to start, Seamark's a fraction of a second.
	shortRun   = 10 * time.Second
	crashRetry = 30 * time.Second
)

// accountFailures counts, once each, the tasks that ended by themselves.
func (s *state) accountFailures() {
	p := s.svc.Primary()
	if p == nil {
		return
	}
	for _, t := range slices.Concat(s.ended, s.leaving[p.ID]) {
		if t.Accounted || t.Deployment != p.ID || !endedByItself(t) {
			continue
		}
		next := *t
		next.Accounted = true
		s.d.Put(&next)
		s.changed = true
		s.replaceLeaving(t, &next)
		s.failed(p, t)
	}
	if (s.svc.FailureStreak > 0 || p.FailedTasks > 0) && s.recovered(p) {
		s.svc.FailureStreak, s.svc.RetryAt, p.FailedTasks = 0, time.Time{}, 0
	}
}

func endedByItself(t *world.Task) bool {
	return t.StopCode == "TaskFailedToStart" || t.StopCode == "EssentialContainerExited"
}

// recovered says whether a task runs well that started after the last failure.
// Others prove nothing: they started when whatever is wrong now was not.
func (s *state) recovered(p *world.Deployment) bool {
	var last time.Time
	for _, t := range slices.Concat(s.ended, s.leaving[p.ID]) {
		failed := endedByItself(t) || t.StoppedReason == failedChecks
		if t.Deployment == p.ID && failed && t.StopAskedAt.After(last) {
			last = t.StopAskedAt
		}
	}
	return slices.ContainsFunc(s.live[p.ID], func(t *world.Task) bool {
		return t.LastStatus == world.TaskRunning && t.StartedAt.After(last) && s.ranWell(t)
	})
}

func (s *state) replaceLeaving(old, next *world.Task) {
	for i, t := range s.leaving[old.Deployment] {
		if t == old {
			s.leaving[old.Deployment][i] = next
		}
	}
}

func (s *state) ranWell(t *world.Task) bool {
	well := t.StartedAt.Add(shortRun)
	if s.d.Now.Before(well) {
		s.d.Again(well)
		return false
	}
	return s.isHealthy(t)
}

// failed counts a task that could not start, or ran too short to be of use,
// which a deployment's circuit breaker takes for the same.
func (s *state) failed(p *world.Deployment, t *world.Task) {
	s.svc.Steady = false
	crashed := !t.Began().IsZero()
	if crashed && t.StoppingAt.Sub(t.Began()) >= shortRun {
		return
	}
	p.FailedTasks++
	if t.StopCode == "TaskFailedToStart" {
		s.eventOnce("(service %s) was unable to place a task. Reason: %s", s.svc.Name, t.StoppedReason)
	}
	if t.CreatedAt.Before(s.svc.RetryAt) {
		return // one of several that were started together and failed together
	}
	s.svc.FailureStreak++
	s.svc.RetryAt = s.d.Now.Add(pause(s.svc.FailureStreak, crashed))
	if s.svc.FailureStreak == 3 {
		s.eventOnce("(service %s) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", s.svc.Name)
	}
}

// pause is how long to wait after so many failures in a row. A first crash is
// answered at once.
func pause(streak int, crashed bool) time.Duration {
	switch {
	case !crashed:
		return backoff(streak, lastRetry)
	case streak == 1:
		return 0
	default:
		return backoff(streak-1, crashRetry)
	}
}

func backoff(streak int, limit time.Duration) time.Duration {
	wait := firstRetry
	for range streak - 1 {
		if wait *= 2; wait >= limit {
			return limit
		}
	}
	return wait
}

// trip is the deployment circuit breaker: after clamp(desired/2, 3, 200) tasks
// in a row that failed, the deployment has failed (ECS API reference,
// DeploymentCircuitBreaker). A rollback that fails is not rolled back again.
func (s *state) trip() {
	p := s.svc.Primary()
	threshold := int32(min(max((s.desired()+1)/2, 3), 200))
	if p == nil || !s.svc.Configuration.CircuitBreaker || p.RolloutState != "IN_PROGRESS" || p.FailedTasks < threshold {
		return
	}
	rolledBack := strings.HasPrefix(p.RolloutStateReason, rollingBack)
	p.RolloutState = "FAILED"
	p.RolloutStateReason = "ECS deployment circuit breaker: tasks failed to start."
	p.UpdatedAt = s.d.Now
	s.event("(service %s) (deployment %s) deployment failed: tasks failed to start.", s.svc.Name, p.ID)
	if s.svc.Configuration.Rollback && !rolledBack {
		s.rollBack(p)
	}
}

// rollingBack starts the rolloutStateReason of a deployment that rolls back.
const rollingBack = "ECS deployment circuit breaker: rolling back to deploymentId "

// rollBack makes a new primary deployment of the last completed one. Without
// one the failed deployment stays. It invalidates pointers to deployments.
func (s *state) rollBack(failed *world.Deployment) {
	i := s.lastCompleted()
	if i < 0 {
		return
	}
	back := s.svc.Deployments[i]
	s.event("(service %s) rolling back to deployment %s.", s.svc.Name, back.ID)
	failed.Status = "ACTIVE"
	back.RolloutStateReason = rollingBack + string(back.ID) + "."
	back.ID = world.DeploymentID("ecs-svc/" + s.d.Draw.Digits(19))
	back.Status, back.FailedTasks = "PRIMARY", 0
	back.RolloutState = "IN_PROGRESS"
	back.CreatedAt, back.UpdatedAt = s.d.Now, s.d.Now
	s.svc.LaunchType, s.svc.Strategy, s.svc.PlatformVersion = back.LaunchType, back.Strategy, back.PlatformVersion
	s.svc.FailureStreak, s.svc.RetryAt = 0, time.Time{}
	s.svc.Deployments = slices.Insert(s.svc.Deployments, 0, back)
}

// commit puts the service if anything of it changed.
func (s *state) commit(old *world.Service) {
	if s.changed || !reflect.DeepEqual(*old, s.svc) {
		next := s.svc
		s.d.Put(&next)
	}
}
