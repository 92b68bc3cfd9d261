package ecs

import (
	"context"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// stopTask writes the wish that a task ends; plan/task carries it out. A task
// that is already told to stop keeps the first reason.
func (s *Server) stopTask(ctx context.Context, in *StopTaskInput) (*StopTaskOutput, error) {
	out := &StopTaskOutput{}
	return out, s.do(ctx, func(d *plan.Draft) error {
		c, err := s.activeCluster(d.World, in.Cluster)
		if err != nil {
			return err
		}
		id, err := s.taskID(c.Name, val(in.Task))
		if err != nil {
			return err
		}
		t := s.task(d.World, c.Name, id)
		if t == nil {
			return invalid("The referenced task was not found.")
		}
		if t.DesiredStatus != world.TaskStopped {
			next := *t
			next.DesiredStatus, next.StopAskedAt = world.TaskStopped, d.Now
			next.StopCode, next.StoppedReason = TaskStopCodeUserInitiated, valOr(in.Reason, "Task stopped by user")
			next.Version++
			d.Put(&next)
			t = &next
		}
		out.Task = new(s.showTask(d.World, t, true))
		return nil
	})
}

func (s *Server) describeTasks(_ context.Context, in *DescribeTasksInput) (*DescribeTasksOutput, error) {
	w := s.view()
	c, err := s.cluster(w, in.Cluster)
	if err != nil {
		return nil, err
	}
	switch n := len(in.Tasks); {
	case n == 0:
		return nil, invalid("Tasks cannot be empty.")
	case n > maxDescribed:
		return nil, invalid("Tasks can have at most %d items.", maxDescribed)
	}
	out := &DescribeTasksOutput{Tasks: []Task{}, Failures: []Failure{}}
	for _, ref := range in.Tasks {
		id, err := s.taskID(c.Name, ref)
		if err != nil {
			return nil, err
		}
		t := s.task(w, c.Name, id)
		if t == nil {
			out.Failures = append(out.Failures, missing(s.taskARN(c.Name, id)))
			continue
		}
		out.Tasks = append(out.Tasks, s.showTask(w, t, has(in.Include, TaskFieldTags)))
	}
	return out, nil
}

func (s *Server) listTasks(_ context.Context, in *ListTasksInput) (*ListTasksOutput, error) {
	w := s.view()
	c, err := s.activeCluster(w, in.Cluster)
	if err != nil {
		return nil, err
	}
	rows, err := s.listedTasks(w, c, in)
	if err != nil {
		return nil, err
	}
	var arns []string
	for t := range rows {
		if listed(t, in) {
			arns = append(arns, s.taskARN(c.Name, t.ID))
		}
	}
	page, next, err := cut(sorted(arns), in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return &ListTasksOutput{TaskArns: page, NextToken: next}, nil
}

// listedTasks checks how the filters are combined and narrows down to a service.
func (s *Server) listedTasks(w world.World, c *world.Cluster, in *ListTasksInput) (world.Rows[world.Task], error) {
	switch {
	case in.DaemonName != nil:
		return nil, unsupported("Parameter daemonName")
	case in.StartedBy != nil && (in.ServiceName != nil || in.Family != nil || in.ContainerInstance != nil):
		return nil, invalid("cannot specify startedBy with other arguments")
	case in.ServiceName != nil && (in.Family != nil || in.ContainerInstance != nil):
		return nil, invalid("cannot specify serviceName with other arguments")
	case in.ServiceName == nil:
		return w.TasksOfCluster(c.Name), nil
	}
	svc, err := s.service(w, c.Name, *in.ServiceName)
	if err != nil {
		return nil, err
	}
	return w.TasksOfService(c.Name, svc.Name), nil
}

// listed applies the filters. Without desiredStatus, tasks that are to run are
// listed. No task is on a container instance.
func listed(t *world.Task, in *ListTasksInput) bool {
	switch {
	case string(t.DesiredStatus) != valOr(in.DesiredStatus, DesiredStatusRunning),
		in.LaunchType != nil && *in.LaunchType != t.LaunchType,
		in.Family != nil && *in.Family != string(t.TaskDefinition.Family),
		in.StartedBy != nil && *in.StartedBy != t.StartedBy,
		in.ContainerInstance != nil:
		return false
	}
	return true
}
