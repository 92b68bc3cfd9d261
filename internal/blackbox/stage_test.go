//go:build linux

package blackbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/internal/api/ec2"
)

// stage is what the guide's first four steps make: a VPC with two subnets, a
// security group that lets the VPC in, a cluster, and the name web.myapp.local.
type stage struct {
	*server
	vpc         string
	subnets     []string
	group       string
	cluster     string
	namespace   string
	registry    string
	registryARN string
}

const webName = "web.myapp.local."

// stageOptions: zero is /24 subnets and a TTL of 1 s.
type stageOptions struct {
	subnets []string
	ttl     int64
}

func (s *server) stage(o stageOptions) *stage {
	s.t.Helper()
	if o.subnets == nil {
		o.subnets = []string{"10.0.1.0/24", "10.0.2.0/24"}
	}
	if o.ttl == 0 {
		o.ttl = 1
	}
	g := &stage{server: s, cluster: "demo"}
	g.vpc = s.makeVPC("10.0.0.0/16")
	for i, cidr := range o.subnets {
		g.subnets = append(g.subnets, s.makeSubnet(g.vpc, cidr, fmt.Sprintf("%s%c", region, 'a'+i%3)))
	}
	g.group = g.makeGroup("web", "10.0.0.0/16")
	ctx := context.Background()
	if _, err := s.ecs().CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &g.cluster}); err != nil {
		s.t.Fatal(err)
	}
	g.namespace = s.makeNamespace("myapp.local", g.vpc)
	made, err := s.discovery().CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: aws.String("web"), NamespaceId: &g.namespace,
		DnsConfig:               &sdtypes.DnsConfig{DnsRecords: []sdtypes.DnsRecord{{Type: sdtypes.RecordTypeA, TTL: &o.ttl}}},
		HealthCheckCustomConfig: &sdtypes.HealthCheckCustomConfig{},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	g.registry, g.registryARN = *made.Service.Id, *made.Service.Arn
	return g
}

func (s *server) makeVPC(cidr string) string {
	s.t.Helper()
	var out ec2.CreateVpcOutput
	if err := s.ec2("CreateVpc", &ec2.CreateVpcInput{CidrBlock: &cidr}, &out); err != nil {
		s.t.Fatal(err)
	}
	return *out.Vpc.VpcId
}

func (s *server) makeSubnet(vpc, cidr, zone string) string {
	s.t.Helper()
	var out ec2.CreateSubnetOutput
	if err := s.ec2("CreateSubnet", &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone}, &out); err != nil {
		s.t.Fatal(err)
	}
	return *out.Subnet.SubnetId
}

// makeGroup makes a security group that lets TCP of a CIDR in.
func (g *stage) makeGroup(name, from string) string {
	g.t.Helper()
	var out ec2.CreateSecurityGroupOutput
	if err := g.ec2("CreateSecurityGroup", &ec2.CreateSecurityGroupInput{VpcId: &g.vpc, GroupName: &name, Description: &name}, &out); err != nil {
		g.t.Fatal(err)
	}
	if from != "" {
		g.allow(*out.GroupId, from, 0, 65535)
	}
	return *out.GroupId
}

func (g *stage) allow(group, from string, first, last int32) {
	g.t.Helper()
	in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpProtocol: aws.String("tcp"), FromPort: &first, ToPort: &last, CidrIp: &from}
	if err := g.ec2("AuthorizeSecurityGroupIngress", in, &ec2.AuthorizeSecurityGroupIngressOutput{}); err != nil {
		g.t.Fatal(err)
	}
}

func (s *server) makeNamespace(name, vpc string) string {
	s.t.Helper()
	ctx := context.Background()
	made, err := s.discovery().CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{Name: &name, Vpc: &vpc})
	if err != nil {
		s.t.Fatal(err)
	}
	var id string
	s.eventually("the namespace exists", func() error {
		op, err := s.discovery().GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: made.OperationId})
		if err != nil {
			return err
		}
		id = op.Operation.Targets["NAMESPACE"]
		if op.Operation.Status != sdtypes.OperationStatusSuccess {
			return errors.New(string(op.Operation.Status))
		}
		return nil
	})
	return id
}

// testbox is a container of the tests' image.
func testbox(name string, command ...string) types.ContainerDefinition {
	return types.ContainerDefinition{Name: &name, Image: aws.String("seamark/testbox:latest"), Command: append([]string{"/testbox"}, command...)}
}

// serving is a task's one container that serves HTTP on port 8080.
func serving(text string) types.ContainerDefinition {
	c := testbox("app", "serve", "8080", text)
	c.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(8080)}}
	return c
}

// define registers a task definition and returns its ARN.
func (g *stage) define(family string, containers ...types.ContainerDefinition) string {
	g.t.Helper()
	out, err := g.ecs().RegisterTaskDefinition(context.Background(), &ecs.RegisterTaskDefinitionInput{
		Family: &family, NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, ContainerDefinitions: containers,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return *out.TaskDefinition.TaskDefinitionArn
}

func (g *stage) network() *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: g.subnets, SecurityGroups: []string{g.group}}}
}

// service creates a service that is registered under web.myapp.local.
func (g *stage) service(name, definition string, count int32, change ...func(*ecs.CreateServiceInput)) {
	g.t.Helper()
	in := &ecs.CreateServiceInput{
		Cluster: &g.cluster, ServiceName: &name, TaskDefinition: &definition, DesiredCount: &count, LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: g.network(), ServiceRegistries: []types.ServiceRegistry{{RegistryArn: &g.registryARN}},
	}
	for _, c := range change {
		c(in)
	}
	if _, err := g.ecs().CreateService(context.Background(), in); err != nil {
		g.t.Fatal(err)
	}
}

func unregistered(in *ecs.CreateServiceInput) { in.ServiceRegistries = nil }

func (g *stage) describe(service string) (types.Service, error) {
	out, err := g.ecs().DescribeServices(context.Background(), &ecs.DescribeServicesInput{Cluster: &g.cluster, Services: []string{service}})
	if err != nil {
		return types.Service{}, err
	}
	if len(out.Services) != 1 {
		return types.Service{}, fmt.Errorf("%d services called %s", len(out.Services), service)
	}
	return out.Services[0], nil
}

// stable says whether a service has what it wants and nothing else.
func (g *stage) stable(service string) error {
	svc, err := g.describe(service)
	if err != nil {
		return err
	}
	if len(svc.Deployments) != 1 || svc.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted || svc.RunningCount != svc.DesiredCount || svc.PendingCount != 0 {
		newest := ""
		if len(svc.Events) > 0 {
			newest = *svc.Events[0].Message
		}
		return fmt.Errorf("%d deployments, the first %s, %d of %d running, %d pending; %s", len(svc.Deployments),
			svc.Deployments[0].RolloutState, svc.RunningCount, svc.DesiredCount, svc.PendingCount, newest)
	}
	return nil
}

func (g *stage) awaitStable(service string) {
	g.t.Helper()
	g.eventually("service "+service+" is stable", func() error { return g.stable(service) })
}

// tasks are a service's tasks that are to run.
func (g *stage) tasks(service string) ([]types.Task, error) {
	var all []types.Task
	pages := ecs.NewListTasksPaginator(g.ecs(), &ecs.ListTasksInput{Cluster: &g.cluster, ServiceName: &service})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			return nil, err
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := g.ecs().DescribeTasks(context.Background(), &ecs.DescribeTasksInput{Cluster: &g.cluster, Tasks: page.TaskArns})
		if err != nil {
			return nil, err
		}
		all = append(all, out.Tasks...)
	}
	return all, nil
}

// running is like tasks, of a service whose tasks all run.
func (g *stage) running(service string) []types.Task {
	g.t.Helper()
	tasks, err := g.tasks(service)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, task := range tasks {
		if *task.LastStatus != "RUNNING" {
			g.t.Errorf("task %s is %s", *task.TaskArn, *task.LastStatus)
		}
	}
	return tasks
}

func addressOf(task types.Task) netip.Addr {
	for _, a := range task.Attachments {
		for _, d := range a.Details {
			if *d.Name == "privateIPv4Address" {
				a, err := netip.ParseAddr(*d.Value)
				if err == nil {
					return a
				}
			}
		}
	}
	return netip.Addr{}
}

func addressesOf(tasks []types.Task) []netip.Addr {
	var all []netip.Addr
	for _, task := range tasks {
		all = append(all, addressOf(task))
	}
	return sorted(all)
}

func arnsOf(tasks []types.Task) []string {
	var all []string
	for _, task := range tasks {
		all = append(all, *task.TaskArn)
	}
	return all
}

func sorted(a []netip.Addr) []netip.Addr {
	slices.SortFunc(a, netip.Addr.Compare)
	return a
}

// discovered are the addresses that DiscoverInstances returns.
func (g *stage) discovered() ([]netip.Addr, error) {
	out, err := g.discovery().DiscoverInstances(context.Background(), &servicediscovery.DiscoverInstancesInput{
		NamespaceName: aws.String("myapp.local"), ServiceName: aws.String("web"), MaxResults: aws.Int32(1000),
	})
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, i := range out.Instances {
		a, err := netip.ParseAddr(i.Attributes["AWS_INSTANCE_IPV4"])
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return sorted(all), nil
}

// place is where a task of the service is: inside its network.
func (g *stage) placeOf(task types.Task) place {
	g.t.Helper()
	id := (*task.TaskArn)[strings.LastIndex(*task.TaskArn, "/")+1:]
	for _, known := range g.status().Tasks {
		if string(known.ID) == id && len(known.PIDs) > 0 {
			return place{path: fmt.Sprintf("/proc/%d/ns/net", known.PIDs[0]), resolver: resolverAddress}
		}
	}
	g.t.Fatalf("status does not know the process of task %s", id)
	return place{}
}

// consistent says whether what runs, what is registered and what is answered
// are the same addresses, as many as count (8 at most are answered).
func (g *stage) consistent(service string, count int, from place) error {
	tasks, err := g.tasks(service)
	if err != nil {
		return err
	}
	run := addressesOf(tasks)
	registered, err := g.discovered()
	if err != nil {
		return err
	}
	if len(run) != count || !slices.Equal(run, registered) {
		return fmt.Errorf("%v run, %v are registered", run, registered)
	}
	answer, err := from.lookup(webName)
	if err != nil {
		return err
	}
	for _, a := range answer {
		if !slices.Contains(run, a) {
			return fmt.Errorf("%v is answered and does not run", a)
		}
	}
	if len(answer) != min(count, 8) {
		return fmt.Errorf("%d of %d are answered", len(answer), count)
	}
	return nil
}

func (g *stage) setCount(service string, count int32) {
	g.t.Helper()
	if _, err := g.ecs().UpdateService(context.Background(), &ecs.UpdateServiceInput{Cluster: &g.cluster, Service: &service, DesiredCount: &count}); err != nil {
		g.t.Fatal(err)
	}
}
