package ecs

import "slices"

// attributes lists what a container instance must be able to do to run the
// tasks, under ECS's names and in the order in which AWS shows them (amazon-ecs-agent,
// "capability"; the Docker API versions are those that the agent asks for).
func (r *registration) attributes() []Attribute {
	var names []string
	add := func(when bool, name string) {
		if when && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	some := func(f func(*ContainerDefinition) bool) bool {
		for i := range r.in.ContainerDefinitions {
			if f(&r.in.ContainerDefinitions[i]) {
				return true
			}
		}
		return false
	}
	const capability = "com.amazonaws.ecs.capability."
	awslogs := some(func(c *ContainerDefinition) bool { return logDriver(c) == LogDriverAwslogs })
	ecr := some(func(c *ContainerDefinition) bool { return isECR(val(c.Image)) })
	execution := val(r.in.ExecutionRoleArn) != ""
	add(some(func(c *ContainerDefinition) bool { return val(c.Privileged) }), capability+"privileged-container")
	add(awslogs, capability+"logging-driver.awslogs")
	add(awslogs && execution, "ecs.capability.execution-role-awslogs")
	add(ecr, capability+"ecr-auth")
	add(awslogs, capability+"docker-remote-api.1.19")
	add(some(func(c *ContainerDefinition) bool { return val(c.MemoryReservation) > 0 }), capability+"docker-remote-api.1.21")
	add(val(r.in.TaskRoleArn) != "", capability+"task-iam-role")
	add(some(func(c *ContainerDefinition) bool { return c.HealthCheck != nil }), "ecs.capability.container-health-check")
	add(ecr && execution, "ecs.capability.execution-role-ecr-pull")
	add(some(func(c *ContainerDefinition) bool { return len(c.DependsOn) > 0 }), "ecs.capability.container-ordering")
	add(true, capability+"docker-remote-api.1.18")
	add(r.mode == NetworkModeAwsvpc, "ecs.capability.task-eni")
	add(val(r.in.PidMode) != "" || val(r.in.IpcMode) != "", "ecs.capability.pid-ipc-namespace-sharing")
	out := []Attribute{}
	for _, name := range names {
		out = append(out, Attribute{Name: new(name)})
	}
	return out
}
