package world

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

type (
	// ClusterName is what an ECS cluster is known by.
	ClusterName string
	// FamilyName is what task definitions with different revisions share.
	FamilyName string
	// TaskID is 32 hexadecimal digits.
	TaskID string
	// DeploymentID is ecs-svc/<19 digits>.
	DeploymentID string
)

// Cluster is an ECS cluster. A deleted one stays, INACTIVE, for a while.
type Cluster struct {
	Name              ClusterName
	Status            string // ACTIVE, INACTIVE
	CapacityProviders []string
	DefaultStrategy   []CapacityProviderStrategyItem
	Settings          map[string]string // containerInsights
	// Configuration and ServiceConnectDefaults are the API's own JSON, shown again as given.
	Configuration          json.RawMessage
	ServiceConnectDefaults json.RawMessage
	Tags                   Tags
	CreatedAt              time.Time
	DeletedAt              time.Time
}

func (c *Cluster) Kind() Kind  { return KindCluster }
func (c *Cluster) Key() string { return string(c.Name) }

// CapacityProviderStrategyItem is one share of a capacity provider strategy.
type CapacityProviderStrategyItem struct {
	CapacityProvider string
	Weight, Base     int32
}

// Family numbers the revisions of a task definition; numbers are never used again.
type Family struct {
	Name         FamilyName
	LastRevision int
}

func (f *Family) Kind() Kind  { return KindFamily }
func (f *Family) Key() string { return string(f.Name) }

// TaskDefinitionRef names one revision of a family.
type TaskDefinitionRef struct {
	Family   FamilyName
	Revision int
}

func (r TaskDefinitionRef) String() string {
	return string(r.Family) + ":" + strconv.Itoa(r.Revision)
}

// Key is the revision's key in World.TaskDefinitions; it sorts by number.
func (r TaskDefinitionRef) Key() string { return fmt.Sprintf("%s/%010d", r.Family, r.Revision) }

// TaskDefinition is an immutable description of a task. The typed fields are
// what the machine acts on; Document is the whole definition as the API shows it.
type TaskDefinition struct {
	TaskDefinitionRef
	Status      string // ACTIVE, INACTIVE, DELETE_IN_PROGRESS
	NetworkMode string // awsvpc, bridge, host, none
	CPU         int64  // CPU units at task level (1024 is one vCPU); 0: not given
	Memory      int64  // MiB at task level; 0: not given
	// EphemeralStorageGiB is the size of the task's own storage; 0: not given.
	EphemeralStorageGiB int32
	// Compatibilities are the launch types that the definition passed validation for.
	Compatibilities         []string
	RequiresCompatibilities []string
	TaskRoleARN             string
	ExecutionRoleARN        string
	Containers              []ContainerDefinition
	Volumes                 []Volume
	RegisteredAt            time.Time
	RegisteredBy            string
	DeregisteredAt          time.Time
	DeleteRequestedAt       time.Time
	Tags                    Tags
	Document                json.RawMessage
}

func (d *TaskDefinition) Kind() Kind  { return KindTaskDefinition }
func (d *TaskDefinition) Key() string { return d.TaskDefinitionRef.Key() }

// Container returns the container definition of that name, or nil.
func (d *TaskDefinition) Container(name string) *ContainerDefinition {
	for i := range d.Containers {
		if d.Containers[i].Name == name {
			return &d.Containers[i]
		}
	}
	return nil
}

// ContainerDefinition is one container of a task definition.
type ContainerDefinition struct {
	Name                   string
	Image                  string
	CPU                    int64 // CPU units, a relative share; 0: none
	Memory                 int64 // hard limit, MiB; 0: none
	MemoryReservation      int64 // soft limit, MiB; 0: none
	Essential              bool
	EntryPoint             []string // nil: the image's
	Command                []string // nil: the image's
	WorkingDirectory       string
	User                   string
	Environment            []KeyValue
	PortMappings           []PortMapping
	MountPoints            []MountPoint
	VolumesFrom            []VolumeFrom
	DependsOn              []Dependency
	HealthCheck            *HealthCheck
	StartTimeout           time.Duration // 0: none
	StopTimeout            time.Duration // 0: 30 s
	ReadonlyRootFilesystem bool
	Privileged             bool
	InitProcessEnabled     bool
	CapAdd, CapDrop        []string
	Ulimits                []Ulimit
	SystemControls         []KeyValue
	Tmpfs                  []Tmpfs
	DockerLabels           map[string]string
	LogDriver              string // awslogs or empty
	LogOptions             map[string]string
	Secrets                []KeyValue // Value is valueFrom
}

// KeyValue is a name with a value.
type KeyValue struct{ Name, Value string }

// PortMapping is a port that a container listens on.
type PortMapping struct {
	Name                    string
	ContainerPort, HostPort int32
	Protocol                string // tcp, udp
	AppProtocol             string
}

// MountPoint puts a volume of the task into a container.
type MountPoint struct {
	SourceVolume, ContainerPath string
	ReadOnly                    bool
}

// VolumeFrom mounts all volumes of another container.
type VolumeFrom struct {
	SourceContainer string
	ReadOnly        bool
}

// Dependency holds a container back until another one has reached a condition.
type Dependency struct {
	ContainerName string
	Condition     string // START, COMPLETE, SUCCESS, HEALTHY
}

// HealthCheck is a command run inside the container.
type HealthCheck struct {
	Command                        []string // CMD or CMD-SHELL first
	Interval, Timeout, StartPeriod time.Duration
	Retries                        int
}

// Ulimit is a resource limit of a container's processes.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Tmpfs is a temporary file system mounted in a container.
type Tmpfs struct {
	ContainerPath string
	SizeMiB       int64
	Options       []string
}

// Volume is storage that the containers of a task share. HostPath is empty
// for a volume that lives and dies with the task.
type Volume struct {
	Name     string
	HostPath string
}

// NetworkConfiguration is awsvpcConfiguration.
type NetworkConfiguration struct {
	Subnets        []SubnetID
	SecurityGroups []SecurityGroupID // empty: the VPC's default group
	AssignPublicIP bool
}

// ServiceRegistry ties an ECS service to a Cloud Map service.
type ServiceRegistry struct {
	Service       DiscoveryServiceID
	Port          int32
	ContainerName string
	ContainerPort int32
}

// DeploymentConfiguration bounds a rolling deployment.
type DeploymentConfiguration struct {
	MinimumHealthyPercent, MaximumPercent int32
	CircuitBreaker, Rollback              bool
}

// ServiceStatus is ACTIVE, DRAINING or INACTIVE, in this order only.
type ServiceStatus string

// The states of a service.
const (
	ServiceActive   ServiceStatus = "ACTIVE"
	ServiceDraining ServiceStatus = "DRAINING"
	ServiceInactive ServiceStatus = "INACTIVE"
)

// Service keeps a number of tasks running. The API writes the wishes; plan/deploy
// writes Deployments' counts and states, Events, FailureStreak and RetryAt.
type Service struct {
	Cluster            ClusterName
	Name               string
	Status             ServiceStatus
	DesiredCount       int32
	SchedulingStrategy string // REPLICA
	LaunchType         string // empty when a strategy is used
	Strategy           []CapacityProviderStrategyItem
	PlatformVersion    string
	PropagateTags      string // NONE, TASK_DEFINITION, SERVICE
	Configuration      DeploymentConfiguration
	HealthCheckGrace   time.Duration
	EnableManagedTags  bool
	EnableExecute      bool
	AZRebalancing      string
	RoleARN            string
	Tags               Tags
	CreatedBy          string
	CreatedAt          time.Time
	DeletedAt          time.Time
	// Fingerprint is of the parameters that created the service, so that the
	// same request again is no error; empty once the service was changed.
	Fingerprint string
	// Deployments, newest first: one PRIMARY, then those being replaced.
	Deployments []Deployment
	Events      []ServiceEvent // newest first, at most 100
	// Steady: the steady-state event was written since the last change.
	Steady bool
	// FailureStreak counts tasks in a row that stopped before RUNNING;
	// no task is started before RetryAt.
	FailureStreak int
	RetryAt       time.Time
}

func (s *Service) Kind() Kind  { return KindService }
func (s *Service) Key() string { return ServiceKey(s.Cluster, s.Name) }

// ServiceKey is the key of a service in World.Services.
func ServiceKey(c ClusterName, name string) string { return string(c) + "/" + name }

// Primary is the deployment that the service is moving to.
func (s *Service) Primary() *Deployment {
	for i := range s.Deployments {
		if s.Deployments[i].Status == "PRIMARY" {
			return &s.Deployments[i]
		}
	}
	return nil
}

func serviceRegistry(s *Service) []string {
	var ids []string
	seen := map[DiscoveryServiceID]bool{}
	for _, d := range s.Deployments {
		for _, r := range d.Registries {
			if !seen[r.Service] {
				seen[r.Service] = true
				ids = append(ids, string(r.Service))
			}
		}
	}
	return ids
}

// Deployment is one revision of a service's workload and how far it is.
type Deployment struct {
	ID                 DeploymentID
	Status             string // PRIMARY, ACTIVE, INACTIVE
	TaskDefinition     TaskDefinitionRef
	LaunchType         string
	Strategy           []CapacityProviderStrategyItem
	PlatformVersion    string
	Network            NetworkConfiguration
	Registries         []ServiceRegistry
	DesiredCount       int32
	PendingCount       int32
	RunningCount       int32
	FailedTasks        int32
	RolloutState       string // IN_PROGRESS, COMPLETED, FAILED
	RolloutStateReason string
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// ServiceEvent is one line of a service's story.
type ServiceEvent struct {
	ID        string // UUID
	CreatedAt time.Time
	Message   string
}

// ServicesOfRegistry yields the ECS services that register with a Cloud Map service.
func (w World) ServicesOfRegistry(id DiscoveryServiceID) Rows[Service] {
	return by(w.Services, 0, string(id))
}

// TaskDefinition returns one revision, or nil.
func (w World) TaskDefinition(r TaskDefinitionRef) *TaskDefinition {
	return w.TaskDefinitions.Get(r.Key())
}
