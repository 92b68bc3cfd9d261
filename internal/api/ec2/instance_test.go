package ec2

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// launched is a subnet and the parameters that boot an instance in it.
func launched(h *harness) (subnet string, params func(more ...string) []string) {
	h.Helper()
	subnet = h.subnet(h.vpc("10.0.0.0/16"), "10.0.1.0/24")
	return subnet, func(more ...string) []string {
		return append([]string{"ImageId=ami-0c02fb55956c7d316", "MinCount=1", "MaxCount=1", "SubnetId=" + subnet}, more...)
	}
}

func (h *harness) run(params []string) []Instance {
	h.Helper()
	return do[RunInstancesOutput](h, "RunInstances", params...).Instances
}

// move puts an instance into a state, as the planners do.
func (h *harness) move(id string, to world.InstanceState) {
	h.Helper()
	h.change(func(d *plan.Draft) {
		next := *d.World.Instances.Get(id)
		next.State = to
		d.Put(&next)
		if n := d.World.NetworkInterfaces.Get(string(next.Interface)); n != nil && to == world.InstanceTerminated {
			d.Delete(n)
		}
	})
}

func TestRunInstances(t *testing.T) {
	h := newHarness(t)
	subnet, params := launched(h)
	group := h.group(string(h.changes.View().Subnets.Get(subnet).VPC), "web")
	out := do[RunInstancesOutput](h, "RunInstances", params("InstanceType=t3.micro", "SecurityGroupId.1="+group, "UserData="+base64.StdEncoding.EncodeToString([]byte("#!/bin/bash\n")), "PrivateIpAddress=10.0.1.50")...)
	if !regexp.MustCompile(`^r-[0-9a-f]{17}$`).MatchString(*out.ReservationId) || len(out.Instances) != 1 {
		t.Fatalf("answer %+v", out)
	}
	i := out.Instances[0]
	for name, got := range map[string][2]string{
		"state": {fmt.Sprint(*i.State.Code, *i.State.Name), "0 pending"}, "image": {*i.ImageId, "ami-0c02fb55956c7d316"}, "type": {*i.InstanceType, "t3.micro"}, "address": {*i.PrivateIpAddress, "10.0.1.50"},
		"name": {*i.PrivateDnsName, "ip-10-0-1-50.ec2.internal"}, "group": {*i.SecurityGroups[0].GroupName, "web"}, "subnet": {*i.SubnetId, subnet}, "zone": {*i.Placement.AvailabilityZone, "us-east-1a"},
		"attachment": {*i.NetworkInterfaces[0].Attachment.Status, "attached"}, "source/dest check": {fmt.Sprint(*i.SourceDestCheck), "true"},
	} {
		if strings.ReplaceAll(got[0], " ", "") != strings.ReplaceAll(got[1], " ", "") {
			t.Errorf("%s is %s, expected %s", name, got[0], got[1])
		}
	}
	if stored := h.changes.View().Instances.Get(*i.InstanceId); string(stored.UserData) != "#!/bin/bash\n" {
		t.Errorf("user data %q", stored.UserData)
	}
	eni := do[DescribeNetworkInterfacesOutput](h, "DescribeNetworkInterfaces", "Filter.1.Name=attachment.instance-id", "Filter.1.Value.1="+*i.InstanceId).NetworkInterfaces
	if len(eni) != 1 || *eni[0].Status != "in-use" || !regexp.MustCompile(`^eni-attach-[0-9a-f]{17}$`).MatchString(*eni[0].Attachment.AttachmentId) {
		t.Errorf("interfaces %+v", eni)
	}
	h.fails("InvalidParameterValue", "", "DeleteNetworkInterface", "NetworkInterfaceId="+*eni[0].NetworkInterfaceId)
	long := h.run([]string{"ImageId=ami-12345678", "MinCount=1", "MaxCount=1", "NetworkInterface.1.DeviceIndex=0", "NetworkInterface.1.SubnetId=" + subnet, "NetworkInterface.1.SecurityGroupId.1=" + group,
		"NetworkInterface.1.Description=mine", "NetworkInterface.1.AssociatePublicIpAddress=false"})
	if *long[0].SecurityGroups[0].GroupId != group || *long[0].NetworkInterfaces[0].Description != "mine" || *long[0].InstanceType != "m1.small" {
		t.Errorf("instance %+v", long[0])
	}
}

func TestRunInstances_Refused(t *testing.T) {
	h := newHarness(t)
	subnet, params := launched(h)
	for _, c := range []struct{ code, message, param string }{
		{"InvalidSubnetID.NotFound", "", "SubnetId=" + noSubnet},
		{"InvalidSubnetID.Malformed", "", "SubnetId=x"},
		{"InvalidGroup.NotFound", "", "SecurityGroupId.1=" + noGroup},
		{"InvalidAMIID.Malformed", `Invalid id: "nginx" (expecting "ami-...")`, "ImageId=nginx"},
		{"InvalidAMIID.Malformed", "", "ImageId=ami-xyz"},
		{"InvalidParameterValue", "Value (x9.huge) for parameter instanceType is invalid.", "InstanceType=x9.huge"},
		{"InvalidParameterValue", "Value (0) for parameter minCount is invalid.", "MinCount=0"},
		{"InvalidParameterValue", "Value (1) for parameter maxCount is invalid.", "MinCount=2"},
		{"InvalidParameterValue", "Invalid BASE64 encoding of user data.", "UserData=%%%"},
		{"InvalidParameterValue", "User data is limited to 16384 bytes", "UserData=" + base64.StdEncoding.EncodeToString(make([]byte, 16385))},
		{"InvalidParameterValue", "Address 10.0.2.1 does not fall within the subnet's address range", "PrivateIpAddress=10.0.2.1"},
		{"InvalidKeyPair.NotFound", "The key pair 'mine' does not exist", "KeyName=mine"},
		{"InvalidParameterValue", "Value (web) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", "IamInstanceProfile.Name=web"},
		{"InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet", "SecurityGroup.1=web"},
		{"InvalidParameterValue", "The availability zone 'us-east-1b' does not match the subnet's", "Placement.AvailabilityZone=us-east-1b"},
		{"InvalidParameterCombination", "Network interfaces and an instance-level subnet ID", "NetworkInterface.1.DeviceIndex=0"},
		{"UnsupportedOperation", "Seamark does not build LaunchTemplate yet.", "LaunchTemplate.LaunchTemplateName=x"},
		{"UnsupportedOperation", "", "Placement.Tenancy=dedicated"},
		{"UnsupportedOperation", "", "BlockDeviceMapping.1.DeviceName=/dev/xvda"},
		{"UnsupportedOperation", "", "DisableApiTermination=true"},
		{"UnsupportedOperation", "", "Ipv6AddressCount=2"},
		{"DryRunOperation", "", dryRun},
	} {
		h.fails(c.code, c.message, "RunInstances", params(c.param)...)
	}
	h.fails("VPCIdNotSpecified", "No default VPC for this user", "RunInstances", "ImageId=ami-12345678", "MinCount=1", "MaxCount=1")
	h.fails("MissingParameter", "The request must contain the parameter ImageId", "RunInstances", "MinCount=1", "MaxCount=1", "SubnetId="+subnet)
	h.fails("MissingParameter", "The request must contain the parameter MinCount", "RunInstances", "ImageId=ami-12345678", "MaxCount=1", "SubnetId="+subnet)
	h.fails("UnsupportedOperation", "Seamark does not build AssociatePublicIpAddress yet.", "RunInstances", "ImageId=ami-12345678", "MinCount=1", "MaxCount=1",
		"NetworkInterface.1.DeviceIndex=0", "NetworkInterface.1.SubnetId="+subnet, "NetworkInterface.1.AssociatePublicIpAddress=true")
	h.fails("InvalidParameterCombination", "A private IP address can be specified only when launching one instance.", "RunInstances", params("MaxCount=2", "PrivateIpAddress=10.0.1.9")...)
	h.fails("InstanceLimitExceeded", "You have requested more instances (101) than your current instance limit of 100", "RunInstances", params("MinCount=101", "MaxCount=101")...)

	aws := harnessOf(t, world.AWS)
	_, params = launched(aws)
	aws.fails("InvalidAMIID.NotFound", "The image id '[ami-0c02fb55956c7d316]' does not exist", "RunInstances", params()...)
	aws.run(params("ImageId=" + testMachine))
}

// TestRunInstances_Counts: as many as fit between the least and the most.
func TestRunInstances_Counts(t *testing.T) {
	h := newHarness(t)
	vpc := h.vpc("10.0.0.0/16")
	tiny := h.subnet(vpc, "10.0.1.0/28")
	of := func(least, most int) []string {
		return []string{"ImageId=ami-12345678", fmt.Sprintf("MinCount=%d", least), fmt.Sprintf("MaxCount=%d", most), "SubnetId=" + tiny}
	}
	h.fails("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in subnet '"+tiny+"' to satisfy the requested number of instances.", "RunInstances", of(12, 12)...)
	made := h.run(of(3, 3))
	addresses := texts(made, func(i Instance) *string { return i.PrivateIpAddress })
	if len(made) != 3 || *made[2].AmiLaunchIndex != 2 || len(slices.Compact(slices.Sorted(slices.Values(addresses)))) != 3 {
		t.Errorf("instances %+v", made)
	}
	if got := h.run(of(2, 20)); len(got) != 8 {
		t.Errorf("%d instances, expected the 8 that fit", len(got))
	}
	h.fails("InsufficientFreeAddressesInSubnet", "", "RunInstances", of(1, 1)...)
	if got := do[DescribeInstancesOutput](h, "DescribeInstances").Reservations; len(got) != 2 {
		t.Errorf("%d reservations", len(got))
	}
}

func TestRunInstances_Token(t *testing.T) {
	h := newHarness(t)
	_, params := launched(h)
	id := func(list []Instance) string { return *list[0].InstanceId }
	first := h.run(params("ClientToken=one", "MaxCount=2"))
	revision := h.changes.View().Revision
	again := h.run(params("ClientToken=one", "MaxCount=2"))
	if len(again) != 2 || id(again) != id(first) || h.changes.View().Revision != revision {
		t.Errorf("the repeated request made %+v", again)
	}
	for _, other := range []string{"InstanceType=t3.micro", "MaxCount=3", "UserData=YQ==", "ImageId=ami-12345678", "PrivateIpAddress=10.0.1.99"} {
		h.fails("IdempotentParameterMismatch", "", "RunInstances", params("ClientToken=one", other)...)
	}
	h.fails("InvalidParameterValue", "", "RunInstances", params("ClientToken="+strings.Repeat("a", 65))...)
	// While an instance is still shown, terminated, the token names it.
	do[TerminateInstancesOutput](h, "TerminateInstances", "InstanceId.1="+id(first), "InstanceId.2="+*first[1].InstanceId)
	if got := h.run(params("ClientToken=one", "MaxCount=2")); *got[0].State.Name != "shutting-down" {
		t.Errorf("instance %+v", got[0])
	}
	h.change(func(d *plan.Draft) {
		for _, i := range first {
			d.Delete(d.World.Instances.Get(*i.InstanceId))
		}
	})
	if got := h.run(params("ClientToken=one", "MaxCount=2")); id(got) == id(first) {
		t.Error("the token of instances that are gone makes nothing")
	}
}

func TestTerminateInstances(t *testing.T) {
	h := newHarness(t)
	_, params := launched(h)
	id := *h.run(params())[0].InstanceId
	h.move(id, world.InstanceRunning)
	h.fails("InvalidInstanceID.NotFound", "The instance ID 'i-12345678' does not exist", "TerminateInstances", "InstanceId.1="+id, "InstanceId.2="+noInstance)
	h.fails("InvalidInstanceID.NotFound", "The instance IDs 'i-12345678, i-87654321' do not exist", "TerminateInstances", "InstanceId.1="+noInstance, "InstanceId.2=i-87654321", "InstanceId.3="+id)
	h.fails("InvalidInstanceID.Malformed", `Invalid id: "x" (expecting "i-...")`, "TerminateInstances", "InstanceId.1=x")
	h.fails("MissingParameter", "", "TerminateInstances")
	h.fails("DryRunOperation", "", "TerminateInstances", "InstanceId.1="+id, dryRun)
	terminate := func(before, after string) {
		t.Helper()
		out := do[TerminateInstancesOutput](h, "TerminateInstances", "InstanceId.1="+id).TerminatingInstances
		if len(out) != 1 || *out[0].InstanceId != id || *out[0].PreviousState.Name != before || *out[0].CurrentState.Name != after {
			t.Errorf("answer %+v, expected %s to %s", out[0], before, after)
		}
	}
	terminate("running", "shutting-down")
	revision := h.changes.View().Revision
	terminate("shutting-down", "shutting-down")
	h.move(id, world.InstanceTerminated)
	terminate("terminated", "terminated")
	if got := h.changes.View().Revision; got != revision+1 {
		t.Errorf("terminating again wrote revision %d", got)
	}
	i := do[DescribeInstancesOutput](h, "DescribeInstances", "InstanceId.1="+id).Reservations[0].Instances[0]
	if *i.State.Code != 48 || *i.State.Name != "terminated" || i.VpcId != nil || i.SubnetId != nil || i.PrivateIpAddress != nil || len(i.NetworkInterfaces) != 0 || len(i.SecurityGroups) != 0 {
		t.Errorf("instance %+v", i)
	}
	if *i.StateReason.Code != "Client.UserInitiatedShutdown" || !regexp.MustCompile(`^User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)$`).MatchString(*i.StateTransitionReason) {
		t.Errorf("reasons %+v, %s", i.StateReason, *i.StateTransitionReason)
	}
}

func TestDescribeInstances(t *testing.T) {
	h := newHarness(t)
	subnet, params := launched(h)
	two := h.run(params("MaxCount=2", "MinCount=2", "TagSpecification.1.ResourceType=instance", "TagSpecification.1.Tag.1.Key=Name", "TagSpecification.1.Tag.1.Value=web"))
	one := h.run(params("InstanceType=t3.micro"))
	a, b, c := *two[0].InstanceId, *two[1].InstanceId, *one[0].InstanceId
	h.move(b, world.InstanceRunning)
	h.move(c, world.InstanceTerminated)
	find := func(params ...string) []string {
		t.Helper()
		var out []string
		for _, r := range do[DescribeInstancesOutput](h, "DescribeInstances", params...).Reservations {
			out = append(out, texts(r.Instances, func(i Instance) *string { return i.InstanceId })...)
		}
		return out
	}
	h.same("all", find(), a, b, c)
	h.same("by id", find("InstanceId.1="+a, "InstanceId.2="+c), a, c)
	for f, want := range map[string][]string{
		"instance-state-name=running": {b}, "instance-state-name=pending": {a}, "instance-state-code=48": {c}, "instance-type=t3.micro": {c}, "subnet-id=" + subnet: {a, b},
		"tag:Name=web": {a, b}, "tag-key=Name": {a, b}, "private-ip-address=" + *two[0].PrivateIpAddress: {a}, "instance.group-name=default": {a, b}, "availability-zone=us-east-1a": {a, b, c},
		"image-id=ami-*": {a, b, c}, "launch-index=1": {b}, "vpc-id=vpc-*": {a, b}, "network-interface.network-interface-id=eni-*": {a, b}, "owner-id=123456789012": {a, b, c}, "key-name=*": nil,
	} {
		name, value, _ := strings.Cut(f, "=")
		h.same(f, find("Filter.1.Name="+name, "Filter.1.Value.1="+value), want...)
	}
	if r := do[DescribeInstancesOutput](h, "DescribeInstances", "InstanceId.1="+a, "InstanceId.2="+b).Reservations; len(r) != 1 || len(r[0].Instances) != 2 {
		t.Errorf("reservations %+v", r)
	}
	h.fails("InvalidInstanceID.NotFound", "The instance IDs 'i-12345678, i-87654321' do not exist", "DescribeInstances", "InstanceId.1="+noInstance, "InstanceId.2="+a, "InstanceId.3=i-87654321")
	h.fails("InvalidInstanceID.Malformed", "", "DescribeInstances", "InstanceId.1=i-x")
	h.fails("InvalidParameterCombination", "", "DescribeInstances", "InstanceId.1="+a, "MaxResults=5")

	statuses := func(params ...string) []string {
		t.Helper()
		return texts(do[DescribeInstanceStatusOutput](h, "DescribeInstanceStatus", params...).InstanceStatuses, func(s InstanceStatus) *string { return s.InstanceId })
	}
	h.same("status", statuses(), b)
	h.same("status of all", statuses("IncludeAllInstances=true"), a, b, c)
	h.same("status by filter", statuses("Filter.1.Name=instance-status.status", "Filter.1.Value.1=ok"), b)
	if s := do[DescribeInstanceStatusOutput](h, "DescribeInstanceStatus", "InstanceId.1="+b).InstanceStatuses[0]; *s.InstanceStatus.Status != "ok" || *s.SystemStatus.Status != "ok" || *s.InstanceState.Name != "running" {
		t.Errorf("status %+v", s)
	}
	h.fails("InvalidInstanceID.NotFound", "", "DescribeInstanceStatus", "InstanceId.1="+noInstance)
}

func TestGetConsoleOutput(t *testing.T) {
	h := newHarness(t)
	_, params := launched(h)
	id := *h.run(params())[0].InstanceId
	h.console[world.InstanceID(id)] = Console{At: at()}
	if out := do[GetConsoleOutputOutput](h, "GetConsoleOutput", "InstanceId="+id); out.Output != nil || *out.InstanceId != id || !out.Timestamp.Equal(at()) {
		t.Errorf("answer %+v", out)
	}
	h.console[world.InstanceID(id)] = Console{At: at(), Output: []byte("HTTP/1.1 200 OK\n\xff")}
	out := do[GetConsoleOutputOutput](h, "GetConsoleOutput", "InstanceId="+id)
	if got, err := base64.StdEncoding.DecodeString(*out.Output); err != nil || string(got) != "HTTP/1.1 200 OK\n\xff" {
		t.Errorf("output %q, error %v", got, err)
	}
	h.fails("InvalidInstanceID.NotFound", "", "GetConsoleOutput", "InstanceId="+noInstance)
	h.fails("InvalidInstanceID.Malformed", "", "GetConsoleOutput", "InstanceId=x")
	h.fails("DryRunOperation", "", "GetConsoleOutput", "InstanceId="+id, dryRun)
	delete(h.console, world.InstanceID(id))
	if status, b := h.post("GetConsoleOutput", []string{"InstanceId=" + id}); status != 500 || strings.Contains(string(b), "cannot be read") {
		t.Errorf("a console that cannot be read: %d %s", status, b)
	}
}

func TestDescribeInstanceAttribute(t *testing.T) {
	h := newHarness(t)
	_, params := launched(h)
	id := *h.run(params("InstanceType=t3.micro", "UserData=YWJj"))[0].InstanceId
	get := func(name string) *DescribeInstanceAttributeOutput {
		t.Helper()
		return do[DescribeInstanceAttributeOutput](h, "DescribeInstanceAttribute", "InstanceId="+id, "Attribute="+name)
	}
	if out := get("instanceType"); *out.InstanceId != id || *out.InstanceType.Value != "t3.micro" {
		t.Errorf("type %+v", out)
	}
	if out := get("userData"); *out.UserData.Value != "YWJj" {
		t.Errorf("user data %+v", out)
	}
	if out := get("groupSet"); len(out.Groups) != 1 || *out.Groups[0].GroupName != "default" {
		t.Errorf("groups %+v", out)
	}
	for name, want := range map[string]bool{"disableApiTermination": false, "disableApiStop": false, "sourceDestCheck": true, "ebsOptimized": false} {
		out := get(name)
		got := map[string]*AttributeBooleanValue{"disableApiTermination": out.DisableApiTermination, "disableApiStop": out.DisableApiStop, "sourceDestCheck": out.SourceDestCheck, "ebsOptimized": out.EbsOptimized}[name]
		if got == nil || *got.Value != want {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if out := get("instanceInitiatedShutdownBehavior"); *out.InstanceInitiatedShutdownBehavior.Value != "stop" {
		t.Errorf("shutdown behaviour %+v", out)
	}
	h.fails("UnsupportedOperation", "", "DescribeInstanceAttribute", "InstanceId="+id, "Attribute=sriovNetSupport")
	h.fails("InvalidParameterValue", "", "DescribeInstanceAttribute", "InstanceId="+id, "Attribute=x")
	h.fails("InvalidInstanceID.NotFound", "", "DescribeInstanceAttribute", "InstanceId="+noInstance, "Attribute=userData")
	h.fails("DryRunOperation", "", "DescribeInstanceAttribute", "InstanceId="+id, "Attribute=userData", dryRun)
}

func TestDescribeImages(t *testing.T) {
	h := newHarness(t)
	for _, params := range [][]string{nil, {"ImageId.1=" + testMachine}, {"Owner.1=self"}, {"Owner.1=123456789012"}, {"Filter.1.Name=name", "Filter.1.Value.1=seamark-*"}} {
		images := do[DescribeImagesOutput](h, "DescribeImages", params...).Images
		if len(images) != 1 || *images[0].ImageId != testMachine || *images[0].State != "available" || *images[0].OwnerId != "123456789012" {
			t.Errorf("%v: images %+v", params, images)
		}
	}
	for _, params := range [][]string{{"Owner.1=amazon"}, {"ExecutableBy.1=all"}, {"Filter.1.Name=name", "Filter.1.Value.1=amzn2-*"}} {
		if images := do[DescribeImagesOutput](h, "DescribeImages", params...).Images; len(images) != 0 {
			t.Errorf("%v: images %+v", params, images)
		}
	}
	h.fails("InvalidAMIID.NotFound", "The image id '[ami-12345678]' does not exist", "DescribeImages", "ImageId.1=ami-12345678")
	h.fails("InvalidAMIID.Malformed", "", "DescribeImages", "ImageId.1=x")
}

func TestDescribeInstanceTypes(t *testing.T) {
	h := newHarness(t)
	names := func(params ...string) []string {
		t.Helper()
		return texts(do[DescribeInstanceTypesOutput](h, "DescribeInstanceTypes", params...).InstanceTypes, func(i InstanceTypeInfo) *string { return i.InstanceType })
	}
	all := names()
	if !slices.IsSorted(all) || len(all) != 22 {
		t.Errorf("%d types: %v", len(all), all)
	}
	micro := do[DescribeInstanceTypesOutput](h, "DescribeInstanceTypes", "InstanceType.1=t3.micro").InstanceTypes[0]
	if *micro.VCpuInfo.DefaultVCpus != 2 || *micro.MemoryInfo.SizeInMiB != 1024 || !*micro.BurstablePerformanceSupported || *micro.Hypervisor != "nitro" {
		t.Errorf("t3.micro %+v", micro)
	}
	h.same("by filter", names("Filter.1.Name=instance-type", "Filter.1.Value.1=t?.micro"), "t2.micro", "t3.micro")
	h.same("by memory", names("Filter.1.Name=memory-info.size-in-mib", "Filter.1.Value.1=512"), "t2.nano", "t3.nano")
	h.fails("UnsupportedOperation", "", "DescribeInstanceTypes", "InstanceType.1=c5.large")
	h.fails("InvalidParameterValue", "", "DescribeInstanceTypes", "InstanceType.1=x9.huge")
	h.fails("InvalidParameterValue", "", "DescribeInstanceTypes", "MaxResults=101")
}
