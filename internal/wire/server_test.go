package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"seamark/internal/api/cloudwatch"
	"seamark/internal/api/ec2"
	"seamark/internal/api/ecs"
	"seamark/internal/api/elbv2"
	"seamark/internal/api/iam"
	"seamark/internal/api/logs"
	"seamark/internal/api/route53"
	"seamark/internal/api/servicediscovery"
	"seamark/internal/api/sts"
	"seamark/internal/wire"
	"seamark/internal/wire/sigv4"
)

const (
	testKey     = "AKIAIOSFODNN7EXAMPLE"
	testSecret  = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testRegion  = "eu-west-1"
	testAccount = "123456789012"
	testARN     = "arn:aws:iam::123456789012:user/guide"
)

// testKeys knows one user and one session.
type testKeys struct{}

func (testKeys) Lookup(_ context.Context, id string) (sigv4.Credential, bool) {
	c := sigv4.Credential{Secret: testSecret, PrincipalARN: testARN, UserID: "AIDAEXAMPLE", Account: testAccount}
	switch id {
	case testKey:
		return c, true
	case "ASIASESSION":
		c.SessionToken = "session-token"
		return c, true
	case "ASIAEXPIRED":
		c.SessionToken, c.Expires = "session-token", time.Now().Add(-time.Minute)
		return c, true
	}
	return sigv4.Credential{}, false
}

// echo serves a few operations of each protocol and remembers their inputs.
type echo struct {
	mu   sync.Mutex
	last any
	info *wire.RequestInfo
}

func (e *echo) saw(ctx context.Context, in any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last, e.info = in, wire.RequestFrom(ctx)
}

func (e *echo) seen() (any, *wire.RequestInfo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last, e.info
}

func (e *echo) add(m *wire.Mux) {
	at := wire.At(time.UnixMilli(1700000000123))
	m.Add(ecs.NewService(ecs.Operations{
		CreateCluster: func(ctx context.Context, in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
			e.saw(ctx, in)
			return &ecs.CreateClusterOutput{Cluster: &ecs.Cluster{ClusterName: in.ClusterName, Status: aws.String("ACTIVE"), Tags: in.Tags, Settings: []ecs.ClusterSetting{}}}, nil
		},
		DescribeServices: func(ctx context.Context, in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
			e.saw(ctx, in)
			return nil, ecs.ErrClusterNotFoundException("Cluster not found.")
		},
		ListClusters: func(context.Context, *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
			panic("a defect")
		},
		ListTasks: func(context.Context, *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
			return nil, errors.New("disk on fire at 10.0.0.1")
		},
		DescribeTasks: func(ctx context.Context, in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
			e.saw(ctx, in)
			return &ecs.DescribeTasksOutput{Tasks: []ecs.Task{{CreatedAt: at, Cpu: aws.String("256"), Version: aws.Int64(3)}}, Failures: []ecs.Failure{}}, nil
		},
		RegisterTaskDefinition: func(ctx context.Context, in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
			e.saw(ctx, in)
			return &ecs.RegisterTaskDefinitionOutput{}, nil
		},
	}))
	m.Add(servicediscovery.NewService(servicediscovery.Operations{
		CreatePrivateDnsNamespace: func(ctx context.Context, in *servicediscovery.CreatePrivateDnsNamespaceInput) (*servicediscovery.CreatePrivateDnsNamespaceOutput, error) {
			e.saw(ctx, in)
			return nil, servicediscovery.ErrNamespaceAlreadyExists("it exists").With("NamespaceId", "ns-1").With("CreatorRequestId", "r-1")
		},
		DiscoverInstances: func(ctx context.Context, in *servicediscovery.DiscoverInstancesInput) (*servicediscovery.DiscoverInstancesOutput, error) {
			e.saw(ctx, in)
			return &servicediscovery.DiscoverInstancesOutput{
				InstancesRevision: aws.Int64(7),
				Instances: []servicediscovery.HttpInstanceSummary{{
					InstanceId: aws.String("i-1"), NamespaceName: in.NamespaceName, ServiceName: in.ServiceName, HealthStatus: aws.String("HEALTHY"),
					Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.1.10", "AWS_INSTANCE_PORT": "80"},
				}},
			}, nil
		},
	}))
	m.Add(cloudwatch.NewService(cloudwatch.Operations{
		PutMetricData: func(ctx context.Context, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) {
			e.saw(ctx, in)
			return nil, nil
		},
		GetMetricStatistics: func(ctx context.Context, in *cloudwatch.GetMetricStatisticsInput) (*cloudwatch.GetMetricStatisticsOutput, error) {
			e.saw(ctx, in)
			return &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []cloudwatch.Datapoint{{Timestamp: at, Sum: aws.Float64(5), Unit: aws.String("Count")}}}, nil
		},
		DeleteDashboards: func(context.Context, *cloudwatch.DeleteDashboardsInput) (*cloudwatch.DeleteDashboardsOutput, error) {
			return nil, cloudwatch.ErrDashboardNotFoundError("no such dashboard")
		},
	}))
	m.Add(logs.NewService(logs.Operations{
		FilterLogEvents: func(ctx context.Context, in *logs.FilterLogEventsInput) (*logs.FilterLogEventsOutput, error) {
			e.saw(ctx, in)
			return &logs.FilterLogEventsOutput{Events: []logs.FilteredLogEvent{{Message: aws.String("tab\there \"quoted\" \u2028 é"), Timestamp: aws.Int64(1)}}}, nil
		},
	}))
	e.addXML(m, at)
}

func (e *echo) addXML(m *wire.Mux, at *wire.Time) {
	m.Add(ec2.NewService(ec2.Operations{
		CreateVpc: func(ctx context.Context, in *ec2.CreateVpcInput) (*ec2.CreateVpcOutput, error) {
			e.saw(ctx, in)
			var tags []ec2.Tag
			for _, s := range in.TagSpecifications {
				tags = append(tags, s.Tags...)
			}
			return &ec2.CreateVpcOutput{Vpc: &ec2.Vpc{VpcId: aws.String("vpc-1"), CidrBlock: in.CidrBlock, IsDefault: aws.Bool(false), Tags: tags}}, nil
		},
		DescribeVpcs: func(ctx context.Context, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
			e.saw(ctx, in)
			if len(in.VpcIds) > 0 {
				return nil, wire.Errorf(400, "InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", in.VpcIds[0])
			}
			return &ec2.DescribeVpcsOutput{Vpcs: []ec2.Vpc{}}, nil
		},
		DeleteVpc: func(ctx context.Context, in *ec2.DeleteVpcInput) (*ec2.DeleteVpcOutput, error) {
			e.saw(ctx, in)
			return nil, nil
		},
	}))
	m.Add(elbv2.NewService(elbv2.Operations{
		CreateTargetGroup: func(ctx context.Context, in *elbv2.CreateTargetGroupInput) (*elbv2.CreateTargetGroupOutput, error) {
			e.saw(ctx, in)
			return &elbv2.CreateTargetGroupOutput{TargetGroups: []elbv2.TargetGroup{{TargetGroupName: in.Name, Port: in.Port, Matcher: in.Matcher}}}, nil
		},
		DescribeTargetHealth: func(context.Context, *elbv2.DescribeTargetHealthInput) (*elbv2.DescribeTargetHealthOutput, error) {
			return nil, elbv2.ErrTargetGroupNotFoundException("One or more target groups not found")
		},
	}))
	m.Add(iam.NewService(iam.Operations{
		CreateRole: func(ctx context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
			e.saw(ctx, in)
			return &iam.CreateRoleOutput{Role: &iam.Role{RoleName: in.RoleName, Path: aws.String("/"), RoleId: aws.String("AROAEXAMPLEEXAMPLE00"), Arn: aws.String("arn:aws:iam::123456789012:role/" + *in.RoleName), CreateDate: at, Description: in.Description, Tags: in.Tags}}, nil
		},
		GetRole: func(context.Context, *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
			return nil, iam.ErrNoSuchEntityException("The role with name x cannot be found.")
		},
	}))
	m.Add(sts.NewService(sts.Operations{
		GetCallerIdentity: func(ctx context.Context, in *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
			e.saw(ctx, in)
			r := wire.RequestFrom(ctx)
			return &sts.GetCallerIdentityOutput{Account: &r.Account, Arn: &r.PrincipalARN, UserId: &r.UserID}, nil
		},
		AssumeRoleWithWebIdentity: func(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput) (*sts.AssumeRoleWithWebIdentityOutput, error) {
			e.saw(ctx, in)
			return &sts.AssumeRoleWithWebIdentityOutput{Provider: aws.String("test")}, nil
		},
	}))
	m.Add(route53.NewService(route53.Operations{
		CreateHostedZone: func(ctx context.Context, in *route53.CreateHostedZoneInput) (*route53.CreateHostedZoneOutput, error) {
			e.saw(ctx, in)
			return &route53.CreateHostedZoneOutput{
				Location:   aws.String("https://route53.amazonaws.com/2013-04-01/hostedzone/Z1"),
				HostedZone: &route53.HostedZone{Id: aws.String("/hostedzone/Z1"), Name: in.Name, CallerReference: in.CallerReference, ResourceRecordSetCount: aws.Int64(2)},
				ChangeInfo: &route53.ChangeInfo{Id: aws.String("/change/C1"), Status: aws.String("PENDING"), SubmittedAt: at}, VPC: in.VPC,
			}, nil
		},
		ChangeResourceRecordSets: func(ctx context.Context, in *route53.ChangeResourceRecordSetsInput) (*route53.ChangeResourceRecordSetsOutput, error) {
			e.saw(ctx, in)
			return nil, route53.ErrInvalidChangeBatch("bad batch").With("messages", []string{"one", "two"})
		},
		ListHostedZonesByVPC: func(ctx context.Context, in *route53.ListHostedZonesByVPCInput) (*route53.ListHostedZonesByVPCOutput, error) {
			e.saw(ctx, in)
			return &route53.ListHostedZonesByVPCOutput{MaxItems: aws.String("100"), HostedZoneSummaries: []route53.HostedZoneSummary{}}, nil
		},
	}))
}

// syncBuffer is a log sink for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// testServer is an echo behind a real HTTP server.
type testServer struct {
	*httptest.Server
	*echo
	mux  *wire.Mux
	logs *syncBuffer
}

func newTestServer(t *testing.T, change func(*wire.Config)) *testServer {
	t.Helper()
	s := &testServer{echo: &echo{}, logs: &syncBuffer{}}
	cfg := wire.Config{
		Logger:   slog.New(slog.NewJSONHandler(s.logs, nil)),
		Verifier: sigv4.New(sigv4.Config{Keys: testKeys{}}),
		Region:   testRegion, Account: testAccount,
	}
	if change != nil {
		change(&cfg)
	}
	s.mux = wire.NewMux(cfg)
	s.add(s.mux)
	s.Server = httptest.NewServer(s.mux)
	t.Cleanup(s.Close)
	return s
}

func unsigned(c *wire.Config) { c.Verifier = nil }

// awsConfig is an SDK configuration that calls the server, without retries.
func (s *testServer) awsConfig() aws.Config {
	return aws.Config{
		Region:       testRegion,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  staticCredentials(testKey, testSecret, ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient:   s.Client(),
	}
}

func staticCredentials(key, secret, token string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret, SessionToken: token}, nil
	})
}

// send makes a raw request and returns the response and its body.
func (s *testServer) send(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}
