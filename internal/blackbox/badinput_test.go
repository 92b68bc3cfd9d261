//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/internal/api/ec2"
)

// TestBadInput asks for what AWS refuses, and looks that each refusal has AWS's
// own code and changes nothing.
func TestBadInput(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 2)
	g.awaitStable("web")
	b := &bad{stage: g, from: s.session(g.vpc), answer: addressesOf(g.running("web"))}
	b.settle()
	for name, test := range map[string]func(*testing.T, *bad){
		"networks":        badNetworks,
		"names":           badNames,
		"TTL":             badTTL,
		"clusters":        badClusters,
		"services":        badServices,
		"instances":       badInstances,
		"CPU and memory":  badSizes,
		"bodies":          badBodies,
		"signatures":      badSignatures,
		"100 MB":          badLength,
		"broken packets":  badPackets,
		"broken TCP":      badStreams,
		"commands of CLI": badCommands,
	} {
		t.Run(name, func(t *testing.T) { test(t, b) })
		b.unchanged(t, name)
	}
}

// bad is a stage at rest, and how it was.
type bad struct {
	*stage
	from     place
	answer   []netip.Addr
	revision int64
}

// settle waits until nothing changes any more, and remembers that.
func (b *bad) settle() {
	b.t.Helper()
	same := 0
	b.eventually("the world is at rest", func() error {
		now := b.status().Revision
		if now != b.revision {
			b.revision, same = now, 0
		}
		if same++; same < 50 {
			return fmt.Errorf("revision %d", now)
		}
		return nil
	})
}

// unchanged checks that the world is the same and answered as before.
func (b *bad) unchanged(t *testing.T, after string) {
	t.Helper()
	if now := b.status().Revision; now != b.revision {
		t.Errorf("after %s the world is at revision %d, was at %d", after, now, b.revision)
		b.revision = now
	}
	if got, err := b.from.lookup(webName); err != nil || !slices.Equal(got, b.answer) {
		t.Errorf("after %s, %s has %v (%v), had %v", after, webName, got, err, b.answer)
	}
	if err := b.stable("web"); err != nil {
		t.Errorf("after %s: %v", after, err)
	}
}

// refusal is a call and the code with which it must fail.
type refusal struct {
	what string
	want string
	call func() error
}

// all makes calls that must fail, one after the other.
func (b *bad) all(t *testing.T, list []refusal) {
	t.Helper()
	for _, r := range list {
		before := b.status().Revision
		if got := code(r.call()); got != r.want {
			t.Errorf("%s: %q, want %s", r.what, got, r.want)
		}
		if now := b.status().Revision; now != before {
			t.Errorf("%s: refused, but the world went from revision %d to %d", r.what, before, now)
		}
	}
}

func (b *bad) vpcOf(cidr string) func() error {
	return func() error { return b.ec2("CreateVpc", &ec2.CreateVpcInput{CidrBlock: &cidr}, &ec2.CreateVpcOutput{}) }
}

func (b *bad) subnetOf(vpc, cidr string) func() error {
	return func() error {
		return b.ec2("CreateSubnet", &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr}, &ec2.CreateSubnetOutput{})
	}
}

func badNetworks(t *testing.T, b *bad) {
	b.all(t, []refusal{
		{"a VPC larger than /16", "InvalidVpc.Range", b.vpcOf("10.0.0.0/8")},
		{"a VPC smaller than /28", "InvalidVpc.Range", b.vpcOf("10.0.0.0/29")},
		{"a VPC of nonsense", "InvalidParameterValue", b.vpcOf("10.0.0.0/33")},
		{"a subnet of no VPC", "InvalidVpcID.NotFound", b.subnetOf("vpc-12345678", "10.0.9.0/24")},
		{"a subnet outside its VPC", "InvalidSubnet.Range", b.subnetOf(b.vpc, "10.1.0.0/24")},
		{"a subnet larger than its VPC", "InvalidSubnet.Range", b.subnetOf(b.vpc, "10.0.0.0/15")},
		{"a subnet that overlaps", "InvalidSubnet.Conflict", b.subnetOf(b.vpc, "10.0.1.128/25")},
		{"a subnet around others", "InvalidSubnet.Conflict", b.subnetOf(b.vpc, "10.0.0.0/16")},
		{"a subnet of nonsense", "InvalidParameterValue", b.subnetOf(b.vpc, "10.0.9")},
		{"a group in no VPC", "InvalidVpcID.NotFound", func() error {
			in := &ec2.CreateSecurityGroupInput{VpcId: aws.String("vpc-12345678"), GroupName: aws.String("g"), Description: aws.String("g")}
			return b.ec2("CreateSecurityGroup", in, &ec2.CreateSecurityGroupOutput{})
		}},
		{"a rule of no group", "InvalidGroup.NotFound", func() error {
			in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-12345678"), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), CidrIp: aws.String("10.0.0.0/16")}
			return b.ec2("AuthorizeSecurityGroupIngress", in, &ec2.AuthorizeSecurityGroupIngressOutput{})
		}},
		{"deleting a VPC in use", "DependencyViolation", func() error { return b.ec2("DeleteVpc", &ec2.DeleteVpcInput{VpcId: &b.vpc}, &ec2.DeleteVpcOutput{}) }},
		{"deleting a subnet in use", "DependencyViolation", func() error {
			return b.ec2("DeleteSubnet", &ec2.DeleteSubnetInput{SubnetId: &b.subnets[0]}, &ec2.DeleteSubnetOutput{})
		}},
		{"deleting a group in use", "DependencyViolation", func() error {
			return b.ec2("DeleteSecurityGroup", &ec2.DeleteSecurityGroupInput{GroupId: &b.group}, &ec2.DeleteSecurityGroupOutput{})
		}},
	})
}

func badNames(t *testing.T, b *bad) {
	ctx, c, none := context.Background(), b.discovery(), aws.String("srv-12345678")
	b.all(t, []refusal{
		{"a namespace that is there", "NamespaceAlreadyExists", func() error {
			_, err := c.CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{Name: aws.String("myapp.local"), Vpc: &b.vpc})
			return err
		}},
		{"a service in no namespace", "NamespaceNotFound", func() error { return b.record("other", "ns-12345678", "A", 60) }},
		{"a service that is there", "ServiceAlreadyExists", func() error { return b.record("web", b.namespace, "A", 60) }},
		{"a namespace with services deleted", "ResourceInUse", func() error {
			_, err := c.DeleteNamespace(ctx, &servicediscovery.DeleteNamespaceInput{Id: &b.namespace})
			return err
		}},
		{"a service with instances deleted", "ResourceInUse", func() error {
			_, err := c.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: &b.registry})
			return err
		}},
		{"instances of no service", "ServiceNotFound", func() error {
			_, err := c.ListInstances(ctx, &servicediscovery.ListInstancesInput{ServiceId: none})
			return err
		}},
		{"health in no service", "ServiceNotFound", func() error {
			_, err := c.UpdateInstanceCustomHealthStatus(ctx, &servicediscovery.UpdateInstanceCustomHealthStatusInput{ServiceId: none, InstanceId: aws.String("i"), Status: sdtypes.CustomHealthStatusUnhealthy})
			return err
		}},
		{"health of no instance", "InstanceNotFound", func() error {
			_, err := c.UpdateInstanceCustomHealthStatus(ctx, &servicediscovery.UpdateInstanceCustomHealthStatusInput{ServiceId: &b.registry, InstanceId: aws.String("i"), Status: sdtypes.CustomHealthStatusUnhealthy})
			return err
		}},
		{"discovering in no namespace", "NamespaceNotFound", func() error {
			_, err := c.DiscoverInstances(ctx, &servicediscovery.DiscoverInstancesInput{NamespaceName: aws.String("none.local"), ServiceName: aws.String("web")})
			return err
		}},
		{"discovering no service", "ServiceNotFound", func() error {
			_, err := c.DiscoverInstances(ctx, &servicediscovery.DiscoverInstancesInput{NamespaceName: aws.String("myapp.local"), ServiceName: aws.String("none")})
			return err
		}},
		{"no operation", "OperationNotFound", func() error {
			_, err := c.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: aws.String("none")})
			return err
		}},
	})
}

// record creates a service of Cloud Map with one record type.
func (b *bad) record(name, namespace, kind string, ttl int64) error {
	config := &sdtypes.DnsConfig{DnsRecords: []sdtypes.DnsRecord{{Type: sdtypes.RecordType(kind), TTL: &ttl}}}
	if kind == "CNAME" {
		config.RoutingPolicy = sdtypes.RoutingPolicyWeighted
	}
	_, err := b.discovery().CreateService(context.Background(), &servicediscovery.CreateServiceInput{Name: &name, NamespaceId: &namespace, DnsConfig: config})
	return err
}

// badTTL: 0 and 2,147,483,647 are the bounds.
func badTTL(t *testing.T, b *bad) {
	b.all(t, []refusal{
		{"a TTL of -1", "InvalidInput", func() error { return b.record("ttl", b.namespace, "A", -1) }},
		{"a TTL of 2147483648", "InvalidInput", func() error { return b.record("ttl", b.namespace, "A", 2147483648) }},
	})
	for name, ttl := range map[string]int64{"least": 0, "most": 2147483647} {
		if err := b.record(name, b.namespace, "A", ttl); err != nil {
			t.Errorf("a TTL of %d: %v", ttl, err)
			continue
		}
		out, err := b.discovery().ListServices(context.Background(), &servicediscovery.ListServicesInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Services {
			if *s.Name != name {
				continue
			}
			if got := *s.DnsConfig.DnsRecords[0].TTL; got != ttl {
				t.Errorf("TTL %d became %d", ttl, got)
			}
			if _, err := b.discovery().DeleteService(context.Background(), &servicediscovery.DeleteServiceInput{Id: s.Id}); err != nil {
				t.Error(err)
			}
		}
	}
	b.settle()
}

func badClusters(t *testing.T, b *bad) {
	ctx, c, none := context.Background(), b.ecs(), aws.String("none")
	b.all(t, []refusal{
		{"a service in no cluster", "ClusterNotFoundException", func() error {
			_, err := c.CreateService(ctx, &ecs.CreateServiceInput{Cluster: none, ServiceName: aws.String("s"), TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(1), NetworkConfiguration: b.network()})
			return err
		}},
		{"a task in no cluster", "ClusterNotFoundException", func() error {
			_, err := c.RunTask(ctx, &ecs.RunTaskInput{Cluster: none, TaskDefinition: aws.String("web"), NetworkConfiguration: b.network()})
			return err
		}},
		{"services of no cluster", "ClusterNotFoundException", func() error {
			_, err := c.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: none, Services: []string{"web"}})
			return err
		}},
		{"deleting no cluster", "ClusterNotFoundException", func() error {
			_, err := c.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: none})
			return err
		}},
		{"deleting a cluster in use", "ClusterContainsServicesException", func() error {
			_, err := c.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &b.cluster})
			return err
		}},
		{"no service updated", "ServiceNotFoundException", func() error {
			_, err := c.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &b.cluster, Service: none, DesiredCount: aws.Int32(1)})
			return err
		}},
		{"no service deleted", "ServiceNotFoundException", func() error {
			_, err := c.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &b.cluster, Service: none})
			return err
		}},
		{"no task stopped", "InvalidParameterException", func() error {
			_, err := c.StopTask(ctx, &ecs.StopTaskInput{Cluster: &b.cluster, Task: aws.String("0123456789abcdef0123456789abcdef")})
			return err
		}},
		{"events of no log group", "ResourceNotFoundException", func() error {
			_, err := b.logs().FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/none")})
			return err
		}},
	})
}

// badServices names what is not there, or does not fit, in a service of ECS.
func badServices(t *testing.T, b *bad) {
	if err := b.record("alias", b.namespace, "CNAME", 60); err != nil {
		t.Fatal(err)
	}
	cname := b.registryCalled("alias")
	b.settle()
	with := func(change func(*ecs.CreateServiceInput)) func() error {
		return func() error {
			in := &ecs.CreateServiceInput{
				Cluster: &b.cluster, ServiceName: aws.String("bad"), TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate,
				NetworkConfiguration: b.network(), ServiceRegistries: []types.ServiceRegistry{{RegistryArn: &b.registryARN}},
			}
			change(in)
			_, err := b.ecs().CreateService(context.Background(), in)
			return err
		}
	}
	network := func(subnet, group string) func(*ecs.CreateServiceInput) {
		return func(in *ecs.CreateServiceInput) {
			in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{subnet}, SecurityGroups: []string{group}}}
		}
	}
	registry := func(arn string) func(*ecs.CreateServiceInput) {
		return func(in *ecs.CreateServiceInput) { in.ServiceRegistries = []types.ServiceRegistry{{RegistryArn: &arn}} }
	}
	b.all(t, []refusal{
		{"no task definition", "ClientException", with(func(in *ecs.CreateServiceInput) { in.TaskDefinition = aws.String("none") })},
		{"no subnet", "InvalidParameterException", with(network("subnet-12345678", b.group))},
		{"no security group", "InvalidParameterException", with(network(b.subnets[0], "sg-12345678"))},
		{"no network", "InvalidParameterException", with(func(in *ecs.CreateServiceInput) { in.NetworkConfiguration = nil })},
		{"no registry", "InvalidParameterException", with(registry("arn:aws:servicediscovery:us-east-1:123456789012:service/srv-12345678"))},
		{"a registry of CNAME records", "InvalidParameterException", with(registry(cname))},
		{"a service that is there", "InvalidParameterException", with(func(in *ecs.CreateServiceInput) { in.ServiceName = aws.String("web") })},
		{"a negative count", "InvalidParameterException", with(func(in *ecs.CreateServiceInput) { in.DesiredCount = aws.Int32(-1) })},
	})
}

// registryCalled is the ARN of a service of Cloud Map.
func (b *bad) registryCalled(name string) string {
	b.t.Helper()
	out, err := b.discovery().ListServices(context.Background(), &servicediscovery.ListServicesInput{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range out.Services {
		if *s.Name == name {
			return *s.Arn
		}
	}
	b.t.Fatalf("no service called %s", name)
	return ""
}

func badInstances(t *testing.T, b *bad) {
	run := func(ami, subnet string) func() error {
		return func() error {
			in := &ec2.RunInstancesInput{ImageId: &ami, SubnetId: &subnet, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
			return b.ec2("RunInstances", in, &ec2.RunInstancesOutput{})
		}
	}
	b.all(t, []refusal{
		{"an instance in no subnet", "InvalidSubnetID.NotFound", run("ami-0abcdef1234567890", "subnet-12345678")},
		{"an instance of nonsense", "InvalidAMIID.Malformed", run("debian", b.subnets[0])},
		{"no console", "InvalidInstanceID.NotFound", func() error {
			return b.ec2("GetConsoleOutput", &ec2.GetConsoleOutputInput{InstanceId: aws.String("i-0abcdef1234567890")}, &ec2.GetConsoleOutputOutput{})
		}},
		{"no instance terminated", "InvalidInstanceID.NotFound", func() error {
			return b.ec2("TerminateInstances", &ec2.TerminateInstancesInput{InstanceIds: []string{"i-0abcdef1234567890"}}, &ec2.TerminateInstancesOutput{})
		}},
	})
}

func badSizes(t *testing.T, b *bad) {
	size := func(cpu, memory string) func() error {
		return func() error {
			_, err := b.ecs().RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{
				Family: aws.String("bad"), NetworkMode: types.NetworkModeAwsvpc, Cpu: &cpu, Memory: &memory,
				RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, ContainerDefinitions: []types.ContainerDefinition{serving("x")},
			})
			return err
		}
	}
	b.all(t, []refusal{
		{"256 with 4096", "ClientException", size("256", "4096")},
		{"4096 with 512", "ClientException", size("4096", "512")},
		{"300 with 512", "ClientException", size("300", "512")},
		{"words", "ClientException", size("much", "more")},
	})
}

// badCommands types some of it, to see what a user sees.
func badCommands(t *testing.T, b *bad) {
	for want, args := range map[string][]string{
		"An error occurred (InvalidSubnet.Conflict) when calling the CreateSubnet operation": {"ec2", "create-subnet", "--vpc-id", b.vpc, "--cidr-block", "10.0.1.0/24"},
		"An error occurred (ClientException) when calling the RegisterTaskDefinition operation: No Fargate configuration exists for given values": {"ecs", "register-task-definition", "--family", "bad",
			"--network-mode", "awsvpc", "--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "4096", "--container-definitions", `[{"name":"a","image":"b"}]`},
		"An error occurred (NamespaceNotFound) when calling the CreateService operation": {"servicediscovery", "create-service", "--name", "x", "--namespace-id", "ns-12345678", "--dns-config", "DnsRecords=[{Type=A,TTL=60}]"},
	} {
		if out, exit := output(t, b.aws(args...)); exit == 0 || !contains(out, want) {
			t.Errorf("aws %v: exit code %d, want %s\n%s", args, exit, want, out)
		}
	}
}
