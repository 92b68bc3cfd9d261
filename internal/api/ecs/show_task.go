package ecs

import (
	"strings"

	"seamark/internal/world"
)

// defaultEphemeralGiB is the storage of a Fargate task that names no size.
const defaultEphemeralGiB = 20

// The states of a task's network attachment that Seamark goes through.
const (
	attachmentPrecreated = "PRECREATED"
	attachmentAttached   = "ATTACHED"
	attachmentDeleted    = "DELETED"
)

func (s *Server) showTask(w world.World, t *world.Task, tags bool) Task {
	out := Task{
		TaskArn: new(s.taskARN(t.Cluster, t.ID)), ClusterArn: new(s.clusterARN(t.Cluster)),
		TaskDefinitionArn: new(s.definitionARN(t.TaskDefinition)),
		Attachments:       s.showAttachments(w, t),
		Attributes:        []Attribute{{Name: new("ecs.cpu-architecture"), Value: new(s.architecture)}},
		AvailabilityZone:  given(t.AvailabilityZone), CapacityProviderName: given(t.CapacityProvider),
		Containers: []Container{}, DesiredStatus: new(string(t.DesiredStatus)), LastStatus: new(string(t.LastStatus)),
		EnableExecuteCommand: new(t.EnableExecute), Group: given(t.Group), HealthStatus: new(string(world.HealthUnknown)),
		LaunchType: given(t.LaunchType), Overrides: showOverrides(t), StartedBy: given(t.StartedBy),
		StopCode: given(t.StopCode), StoppedReason: given(t.StoppedReason), Tags: []Tag{}, Version: new(t.Version),
	}
	if tags {
		out.Tags = showTags(t.Tags)
	}
	if t.LaunchType == LaunchTypeFargate {
		out.PlatformVersion, out.PlatformFamily = given(t.PlatformVersion), new("Linux")
	}
	showTimes(&out, t)
	s.showDefined(&out, w, t)
	return out
}

func showTimes(out *Task, t *world.Task) {
	out.CreatedAt = at(t.CreatedAt)
	out.PullStartedAt, out.PullStoppedAt = at(t.Observed.PullStartedAt), at(t.Observed.PullStoppedAt)
	if !t.Observed.ConnectivityAt.IsZero() {
		out.Connectivity, out.ConnectivityAt = new(ConnectivityConnected), at(t.Observed.ConnectivityAt)
	}
	out.StartedAt, out.StoppingAt = at(t.StartedAt), at(t.StoppingAt)
	out.ExecutionStoppedAt, out.StoppedAt = at(t.Observed.ExecutionStoppedAt), at(t.StoppedAt)
}

// showDefined shows what comes from the task's definition, which outlives the
// tasks that refer to it.
func (s *Server) showDefined(out *Task, w world.World, t *world.Task) {
	def := w.TaskDefinition(t.TaskDefinition)
	if def == nil {
		def = &world.TaskDefinition{}
	}
	cpu, memory := sizeOf(def, t.Overrides)
	out.Cpu, out.Memory = sizeText(cpu), sizeText(memory)
	out.HealthStatus = new(string(t.Health(def)))
	if t.LaunchType == LaunchTypeFargate {
		gib := int32(defaultEphemeralGiB)
		for _, size := range []int32{def.EphemeralStorageGiB, t.Overrides.EphemeralStorageGiB} {
			if size != 0 {
				gib = size
			}
		}
		out.EphemeralStorage = &EphemeralStorage{SizeInGiB: new(gib)}
		out.FargateEphemeralStorage = &TaskEphemeralStorage{SizeInGiB: new(gib)}
	}
	for i := range t.Observed.Containers {
		out.Containers = append(out.Containers, s.showContainer(t, def, &t.Observed.Containers[i]))
	}
}

func (s *Server) showContainer(t *world.Task, def *world.TaskDefinition, seen *world.ContainerObserved) Container {
	out := Container{
		ContainerArn: new(s.arn("container/%s/%s/%s", t.Cluster, t.ID, seen.ID)),
		TaskArn:      new(s.taskARN(t.Cluster, t.ID)), Name: new(seen.Name),
		LastStatus: new(seen.LastStatus), HealthStatus: new(string(seen.Health)),
		ImageDigest: given(seen.ImageDigest),
		ExitCode:    seen.ExitCode, Reason: given(seen.Reason),
		NetworkBindings: []NetworkBinding{}, NetworkInterfaces: []NetworkInterface{},
	}
	if seen.LastStatus != "PENDING" { // before, the runtime has nothing of that id
		out.RuntimeId = given(seen.RuntimeID)
	}
	if seen.Health == "" {
		out.HealthStatus = new(string(world.HealthUnknown))
	}
	for _, b := range seen.Bindings {
		out.NetworkBindings = append(out.NetworkBindings, NetworkBinding{
			BindIP: new("0.0.0.0"), ContainerPort: new(b.ContainerPort), HostPort: new(b.HostPort), Protocol: new(b.Protocol),
		})
	}
	if status := attachmentStatus(t); status != "" && status != attachmentPrecreated {
		shown := NetworkInterface{AttachmentId: new(t.Attachment), PrivateIpv4Address: new(t.Address.String())}
		if t.IPv6.IsValid() {
			shown.Ipv6Address = new(t.IPv6.String())
		}
		out.NetworkInterfaces = append(out.NetworkInterfaces, shown)
	}
	c := def.Container(seen.Name)
	if c == nil {
		return out
	}
	o := overrideOf(t.Overrides, c.Name)
	out.Image, out.Cpu = new(c.Image), numberText(o.CPU, c.CPU)
	if c.Memory != 0 || o.Memory != nil {
		out.Memory = numberText(o.Memory, c.Memory)
	}
	if c.MemoryReservation != 0 || o.MemoryReservation != nil {
		out.MemoryReservation = numberText(o.MemoryReservation, c.MemoryReservation)
	}
	return out
}

// attachmentStatus is where the interface of a task in awsvpc mode stands, or
// empty for other tasks.
func attachmentStatus(t *world.Task) string {
	switch {
	case t.Attachment == "":
		return ""
	case !t.LastStatus.Before(world.TaskDeprovisioning):
		return attachmentDeleted
	case t.Observed.Attached:
		return attachmentAttached
	}
	return attachmentPrecreated
}

// showAttachments shows the task's interface: at first no more than its
// subnet, once it is attached all of it.
func (s *Server) showAttachments(w world.World, t *world.Task) []Attachment {
	status := attachmentStatus(t)
	if status == "" {
		return []Attachment{}
	}
	details := [][2]string{{"subnetId", string(t.Subnet)}}
	if status != attachmentPrecreated {
		details = append(details, [2]string{"networkInterfaceId", string(t.Interface)}, [2]string{"macAddress", t.MAC})
		if name := s.privateName(w, t); name != "" {
			details = append(details, [2]string{"privateDnsName", name})
		}
		details = append(details, [2]string{"privateIPv4Address", t.Address.String()})
		if t.IPv6.IsValid() {
			details = append(details, [2]string{"ipv6Address", t.IPv6.String()})
		}
	}
	out := Attachment{Id: new(t.Attachment), Type: new("ElasticNetworkInterface"), Status: &status}
	for _, d := range details {
		out.Details = append(out.Details, KeyValuePair{Name: new(d[0]), Value: new(d[1])})
	}
	return []Attachment{out}
}

// privateName is the name that the VPC gives an address, if it gives names.
func (s *Server) privateName(w world.World, t *world.Task) string {
	subnet := w.Subnets.Get(string(t.Subnet))
	if subnet == nil {
		return ""
	}
	vpc := w.VPCs.Get(string(subnet.VPC))
	if vpc == nil || !vpc.EnableDNSHostnames {
		return ""
	}
	domain := s.scope.Region + ".compute.internal"
	if s.scope.Region == "us-east-1" {
		domain = "ec2.internal"
	}
	return "ip-" + strings.ReplaceAll(t.Address.String(), ".", "-") + "." + domain
}
