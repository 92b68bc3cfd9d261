package world

import "time"

// Fidelity says whether Seamark does what a user of the guide expects
// (Relaxed, the default) or what AWS documents (AWS) where the two differ.
// Every difference is a method here and a row of docs/divergences.md.
type Fidelity string

// The fidelities.
const (
	Relaxed Fidelity = "relaxed"
	AWS     Fidelity = "aws"
)

// DrainCap bounds how long a task that left DNS is kept for clients that still
// hold a cached answer. AWS does not wait at all (containers-roadmap #343).
func (f Fidelity) DrainCap() time.Duration {
	if f == AWS {
		return 0
	}
	return 60 * time.Second
}

// CustomHealthDelay is the time from UpdateInstanceCustomHealthStatus to its
// effect: 30 seconds on AWS (Cloud Map API reference).
func (f Fidelity) CustomHealthDelay() time.Duration {
	if f == AWS {
		return 30 * time.Second
	}
	return 0
}

// CountsHealthyAfter is how long a task without any health check must be
// RUNNING until it counts as healthy: 40 seconds on AWS (ECS API reference,
// DeploymentConfiguration.minimumHealthyPercent).
func (f Fidelity) CountsHealthyAfter() time.Duration {
	if f == AWS {
		return 40 * time.Second
	}
	return 0
}

// ListenWait bounds how long a RUNNING task without a health check is kept out
// of its registries because nobody listens on its ports yet. AWS registers it as
// soon as it runs.
func (f Fidelity) ListenWait() time.Duration {
	if f == AWS {
		return 0
	}
	return 5 * time.Second
}

// AnswersNeverHealthy says whether an instance that was never healthy may be
// answered when no other is: AWS fails open for every instance.
func (f Fidelity) AnswersNeverHealthy() bool { return f == AWS }

// NeedsDNSHostnames says whether private zones answer only in VPCs with
// enableDnsHostnames, as Route 53 documents it.
func (f Fidelity) NeedsDNSHostnames() bool { return f == AWS }

// TakesAnyIPv6Block says whether a user may choose the IPv6 block of a VPC. On AWS
// it comes out of a pool that was brought to the account (EC2 API reference,
// CreateVpc), and there are none here.
func (f Fidelity) TakesAnyIPv6Block() bool { return f != AWS }

// CreatesLogGroups says whether a missing awslogs group is created at the
// task's start instead of failing it.
func (f Fidelity) CreatesLogGroups() bool { return f != AWS }

// BootsAnyImage says whether any well-formed AMI id boots the test machine.
func (f Fidelity) BootsAnyImage() bool { return f != AWS }

// OneRequestAtATime says whether an instance, a service or a namespace of Cloud
// Map's can be changed only after the operation before has come to its end; AWS
// refuses the second request as a DuplicateRequest.
func (f Fidelity) OneRequestAtATime() bool { return f == AWS }
