package ec2

import (
	"runtime"

	"seamark/internal/wire"
	"seamark/internal/world"
)

// architecture is the machine's, which instances share, as EC2 spells it.
func architecture() string {
	if runtime.GOARCH == "amd64" {
		return ArchitectureValuesX8664
	}
	return runtime.GOARCH
}

// showState is a state with its code (EC2 API reference, InstanceState).
func showState(state world.InstanceState) *InstanceState {
	codes := map[world.InstanceState]int32{
		world.InstancePending: 0, world.InstanceRunning: 16, world.InstanceShuttingDown: 32,
		world.InstanceTerminated: 48, world.InstanceStopping: 64, world.InstanceStopped: 80,
	}
	return &InstanceState{Code: new(codes[state]), Name: new(string(state))}
}

func (s *Server) showInstance(w world.World, i *world.Instance) Instance {
	out := Instance{
		InstanceId: new(string(i.ID)), ImageId: &i.ImageID, InstanceType: &i.Type, AmiLaunchIndex: &i.LaunchIndex, Architecture: new(architecture()),
		LaunchTime: wire.At(i.LaunchTime), State: showState(i.State), StateTransitionReason: &i.StateTransitionReason, Tags: showTags(i.Tags),
		Placement: &Placement{AvailabilityZone: &i.AvailabilityZone, GroupName: new(""), Tenancy: new("default")}, Monitoring: &Monitoring{State: new("disabled")},
		Hypervisor: new("xen"), VirtualizationType: new("hvm"), RootDeviceType: new("instance-store"), BlockDeviceMappings: []InstanceBlockDeviceMapping{},
		ProductCodes: []ProductCode{}, EbsOptimized: new(false), EnaSupport: new(true), PublicDnsName: new(""), PrivateDnsName: new(""),
		NetworkInterfaces: []InstanceNetworkInterface{}, SecurityGroups: []GroupIdentifier{}, ClientToken: &i.ClientToken,
	}
	if i.StateReason != "" {
		out.StateReason = &StateReason{Code: &i.StateReason, Message: &i.StateMessage}
	}
	if i.State == world.InstanceTerminated {
		return out
	}
	address, name := i.Address.String(), world.PrivateDNSName(s.cfg.Scope.Region, i.Address)
	out.VpcId, out.SubnetId, out.SecurityGroups = new(string(i.VPC)), new(string(i.Subnet)), showGroups(w, i.SecurityGroups)
	out.PrivateIpAddress, out.PrivateDnsName, out.SourceDestCheck = &address, &name, new(true)
	if i.IPv6.IsValid() {
		out.Ipv6Address = new(i.IPv6.String())
	}
	if n := w.NetworkInterfaces.Get(string(i.Interface)); n != nil {
		out.NetworkInterfaces = append(out.NetworkInterfaces, s.showInstanceInterface(w, n))
	}
	return out
}

func (s *Server) showInstanceInterface(w world.World, n *world.NetworkInterface) InstanceNetworkInterface {
	shown := s.showInterface(w, n)
	six := []InstanceIpv6Address{}
	for _, a := range shown.Ipv6Addresses {
		six = append(six, InstanceIpv6Address{Ipv6Address: a.Ipv6Address, IsPrimaryIpv6: a.IsPrimaryIpv6})
	}
	return InstanceNetworkInterface{
		NetworkInterfaceId: shown.NetworkInterfaceId, VpcId: shown.VpcId, SubnetId: shown.SubnetId, Groups: shown.Groups, MacAddress: shown.MacAddress,
		OwnerId: shown.OwnerId, PrivateDnsName: shown.PrivateDnsName, PrivateIpAddress: shown.PrivateIpAddress, SourceDestCheck: shown.SourceDestCheck,
		Status: shown.Status, Description: shown.Description, InterfaceType: shown.InterfaceType, Ipv6Addresses: six,
		PrivateIpAddresses: []InstancePrivateIpAddress{{Primary: new(true), PrivateDnsName: shown.PrivateDnsName, PrivateIpAddress: shown.PrivateIpAddress}},
		Attachment: &InstanceNetworkInterfaceAttachment{
			AttachmentId: shown.Attachment.AttachmentId, AttachTime: shown.Attachment.AttachTime, DeleteOnTermination: new(true), DeviceIndex: new(int32(0)), Status: new("attached"),
		},
	}
}
