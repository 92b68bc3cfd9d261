package ecs

// Limits of Fargate.
const (
	minEphemeralGiB, maxEphemeralGiB = 21, 200
	maxFargateTimeout                = 120 // seconds
)

// checkFargateTask checks what Fargate wants of the task as a whole.
func (r *registration) checkFargateTask() error {
	switch {
	case r.mode != NetworkModeAwsvpc:
		return refuse("Fargate only supports network mode ‘awsvpc’.")
	case r.cpu == 0:
		return refuse("Fargate requires that 'cpu' be defined at the task level.")
	case r.memory == 0:
		return refuse("Fargate requires that 'memory' be defined at the task level.")
	case !validFargateSize(r.cpu, r.memory):
		return noFargateSize(r.cpu, r.memory)
	case val(r.in.PidMode) != "" && val(r.in.PidMode) != PidModeTask:
		return refuse("Tasks using the Fargate launch type do not support pidMode '%s'. The supported value for pidMode is 'task'.", val(r.in.PidMode))
	case r.in.IpcMode != nil:
		return refuse("Tasks using the Fargate launch type do not support ipcMode.")
	case len(r.in.PlacementConstraints) > 0:
		return refuse("Fargate compatible task definitions do not support placement constraints")
	}
	return nil
}

// checkFargate checks what Fargate wants of containers and volumes.
func (r *registration) checkFargate() error {
	for _, v := range r.in.Volumes {
		if v.Host != nil && v.Host.SourcePath != nil {
			return refuse("Fargate compatible task definitions do not support sourcePath")
		}
	}
	for i := range r.in.ContainerDefinitions {
		c := &r.in.ContainerDefinitions[i]
		if err := r.checkFargateRole(c); err != nil {
			return err
		}
		if feature := fargateLacks(c); feature != "" {
			return refuse("Fargate compatible task definitions do not support %s", feature)
		}
		if val(c.StopTimeout) > maxFargateTimeout {
			return refuse("Invalid 'stopTimeout' setting for container '%s'. The maximum value on Fargate is %d seconds.", val(c.Name), maxFargateTimeout)
		}
		if val(c.StartTimeout) > maxFargateTimeout {
			return refuse("Invalid 'startTimeout' setting for container '%s'. The maximum value on Fargate is %d seconds.", val(c.Name), maxFargateTimeout)
		}
	}
	return nil
}

func (r *registration) checkFargateRole(c *ContainerDefinition) error {
	awslogs := logDriver(c) == LogDriverAwslogs
	switch noRole := val(r.in.ExecutionRoleArn) == ""; {
	case awslogs && noRole:
		return refuse("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
	case isECR(val(c.Image)) && noRole:
		return refuse("Fargate requires task definition to have execution role ARN to support ECR images.")
	case awslogs && c.LogConfiguration.Options["awslogs-stream-prefix"] == "":
		return refuse("Log driver awslogs requires options: awslogs-stream-prefix")
	}
	return nil
}

// fargateLacks names what a container asks for and Fargate does not have. Tmpfs
// it has since January 2026.
func fargateLacks(c *ContainerDefinition) string {
	if val(c.Privileged) {
		return "privileged"
	}
	p := c.LinuxParameters
	if p == nil {
		return ""
	}
	switch {
	case len(p.Devices) > 0:
		return "devices"
	case p.SharedMemorySize != nil:
		return "sharedMemorySize"
	case p.MaxSwap != nil:
		return "maxSwap"
	case p.Swappiness != nil:
		return "swappiness"
	case p.Capabilities == nil:
		return ""
	}
	for _, capability := range p.Capabilities.Add {
		if capability != "SYS_PTRACE" {
			return "adding capability " + capability
		}
	}
	return ""
}

// isECR says whether an image is in a private registry of Amazon ECR.
func isECR(image string) bool {
	return matches(`^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/`, image)
}
