package ecs

// checkDependencies checks the graph of dependsOn.
func (r *registration) checkDependencies() error {
	for i := range r.in.ContainerDefinitions {
		for _, d := range r.in.ContainerDefinitions[i].DependsOn {
			if err := r.checkDependency(d); err != nil {
				return err
			}
		}
	}
	done := map[string]bool{}
	for i := range r.in.ContainerDefinitions {
		if err := r.checkCycle(&r.in.ContainerDefinitions[i], map[string]bool{}, done); err != nil {
			return err
		}
	}
	return nil
}

func (r *registration) checkDependency(d ContainerDependency) error {
	on := r.container(val(d.ContainerName))
	if on == nil {
		// AWS's own words, with the plus sign.
		return refuse("Cannot depend on container + '%s' because it does not exist", val(d.ContainerName))
	}
	switch val(d.Condition) {
	case ContainerConditionSuccess, ContainerConditionComplete:
		if valOr(on.Essential, true) {
			return refuse("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
		}
	case ContainerConditionHealthy:
		if worldHealthCheck(on.HealthCheck) == nil {
			return refuse("A dependency container with HEALTHY condition must have a health check, but container '%s' has none", val(on.Name))
		}
	}
	return nil
}

// checkCycle walks from c; path holds the containers on the way, done those
// from which no cycle is reached.
func (r *registration) checkCycle(c *ContainerDefinition, path, done map[string]bool) error {
	name := val(c.Name)
	switch {
	case path[name]:
		return refuse("Container dependencies must not form a cycle, but container '%s' depends on itself", name)
	case done[name]:
		return nil
	}
	path[name] = true
	for _, d := range c.DependsOn {
		if err := r.checkCycle(r.container(val(d.ContainerName)), path, done); err != nil {
			return err
		}
	}
	delete(path, name)
	done[name] = true
	return nil
}
