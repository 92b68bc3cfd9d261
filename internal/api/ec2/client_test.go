package ec2

import (
	"errors"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/wire"
	"seamark/internal/wire/client"
	"seamark/internal/world"
)

// These tests are signed: by the SDK's signer and by the AWS CLI.

func (h *harness) signed() string {
	h.Helper()
	return apitest.Serve(h, h.service)
}

func TestClient(t *testing.T) {
	h := newHarness(t)
	e := client.Endpoint{URL: h.signed(), Region: apitest.Region}
	call := func(op string, in, out any) error {
		return client.Do(t.Context(), e, apitest.Credentials(), h.service, op, in, out)
	}
	var vpc CreateVpcOutput
	if err := call("CreateVpc", &CreateVpcInput{CidrBlock: new("10.0.0.0/16")}, &vpc); err != nil {
		t.Fatal(err)
	}
	var group CreateSecurityGroupOutput
	if err := call("CreateSecurityGroup", &CreateSecurityGroupInput{VpcId: vpc.Vpc.VpcId, GroupName: new("web"), Description: new("d")}, &group); err != nil {
		t.Fatal(err)
	}
	in := &AuthorizeSecurityGroupIngressInput{GroupId: group.GroupId, IpPermissions: []IpPermission{{
		IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(80)), IpRanges: []IpRange{{CidrIp: new("10.0.0.0/16"), Description: new("inside")}},
	}}}
	var rules AuthorizeSecurityGroupIngressOutput
	if err := call("AuthorizeSecurityGroupIngress", in, &rules); err != nil || len(rules.SecurityGroupRules) != 1 || *rules.SecurityGroupRules[0].Description != "inside" {
		t.Errorf("rules %+v, error %v", rules, err)
	}
	err := call("AuthorizeSecurityGroupIngress", in, &rules)
	if refused, ok := errors.AsType[*wire.Error](err); !ok || refused.Code != "InvalidPermission.Duplicate" {
		t.Errorf("error %v", err)
	}
	err = call("CreateInternetGateway", &CreateInternetGatewayInput{}, &CreateInternetGatewayOutput{})
	if refused, ok := errors.AsType[*wire.Error](err); !ok || refused.Code != "InvalidAction" || !strings.Contains(refused.Message, "CreateInternetGateway") {
		t.Errorf("error %v", err)
	}
}

// TestCLI_guide types the EC2 commands of the guide, with its waiters.
func TestCLI_guide(t *testing.T) {
	h := newHarness(t)
	url := h.signed()
	run := func(args ...string) (int, string) {
		t.Helper()
		return apitest.CLI(t, url, append([]string{"ec2"}, args...)...)
	}
	ok := func(args ...string) string {
		t.Helper()
		exit, out := run(args...)
		if exit != 0 {
			t.Fatalf("aws ec2 %s: exit %d\n%s", strings.Join(args, " "), exit, out)
		}
		return out
	}
	text := func(query string, args ...string) string {
		t.Helper()
		return ok(append(args, "--query", query, "--output", "text")...)
	}
	exit, out := run("create-subnet", "--vpc-id", noVPC, "--cidr-block", "10.0.1.0/24")
	if exit == 0 || !strings.Contains(out, "An error occurred (InvalidVpcID.NotFound) when calling the CreateSubnet operation: The vpc ID 'vpc-12345678' does not exist") {
		t.Errorf("a subnet before its VPC: exit %d, %s", exit, out)
	}
	vpc := text("Vpc.VpcId", "create-vpc", "--cidr-block", "10.0.0.0/16", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=ecs-vpc}]")
	subnet := text("Subnet.SubnetId", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.1.0/24", "--availability-zone", "us-east-1a", "--tag-specifications", "ResourceType=subnet,Tags=[{Key=Name,Value=ecs-subnet-1}]")
	group := text("GroupId", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc)
	ok("authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80", "--cidr", "10.0.0.0/16")
	ok("revoke-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "80", "--cidr", "10.0.0.0/16")
	exit, out = run("create-vpc", "--cidr-block", "10.0.0.0/16", "--dry-run")
	if exit == 0 || !strings.Contains(out, "(DryRunOperation)") {
		t.Errorf("a dry run: exit %d, %s", exit, out)
	}
	instance := text("Instances[0].InstanceId", "run-instances", "--image-id", "ami-0c02fb55956c7d316", "--instance-type", "t3.micro", "--subnet-id", subnet, "--security-group-ids", group, "--user-data", "#!/bin/bash\nyum install -y bind-utils")
	if got := string(h.changes.View().Instances.Get(instance).UserData); got != "#!/bin/bash\nyum install -y bind-utils" {
		t.Errorf("user data %q", got)
	}
	h.move(instance, world.InstanceRunning)
	ok("wait", "instance-running", "--instance-ids", instance)
	h.console[world.InstanceID(instance)] = Console{At: at(), Output: []byte("Testing DNS resolution\n")}
	if got := text("Output", "get-console-output", "--instance-id", instance); !strings.Contains(got, "Testing DNS resolution") {
		t.Errorf("console %q", got)
	}
	if got := ok("describe-vpcs", "--vpc-ids", vpc, "--query", "Vpcs[0].{DnsSupport:DnsSupport,DnsHostnames:DnsHostnames}"); strings.Join(strings.Fields(got), "") != `{"DnsSupport":null,"DnsHostnames":null}` {
		t.Errorf("as the guide asks for it: %s", got)
	}
	if got := text("EnableDnsSupport.Value", "describe-vpc-attribute", "--vpc-id", vpc, "--attribute", "enableDnsSupport"); got != "True" {
		t.Errorf("DNS support %q", got)
	}
	ok("modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
	if got := text("Tags[0].Value", "describe-tags", "--filters", "Name=resource-id,Values="+vpc); got != "ecs-vpc" {
		t.Errorf("tag %q", got)
	}
	exit, out = run("delete-vpc", "--vpc-id", vpc)
	if exit == 0 || !strings.Contains(out, "(DependencyViolation)") {
		t.Errorf("deleting a VPC in use: exit %d, %s", exit, out)
	}
	ok("terminate-instances", "--instance-ids", instance)
	h.move(instance, world.InstanceTerminated)
	ok("wait", "instance-terminated", "--instance-ids", instance)
	ok("delete-security-group", "--group-id", group)
	ok("delete-subnet", "--subnet-id", subnet)
	ok("delete-vpc", "--vpc-id", vpc)
}

// TestCLI_dualStack types what gives a VPC IPv6 and DHCP options, and takes it away.
func TestCLI_dualStack(t *testing.T) {
	h := newHarness(t)
	url := h.signed()
	text := func(query string, args ...string) string {
		t.Helper()
		exit, out := apitest.CLI(t, url, append(append([]string{"ec2"}, args...), "--query", query, "--output", "text")...)
		if exit != 0 {
			t.Fatalf("aws ec2 %s: exit %d\n%s", strings.Join(args, " "), exit, out)
		}
		return strings.TrimSpace(out)
	}
	vpc := text("Vpc.VpcId", "create-vpc", "--cidr-block", "10.0.0.0/16")
	made := strings.Fields(text("Ipv6CidrBlockAssociation.[AssociationId,Ipv6CidrBlock]", "associate-vpc-cidr-block", "--vpc-id", vpc, "--amazon-provided-ipv6-cidr-block"))
	subnet := text("Subnet.SubnetId", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.1.0/24")
	own := text("Ipv6CidrBlockAssociation.AssociationId", "associate-subnet-cidr-block", "--subnet-id", subnet, "--ipv6-cidr-block", strings.Replace(made[1], "/56", "/64", 1))
	text("@", "modify-subnet-attribute", "--subnet-id", subnet, "--assign-ipv6-address-on-creation")
	if got := text("Subnets[0].[AssignIpv6AddressOnCreation,Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlockState.State]", "describe-subnets", "--subnet-ids", subnet); strings.Join(strings.Fields(got), " ") != "True associated" {
		t.Errorf("subnet %q", got)
	}
	eni := strings.Fields(text("NetworkInterface.[NetworkInterfaceId,Ipv6Addresses[0].Ipv6Address]", "create-network-interface", "--subnet-id", subnet))
	if !strings.Contains(eni[1], ":") {
		t.Errorf("interface %v", eni)
	}
	text("@", "delete-network-interface", "--network-interface-id", eni[0])
	text("@", "disassociate-subnet-cidr-block", "--association-id", own)
	text("@", "disassociate-vpc-cidr-block", "--association-id", made[0])

	dopt := text("DhcpOptions.DhcpOptionsId", "create-dhcp-options", "--dhcp-configurations", "Key=domain-name,Values=corp.example.com", "Key=domain-name-servers,Values=10.0.1.53,AmazonProvidedDNS")
	text("@", "associate-dhcp-options", "--vpc-id", vpc, "--dhcp-options-id", dopt)
	if got := text("DhcpOptions[0].DhcpConfigurations[1].Values[].Value", "describe-dhcp-options", "--dhcp-options-ids", dopt); strings.Join(strings.Fields(got), " ") != "10.0.1.53 AmazonProvidedDNS" {
		t.Errorf("DHCP options %q", got)
	}
	text("@", "associate-dhcp-options", "--vpc-id", vpc, "--dhcp-options-id", "default")
	text("@", "delete-dhcp-options", "--dhcp-options-id", dopt)
}
