// Package retain forgets what has been over for long enough, so that the world
// stays small: stopped tasks, deleted services, ended instances, operations and
// tokens. It is pure.
package retain

import (
	"slices"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// How long things that are over stay visible.
const (
	StoppedTask        = time.Hour      // ECS: at least an hour
	InactiveService    = time.Hour      // ECS shows them "for a while"
	InactiveCluster    = time.Hour      // likewise
	TerminatedInstance = time.Hour      // EC2: about an hour
	Operation          = 24 * time.Hour // Cloud Map does not say
	Token              = 24 * time.Hour // ECS clientToken: up to 24 hours
)

// MostOperations bounds the operations of Cloud Map that are kept: each
// registration and deregistration makes one, and a day may have millions.
const MostOperations = 10_000

// slack is how many more there may be until they are worth a plan.
const slack = 1000

// Crowded says that there are operations to forget before their time.
func Crowded(w world.World) bool { return w.Operations.Len() > MostOperations+slack }

// Full says that there surely is something to forget.
func Full(w world.World) bool { return w.Operations.Len() > MostOperations }

// interval is how often it is worth looking.
const interval = time.Minute

// most bounds what one plan removes, so that one update of the store stays small.
const most = 500

// Plan forgets what is due and asks to look again in a minute.
func Plan(d *plan.Draft) {
	left := most
	due := func(at time.Time, keep time.Duration) bool {
		return left > 0 && !at.IsZero() && d.Now.Sub(at) >= keep
	}
	forget := func(o world.Object) { d.Delete(o); left-- }
	w := d.World
	for t := range w.Tasks.All() {
		if t.LastStatus == world.TaskStopped && due(t.StoppedAt, StoppedTask) {
			forget(t)
		}
	}
	for s := range w.Services.All() {
		if s.Status == world.ServiceInactive && due(s.DeletedAt, InactiveService) {
			forget(s)
		}
	}
	for c := range w.Clusters.All() {
		if c.Status == "INACTIVE" && due(c.DeletedAt, InactiveCluster) {
			forget(c)
		}
	}
	for _, def := range unused(w) {
		if left > 0 {
			forget(def)
		}
	}
	for i := range w.Instances.All() {
		if i.State == world.InstanceTerminated && due(i.TerminatedAt, TerminatedInstance) {
			forget(i)
		}
	}
	excess := w.Operations.Len() - MostOperations
	for o := range w.OperationsByAge() {
		if left == 0 || excess <= 0 && !due(o.CreatedAt, Operation) {
			break // those that follow are younger
		}
		forget(o)
		excess--
	}
	for t := range w.Tokens.All() {
		if due(t.CreatedAt, Token) {
			forget(t)
		}
	}
	if left == 0 {
		d.Again(d.Now)
		return
	}
	d.Again(d.Now.Add(interval))
}

// unused are the task definitions that were deleted and that no service and no
// task refers to any more (ECS API reference, DeleteTaskDefinitions).
func unused(w world.World) []*world.TaskDefinition {
	var deleted []*world.TaskDefinition
	for def := range w.TaskDefinitions.All() {
		if def.Status == "DELETE_IN_PROGRESS" {
			deleted = append(deleted, def)
		}
	}
	if len(deleted) == 0 {
		return nil
	}
	used := map[world.TaskDefinitionRef]bool{}
	for s := range w.Services.All() {
		for _, d := range s.Deployments {
			used[d.TaskDefinition] = true
		}
	}
	for t := range w.Tasks.All() {
		used[t.TaskDefinition] = true
	}
	return slices.DeleteFunc(deleted, func(def *world.TaskDefinition) bool { return used[def.TaskDefinitionRef] })
}
