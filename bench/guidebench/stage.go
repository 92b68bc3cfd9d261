//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/bench/rig"
	"seamark/internal/admin"
	"seamark/internal/api/ec2"
	"seamark/internal/wire/client"
)

// domain is the private namespace of the guide.
const domain = "myapp.local"

// stage is the guide's setting on a running instance: VPC, subnets, cluster,
// namespace and task definition, and a place inside the VPC to ask from.
type stage struct {
	instance  *rig.Instance
	ecs       *ecs.Client
	discovery *servicediscovery.Client
	endpoint  client.Endpoint
	creds     aws.Credentials

	vpc, group, namespace, definition string
	subnets                           []string
	probe                             *probe
	steady                            []int // process ids of the steady service's tasks
}

// build sets the stage.
func build(ctx context.Context, s *rig.Instance) (*stage, error) {
	c, err := s.Access()
	if err != nil {
		return nil, err
	}
	st := &stage{
		instance: s, endpoint: client.Endpoint{URL: c.Endpoint, Region: c.Region},
		creds: aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.Secret},
	}
	cfg := aws.Config{
		Region: c.Region, BaseEndpoint: &c.Endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return st.creds, nil }),
	}
	st.ecs, st.discovery = ecs.NewFromConfig(cfg), servicediscovery.NewFromConfig(cfg)
	for _, step := range []func(context.Context) error{st.network, st.cluster, st.privateNamespace, st.taskDefinition, st.reopen} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (st *stage) call(ctx context.Context, operation string, in, out any) error {
	return client.Do(ctx, st.endpoint, st.creds, ec2.NewService(ec2.Operations{}), operation, in, out)
}

func (st *stage) network(ctx context.Context) error {
	var vpc ec2.CreateVpcOutput
	if err := st.call(ctx, "CreateVpc", &ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16")}, &vpc); err != nil {
		return err
	}
	st.vpc = *vpc.Vpc.VpcId
	for i, zone := range []string{"a", "b"} {
		var subnet ec2.CreateSubnetOutput
		in := ec2.CreateSubnetInput{VpcId: &st.vpc, CidrBlock: new(fmt.Sprintf("10.0.%d.0/24", i+1)), AvailabilityZone: new(st.endpoint.Region + zone)}
		if err := st.call(ctx, "CreateSubnet", &in, &subnet); err != nil {
			return err
		}
		st.subnets = append(st.subnets, *subnet.Subnet.SubnetId)
	}
	var group ec2.CreateSecurityGroupOutput
	if err := st.call(ctx, "CreateSecurityGroup", &ec2.CreateSecurityGroupInput{GroupName: new("web"), Description: new("web"), VpcId: &st.vpc}, &group); err != nil {
		return err
	}
	st.group = *group.GroupId
	return nil
}

func (st *stage) cluster(ctx context.Context) error {
	_, err := st.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("bench")})
	return err
}

func (st *stage) privateNamespace(ctx context.Context) error {
	out, err := st.discovery.CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{Name: aws.String(domain), Vpc: &st.vpc})
	if err != nil {
		return err
	}
	return rig.Poll(ctx, 5*time.Millisecond, func() (bool, error) {
		op, err := st.discovery.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: out.OperationId})
		if err != nil || op.Operation.Status != sdtypes.OperationStatusSuccess {
			return false, err
		}
		st.namespace = op.Operation.Targets["NAMESPACE"]
		return true, nil
	})
}

func (st *stage) taskDefinition(ctx context.Context) error {
	out, err := st.ecs.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web-service"), NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/ecsTaskExecutionRole"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("web-container"), Image: aws.String("nginx:latest"), Essential: aws.Bool(true),
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(80), Protocol: ecstypes.TransportProtocolTcp}},
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/ecs/web-service", "awslogs-region": st.endpoint.Region, "awslogs-stream-prefix": "ecs",
			}},
		}},
	})
	if err == nil {
		st.definition = *out.TaskDefinition.TaskDefinitionArn
	}
	return err
}

// reopen opens a place inside the VPC: one of its own, gone with the control plane.
func (st *stage) reopen(ctx context.Context) error {
	a, err := st.instance.Admin()
	if err != nil {
		return err
	}
	if st.probe != nil {
		_ = st.probe.close() // its session may have ended with a control plane
	}
	s, end, err := a.OpenSession(ctx, admin.SessionRequest{Target: st.vpc})
	if err != nil {
		return err
	}
	st.probe, err = newProbe(ctx, s, end)
	return err
}

// registry makes a discovery service as the guide does and returns its id and ARN.
func (st *stage) registry(ctx context.Context, name string) (id, arn string, err error) {
	//nolint:staticcheck // SA1019: the guide's own command has FailureThreshold
	out, err := st.discovery.CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: &name, NamespaceId: &st.namespace,
		DnsConfig:               &sdtypes.DnsConfig{DnsRecords: []sdtypes.DnsRecord{{Type: sdtypes.RecordTypeA, TTL: aws.Int64(300)}}},
		HealthCheckCustomConfig: &sdtypes.HealthCheckCustomConfig{FailureThreshold: aws.Int32(1)},
	})
	if err != nil {
		return "", "", err
	}
	return *out.Service.Id, *out.Service.Arn, nil
}

// createService asks for two tasks and returns when the request was sent and
// when it was answered.
func (st *stage) createService(ctx context.Context, name, registry string) (sent, answered time.Time, err error) {
	sent = time.Now()
	_, err = st.ecs.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("bench"), ServiceName: &name, TaskDefinition: &st.definition, DesiredCount: aws.Int32(2),
		LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: st.subnets, SecurityGroups: []string{st.group},
		}},
		ServiceRegistries: []ecstypes.ServiceRegistry{{RegistryArn: &registry}},
	})
	return sent, time.Now(), err
}

// startService runs a service until it is answered and returns its DNS name.
func (st *stage) startService(ctx context.Context, name string) (string, error) {
	_, arn, err := st.registry(ctx, name)
	if err != nil {
		return "", err
	}
	if _, _, err := st.createService(ctx, name, arn); err != nil {
		return "", err
	}
	dnsName := name + "." + domain + "."
	if _, err := st.probe.until(ctx, dnsName, time.Millisecond, func(a answer) bool { return len(a.addresses) == 2 }); err != nil {
		return "", err
	}
	st.steady, err = st.pids(ctx, name)
	return dnsName, err
}

// pids are the processes of a service's tasks.
func (st *stage) pids(ctx context.Context, service string) ([]int, error) {
	s, err := st.instance.Status(ctx)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, t := range s.Tasks {
		if t.Service == service {
			pids = append(pids, t.PIDs...)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// sameTasks fails unless the steady service's tasks are the processes that they were.
func (st *stage) sameTasks(ctx context.Context, dnsName string) error {
	now, err := st.pids(ctx, strings.TrimSuffix(dnsName, "."+domain+"."))
	if err != nil {
		return err
	}
	if !slices.Equal(now, st.steady) {
		return fmt.Errorf("tasks were processes %v before the restarts and are %v now", st.steady, now)
	}
	return nil
}

// deleteService removes a service and waits until its tasks have ended.
func (st *stage) deleteService(ctx context.Context, name, registry string) error {
	if _, err := st.ecs.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: aws.String("bench"), Service: &name, Force: aws.Bool(true)}); err != nil {
		return err
	}
	err := rig.Poll(ctx, 20*time.Millisecond, func() (bool, error) {
		s, err := st.instance.Status(ctx)
		gone := !slices.ContainsFunc(s.Tasks, func(t admin.Task) bool { return t.Service == name })
		return err == nil && gone, err
	})
	if err != nil {
		return fmt.Errorf("tasks of %s do not end: %w", name, err)
	}
	_, err = st.discovery.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: &registry})
	return err
}

// killDataPlane ends the data plane and returns how long it took until the
// name was answered again.
func (st *stage) killDataPlane(ctx context.Context, dnsName string) (time.Duration, error) {
	s, err := st.instance.Status(ctx)
	if err != nil {
		return 0, err
	}
	if s.DataPlane == nil {
		return 0, errors.New("there is no data plane")
	}
	p, err := os.FindProcess(s.DataPlane.PID)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return 0, err
	}
	lost := false
	at, err := st.probe.until(ctx, dnsName, 500*time.Microsecond, func(a answer) bool {
		lost = lost || a.err != nil
		return lost && len(a.addresses) == 2
	})
	return at.Sub(begin), err
}
