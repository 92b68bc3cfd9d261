package ecs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"seamark/internal/wire"
	"seamark/internal/wire/sigv4"
)

// These tests use clients that nobody here wrote, signed: the Go SDK and the
// AWS CLI.

const (
	userKey    = "AKIAIOSFODNN7EXAMPLE"
	userSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	userARN    = "arn:aws:iam::123456789012:user/guide"
)

type oneUser struct{}

func (oneUser) Lookup(_ context.Context, id string) (sigv4.Credential, bool) {
	return sigv4.Credential{Secret: userSecret, PrincipalARN: userARN, Account: "123456789012"}, id == userKey
}

// signed serves the harness's API to clients that must sign.
func (h *harness) signed() string {
	h.Helper()
	mux := wire.NewMux(wire.Config{
		Logger: slog.New(slog.DiscardHandler), Verifier: sigv4.New(sigv4.Config{Keys: oneUser{}}),
		Region: "us-east-1", Account: "123456789012",
	})
	mux.Add(NewService(h.server.Operations()))
	srv := httptest.NewServer(mux)
	h.Cleanup(srv.Close)
	return srv.URL
}

func (h *harness) client() *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(h.signed()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: userKey, SecretAccessKey: userSecret}, nil
		}),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// awaits runs the SDK's services-stable waiter for at most that long.
func awaits(t *testing.T, c *sdk.Client, service string, limit time.Duration) error {
	t.Helper()
	w := sdk.NewServicesStableWaiter(c, func(o *sdk.ServicesStableWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 5*time.Millisecond
	})
	return w.Wait(t.Context(), &sdk.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{service}}, limit)
}

func TestSDK_serviceFromStartToEnd(t *testing.T) {
	h := newHarness(t)
	c := h.client()
	ctx := t.Context()
	if _, err := c.CreateCluster(ctx, &sdk.CreateClusterInput{ClusterName: aws.String("demo"), CapacityProviders: []string{"FARGATE"}}); err != nil {
		t.Fatal(err)
	}
	def, err := c.RegisterTaskDefinition(ctx, &sdk.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("0.5GB"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: aws.String("app"), Image: aws.String("nginx:latest"), PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := def.TaskDefinition; *d.RegisteredBy != userARN || *d.Memory != "512" || time.Since(*d.RegisteredAt) > time.Minute {
		t.Errorf("task definition %+v", d)
	}
	created, err := c.CreateService(ctx, &sdk.CreateServiceInput{
		Cluster: aws.String("demo"), ServiceName: aws.String("web"), TaskDefinition: def.TaskDefinition.TaskDefinitionArn, DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{subnetA}}},
		ServiceRegistries:    []types.ServiceRegistry{{RegistryArn: aws.String(registryA)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *created.Service.CreatedBy != userARN || len(created.Service.Deployments) != 1 {
		t.Errorf("service %+v", created.Service)
	}
	if err := awaits(t, c, "web", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) && (err == nil || !strings.Contains(err.Error(), "exceeded max wait time")) {
		t.Errorf("the waiter said %v of a service whose task does not run", err)
	}
	h.settle()
	if err := awaits(t, c, "web", time.Minute); err != nil {
		t.Error(err)
	}
	if h.changes.View().Instance("srv-a", onlyTask(t, h)) == nil {
		t.Error("the task is not registered")
	}
	_, err = c.DeleteCluster(ctx, &sdk.DeleteClusterInput{Cluster: aws.String("demo")})
	if _, ok := errors.AsType[*types.ClusterContainsServicesException](err); !ok {
		t.Errorf("deleting a cluster in use: %v", err)
	}
	if _, err := c.DeleteService(ctx, &sdk.DeleteServiceInput{Cluster: aws.String("demo"), Service: aws.String("web"), Force: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if err := awaits(t, c, "web", time.Minute); err == nil || !strings.Contains(err.Error(), "Failure") {
		t.Errorf("the waiter said %v of a service that drains", err)
	}
	h.settle()
	inactive := sdk.NewServicesInactiveWaiter(c)
	if err := inactive.Wait(ctx, &sdk.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"web"}}, time.Minute); err != nil {
		t.Error(err)
	}
	if err := awaits(t, c, "none", time.Minute); err == nil || !strings.Contains(err.Error(), "Failure") {
		t.Errorf("the waiter said %v of a service that does not exist", err)
	}
}

func TestSDK_runAndStop(t *testing.T) {
	h := services(t)
	c := h.client()
	in := &sdk.RunTaskInput{
		Cluster: aws.String("c"), TaskDefinition: aws.String("web"), LaunchType: types.LaunchTypeFargate, Count: aws.Int32(2), ClientToken: aws.String("one"),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{subnetA, subnetB}}},
	}
	run, err := c.RunTask(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Count = aws.Int32(1)
	_, err = c.RunTask(t.Context(), in)
	var conflict *types.ConflictException
	if !errors.As(err, &conflict) || len(conflict.ResourceIds) != 2 {
		t.Errorf("error %v", err)
	}
	describe := &sdk.DescribeTasksInput{Cluster: aws.String("c"), Tasks: []string{*run.Tasks[0].TaskArn, *run.Tasks[1].TaskArn}}
	h.settle()
	if err := sdk.NewTasksRunningWaiter(c).Wait(t.Context(), describe, time.Minute); err != nil {
		t.Error(err)
	}
	for _, arn := range describe.Tasks {
		if _, err := c.StopTask(t.Context(), &sdk.StopTaskInput{Cluster: aws.String("c"), Task: &arn}); err != nil {
			t.Error(err)
		}
	}
	h.settle()
	if err := sdk.NewTasksStoppedWaiter(c).Wait(t.Context(), describe, time.Minute); err != nil {
		t.Error(err)
	}
}

// onlyTask is the id of the one task there is.
func onlyTask(t *testing.T, h *harness) (id string) {
	t.Helper()
	for task := range h.changes.View().Tasks.All() {
		if id != "" {
			t.Fatal("more than one task")
		}
		id = string(task.ID)
	}
	return id
}

// cli runs the AWS CLI with an environment of its own. A limit other than 0 ends
// it after that time; then the exit code is -1.
func (h *harness) cli(url string, limit time.Duration, args ...string) (int, string) {
	h.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			h.Fatal("the aws CLI is not installed")
		}
		h.Skip("the aws CLI is not installed")
	}
	ctx := h.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"ecs", "--endpoint-url", url, "--output", "json", "--region", "us-east-1"}, args...)...)
	empty := filepath.Join(h.TempDir(), "none")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }),
		"AWS_ACCESS_KEY_ID="+userKey, "AWS_SECRET_ACCESS_KEY="+userSecret, "AWS_CONFIG_FILE="+empty, "AWS_SHARED_CREDENTIALS_FILE="+empty,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "NO_PROXY=127.0.0.1", "AWS_PAGER=")
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		h.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// TestCLI_guide types the ECS commands of the guide, with its waiter.
func TestCLI_guide(t *testing.T) {
	h := newHarness(t)
	url := h.signed()
	ok := func(args ...string) string {
		t.Helper()
		exit, out := h.cli(url, 0, args...)
		if exit != 0 {
			t.Fatalf("aws ecs %s: exit %d\n%s", strings.Join(args, " "), exit, out)
		}
		return strings.TrimSpace(out)
	}
	create := []string{
		"create-service", "--cluster", "my-ecs-cluster", "--service-name", "web-service", "--task-definition", "web-service:1", "--desired-count", "2", "--launch-type", "FARGATE",
		"--network-configuration", "awsvpcConfiguration={subnets=[" + subnetA + "," + subnetB + "],securityGroups=[" + groupWeb + "],assignPublicIp=DISABLED}",
		"--service-registries", `[{"registryArn":"` + registryA + `"}]`, "--tags", "key=Environment,value=production",
	}
	exit, out := h.cli(url, 0, create...)
	if exit == 0 || !strings.Contains(out, "An error occurred (ClusterNotFoundException) when calling the CreateService operation: Cluster not found.") {
		t.Errorf("a service before its cluster: exit %d, %s", exit, out)
	}
	ok("create-cluster", "--cluster-name", "my-ecs-cluster", "--capacity-providers", "FARGATE",
		"--default-capacity-provider-strategy", "capacityProvider=FARGATE,weight=1", "--tags", "key=Environment,value=production")
	arn := ok("register-task-definition", "--family", "web-service", "--network-mode", "awsvpc", "--requires-compatibilities", "FARGATE", "--cpu", "256", "--memory", "512",
		"--execution-role-arn", "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
		"--container-definitions", `[{"name":"web-container","image":"nginx:latest","portMappings":[{"containerPort":80,"protocol":"tcp"}],"essential":true,"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/web-service","awslogs-region":"us-east-1","awslogs-stream-prefix":"ecs"}}}]`,
		"--query", "taskDefinition.taskDefinitionArn", "--output", "text")
	if arn != definitionARNBase+"web-service:1" {
		t.Errorf("task definition %s", arn)
	}
	ok(create...)
	wait := []string{"wait", "services-stable", "--cluster", "my-ecs-cluster", "--services", "web-service"}
	if exit, out := h.cli(url, 4*time.Second, wait...); exit != -1 {
		t.Errorf("the waiter ended with %d while nothing ran: %s", exit, out)
	}
	h.settle()
	ok(wait...)
	events := ok("describe-services", "--cluster", "my-ecs-cluster", "--services", "web-service", "--query", "services[0].events[0:5].message", "--output", "text")
	if !strings.HasPrefix(events, "(service web-service) has reached a steady state.") {
		t.Errorf("events %s", events)
	}
	tasks := strings.Fields(ok("list-tasks", "--cluster", "my-ecs-cluster", "--service-name", "web-service", "--query", "taskArns[]", "--output", "text"))
	addresses := strings.Fields(ok(append([]string{"describe-tasks", "--cluster", "my-ecs-cluster", "--query", "tasks[].attachments[].details[?name==`privateIPv4Address`].value[]", "--output", "text", "--tasks"}, tasks...)...))
	slices.Sort(addresses)
	if !slices.Equal(addresses, []string{"10.0.1.4", "10.0.2.4"}) {
		t.Errorf("addresses %v", addresses)
	}
	ok("stop-task", "--cluster", "my-ecs-cluster", "--task", tasks[0])
	ok("update-service", "--cluster", "my-ecs-cluster", "--service", "web-service", "--desired-count", "0")
	ok("delete-service", "--cluster", "my-ecs-cluster", "--service", "web-service", "--force")
	if exit, out := h.cli(url, 0, wait...); exit != 255 || !strings.Contains(out, "Waiter encountered a terminal failure state") {
		t.Errorf("the waiter ended with %d for a service that drains: %s", exit, out)
	}
	exit, out = h.cli(url, 0, "delete-cluster", "--cluster", "my-ecs-cluster")
	if exit == 0 || !strings.Contains(out, "(ClusterContainsServicesException)") {
		t.Errorf("deleting a cluster in use: exit %d, %s", exit, out)
	}
	h.settle()
	ok("delete-cluster", "--cluster", "my-ecs-cluster")
}
