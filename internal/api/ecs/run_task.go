package ecs

import (
	"context"
	"maps"
	"strings"

	"seamark/internal/plan"
	"seamark/internal/plan/place"
	"seamark/internal/world"
)

const (
	opRunTask     = "ecs:RunTask"
	maxTasksOnRun = 10
	maxStartedBy  = 128
)

func (s *Server) runTask(ctx context.Context, in *RunTaskInput) (*RunTaskOutput, error) {
	if err := checkToken(in.ClientToken, 64); err != nil {
		return nil, err
	}
	out := &RunTaskOutput{Tasks: []Task{}, Failures: []Failure{}}
	err := s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		same := *in
		same.ClientToken, same.Cluster = nil, new(string(c.Name))
		print := world.Fingerprint(&same)
		if t := remembered(d, opRunTask, in.ClientToken); t != nil {
			return s.repeatedRun(d.World, c, t, print, out)
		}
		wish, strategy, err := s.newTask(d.World, c, in)
		if err != nil {
			return err
		}
		ids, err := s.startTasks(d, wish, strategy, int(valOr(in.Count, 1)), out)
		if err == nil && len(ids) > 0 {
			remember(d, opRunTask, in.ClientToken, print, ids)
		}
		return err
	})
	return out, err
}

// repeatedRun answers a request whose token was used before with the tasks of
// that time, as they are now.
func (s *Server) repeatedRun(w world.World, c *world.Cluster, t *world.Token, print string, out *RunTaskOutput) error {
	var arns []string
	for _, id := range t.Results {
		if task := w.Tasks.Get(id); task != nil {
			arns = append(arns, s.taskARN(task.Cluster, task.ID))
			out.Tasks = append(out.Tasks, s.showTask(w, task, true))
		}
	}
	if t.Fingerprint != print {
		return ErrConflictException("The clientToken was used before in a request with other parameters.").With("resourceIds", arns)
	}
	return nil
}

// newTask checks a request and makes the task that it asks for, still without
// identity and place, and the strategy that picks its capacity provider.
func (s *Server) newTask(w world.World, c *world.Cluster, in *RunTaskInput) (*world.Task, []world.CapacityProviderStrategyItem, error) {
	def, err := s.usable(w, val(in.TaskDefinition))
	if err != nil {
		return nil, nil, err
	}
	if err := checkRun(in); err != nil {
		return nil, nil, err
	}
	l, err := launchOf(c, in.LaunchType, in.CapacityProviderStrategy)
	if err != nil {
		return nil, nil, err
	}
	workload := &world.Deployment{TaskDefinition: def.TaskDefinitionRef, LaunchType: l.launchType, Strategy: l.strategy}
	version, err := platform(in.PlatformVersion, workload)
	if err != nil {
		return nil, nil, err
	}
	if err := checkPlacement(workload, in.PlacementConstraints, in.PlacementStrategy); err != nil {
		return nil, nil, err
	}
	if workload.Network, err = newNetwork(in.NetworkConfiguration); err != nil {
		return nil, nil, err
	}
	overrides, err := newOverrides(def, in.Overrides)
	if err != nil {
		return nil, nil, err
	}
	tags, err := taskTags(c, def, in)
	if err != nil {
		return nil, nil, err
	}
	if err := s.checkWorkload(w, workload); err != nil {
		return nil, nil, err
	}
	if version == "LATEST" {
		version = newestPlatform
	}
	return &world.Task{
		Cluster: c.Name, TaskDefinition: def.TaskDefinitionRef, StartedBy: val(in.StartedBy),
		Group: valOr(in.Group, "family:"+string(def.Family)), LaunchType: LaunchTypeFargate,
		PlatformVersion: version, Network: workload.Network, Overrides: overrides,
		EnableExecute: val(in.EnableExecuteCommand), Tags: tags,
	}, l.strategy, nil
}

// checkRun checks what stands in the request alone.
func checkRun(in *RunTaskInput) error {
	switch n := valOr(in.Count, 1); {
	case n < 1 || n > maxTasksOnRun:
		return invalid("count must be between 1 and %d, but was %d.", maxTasksOnRun, n)
	case len(in.VolumeConfigurations) > 0:
		return unsupported("Parameter volumeConfigurations")
	case val(in.PropagateTags) == PropagateTagsService:
		return invalid("propagateTags must be TASK_DEFINITION or NONE when running a task.")
	case len(val(in.StartedBy)) > maxStartedBy:
		return invalid("startedBy can have at most %d characters.", maxStartedBy)
	case strings.HasPrefix(val(in.Group), "service:"):
		return invalid("Invalid namespace for group. The prefix 'service:' is reserved for Amazon ECS.")
	}
	return nil
}

// taskTags are the request's tags, before those of the task definition, and
// ECS's own.
func taskTags(c *world.Cluster, def *world.TaskDefinition, in *RunTaskInput) (world.Tags, error) {
	given, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	tags := world.Tags{}
	if val(in.PropagateTags) == PropagateTagsTaskDefinition {
		maps.Copy(tags, def.Tags)
	}
	maps.Copy(tags, given)
	if len(tags) > maxTags {
		return nil, invalid("Tags can have a maximum of %d items.", maxTags)
	}
	if val(in.EnableECSManagedTags) {
		tags["aws:ecs:clusterName"] = string(c.Name)
	}
	return tags, nil
}

// startTasks places as many tasks as there are addresses for; the rest are
// failures, which are part of the answer and no error.
func (s *Server) startTasks(d *plan.Draft, wish *world.Task, strategy []world.CapacityProviderStrategyItem, n int, out *RunTaskOutput) ([]string, error) {
	var peers []*world.Task
	var ids []string
	have := map[string]int32{}
	for range n {
		next := *wish
		next.CapacityProvider = place.Provider(strategy, have)
		t, err := place.Task(d, next, peers)
		if place.Exhausted(err) {
			out.Failures = append(out.Failures, Failure{Reason: new("RESOURCE:ENI")})
			continue
		}
		if err != nil {
			return nil, err
		}
		have[next.CapacityProvider]++
		peers, ids = append(peers, t), append(ids, string(t.ID))
		out.Tasks = append(out.Tasks, s.showTask(d.World, t, true))
	}
	return ids, nil
}

// startTask answers for container instances, of which there are none.
func (s *Server) startTask(_ context.Context, in *StartTaskInput) (*StartTaskOutput, error) {
	w := s.view()
	c, err := s.activeCluster(w, in.Cluster)
	if err != nil {
		return nil, err
	}
	if _, err := s.usable(w, val(in.TaskDefinition)); err != nil {
		return nil, err
	}
	switch n := len(in.ContainerInstances); {
	case n == 0:
		return nil, invalid("Container instance cannot be empty.")
	case n > maxTasksOnRun:
		return nil, invalid("containerInstances can have at most %d items.", maxTasksOnRun)
	}
	out := &StartTaskOutput{Tasks: []Task{}, Failures: []Failure{}}
	for _, ref := range in.ContainerInstances {
		id, err := s.inCluster(c.Name, ref, "container-instance")
		if err != nil {
			return nil, err
		}
		out.Failures = append(out.Failures, missing(s.arn("container-instance/%s/%s", c.Name, id)))
	}
	return out, nil
}
