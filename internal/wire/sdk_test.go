package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkcw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	sdklogs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	sdkecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	sdkr53 "github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	sdksd "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"seamark/internal/api/cloudwatch"
	"seamark/internal/api/ecs"
	"seamark/internal/api/route53"
	"seamark/internal/wire"
)

// These tests drive the real SDK clients, signed, against a Mux.

func wantAPIError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) {
		t.Fatalf("error %v is no API error", err)
	}
	if e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("error %s: %q, want %s: %q", e.ErrorCode(), e.ErrorMessage(), code, message)
	}
}

func TestSDK_ecsJSON(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdkecs.NewFromConfig(s.awsConfig())
	out, err := c.CreateCluster(t.Context(), &sdkecs.CreateClusterInput{
		ClusterName: aws.String("demo \"x\""), Tags: []ecstypes.Tag{{Key: aws.String("k"), Value: aws.String("ü")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Cluster.ClusterName != "demo \"x\"" || *out.Cluster.Tags[0].Value != "ü" || out.Cluster.Settings == nil {
		t.Errorf("cluster %+v", out.Cluster)
	}
	_, info := s.seen()
	if info.PrincipalARN != testARN || info.Service != "ecs" || info.Operation != "CreateCluster" || info.AccessKeyID != testKey ||
		info.Account != testAccount || info.Region != testRegion || len(info.RequestID) != 36 {
		t.Errorf("request info %+v", info)
	}
	_, err = c.DescribeServices(t.Context(), &sdkecs.DescribeServicesInput{Services: []string{"web"}})
	var notFound *ecstypes.ClusterNotFoundException
	if !errors.As(err, &notFound) || notFound.ErrorMessage() != "Cluster not found." {
		t.Errorf("error %v", err)
	}
	tasks, err := c.DescribeTasks(t.Context(), &sdkecs.DescribeTasksInput{Tasks: []string{"x"}})
	if err != nil || !tasks.Tasks[0].CreatedAt.Equal(time.UnixMilli(1700000000123)) || tasks.Failures == nil {
		t.Errorf("tasks %+v, %v", tasks, err)
	}
	_, err = c.ListServices(t.Context(), &sdkecs.ListServicesInput{})
	wantAPIError(t, err, "UnknownOperationException", "The action ListServices is not built in Seamark yet.")
	_, err = c.CreateCluster(t.Context(), &sdkecs.CreateClusterInput{Configuration: &ecstypes.ClusterConfiguration{ExecuteCommandConfiguration: &ecstypes.ExecuteCommandConfiguration{Logging: "LOUD"}}})
	wantAPIError(t, err, "InvalidParameterException", "1 validation error detected: Value 'LOUD' at 'configuration.executeCommandConfiguration.logging' failed to satisfy constraint: Member must satisfy enum value set: [NONE, DEFAULT, OVERRIDE]")
}

func TestSDK_failuresOfHandlers(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdkecs.NewFromConfig(s.awsConfig())
	_, err := c.ListTasks(t.Context(), &sdkecs.ListTasksInput{})
	wantAPIError(t, err, "ServerException", "An internal error has occurred.")
	if strings.Contains(err.Error(), "fire") {
		t.Errorf("the cause leaked: %v", err)
	}
	_, err = c.ListClusters(t.Context(), &sdkecs.ListClustersInput{})
	wantAPIError(t, err, "ServerException", "An internal error has occurred.")
	if _, err := c.CreateCluster(t.Context(), &sdkecs.CreateClusterInput{}); err != nil {
		t.Errorf("the server did not survive: %v", err)
	}
	log := s.logs.String()
	for _, want := range []string{"disk on fire", "handler panicked", `"error_code":"ServerException"`, `"operation":"ListTasks"`, `"request_id"`} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %s:\n%s", want, log)
		}
	}
}

func TestSDK_servicediscovery(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdksd.NewFromConfig(s.awsConfig(), func(o *sdksd.Options) {
		o.APIOptions = append(o.APIOptions, disableHostPrefix)
	})
	_, err := c.CreatePrivateDnsNamespace(t.Context(), &sdksd.CreatePrivateDnsNamespaceInput{Name: aws.String("myapp.local"), Vpc: aws.String("vpc-1")})
	var exists *sdtypes.NamespaceAlreadyExists
	if !errors.As(err, &exists) || *exists.NamespaceId != "ns-1" || *exists.CreatorRequestId != "r-1" || exists.ErrorMessage() != "it exists" {
		t.Errorf("error %v", err)
	}
	_, err = c.CreatePrivateDnsNamespace(t.Context(), &sdksd.CreatePrivateDnsNamespaceInput{Name: aws.String("a b"), Vpc: aws.String("vpc-1")})
	wantAPIError(t, err, "InvalidInput", `1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!arn:)[!-~]{1,253}$`)
	out, err := c.DiscoverInstances(t.Context(), &sdksd.DiscoverInstancesInput{NamespaceName: aws.String("myapp.local"), ServiceName: aws.String("web")})
	if err != nil || out.Instances[0].Attributes["AWS_INSTANCE_IPV4"] != "10.0.1.10" || *out.InstancesRevision != 7 {
		t.Errorf("discovered %+v, %v", out, err)
	}
}

func TestSDK_cloudwatchCBOR(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdkcw.NewFromConfig(s.awsConfig())
	data := make([]cwtypes.MetricDatum, 300) // above 10 KiB the client compresses
	for i := range data {
		data[i] = cwtypes.MetricDatum{MetricName: aws.String("Requests"), Value: aws.Float64(float64(i) / 4), Timestamp: aws.Time(time.UnixMilli(1700000000456)),
			Dimensions: []cwtypes.Dimension{{Name: aws.String("ServiceName"), Value: aws.String("web-frontend-service-name")}}}
	}
	if _, err := c.PutMetricData(t.Context(), &sdkcw.PutMetricDataInput{Namespace: aws.String("Seamark"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	last, _ := s.seen()
	in := last.(*cloudwatch.PutMetricDataInput)
	if len(in.MetricData) != 300 || *in.MetricData[299].Value != 74.75 || in.MetricData[0].Timestamp.UnixMilli() != 1700000000456 {
		t.Errorf("decoded %d data, last %+v", len(in.MetricData), in.MetricData[len(in.MetricData)-1])
	}
	out, err := c.GetMetricStatistics(t.Context(), &sdkcw.GetMetricStatisticsInput{
		Namespace: aws.String("Seamark"), MetricName: aws.String("Requests"), Period: aws.Int32(60),
		StartTime: aws.Time(time.Unix(1700000000, 0)), EndTime: aws.Time(time.Unix(1700000600, 0)), Statistics: []cwtypes.Statistic{"Sum"},
	})
	if err != nil || *out.Datapoints[0].Sum != 5 || !out.Datapoints[0].Timestamp.Equal(time.UnixMilli(1700000000123)) {
		t.Errorf("statistics %+v, %v", out, err)
	}
	_, err = c.DeleteDashboards(t.Context(), &sdkcw.DeleteDashboardsInput{DashboardNames: []string{"x"}})
	var gone *cwtypes.DashboardNotFoundError
	if !errors.As(err, &gone) || gone.ErrorMessage() != "no such dashboard" {
		t.Errorf("error %v", err)
	}
	_, err = c.PutMetricData(t.Context(), &sdkcw.PutMetricDataInput{Namespace: aws.String(":x"), MetricData: data[:1]})
	wantAPIError(t, err, "ValidationError", "at 'namespace' failed to satisfy constraint")
}

func TestSDK_logs(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdklogs.NewFromConfig(s.awsConfig())
	out, err := c.FilterLogEvents(t.Context(), &sdklogs.FilterLogEventsInput{LogGroupName: aws.String("/ecs/web"), FilterPattern: aws.String("ERROR")})
	if err != nil || *out.Events[0].Message != "tab\there \"quoted\" \u2028 é" {
		t.Errorf("events %+v, %v", out, err)
	}
	_, err = c.FilterLogEvents(t.Context(), &sdklogs.FilterLogEventsInput{LogGroupName: aws.String("a b"), Limit: aws.Int32(10001)})
	wantAPIError(t, err, "InvalidParameterException", "2 validation errors detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000; Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: ")
}

func TestSDK_query(t *testing.T) {
	s := newTestServer(t, nil)
	id, err := sdksts.NewFromConfig(s.awsConfig()).GetCallerIdentity(t.Context(), nil)
	if err != nil || *id.Arn != testARN || *id.Account != testAccount || *id.UserId != "AIDAEXAMPLE" {
		t.Errorf("identity %+v, %v", id, err)
	}
	e := sdkelb.NewFromConfig(s.awsConfig())
	tg, err := e.CreateTargetGroup(t.Context(), &sdkelb.CreateTargetGroupInput{Name: aws.String("web"), Port: aws.Int32(80), Matcher: &elbtypes.Matcher{HttpCode: aws.String("200-299")}})
	if err != nil || *tg.TargetGroups[0].Port != 80 || *tg.TargetGroups[0].Matcher.HttpCode != "200-299" {
		t.Errorf("target group %+v, %v", tg, err)
	}
	_, err = e.DescribeTargetHealth(t.Context(), &sdkelb.DescribeTargetHealthInput{TargetGroupArn: aws.String("arn")})
	if _, ok := errors.AsType[*elbtypes.TargetGroupNotFoundException](err); !ok {
		t.Errorf("error %v", err)
	}
	i := sdkiam.NewFromConfig(s.awsConfig()) // signs for us-east-1
	role, err := i.CreateRole(t.Context(), &sdkiam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(`{"a":"<&>"}`),
		Description: aws.String("1 < 2 & \"3\""), Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	if err != nil || *role.Role.Description != "1 < 2 & \"3\"" || *role.Role.Tags[0].Value != "b" || !role.Role.CreateDate.Equal(time.UnixMilli(1700000000123)) {
		t.Errorf("role %+v, %v", role, err)
	}
	_, err = i.GetRole(t.Context(), &sdkiam.GetRoleInput{RoleName: aws.String("x")})
	wantAPIError(t, err, "NoSuchEntity", "The role with name x cannot be found.")
	_, err = i.GetUser(t.Context(), &sdkiam.GetUserInput{})
	wantAPIError(t, err, "InvalidAction", "The action GetUser is not built in Seamark yet.")
	_, err = i.CreateRole(t.Context(), &sdkiam.CreateRoleInput{RoleName: aws.String("a/b"), AssumeRolePolicyDocument: aws.String("{}")})
	wantAPIError(t, err, "ValidationError", `Value 'a/b' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`)
}

func TestSDK_route53(t *testing.T) {
	s := newTestServer(t, nil)
	c := sdkr53.NewFromConfig(s.awsConfig())
	out, err := c.CreateHostedZone(t.Context(), &sdkr53.CreateHostedZoneInput{Name: aws.String("example.com"), CallerReference: aws.String("ref <1>"),
		VPC: &r53types.VPC{VPCId: aws.String("vpc-1"), VPCRegion: "eu-west-1"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(*out.Location, "hostedzone/Z1") || *out.HostedZone.CallerReference != "ref <1>" || out.VPC.VPCRegion != "eu-west-1" || !out.ChangeInfo.SubmittedAt.Equal(time.UnixMilli(1700000000123)) {
		t.Errorf("zone %+v", out)
	}
	change := func(id string) error {
		_, err := c.ChangeResourceRecordSets(t.Context(), &sdkr53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String(id), ChangeBatch: &r53types.ChangeBatch{Changes: []r53types.Change{{
			Action: "CREATE", ResourceRecordSet: &r53types.ResourceRecordSet{Name: aws.String("a.example.com"), Type: "A", TTL: aws.Int64(60), ResourceRecords: []r53types.ResourceRecord{{Value: aws.String("10.0.0.1")}, {Value: aws.String("10.0.0.2")}}},
		}}}})
		return err
	}
	err = change("/hostedzone/Z1")
	var batch *r53types.InvalidChangeBatch
	if !errors.As(err, &batch) || batch.ErrorMessage() != "bad batch" {
		t.Errorf("error %v", err)
	}
	last, _ := s.seen()
	in := last.(*route53.ChangeResourceRecordSetsInput)
	if *in.HostedZoneId != "Z1" || len(in.ChangeBatch.Changes[0].ResourceRecordSet.ResourceRecords) != 2 || *in.ChangeBatch.Changes[0].ResourceRecordSet.TTL != 60 {
		t.Errorf("decoded %+v", in)
	}
	wantAPIError(t, change("Z1234567890123456789012345678901234567890"), "InvalidInput", "at 'hostedZoneId' failed to satisfy constraint: Member must have length less than or equal to 32")
	if _, err := c.ListHostedZonesByVPC(t.Context(), &sdkr53.ListHostedZonesByVPCInput{VPCId: aws.String("vpc-1"), VPCRegion: "eu-west-1", MaxItems: aws.Int32(100)}); err != nil {
		t.Error(err)
	}
	last, _ = s.seen()
	if l := last.(*route53.ListHostedZonesByVPCInput); *l.VPCId != "vpc-1" || *l.VPCRegion != "eu-west-1" || *l.MaxItems != "100" {
		t.Errorf("query members %+v", l)
	}
	_, err = c.GetHostedZoneCount(t.Context(), nil)
	wantAPIError(t, err, "UnknownOperationException", "The action GetHostedZoneCount is not built in Seamark yet.")
}

func TestSDK_sessionToken(t *testing.T) {
	s := newTestServer(t, nil)
	for _, c := range []struct{ key, token, code string }{
		{"ASIASESSION", "session-token", ""},
		{"ASIASESSION", "another", "UnrecognizedClientException"},
		{"ASIASESSION", "", "UnrecognizedClientException"},
		{"ASIAEXPIRED", "session-token", "ExpiredTokenException"},
		{testKey, "session-token", "UnrecognizedClientException"},
		{"AKIANOBODY", "", "UnrecognizedClientException"},
	} {
		cfg := s.awsConfig()
		cfg.Credentials = staticCredentials(c.key, testSecret, c.token)
		_, err := sdkecs.NewFromConfig(cfg).CreateCluster(t.Context(), &sdkecs.CreateClusterInput{})
		if c.code == "" {
			if err != nil {
				t.Errorf("%s %q: %v", c.key, c.token, err)
			}
			continue
		}
		wantAPIError(t, err, c.code, "The security token included in the request is")
	}
}

func TestSDK_gate(t *testing.T) {
	s := newTestServer(t, func(c *wire.Config) {
		c.Gate = func(service, op string, readOnly bool) error {
			if readOnly {
				return nil
			}
			return wire.Unavailable("no space: " + service + " " + op)
		}
	})
	c := sdkecs.NewFromConfig(s.awsConfig())
	_, err := c.CreateCluster(t.Context(), &sdkecs.CreateClusterInput{})
	wantAPIError(t, err, "ServiceUnavailable", "no space: ecs CreateCluster")
	if _, err := c.DescribeTasks(t.Context(), &sdkecs.DescribeTasksInput{Tasks: []string{"x"}}); err != nil {
		t.Errorf("a read was refused: %v", err)
	}
	if last, _ := s.seen(); last == nil {
		t.Error("the read did not arrive")
	} else if _, ok := last.(*ecs.DescribeTasksInput); !ok {
		t.Errorf("a change got through: %T", last)
	}
}
