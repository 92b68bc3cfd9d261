package deploy

import (
	"fmt"
	"reflect"
	"slices"
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
	s.svc.Deployments = slices.DeleteFunc(s.svc.Deployments, func(d world.Deployment) bool {
		return d.Status != "PRIMARY" && s.gone(d.ID)
	})
	if s.svc.Status == world.ServiceDraining {
		s.finishDraining()
		return
	}
	if p = s.svc.Primary(); p == nil {
		return
	}
	switch {
	case s.reached(p):
		s.complete(p)
	case s.blocked && s.healthy() <= s.lower():
		s.eventOnce("(service %s) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.", s.svc.Name)
	}
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
	if len(s.svc.Deployments) != 1 || len(s.live[p.ID]) != s.desired() || p.RolloutState == "FAILED" {
		return false
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
	slices.SortFunc(s.ended, byAge)
	for _, t := range slices.Concat(s.ended, s.leaving[p.ID]) {
		if t.Accounted || t.Deployment != p.ID || t.StopCode != "TaskFailedToStart" && t.StopCode != "EssentialContainerExited" {
			continue
		}
		next := *t
		next.Accounted = true
		s.d.Put(&next)
		s.changed = true
		s.replaceLeaving(t, &next)
		s.failed(p, t)
	}
	for _, t := range s.live[p.ID] {
		if t.LastStatus == world.TaskRunning && s.svc.FailureStreak > 0 && s.ranWell(t) {
			s.svc.FailureStreak, s.svc.RetryAt, p.FailedTasks = 0, time.Time{}, 0
		}
	}
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
	return true
}

func (s *state) failed(p *world.Deployment, t *world.Task) {
	s.svc.Steady = false
	if !t.StartedAt.IsZero() {
		s.crashed(t)
		return
	}
	p.FailedTasks++
	s.svc.FailureStreak++
	s.svc.RetryAt = s.d.Now.Add(backoff(s.svc.FailureStreak, lastRetry))
	s.eventOnce("(service %s) was unable to place a task. Reason: %s", s.svc.Name, t.StoppedReason)
	if s.svc.FailureStreak == 3 {
		s.eventOnce("(service %s) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.", s.svc.Name)
	}
	s.trip(p)
}

func (s *state) crashed(t *world.Task) {
	if t.StoppingAt.Sub(t.StartedAt) >= shortRun {
		return
	}
	s.svc.FailureStreak++
	if s.svc.FailureStreak > 1 {
		s.svc.RetryAt = s.d.Now.Add(backoff(s.svc.FailureStreak-1, crashRetry))
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
// that failed to start, the deployment has failed (ECS API reference,
// DeploymentCircuitBreaker).
func (s *state) trip(p *world.Deployment) {
	threshold := int32(min(max((s.desired()+1)/2, 3), 200))
	if !s.svc.Configuration.CircuitBreaker || p.RolloutState != "IN_PROGRESS" || p.FailedTasks < threshold {
		return
	}
	p.RolloutState = "FAILED"
	p.RolloutStateReason = "ECS deployment circuit breaker: tasks failed to start."
	p.UpdatedAt = s.d.Now
	s.event("(service %s) (deployment %s) deployment failed: tasks failed to start.", s.svc.Name, p.ID)
	if s.svc.Configuration.Rollback {
		s.rollBack(p)
	}
}

// rollBack makes a new primary deployment of the last completed one.
func (s *state) rollBack(failed *world.Deployment) {
	i := slices.IndexFunc(s.svc.Deployments, func(d world.Deployment) bool {
		return d.ID != failed.ID && d.RolloutState == "COMPLETED"
	})
	if i < 0 {
		return
	}
	target := s.svc.Deployments[i]
	s.event("(service %s) rolling back to deployment %s.", s.svc.Name, target.ID)
	failed.Status = "ACTIVE"
	back := target
	back.ID = world.DeploymentID("ecs-svc/" + s.d.Draw.Digits(19))
	back.Status, back.FailedTasks = "PRIMARY", 0
	back.RolloutState = "IN_PROGRESS"
	back.RolloutStateReason = fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", target.ID)
	back.CreatedAt, back.UpdatedAt = s.d.Now, s.d.Now
	s.svc.FailureStreak, s.svc.RetryAt = 0, time.Time{}
	s.svc.Deployments = slices.Insert(s.svc.Deployments, 0, back)
	s.d.Again(s.d.Now)
}

// commit puts the service if anything of it changed.
func (s *state) commit(old *world.Service) {
	if s.changed || !reflect.DeepEqual(*old, s.svc) {
		next := s.svc
		s.d.Put(&next)
	}
}
