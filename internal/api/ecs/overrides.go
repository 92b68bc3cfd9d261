package ecs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"seamark/internal/world"
)

// maxOverrides bounds the JSON of a task's overrides.
const maxOverrides = 8192

// newOverrides reads RunTask's changes to a definition.
func newOverrides(def *world.TaskDefinition, in *TaskOverride) (world.Overrides, error) {
	var out world.Overrides
	if in == nil {
		return out, nil
	}
	b, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("measure overrides: %w", err)
	}
	if len(b) > maxOverrides {
		return out, invalid("Container Overrides length must be at most %d", maxOverrides)
	}
	if len(in.InferenceAcceleratorOverrides) > 0 {
		return out, unsupported("Parameter inferenceAcceleratorOverrides")
	}
	out.TaskRoleARN, out.ExecutionRoleARN = val(in.TaskRoleArn), val(in.ExecutionRoleArn)
	if err := overrideSize(def, in, &out); err != nil {
		return out, err
	}
	for _, c := range in.ContainerOverrides {
		o, err := newContainerOverride(def, c)
		if err != nil {
			return out, err
		}
		out.Containers = append(out.Containers, o)
	}
	return out, nil
}

// overrideSize reads the task's own cpu, memory and storage, which must be a
// size that Fargate has.
func overrideSize(def *world.TaskDefinition, in *TaskOverride, out *world.Overrides) (err error) {
	if in.Cpu != nil {
		if out.CPU, err = taskSize(*in.Cpu, "vcpu"); err != nil {
			return refuse("Invalid 'cpu' setting for task.")
		}
	}
	if in.Memory != nil {
		if out.Memory, err = taskSize(*in.Memory, "gb"); err != nil {
			return refuse("Invalid 'memory' setting for task.")
		}
	}
	if in.EphemeralStorage != nil {
		out.EphemeralStorageGiB = val(in.EphemeralStorage.SizeInGiB)
		if err := checkEphemeral(out.EphemeralStorageGiB); err != nil {
			return err
		}
	}
	cpu, memory := sizeOf(def, *out)
	if slices.Contains(def.Compatibilities, CompatibilityFargate) && !validFargateSize(cpu, memory) {
		return noFargateSize(cpu, memory)
	}
	return nil
}

// sizeOf is a task's cpu and memory with overrides.
func sizeOf(def *world.TaskDefinition, o world.Overrides) (cpu, memory int64) {
	cpu, memory = def.CPU, def.Memory
	if o.CPU != 0 {
		cpu = o.CPU
	}
	if o.Memory != 0 {
		memory = o.Memory
	}
	return cpu, memory
}

func newContainerOverride(def *world.TaskDefinition, in ContainerOverride) (world.ContainerOverride, error) {
	out := world.ContainerOverride{
		Name: val(in.Name), Command: slices.Clone(in.Command), Environment: worldPairs(in.Environment),
		CPU: wide(in.Cpu), Memory: wide(in.Memory), MemoryReservation: wide(in.MemoryReservation),
	}
	name := firstAsked([]feature{
		{len(in.EnvironmentFiles) > 0, "Parameter environmentFiles"},
		{len(in.ResourceRequirements) > 0, "Parameter resourceRequirements"},
	})
	switch {
	case name != "":
		return out, unsupported(name)
	case out.Name == "":
		return out, invalid("Override container name cannot be empty.")
	case def.Container(out.Name) == nil:
		return out, invalid("Override for container named %s is not a container in the TaskDefinition.", out.Name)
	case val(in.Cpu) < 0:
		return out, invalid("Invalid 'cpu' override for container '%s'.", out.Name)
	case in.Memory != nil && *in.Memory < minContainerMemory:
		return out, invalid("Invalid 'memory' override for container '%s'.", out.Name)
	case in.MemoryReservation != nil && *in.MemoryReservation < minContainerMemory:
		return out, invalid("Invalid 'memoryReservation' override for container '%s'.", out.Name)
	}
	for _, e := range in.Environment {
		if val(e.Name) == "" {
			return out, invalid("Environment variable name of an override for container '%s' cannot be empty.", out.Name)
		}
	}
	return out, nil
}

func wide(n *int32) *int64 {
	if n == nil {
		return nil
	}
	return new(int64(*n))
}

func narrow(n *int64) *int32 {
	if n == nil {
		return nil
	}
	return new(int32(*n))
}

func overrideOf(o world.Overrides, container string) world.ContainerOverride {
	for _, c := range o.Containers {
		if c.Name == container {
			return c
		}
	}
	return world.ContainerOverride{Name: container}
}

// showOverrides shows an entry for every container, as AWS does, with what was
// overridden.
func showOverrides(t *world.Task) *TaskOverride {
	out := &TaskOverride{
		ContainerOverrides: []ContainerOverride{}, InferenceAcceleratorOverrides: []InferenceAcceleratorOverride{},
		Cpu: sizeText(t.Overrides.CPU), Memory: sizeText(t.Overrides.Memory),
		TaskRoleArn: given(t.Overrides.TaskRoleARN), ExecutionRoleArn: given(t.Overrides.ExecutionRoleARN),
	}
	if gib := t.Overrides.EphemeralStorageGiB; gib != 0 {
		out.EphemeralStorage = &EphemeralStorage{SizeInGiB: &gib}
	}
	for _, c := range t.Observed.Containers {
		o := overrideOf(t.Overrides, c.Name)
		shown := ContainerOverride{Name: new(o.Name), Command: o.Command, Cpu: narrow(o.CPU), Memory: narrow(o.Memory), MemoryReservation: narrow(o.MemoryReservation)}
		for _, e := range o.Environment {
			shown.Environment = append(shown.Environment, KeyValuePair{Name: new(e.Name), Value: new(e.Value)})
		}
		out.ContainerOverrides = append(out.ContainerOverrides, shown)
	}
	return out
}

// numberText shows a number of a container as the text that ECS makes of it.
func numberText(overridden *int64, defined int64) *string {
	if overridden != nil {
		defined = *overridden
	}
	return new(strconv.FormatInt(defined, 10))
}
