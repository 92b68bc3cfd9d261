package ecs

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Limits of a task definition (ECS developer guide, "Service quotas").
const (
	maxDefinitionBytes       = 64 << 10
	maxContainers            = 10
	maxPlacementConstraints  = 10
	minCPUUnits, maxCPUUnits = 128, 196608
)

// registration is a RegisterTaskDefinition request while it is checked. The
// wording is AWS's where a message of AWS is known (the SDKs' and Terraform's
// issue trackers quote most); the rules are those of the ECS API reference.
type registration struct {
	in           *RegisterTaskDefinitionInput
	mode         string // network mode
	region       string
	architecture string // of this machine: x86_64, arm64
	cpu, memory  int64  // of the task; 0: not given
}

// check returns the first rule that the request breaks.
func (r *registration) check() error {
	if err := check(r.checkSize, r.checkFamily, r.checkBuilt, r.checkRoles, r.checkTaskSize); err != nil {
		return err
	}
	if r.requires(CompatibilityFargate) {
		if err := r.checkFargateTask(); err != nil {
			return err
		}
	}
	if err := check(r.checkContainers, r.checkVolumes, r.checkDependencies, r.checkSums, r.checkConstraints); err != nil {
		return err
	}
	if r.requires(CompatibilityFargate) {
		return r.checkFargate()
	}
	return nil
}

func (r *registration) requires(compatibility string) bool {
	return has(r.in.RequiresCompatibilities, compatibility)
}

// compatibilities are the launch types that the definition is valid for.
func (r *registration) compatibilities() []string {
	if check(r.checkFargateTask, r.checkFargate) != nil {
		return []string{CompatibilityEc2}
	}
	return []string{CompatibilityEc2, CompatibilityFargate}
}

func (r *registration) checkSize() error {
	b, err := json.Marshal(r.in)
	if err != nil {
		return fmt.Errorf("measure task definition: %w", err)
	}
	if len(b) > maxDefinitionBytes {
		return refuse("Actual length: '%d'. Max allowed length is '%d' bytes.", len(b), maxDefinitionBytes)
	}
	return nil
}

func (r *registration) checkFamily() error {
	family := val(r.in.Family)
	switch n := len(r.in.ContainerDefinitions); {
	case family == "":
		return refuse("Family should not be null or empty.")
	case !validName(family):
		return refuse("Family contains invalid characters.")
	case n == 0:
		return refuse("Container list cannot be empty.")
	case n > maxContainers:
		return refuse("Too many containers.")
	}
	return nil
}

// checkRoles looks at the form only: a role that does not exist is found out
// when a task wants to assume it.
func (r *registration) checkRoles() error {
	for _, role := range []string{val(r.in.TaskRoleArn), val(r.in.ExecutionRoleArn)} {
		if strings.HasPrefix(role, "arn:") && !matches(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`, role) {
			return refuse("Role is not valid")
		}
	}
	return nil
}

// checkTaskSize reads cpu and memory of the task.
func (r *registration) checkTaskSize() (err error) {
	if r.in.Cpu != nil {
		if r.cpu, err = taskSize(*r.in.Cpu, "vcpu"); err != nil || !r.requires(CompatibilityFargate) && (r.cpu < minCPUUnits || r.cpu > maxCPUUnits) {
			return refuse("Invalid 'cpu' setting for task.")
		}
	}
	if r.in.Memory != nil {
		if r.memory, err = taskSize(*r.in.Memory, "gb"); err != nil {
			return refuse("Invalid 'memory' setting for task.")
		}
	}
	return nil
}

// checkSums compares the containers with the task that holds them.
func (r *registration) checkSums() error {
	cpu, essential := int64(0), false
	for _, c := range r.in.ContainerDefinitions {
		cpu += int64(val(c.Cpu))
		essential = essential || valOr(c.Essential, true)
		if r.memory > 0 && int64(max(val(c.Memory), val(c.MemoryReservation))) > r.memory {
			return refuse("The 'memory' setting for container is greater than for the task.")
		}
	}
	switch {
	case r.cpu > 0 && cpu > r.cpu:
		return refuse("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
	case !essential:
		return refuse("Task definition doesn't have any essential container.")
	}
	return nil
}

func (r *registration) checkConstraints() error {
	if len(r.in.PlacementConstraints) > maxPlacementConstraints {
		return refuse("Too many placement constraints.")
	}
	for _, c := range r.in.PlacementConstraints {
		if val(c.Type) != TaskDefinitionPlacementConstraintTypeMemberOf || val(c.Expression) == "" || len(val(c.Expression)) > 2000 {
			return refuse("Invalid placement constraint.")
		}
	}
	return nil
}

func (r *registration) checkVolumes() error {
	seen := map[string]bool{}
	for _, v := range r.in.Volumes {
		name := val(v.Name)
		switch {
		case name == "":
			return refuse("Volume.name should not be null or empty.")
		case !validName(name):
			return refuse("Volume.name contains invalid characters.")
		case seen[name]:
			return refuse("Duplicate volume name: '%s'.", name)
		case v.Host != nil && v.Host.SourcePath != nil && *v.Host.SourcePath == "":
			return refuse("host.sourcePath should not be blank.")
		}
		seen[name] = true
	}
	return r.checkMounts(seen)
}

func (r *registration) checkMounts(volumes map[string]bool) error {
	for _, c := range r.in.ContainerDefinitions {
		for _, m := range c.MountPoints {
			if !volumes[val(m.SourceVolume)] {
				return refuse("Unknown volume '%s'.", val(m.SourceVolume))
			}
			if !strings.HasPrefix(val(m.ContainerPath), "/") {
				return refuse("Invalid 'containerPath' setting for container '%s'.", val(c.Name))
			}
		}
		for _, v := range c.VolumesFrom {
			if r.container(val(v.SourceContainer)) == nil || val(v.SourceContainer) == val(c.Name) {
				return refuse("Unknown container '%s' in volumesFrom.", val(v.SourceContainer))
			}
		}
	}
	return nil
}

func (r *registration) container(name string) *ContainerDefinition {
	for i := range r.in.ContainerDefinitions {
		if val(r.in.ContainerDefinitions[i].Name) == name {
			return &r.in.ContainerDefinitions[i]
		}
	}
	return nil
}
