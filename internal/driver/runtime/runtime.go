// Package runtime is the seam between Seamark and whatever runs containers on
// one machine. Implementations: containerd (real) and simulated (no root).
// Package runtimetest is the contract that both keep.
//
// A driver holds no wishes. It starts, stops and removes containers when told
// to, reports what exists, and tells when one ends. Every method is idempotent:
// starting what runs, stopping what has stopped and removing what is not there
// succeed. Containers outlive the process that started them; a new process
// finds them with List and hears of their end through Events.
package runtime

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Driver runs containers on this machine.
type Driver interface {
	// EnsureImage makes the image usable and returns what it is. The local
	// image of that name comes first; a registry is asked when there is none,
	// or always with PullAlways. Errors wrap ErrImage and read like the
	// registry's own.
	EnsureImage(ctx context.Context, ref string, policy PullPolicy) (Image, error)

	// Start creates and starts a container and returns its process id. It
	// fails with ErrImage when the image is not there. A failed start leaves
	// nothing behind. A container that ran and has ended is not started again:
	// that is an error, and Remove makes room for a new one.
	Start(ctx context.Context, c Container) (pid int, err error)

	// Signal sends a signal to the container's first process: the image's
	// stop signal for StopSignal, or KILL. A container that is not there or
	// has ended is no error.
	Signal(ctx context.Context, id string, s Signal) error

	// Remove kills the container if it runs and removes all that it left.
	Remove(ctx context.Context, id string) error

	// List returns every container of this Seamark instance.
	List(ctx context.Context) ([]Status, error)

	// Events delivers the end of containers until ctx is done, at least once
	// each for every container that ends while the channel is open; an event
	// may come twice, and after the container's removal. After a loss of
	// connection to the engine it delivers Event{ID: ""}: list again.
	Events(ctx context.Context) <-chan Event

	// Exec runs a command in a container and waits for it. When timeout
	// passes, the command is killed and the error wraps ErrTimeout.
	Exec(ctx context.Context, id string, command []string, timeout time.Duration) (ExecResult, error)

	// Listens says whether a client that comes to an address of a container's
	// network finds somebody there: network is "tcp" or "udp". Nothing is sent, and
	// the container notices nothing. c is what Start or List told of it; at one that
	// has ended nobody is.
	Listens(ctx context.Context, c Status, network string, at netip.AddrPort) (bool, error)

	// ImportImage imports an OCI or Docker archive and returns the names it brought.
	ImportImage(ctx context.Context, path string) ([]string, error)

	// Images lists local images.
	Images(ctx context.Context) ([]Image, error)

	// RemoveGroup removes what the containers of a group shared (cgroup).
	RemoveGroup(ctx context.Context, group string) error

	// Close ends the driver's own connections, not the containers.
	Close() error
}

// PullPolicy says when a registry is asked.
type PullPolicy int

// The pull policies.
const (
	PullMissing PullPolicy = iota
	PullAlways
)

// Signal is one of the two signals that a container gets.
type Signal int

// The signals.
const (
	StopSignal Signal = iota // the image's STOPSIGNAL, else SIGTERM
	KillSignal               // SIGKILL
)

// Image is a local image.
type Image struct {
	Name       string // as referred to: nginx:latest
	Digest     string // sha256:… of the manifest
	Size       int64  // bytes, compressed
	Entrypoint []string
	Cmd        []string
	StopSignal string
}

// Container is all that a driver needs to know to start one.
type Container struct {
	ID    string // unique on the machine; letters, digits, "-"
	Group string // containers of one task or instance share it, their shim and their parent cgroup
	Image string
	// Entrypoint and Command replace the image's when not nil. As in Docker,
	// a new Entrypoint drops the image's Cmd.
	Entrypoint, Command []string
	Env                 []string // K=V, after the image's own
	WorkingDir          string
	User                string
	Hostname            string
	Network             string // path of the network namespace
	// Files are small files that the container sees under these paths, read-only binds.
	ResolvConf, Hosts string // host paths of the files mounted at /etc/resolv.conf and /etc/hosts; empty: none
	Mounts            []Mount
	Tmpfs             []Tmpfs
	Resources         Resources
	ReadonlyRootfs    bool
	InitProcess       bool // an init as pid 1 that reaps
	CapAdd, CapDrop   []string
	// Machine: the container is an EC2 instance, with the abilities that an
	// administrator of a machine has within its own namespaces (NET_ADMIN, NET_RAW, …).
	Machine bool
	Ulimits []Ulimit
	Sysctls map[string]string
	Labels  map[string]string
	// Log says where the output goes.
	Log Log
}

// Mount is a bind mount.
type Mount struct {
	Source, Destination string
	ReadOnly            bool
}

// Tmpfs is a temporary file system.
type Tmpfs struct {
	Destination string
	SizeBytes   int64
	Options     []string
}

// Resources are cgroup limits. Zero is no limit.
type Resources struct {
	// CPUUnits is the relative share (1024 is one CPU's worth); CPUQuota, in
	// CPU units too, is the hard limit.
	CPUUnits, CPUQuota int64
	MemoryBytes        int64
	MemoryReservation  int64
	// Group limits hold for all containers of the group together.
	GroupCPUQuota, GroupMemoryBytes int64
	PIDs                            int64
}

// Ulimit is an rlimit.
type Ulimit struct {
	Name       string // nofile
	Soft, Hard uint64
}

// Log names the destination of a container's standard output and error. It
// survives the control plane: package logdriver writes it.
type Log struct {
	// Dir is the directory of the stream's segments; empty: output is dropped.
	Dir string
	// MaxBytes bounds what is kept; 0: the default.
	MaxBytes int64
}

// State is the state of a container.
type State string

// The states.
const (
	StateCreated State = "created"
	StateRunning State = "running"
	StateStopped State = "stopped"
)

// Status is what exists of a container.
type Status struct {
	ID        string
	Group     string
	Labels    map[string]string
	State     State
	PID       int
	ExitCode  int32
	OOMKilled bool
	StartedAt time.Time
	StoppedAt time.Time
}

// Event tells that a container ended. An empty ID means: events were lost, list again.
type Event struct {
	ID        string
	ExitCode  int32
	OOMKilled bool
	At        time.Time
}

// ExecResult is the outcome of Exec. Output is standard output and error, at
// most 4 KiB.
type ExecResult struct {
	ExitCode int32
	Output   string
}

// The kinds of error that callers tell apart.
var (
	ErrNotFound = errors.New("container not found")
	ErrImage    = errors.New("image unavailable")
	ErrTimeout  = errors.New("timed out")
	// ErrUnavailable: the engine does not answer now; it is being restarted.
	ErrUnavailable = errors.New("engine unavailable")
)

// ImageError makes err wrap ErrImage without changing what it says: users read
// the registry's own words behind "CannotPullContainerError: ".
func ImageError(err error) error { return imageError{err} }

type imageError struct{ error }

func (e imageError) Unwrap() []error { return []error{e.error, ErrImage} }
