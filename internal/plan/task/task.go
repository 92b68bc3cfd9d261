// Package task moves one ECS task through its life: it compares what is wished
// and what the node saw, and decides the next state, the registration with
// Cloud Map and the moment at which the node may signal the containers. It is
// pure.
//
// The order around start and stop: containers started, ports listened on,
// registered, answered; for
// a stop: deregistered, the resolver no longer answers, cached answers have
// expired (for a scheduler's stop with others left to serve, at most the
// drain cap), signalled, ended, interface released.
package task

import (
	"time"

	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

// resolverGrace bounds the wait for a resolver that does not report. A data
// plane that is gone answers nobody.
const resolverGrace = 5 * time.Second

// Plan brings the task of that id as far as it can go now.
func Plan(d *plan.Draft, id world.TaskID) {
	for {
		t := d.World.Tasks.Get(string(id))
		if t == nil || t.LastStatus == world.TaskStopped {
			return
		}
		def := d.World.TaskDefinition(t.TaskDefinition)
		if def == nil {
			return
		}
		next := *t
		s := step{d: d, t: &next, def: def}
		if !s.advance() {
			return
		}
		next.Version++
		d.Put(&next)
	}
}

// step is one move of one task.
type step struct {
	d   *plan.Draft
	t   *world.Task
	def *world.TaskDefinition
}

// advance changes s.t by one move and says whether there was one.
func (s *step) advance() bool {
	if s.t.LastStatus.Before(world.TaskDeactivating) {
		if s.stopDecided() {
			s.deactivate()
			return true
		}
		return s.start()
	}
	return s.stop()
}

func (s *step) start() bool {
	switch {
	case s.t.LastStatus == world.TaskProvisioning && s.t.Observed.Attached:
		s.t.LastStatus = world.TaskPending
	case s.t.LastStatus == world.TaskPending && s.t.Observed.Started && s.reachable():
		if s.mayBeNamed(s.d.Now) {
			s.run()
			break
		}
		s.t.LastStatus = world.TaskActivating
		s.t.ActivatingAt = s.d.Now
	case s.t.LastStatus == world.TaskActivating && s.mayBeNamed(s.t.ActivatingAt):
		s.run()
	case s.t.LastStatus == world.TaskRunning:
		return s.reportHealth()
	default:
		return false
	}
	return true
}

// run has a task run and be found, which is one step: who waits for a task that is
// RUNNING goes on to call it.
func (s *step) run() {
	s.t.LastStatus = world.TaskRunning
	s.t.StartedAt = s.d.Now
	s.register()
}

// stopDecided says whether the task has to end, and writes why.
func (s *step) stopDecided() bool {
	if s.t.DesiredStatus == world.TaskStopped {
		return true
	}
	code, reason := "", ""
	switch {
	case s.t.Observed.Failure != "":
		code, reason = "TaskFailedToStart", s.t.Observed.Failure
	case s.essentialEnded():
		code, reason = "EssentialContainerExited", "Essential container in task exited"
	default:
		return false
	}
	s.t.DesiredStatus = world.TaskStopped
	s.t.StopCode, s.t.StoppedReason, s.t.StopAskedAt = code, reason, s.d.Now
	return true
}

func (s *step) essentialEnded() bool {
	for _, c := range s.def.Containers {
		seen := s.t.Observed.Container(c.Name)
		if c.Essential && seen != nil && seen.LastStatus == "STOPPED" {
			return true
		}
	}
	return false
}

func (s *step) deactivate() {
	s.t.LastStatus = world.TaskDeactivating
	s.t.StoppingAt = s.d.Now
	s.deregister()
}

func (s *step) stop() bool {
	switch s.t.LastStatus {
	case world.TaskDeactivating:
		return s.drained()
	case world.TaskStopping:
		return s.ended()
	case world.TaskDeprovisioning:
		if !s.t.Observed.Released {
			return false
		}
		s.t.LastStatus = world.TaskStopped
		s.t.StoppedAt = s.d.Now
		s.t.Tags = nil
		return true
	}
	return false
}

// drained moves the task on once no client is to be sent to it any more.
func (s *step) drained() bool {
	if s.t.Registration.State == world.Deregistered && !s.essentialEnded() {
		if grace := s.t.Registration.At.Add(resolverGrace); s.d.Applied < s.t.Registration.Revision && s.d.Now.Before(grace) {
			s.d.Again(grace)
			return false
		}
		if s.t.DrainUntil.IsZero() {
			if hold := s.drainTime(); hold > 0 {
				s.t.DrainUntil = s.d.Now.Add(hold)
				s.d.Again(s.t.DrainUntil)
				return true
			}
		}
		if s.d.Now.Before(s.t.DrainUntil) {
			s.d.Again(s.t.DrainUntil)
			return false
		}
	}
	s.t.LastStatus = world.TaskStopping
	return true
}

// drainTime is how long clients may still use the task: the TTL that named it,
// if the scheduler stops it and others remain to serve.
func (s *step) drainTime() time.Duration {
	if s.t.StopCode != "ServiceSchedulerInitiated" || !s.othersServe() {
		return 0
	}
	return min(longestTTL(s.d.World, s.t), s.d.Fidelity.DrainCap())
}

// othersServe says whether another task of the service is in DNS.
func (s *step) othersServe() bool {
	svc := s.d.World.Services.Get(world.ServiceKey(s.t.Cluster, s.t.Service))
	if svc == nil || svc.Status != world.ServiceActive || svc.DesiredCount == 0 {
		return false
	}
	for t := range s.d.World.TasksOfService(s.t.Cluster, s.t.Service) {
		if t.ID != s.t.ID && t.Registration.State == world.Registered {
			return true
		}
	}
	return false
}

func longestTTL(w world.World, t *world.Task) time.Duration {
	var longest time.Duration
	for _, r := range t.Registries {
		if ds := w.DiscoveryServices.Get(string(r.Service)); ds != nil {
			longest = max(longest, ds.MaxTTL())
		}
	}
	return longest
}

// ended releases the interface once every container has ended.
func (s *step) ended() bool {
	if s.t.Observed.ExecutionStoppedAt.IsZero() {
		return false
	}
	s.t.LastStatus = world.TaskDeprovisioning
	if n := s.d.World.NetworkInterfaces.Get(string(s.t.Interface)); n != nil {
		place.Release(s.d, n, longestTTL(s.d.World, s.t))
	}
	return true
}
