package world

import (
	"fmt"
	"net/netip"
	"time"
)

// TaskStatus is a task's lastStatus. It only moves forward.
type TaskStatus string

// The states of a task in their order (ECS developer guide, "Task lifecycle").
const (
	TaskProvisioning   TaskStatus = "PROVISIONING"
	TaskPending        TaskStatus = "PENDING"
	TaskActivating     TaskStatus = "ACTIVATING"
	TaskRunning        TaskStatus = "RUNNING"
	TaskDeactivating   TaskStatus = "DEACTIVATING"
	TaskStopping       TaskStatus = "STOPPING"
	TaskDeprovisioning TaskStatus = "DEPROVISIONING"
	TaskStopped        TaskStatus = "STOPPED"
)

var taskOrder = map[TaskStatus]int{
	TaskProvisioning: 0, TaskPending: 1, TaskActivating: 2, TaskRunning: 3,
	TaskDeactivating: 4, TaskStopping: 5, TaskDeprovisioning: 6, TaskStopped: 7,
}

// Before says whether s comes before t in a task's life.
func (s TaskStatus) Before(t TaskStatus) bool { return taskOrder[s] < taskOrder[t] }

// Move returns t, or ErrIllegalMove if a task in s cannot come to t. A task may
// skip states but never go back.
func (s TaskStatus) Move(t TaskStatus) (TaskStatus, error) {
	if !s.Before(t) {
		return s, fmt.Errorf("task %s to %s: %w", s, t, ErrIllegalMove)
	}
	return t, nil
}

// HealthStatus is HEALTHY, UNHEALTHY or UNKNOWN.
type HealthStatus string

// Health of a container, a task or a discovery instance.
const (
	Healthy       HealthStatus = "HEALTHY"
	Unhealthy     HealthStatus = "UNHEALTHY"
	HealthUnknown HealthStatus = "UNKNOWN"
)

// Task is one run of a task definition. Writers: the API creates it and asks
// for its stop; plan/task moves LastStatus and writes Placement, Registration
// and Drain; the node writes Observed.
type Task struct {
	ID             TaskID
	Cluster        ClusterName
	TaskDefinition TaskDefinitionRef
	// Service and Deployment are empty for a task that RunTask started.
	Service          string
	Deployment       DeploymentID
	StartedBy        string
	Group            string // service:NAME or family:NAME or as given
	LaunchType       string
	CapacityProvider string
	PlatformVersion  string
	Network          NetworkConfiguration
	Registries       []ServiceRegistry
	Overrides        Overrides
	EnableExecute    bool
	Tags             Tags
	CreatedAt        time.Time

	// The wish.
	DesiredStatus TaskStatus // RUNNING or STOPPED
	StopCode      string
	StoppedReason string
	StopAskedAt   time.Time

	// What plan/task decided.
	LastStatus       TaskStatus
	Version          int64
	Node             string // the machine that runs it
	AvailabilityZone string
	Subnet           SubnetID
	Interface        NetworkInterfaceID
	Attachment       string // UUID
	// Address and MAC stay readable after the interface is gone.
	Address      netip.Addr
	IPv6         netip.Addr // the zero value without one
	MAC          string
	Host         TaskHost
	Registration Registration
	// DrainUntil is when a task that left DNS may be signalled; zero: not decided.
	DrainUntil time.Time
	// Accounted: plan/deploy has counted how this task ended.
	Accounted    bool
	ActivatingAt time.Time // reached ACTIVATING; most tasks skip that
	StartedAt    time.Time // reached RUNNING
	StoppingAt   time.Time
	StoppedAt    time.Time

	Observed TaskObserved
}

func (t *Task) Kind() Kind  { return KindTask }
func (t *Task) Key() string { return string(t.ID) }

// Began is when all of the task's containers had started; zero: they have not.
func (t *Task) Began() time.Time {
	if t.ActivatingAt.IsZero() {
		return t.StartedAt
	}
	return t.ActivatingAt
}

func taskService(t *Task) []string {
	if t.Service == "" {
		return nil
	}
	return []string{ServiceKey(t.Cluster, t.Service)}
}

func taskCluster(t *Task) []string { return []string{string(t.Cluster)} }

// TaskHost is the container instance that a task runs on; empty on Fargate.
type TaskHost struct {
	Instance InstanceID
	Address  netip.Addr // primary private IPv4 address
}

// Registration is where a task stands with its service registries.
type Registration struct {
	State string // "", registered, deregistered
	// Revision of the world in which State last changed: once the resolver
	// serves it, DNS shows the change.
	Revision int64
	At       time.Time
	// Health is the task health that the registry was told last.
	Health HealthStatus
}

// The states of a Registration, in their order.
const (
	NotRegistered = ""
	Registered    = "registered"
	Deregistered  = "deregistered"
)

// Overrides are RunTask's changes to a definition.
type Overrides struct {
	Containers       []ContainerOverride
	CPU, Memory      int64
	TaskRoleARN      string
	ExecutionRoleARN string
	// EphemeralStorageGiB is the size of the task's own storage; 0: the definition's.
	EphemeralStorageGiB int32
}

// ContainerOverride changes one container of a task.
type ContainerOverride struct {
	Name              string
	Command           []string
	Environment       []KeyValue
	CPU               *int64
	Memory            *int64
	MemoryReservation *int64
}

// TaskObserved is what the node saw; the node alone writes it.
type TaskObserved struct {
	// Attached: the interface exists in the kernel. Started: every container
	// has been started.
	Attached, Started bool
	// Listens: somebody listens on all of the task's AwaitedPorts.
	Listens bool
	// Failure ends a task that could not start: "CannotPullContainerError: …".
	Failure string
	// Notice is what AWS would have done otherwise, for the service's events.
	Notice string
	// Released: containers, volumes and the interface are gone from the machine.
	Released       bool
	PullStartedAt  time.Time
	PullStoppedAt  time.Time
	ConnectivityAt time.Time
	// ExecutionStoppedAt: no container runs and none will.
	ExecutionStoppedAt time.Time
	Containers         []ContainerObserved
}

// ContainerObserved is one container as the node saw it.
type ContainerObserved struct {
	Name        string
	ID          string // UUID of the container's ARN
	RuntimeID   string
	ImageDigest string
	LastStatus  string // PENDING, RUNNING, STOPPED
	Health      HealthStatus
	ExitCode    *int32
	Reason      string
	PID         int // 0 unless running
	StartedAt   time.Time
	StoppedAt   time.Time
	// Bindings are the ports of the host that lead to the container, in bridge
	// mode; they are known when LastStatus is RUNNING.
	Bindings []NetworkBinding
}

// NetworkBinding is a port of the host that leads to one of a container.
type NetworkBinding struct {
	ContainerPort, HostPort int32
	Protocol                string // tcp, udp
}

// Container returns what was seen of the container of that name, or nil.
func (o *TaskObserved) Container(name string) *ContainerObserved {
	for i := range o.Containers {
		if o.Containers[i].Name == name {
			return &o.Containers[i]
		}
	}
	return nil
}

// Health is the task's health: of its essential containers with a health
// check, UNHEALTHY if any is, UNKNOWN if any is, HEALTHY if all are.
func (t *Task) Health(d *TaskDefinition) HealthStatus {
	health := HealthUnknown
	for _, c := range d.Containers {
		if !c.Essential || c.HealthCheck == nil {
			continue
		}
		seen := t.Observed.Container(c.Name)
		switch {
		case seen == nil || seen.Health == HealthUnknown || seen.Health == "":
			return t.anyUnhealthy(d)
		case seen.Health == Unhealthy:
			return Unhealthy
		default:
			health = Healthy
		}
	}
	return health
}

func (t *Task) anyUnhealthy(d *TaskDefinition) HealthStatus {
	for _, c := range d.Containers {
		if seen := t.Observed.Container(c.Name); c.Essential && c.HealthCheck != nil && seen != nil && seen.Health == Unhealthy {
			return Unhealthy
		}
	}
	return HealthUnknown
}

// TasksOfService yields all tasks of an ECS service, stopped ones too.
func (w World) TasksOfService(c ClusterName, service string) Rows[Task] {
	return by(w.Tasks, 0, ServiceKey(c, service))
}

// TasksOfCluster yields all tasks of a cluster, stopped ones too.
func (w World) TasksOfCluster(c ClusterName) Rows[Task] { return by(w.Tasks, 1, string(c)) }
