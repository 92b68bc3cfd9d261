package guide

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/internal/api/ec2"
	"seamark/internal/wire/client"
)

// The names of the guide.
const (
	clusterName   = "my-ecs-cluster"
	serviceName   = "web-service"
	familyName    = "web-service"
	namespaceName = "myapp.local"
	webName       = "web.myapp.local"
	logGroup      = "/ecs/web-service"
)

// ec2Call calls an EC2 operation.
func (w *Walk) ec2Call(ctx context.Context, operation string, in, out any) error {
	creds := aws.Credentials{AccessKeyID: w.o.AccessKey, SecretAccessKey: w.o.Secret}
	return client.Do(ctx, client.Endpoint{URL: w.o.Endpoint, Region: w.o.Region}, creds, ec2.NewService(ec2.Operations{}), operation, in, out)
}

// network is step 1: a VPC, two subnets in two zones, a security group.
func (w *Walk) network(ctx context.Context) (err error) {
	w.command("aws ec2 create-vpc --cidr-block 10.0.0.0/16 \\\n    --tag-specifications 'ResourceType=vpc,Tags=[{Key=Name,Value=ecs-vpc}]'")
	if w.vpc, err = w.createVPC(ctx, "ecs-vpc"); err != nil {
		return err
	}
	w.result("VpcId %s, the resolver answers at 10.0.0.2", w.vpc)
	for i, zone := range []string{"a", "b"} {
		cidr := fmt.Sprintf("10.0.%d.0/24", i+1)
		w.command("aws ec2 create-subnet --vpc-id %s --cidr-block %s --availability-zone %s", w.vpc, cidr, w.o.Region+zone)
		id, err := w.createSubnet(ctx, w.vpc, cidr, w.o.Region+zone)
		if err != nil {
			return err
		}
		w.subnets = append(w.subnets, id)
		w.result("SubnetId %s", id)
	}
	return w.securityGroup(ctx)
}

func (w *Walk) createVPC(ctx context.Context, name string) (string, error) {
	var out ec2.CreateVpcOutput
	in := ec2.CreateVpcInput{CidrBlock: new("10.0.0.0/16"), TagSpecifications: []ec2.TagSpecification{
		{ResourceType: new("vpc"), Tags: []ec2.Tag{{Key: new("Name"), Value: new(name)}}},
	}}
	if err := w.ec2Call(ctx, "CreateVpc", &in, &out); err != nil {
		return "", err
	}
	id := *out.Vpc.VpcId
	w.later("aws ec2 delete-vpc --vpc-id "+id, func(ctx context.Context) error {
		return w.ec2Call(ctx, "DeleteVpc", &ec2.DeleteVpcInput{VpcId: &id}, &ec2.DeleteVpcOutput{})
	})
	return id, nil
}

func (w *Walk) createSubnet(ctx context.Context, vpc, cidr, zone string) (string, error) {
	var out ec2.CreateSubnetOutput
	in := ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone}
	if err := w.ec2Call(ctx, "CreateSubnet", &in, &out); err != nil {
		return "", err
	}
	id := *out.Subnet.SubnetId
	w.later("aws ec2 delete-subnet --subnet-id "+id, func(ctx context.Context) error {
		return w.ec2Call(ctx, "DeleteSubnet", &ec2.DeleteSubnetInput{SubnetId: &id}, &ec2.DeleteSubnetOutput{})
	})
	return id, nil
}

func (w *Walk) securityGroup(ctx context.Context) error {
	w.command("aws ec2 create-security-group --group-name web --description web --vpc-id %s", w.vpc)
	var out ec2.CreateSecurityGroupOutput
	in := ec2.CreateSecurityGroupInput{GroupName: new("web"), Description: new("web"), VpcId: &w.vpc}
	if err := w.ec2Call(ctx, "CreateSecurityGroup", &in, &out); err != nil {
		return err
	}
	w.group = *out.GroupId
	w.later("aws ec2 delete-security-group --group-id "+w.group, func(ctx context.Context) error {
		return w.ec2Call(ctx, "DeleteSecurityGroup", &ec2.DeleteSecurityGroupInput{GroupId: &w.group}, &ec2.DeleteSecurityGroupOutput{})
	})
	w.result("GroupId %s", w.group)
	w.command("aws ec2 authorize-security-group-ingress --group-id %s --protocol tcp --port 80 --cidr 10.0.0.0/16", w.group)
	allow := ec2.AuthorizeSecurityGroupIngressInput{GroupId: &w.group, IpPermissions: []ec2.IpPermission{{
		IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(80)), IpRanges: []ec2.IpRange{{CidrIp: new("10.0.0.0/16")}},
	}}}
	return w.ec2Call(ctx, "AuthorizeSecurityGroupIngress", &allow, &ec2.AuthorizeSecurityGroupIngressOutput{})
}

// cluster is step 2.
func (w *Walk) cluster(ctx context.Context) error {
	w.command("aws ecs create-cluster --cluster-name %s --capacity-providers FARGATE \\\n    --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1 --tags key=Environment,value=production", clusterName)
	out, err := w.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{
		ClusterName: aws.String(clusterName), CapacityProviders: []string{"FARGATE"},
		DefaultCapacityProviderStrategy: []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE"), Weight: 1}},
		Tags:                            []ecstypes.Tag{{Key: aws.String("Environment"), Value: aws.String("production")}},
	})
	if err != nil {
		return err
	}
	w.later("aws ecs delete-cluster --cluster "+clusterName, func(ctx context.Context) error {
		_, err := w.ecs.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: aws.String(clusterName)})
		return err
	})
	w.result("%s, %s", aws.ToString(out.Cluster.ClusterArn), aws.ToString(out.Cluster.Status))
	return nil
}

// namespaceStep is step 3: an asynchronous operation whose outcome has the id.
func (w *Walk) namespaceStep(ctx context.Context) error {
	w.command("aws servicediscovery create-private-dns-namespace --name %s --vpc %s \\\n    --description \"Private DNS namespace for ECS services\"", namespaceName, w.vpc)
	out, err := w.discovery.CreatePrivateDnsNamespace(ctx, &servicediscovery.CreatePrivateDnsNamespaceInput{
		Name: aws.String(namespaceName), Vpc: &w.vpc, Description: aws.String("Private DNS namespace for ECS services"),
	})
	if err != nil {
		return err
	}
	w.result("OperationId %s", *out.OperationId)
	w.command("aws servicediscovery get-operation --operation-id %s", *out.OperationId)
	targets, err := w.operation(ctx, *out.OperationId)
	if err != nil {
		return err
	}
	w.namespace = targets["NAMESPACE"]
	w.later("aws servicediscovery delete-namespace --id "+w.namespace, func(ctx context.Context) error {
		out, err := w.discovery.DeleteNamespace(ctx, &servicediscovery.DeleteNamespaceInput{Id: &w.namespace})
		if err != nil {
			return err
		}
		_, err = w.operation(ctx, *out.OperationId)
		return err
	})
	w.result("SUCCESS, NAMESPACE %s", w.namespace)
	return nil
}

// operation waits for an asynchronous operation and returns its targets.
func (w *Walk) operation(ctx context.Context, id string) (targets map[string]string, err error) {
	return targets, until(ctx, func(ctx context.Context) error {
		out, err := w.discovery.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: &id})
		if err != nil {
			return err
		}
		if out.Operation.Status != sdtypes.OperationStatusSuccess {
			return fmt.Errorf("operation %s is %s %s", id, out.Operation.Status, aws.ToString(out.Operation.ErrorMessage))
		}
		targets = out.Operation.Targets
		return nil
	})
}

// discoveryService is step 4.
func (w *Walk) discoveryService(ctx context.Context) error {
	w.command("aws servicediscovery create-service --name web --namespace-id %[1]s \\\n    --dns-config 'NamespaceId=%[1]s,DnsRecords=[{Type=A,TTL=300}]' \\\n    --health-check-custom-config FailureThreshold=3 --description \"Web service discovery\"", w.namespace)
	//nolint:staticcheck // SA1019: the guide's own command has NamespaceId and FailureThreshold
	out, err := w.discovery.CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: aws.String("web"), NamespaceId: &w.namespace, Description: aws.String("Web service discovery"),
		DnsConfig:               &sdtypes.DnsConfig{NamespaceId: &w.namespace, DnsRecords: []sdtypes.DnsRecord{{Type: sdtypes.RecordTypeA, TTL: aws.Int64(300)}}},
		HealthCheckCustomConfig: &sdtypes.HealthCheckCustomConfig{FailureThreshold: aws.Int32(3)},
	})
	if err != nil {
		return err
	}
	w.service, w.serviceARN = *out.Service.Id, *out.Service.Arn
	w.later("aws servicediscovery delete-service --id "+w.service, func(ctx context.Context) error {
		_, err := w.discovery.DeleteService(ctx, &servicediscovery.DeleteServiceInput{Id: &w.service})
		return err
	})
	w.result("%s", w.serviceARN)
	return nil
}

// taskDefinition is step 5.
func (w *Walk) taskDefinition(ctx context.Context) error {
	w.command("aws ecs register-task-definition --family %s --network-mode awsvpc --requires-compatibilities FARGATE \\\n    --cpu 256 --memory 512 --execution-role-arn arn:aws:iam::123456789012:role/ecsTaskExecutionRole \\\n    --container-definitions '[{\"name\":\"web-container\",\"image\":\"%s\",\"portMappings\":[{\"containerPort\":80}], … awslogs to %s }]'", familyName, w.o.Image, logGroup)
	out, err := w.ecs.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: aws.String(familyName), NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
		Cpu: aws.String("256"), Memory: aws.String("512"), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/ecsTaskExecutionRole"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("web-container"), Image: &w.o.Image, Essential: aws.Bool(true),
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(80), Protocol: ecstypes.TransportProtocolTcp}},
			LogConfiguration: &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": logGroup, "awslogs-region": w.o.Region, "awslogs-stream-prefix": "ecs",
			}},
		}},
	})
	if err != nil {
		return err
	}
	w.definition = *out.TaskDefinition.TaskDefinitionArn
	w.later("aws ecs deregister-task-definition --task-definition "+w.definition, func(ctx context.Context) error {
		_, err := w.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &w.definition})
		return err
	})
	w.result("%s", w.definition)
	return nil
}

// ecsService is step 6: two tasks in two subnets, registered with Cloud Map.
func (w *Walk) ecsService(ctx context.Context) error {
	w.command("aws ecs create-service --cluster %s --service-name %s --task-definition %s --desired-count 2 --launch-type FARGATE \\\n    --network-configuration 'awsvpcConfiguration={subnets=[%s],securityGroups=[%s],assignPublicIp=DISABLED}' \\\n    --service-registries '[{\"registryArn\":\"%s\"}]' --tags key=Environment,value=production",
		clusterName, serviceName, w.definition, strings.Join(w.subnets, ","), w.group, w.serviceARN)
	_, err := w.ecs.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String(clusterName), ServiceName: aws.String(serviceName), TaskDefinition: &w.definition, DesiredCount: aws.Int32(2),
		LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{
			Subnets: w.subnets, SecurityGroups: []string{w.group}, AssignPublicIp: ecstypes.AssignPublicIpDisabled,
		}},
		ServiceRegistries: []ecstypes.ServiceRegistry{{RegistryArn: &w.serviceARN}},
		Tags:              []ecstypes.Tag{{Key: aws.String("Environment"), Value: aws.String("production")}},
	})
	if err != nil {
		return err
	}
	w.later("aws ecs delete-service --cluster "+clusterName+" --service "+serviceName+" --force", func(ctx context.Context) error {
		_, err := w.ecs.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: aws.String(clusterName), Service: aws.String(serviceName), Force: aws.Bool(true)})
		if _, gone := errors.AsType[*ecstypes.ServiceNotActiveException](err); gone {
			return nil
		}
		return err
	})
	w.command("aws ecs wait services-stable --cluster %s --services %s", clusterName, serviceName)
	return until(ctx, w.stable)
}

// stable is what the waiter services-stable looks at.
func (w *Walk) stable(ctx context.Context) error {
	out, err := w.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(clusterName), Services: []string{serviceName}})
	if err != nil {
		return err
	}
	s := out.Services[0]
	if len(s.Deployments) != 1 || s.RunningCount != s.DesiredCount {
		why := ""
		if len(s.Events) > 0 {
			why = ": " + aws.ToString(s.Events[0].Message)
		}
		return fmt.Errorf("%d of %d tasks run%s", s.RunningCount, s.DesiredCount, why)
	}
	w.result("stable: %d of %d tasks run", s.RunningCount, s.DesiredCount)
	return nil
}
