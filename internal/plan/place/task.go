package place

import (
	"errors"
	"fmt"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// Node is the machine that runs everything until several machines join.
const Node = "local"

// Task completes a task that is to run: it gets an id, a place and, in awsvpc
// mode, its interface. peers are the tasks to spread against. ErrExhausted means
// that no subnet has a free address; then nothing is changed.
func Task(d *plan.Draft, t world.Task, peers []*world.Task) (*world.Task, error) {
	def := d.World.TaskDefinition(t.TaskDefinition)
	if def == nil {
		return nil, fmt.Errorf("task definition %s: %w", t.TaskDefinition, world.ErrNotFound)
	}
	t.ID = world.TaskID(d.Draw.Hex(32))
	t.Node = Node
	t.CreatedAt = d.Now
	t.Version = 1
	t.DesiredStatus = world.TaskRunning
	t.LastStatus = world.TaskPending
	for _, c := range def.Containers {
		t.Observed.Containers = append(t.Observed.Containers, world.ContainerObserved{
			Name: c.Name, ID: d.Draw.UUID(), LastStatus: "PENDING", Health: world.HealthUnknown,
			RuntimeID: fmt.Sprintf("%s-%s", t.ID, d.Draw.Digits(10)),
		})
	}
	if def.NetworkMode == "awsvpc" {
		t.LastStatus = world.TaskProvisioning
		if err := attach(d, &t, peers); err != nil {
			return nil, err
		}
	}
	d.Put(&t)
	return &t, nil
}

func attach(d *plan.Draft, t *world.Task, peers []*world.Task) error {
	s, err := Subnet(d.World, t.Network.Subnets, peers)
	if err != nil {
		return err
	}
	t.Attachment = d.Draw.UUID()
	n, _, err := Interface(d, s, t.Network.SecurityGroups, world.OwnedByTask, string(t.ID))
	if err != nil {
		return err
	}
	// A task has an IPv6 address where its subnet has a block, whatever the subnet
	// does for others (ECS developer guide, "Using a VPC in dual-stack mode").
	if s.IPv6.IsValid() {
		n = WithIPv6(d, s, n)
	}
	named := *n
	named.AttachmentID = t.Attachment
	named.Description = d.Scope.ARN("ecs", "attachment/"+t.Attachment)
	d.Put(&named)
	t.Interface, t.Address, t.IPv6, t.MAC = n.ID, n.Address, n.IPv6, n.MAC
	t.Subnet, t.AvailabilityZone = s.ID, s.AvailabilityZone
	return nil
}

// Exhausted says that a task could not be placed for want of addresses.
func Exhausted(err error) bool { return errors.Is(err, world.ErrExhausted) }
