package servicediscovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"seamark/internal/api/apitest"
)

// These tests use clients that nobody here wrote, signed: the Go SDK and the
// AWS CLI.

func (h *harness) signed() string {
	h.Helper()
	return apitest.Serve(h, NewService(h.server.Operations()))
}

// plainHost keeps the SDK from putting "data-" before the address of the
// endpoint, as AWS_DISABLE_HOST_PREFIX_INJECTION does for the CLI.
func plainHost(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("plainHost", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
	})
}

func TestSDK_fromNamespaceToAnswer(t *testing.T) {
	h := newHarness(t)
	c := sdk.NewFromConfig(apitest.Config(h.signed()), plainHost)
	ctx := t.Context()
	made, err := c.CreatePrivateDnsNamespace(ctx, &sdk.CreatePrivateDnsNamespaceInput{Name: aws.String("myapp.local"), Vpc: aws.String(vpcA)})
	if err != nil {
		t.Fatal(err)
	}
	op, err := c.GetOperation(ctx, &sdk.GetOperationInput{OperationId: made.OperationId})
	if err != nil {
		t.Fatal(err)
	}
	ns := op.Operation.Targets["NAMESPACE"]
	if op.Operation.Status != types.OperationStatusSuccess || op.Operation.CreateDate.IsZero() {
		t.Errorf("operation %+v", op.Operation)
	}
	in := &sdk.CreateServiceInput{
		Name: aws.String("web"), NamespaceId: aws.String(ns), HealthCheckCustomConfig: &types.HealthCheckCustomConfig{},
		DnsConfig: &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(60)}}},
	}
	service, err := c.CreateService(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	id := service.Service.Id
	in.CreatorRequestId = aws.String("another") // the SDK wrote one into the request
	_, err = c.CreateService(ctx, in)
	if exists, ok := errors.AsType[*types.ServiceAlreadyExists](err); !ok || *exists.ServiceId != *id || *exists.ServiceArn != *service.Service.Arn {
		t.Errorf("error %v", err)
	}
	for _, instance := range []string{"a", "b", "c"} {
		if _, err := c.RegisterInstance(ctx, &sdk.RegisterInstanceInput{
			ServiceId: service.Service.Arn, InstanceId: &instance, Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INIT_HEALTH_STATUS": "HEALTHY"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.UpdateInstanceCustomHealthStatus(ctx, &sdk.UpdateInstanceCustomHealthStatusInput{ServiceId: id, InstanceId: aws.String("b"), Status: types.CustomHealthStatusUnhealthy}); err != nil {
		t.Fatal(err)
	}
	found, err := c.DiscoverInstances(ctx, &sdk.DiscoverInstancesInput{NamespaceName: aws.String("myapp.local"), ServiceName: aws.String("web"), HealthStatus: types.HealthStatusFilterHealthy})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Instances) != 2 || found.Instances[0].HealthStatus != types.HealthStatusHealthy || *found.InstancesRevision != 3 {
		t.Errorf("found %+v", found)
	}
	var ids []string
	pages := sdk.NewListInstancesPaginator(c, &sdk.ListInstancesInput{ServiceId: id, MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Instances {
			ids = append(ids, *i.Id)
		}
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) {
		t.Errorf("instances %v", ids)
	}
	_, err = c.DeleteService(ctx, &sdk.DeleteServiceInput{Id: id})
	if _, ok := errors.AsType[*types.ResourceInUse](err); !ok {
		t.Errorf("error %v", err)
	}
	_, err = c.CreatePublicDnsNamespace(ctx, &sdk.CreatePublicDnsNamespaceInput{Name: aws.String("local")})
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "InvalidInput" || !strings.Contains(api.ErrorMessage(), "at 'name'") {
		t.Errorf("a public name of one label: %v", err)
	}
}

func TestSDK_attributesAndUpdates(t *testing.T) {
	h := newHarness(t)
	id := h.service(h.namespace("a", vpcA), "web", dnsA)
	c := sdk.NewFromConfig(apitest.Config(h.signed()))
	ctx := t.Context()
	if _, err := c.UpdateServiceAttributes(ctx, &sdk.UpdateServiceAttributesInput{ServiceId: &id, Attributes: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteServiceAttributes(ctx, &sdk.DeleteServiceAttributesInput{ServiceId: &id, Attributes: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	got, err := c.GetServiceAttributes(ctx, &sdk.GetServiceAttributesInput{ServiceId: &id})
	if err != nil || len(got.ServiceAttributes.Attributes) != 1 || got.ServiceAttributes.Attributes["b"] != "2" {
		t.Errorf("attributes %+v, error %v", got, err)
	}
	if _, err := c.UpdateService(ctx, &sdk.UpdateServiceInput{Id: &id, Service: &types.ServiceChange{
		DnsConfig: &types.DnsConfigChange{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(5)}}},
	}}); err != nil {
		t.Fatal(err)
	}
	service, err := c.GetService(ctx, &sdk.GetServiceInput{Id: &id})
	if err != nil || *service.Service.DnsConfig.DnsRecords[0].TTL != 5 {
		t.Errorf("service %+v, error %v", service, err)
	}
}

// TestCLI_guide types the Cloud Map commands of the guide.
func TestCLI_guide(t *testing.T) {
	h := newHarness(t)
	url := h.signed()
	run := func(args ...string) (int, string) {
		t.Helper()
		return apitest.CLI(t, url, append([]string{"servicediscovery"}, args...)...)
	}
	ok := func(args ...string) string {
		t.Helper()
		exit, out := run(args...)
		if exit != 0 {
			t.Fatalf("aws servicediscovery %s: exit %d\n%s", strings.Join(args, " "), exit, out)
		}
		return out
	}
	exit, out := run("create-service", "--name", "web", "--namespace-id", "ns-12345678", "--dns-config", "DnsRecords=[{Type=A,TTL=300}]")
	if exit == 0 || !strings.Contains(out, "An error occurred (NamespaceNotFound) when calling the CreateService operation: Can't find a namespace with ID ns-12345678.") {
		t.Errorf("a service before its namespace: exit %d, %s", exit, out)
	}
	op := ok("create-private-dns-namespace", "--name", "myapp.local", "--vpc", vpcA, "--description", "Private DNS namespace for ECS services", "--query", "OperationId", "--output", "text")
	ns := ok("get-operation", "--operation-id", op, "--query", "Operation.Targets.NAMESPACE", "--output", "text")
	service := ok("create-service", "--name", "web", "--namespace-id", ns, "--dns-config", "NamespaceId="+ns+",DnsRecords=[{Type=A,TTL=300}]",
		"--health-check-custom-config", "FailureThreshold=3", "--query", "Service.Id", "--output", "text")
	ok("register-instance", "--service-id", service, "--instance-id", "i1", "--attributes", "AWS_INSTANCE_IPV4=10.0.1.10")
	exit, out = run("discover-instances", "--namespace-name", "myapp.local", "--service-name", "web", "--query", "Instances[0].Attributes.AWS_INSTANCE_IPV4", "--output", "text")
	// A CLI that is too old to do without the host prefix calls data-127.0.0.1.
	if (exit != 0 || out != "10.0.1.10") && !strings.Contains(out, "data-127.0.0.1") {
		t.Errorf("discovered: exit %d, %q", exit, out)
	}
	ok("update-instance-custom-health-status", "--service-id", service, "--instance-id", "i1", "--status", "UNHEALTHY")
	if got := ok("get-instances-health-status", "--service-id", service, "--query", "Status.i1", "--output", "text"); got != "UNHEALTHY" {
		t.Errorf("health %q", got)
	}
	if got := ok("list-instances", "--service-id", service, "--query", "length(Instances)"); got != "1" {
		t.Errorf("%s instances", got)
	}
	ok("deregister-instance", "--service-id", service, "--instance-id", "i1")
	ok("delete-service", "--id", service)
	ok("delete-namespace", "--id", ns)
	if got := ok("list-namespaces", "--query", "length(Namespaces)"); got != "0" {
		t.Errorf("%s namespaces", got)
	}
}
