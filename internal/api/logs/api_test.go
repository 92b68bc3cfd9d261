package logs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"seamark/internal/api/logs"
	"seamark/internal/store/mem"
	events "seamark/internal/telemetry/logs"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// api is CloudWatch Logs on a loopback port, and a client of it.
type api struct {
	*sdk.Client
	url   string
	logs  *events.Store
	store *mem.Store
	t     *testing.T
}

func start(t *testing.T) api {
	t.Helper()
	s := mem.New(mem.Options{})
	t.Cleanup(func() { s.Close() })
	e, err := events.Open(t.TempDir(), events.Options{Writer: events.WriterOptions{Reserve: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	scope := world.Scope{Region: "us-east-1", Account: "123456789012"}
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: scope.Region, Account: scope.Account})
	mux.Add(logs.NewService(logs.New(logs.Config{Store: s, Logs: e, Scope: scope}).Operations()))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client := sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: scope.Region, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	return api{Client: client, url: server.URL, logs: e, store: s, t: t}
}

// refused checks an error's code and text.
func (a api) refused(err error, code, message string) {
	a.t.Helper()
	var fault smithy.APIError
	if !errors.As(err, &fault) || fault.ErrorCode() != code || !strings.Contains(fault.ErrorMessage(), message) {
		a.t.Errorf("got %v, want %s: %s", err, code, message)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (a api) group(name string) {
	a.t.Helper()
	if _, err := a.CreateLogGroup(a.t.Context(), &sdk.CreateLogGroupInput{LogGroupName: &name}); err != nil {
		a.t.Fatal(err)
	}
}

func (a api) stream(group, name string) {
	a.t.Helper()
	if _, err := a.CreateLogStream(a.t.Context(), &sdk.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &name}); err != nil {
		a.t.Fatal(err)
	}
}

func input(t time.Time, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: aws.Int64(t.UnixMilli()), Message: &message}
}

func (a api) put(group, stream string, in ...types.InputLogEvent) *sdk.PutLogEventsOutput {
	a.t.Helper()
	return must[*sdk.PutLogEventsOutput](a.t)(a.PutLogEvents(a.t.Context(), &sdk.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: in}))
}

func TestGroups(t *testing.T) {
	a, ctx := start(t), t.Context()
	for _, name := range []string{"/ecs/web", "/ecs/api", "/rds/db"} {
		a.group(name)
	}
	_, err := a.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("/ecs/web")})
	a.refused(err, "ResourceAlreadyExistsException", "The specified log group already exists")
	_, err = a.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("bad name")})
	a.refused(err, "InvalidParameterException", "Member must satisfy regular expression pattern")

	_, err = a.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("/ecs/web"), RetentionInDays: aws.Int32(2)})
	a.refused(err, "InvalidParameterException", "Member must satisfy enum value set: [1, 3, 5")
	_, err = a.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("nobody"), RetentionInDays: aws.Int32(3)})
	a.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	must[*sdk.PutRetentionPolicyOutput](t)(a.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("/ecs/web"), RetentionInDays: aws.Int32(7)}))

	out := must[*sdk.DescribeLogGroupsOutput](t)(a.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/ecs/")}))
	if len(out.LogGroups) != 2 || *out.LogGroups[0].LogGroupName != "/ecs/api" || out.LogGroups[0].RetentionInDays != nil {
		t.Fatalf("groups %+v", out.LogGroups)
	}
	web := out.LogGroups[1]
	if *web.Arn != "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web:*" || *web.LogGroupArn != "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web" ||
		*web.RetentionInDays != 7 || web.LogGroupClass != types.LogGroupClassStandard || time.Since(time.UnixMilli(*web.CreationTime)) > time.Minute {
		t.Errorf("group %+v", web)
	}
	must[*sdk.DeleteRetentionPolicyOutput](t)(a.DeleteRetentionPolicy(ctx, &sdk.DeleteRetentionPolicyInput{LogGroupName: aws.String("/ecs/web")}))
	var names []string
	for p := sdk.NewDescribeLogGroupsPaginator(a, &sdk.DescribeLogGroupsInput{Limit: aws.Int32(1)}); p.HasMorePages(); {
		for _, g := range must[*sdk.DescribeLogGroupsOutput](t)(p.NextPage(ctx)).LogGroups {
			names = append(names, *g.LogGroupName)
			if g.RetentionInDays != nil {
				t.Errorf("%s has a retention", *g.LogGroupName)
			}
		}
	}
	if fmt.Sprint(names) != "[/ecs/api /ecs/web /rds/db]" {
		t.Errorf("paged groups %v", names)
	}
	byPattern := must[*sdk.DescribeLogGroupsOutput](t)(a.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("DB")}))
	if len(byPattern.LogGroups) != 1 {
		t.Errorf("by pattern: %d", len(byPattern.LogGroups))
	}
	_, err = a.DescribeLogGroups(ctx, &sdk.DescribeLogGroupsInput{NextToken: aws.String("x")})
	a.refused(err, "InvalidParameterException", "nextToken")

	a.stream("/ecs/web", "s")
	must[*sdk.DeleteLogGroupOutput](t)(a.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("/ecs/web")}))
	_, err = a.DeleteLogGroup(ctx, &sdk.DeleteLogGroupInput{LogGroupName: aws.String("/ecs/web")})
	a.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	a.group("/ecs/web")
	streams := must[*sdk.DescribeLogStreamsOutput](t)(a.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: aws.String("/ecs/web")}))
	if len(streams.LogStreams) != 0 {
		t.Errorf("a new group has the old one's streams")
	}
	_, err = a.StartQuery(ctx, &sdk.StartQueryInput{QueryString: aws.String("x"), StartTime: aws.Int64(1), EndTime: aws.Int64(2)})
	a.refused(err, "UnknownOperationException", "StartQuery")
}

func TestStreams(t *testing.T) {
	a, ctx := start(t), t.Context()
	_, err := a.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")})
	a.refused(err, "ResourceNotFoundException", "The specified log group does not exist.")
	a.group("g")
	now := time.Now()
	for i, name := range []string{"a/1", "a/2", "b"} {
		a.stream("g", name)
		a.put("g", name, input(now.Add(time.Duration(-i)*time.Hour), "x"))
	}
	a.stream("g", "empty")
	_, err = a.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")})
	a.refused(err, "ResourceAlreadyExistsException", "The specified log stream already exists")
	_, err = a.CreateLogStream(ctx, &sdk.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("a:b")})
	a.refused(err, "InvalidParameterException", "logStreamName")
	list := func(in sdk.DescribeLogStreamsInput) string {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		var names []string
		for p := sdk.NewDescribeLogStreamsPaginator(a, &in); p.HasMorePages(); {
			for _, s := range must[*sdk.DescribeLogStreamsOutput](t)(p.NextPage(ctx)).LogStreams {
				names = append(names, *s.LogStreamName)
			}
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		in   sdk.DescribeLogStreamsInput
		want string
	}{
		{sdk.DescribeLogStreamsInput{}, "a/1 a/2 b empty"},
		{sdk.DescribeLogStreamsInput{Descending: aws.Bool(true)}, "empty b a/2 a/1"},
		{sdk.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("a/")}, "a/1 a/2"},
		{sdk.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime}, "empty b a/2 a/1"},
		{sdk.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)}, "a/1 a/2 b empty"},
	} {
		if got := list(c.in); got != c.want {
			t.Errorf("%v: %s", c, got)
		}
	}
	_, err = a.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupName: aws.String("g"), LogStreamNamePrefix: aws.String("a"), OrderBy: types.OrderByLastEventTime})
	a.refused(err, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	b := must[*sdk.DescribeLogStreamsOutput](t)(a.DescribeLogStreams(ctx, &sdk.DescribeLogStreamsInput{LogGroupIdentifier: aws.String("arn:aws:logs:us-east-1:123456789012:log-group:g"), LogStreamNamePrefix: aws.String("b")})).LogStreams[0]
	if *b.Arn != "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:b" || *b.FirstEventTimestamp != now.Add(-2*time.Hour).UnixMilli() ||
		*b.LastEventTimestamp != *b.FirstEventTimestamp || time.Since(time.UnixMilli(*b.LastIngestionTime)) > time.Minute {
		t.Errorf("stream %+v", b)
	}
	must[*sdk.DeleteLogStreamOutput](t)(a.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")}))
	_, err = a.DeleteLogStream(ctx, &sdk.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")})
	a.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")
	_, err = a.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("b")})
	a.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func TestPutLogEvents_Rules(t *testing.T) {
	a, ctx := start(t), t.Context()
	a.group("g")
	a.stream("g", "s")
	now := time.Now()
	try := func(in ...types.InputLogEvent) error {
		_, err := a.PutLogEvents(ctx, &sdk.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), LogEvents: in})
		return err
	}
	a.refused(try(input(now, "b"), input(now.Add(-time.Second), "a")), "InvalidParameterException", "chronological order")
	a.refused(try(input(now.Add(-25*time.Hour), "a"), input(now, "b")), "InvalidParameterException", "cannot span more than 24 hours")
	a.refused(try(input(now, strings.Repeat("x", 1<<20))), "InvalidParameterException", "Upload too large: 1048602 bytes exceeds limit of 1048576")
	a.refused(try([]types.InputLogEvent{}...), "InvalidParameterException", "logEvents")
	_, err := a.PutLogEvents(ctx, &sdk.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("nobody"), LogEvents: []types.InputLogEvent{input(now, "x")}})
	a.refused(err, "ResourceNotFoundException", "The specified log stream does not exist.")

	out := a.put("g", "s", input(now, "ok"), input(now.Add(3*time.Hour), "new"))
	if out.NextSequenceToken == nil || out.RejectedLogEventsInfo == nil || *out.RejectedLogEventsInfo.TooNewLogEventStartIndex != 1 || out.RejectedLogEventsInfo.TooOldLogEventEndIndex != nil {
		t.Errorf("too new: %+v", out.RejectedLogEventsInfo)
	}
	old := now.Add(-14*24*time.Hour - time.Minute)
	out = a.put("g", "s", input(old, "old"), input(old.Add(time.Hour), "young"))
	if out.RejectedLogEventsInfo == nil || *out.RejectedLogEventsInfo.TooOldLogEventEndIndex != 1 {
		t.Errorf("too old: %+v", out.RejectedLogEventsInfo)
	}
	must[*sdk.PutRetentionPolicyOutput](t)(a.PutRetentionPolicy(ctx, &sdk.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(3)}))
	out = a.put("g", "s", input(now.Add(-80*time.Hour), "expired"))
	if out.RejectedLogEventsInfo == nil || *out.RejectedLogEventsInfo.ExpiredLogEventEndIndex != 1 {
		t.Errorf("expired: %+v", out.RejectedLogEventsInfo)
	}
	// What was put before the policy is expired now too.
	got := must[*sdk.GetLogEventsOutput](t)(a.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true)}))
	if len(got.Events) != 1 || *got.Events[0].Message != "ok" {
		t.Errorf("kept %+v", got.Events)
	}
}

func TestGetLogEvents_Pages(t *testing.T) {
	a, ctx := start(t), t.Context()
	a.group("g")
	a.stream("g", "s")
	now := time.Now().Truncate(time.Second)
	var all []types.InputLogEvent
	for i := range 25 {
		all = append(all, input(now.Add(time.Duration(i)*time.Second), fmt.Sprint("line ", i)))
	}
	a.put("g", "s", all[10:]...)
	a.put("g", "s", all[:10]...) // late
	var got []string
	for p := sdk.NewGetLogEventsPaginator(a, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), StartFromHead: aws.Bool(true), Limit: aws.Int32(7)}, func(o *sdk.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true }); p.HasMorePages(); {
		for _, e := range must[*sdk.GetLogEventsOutput](t)(p.NextPage(ctx)).Events {
			got = append(got, *e.Message)
		}
	}
	if len(got) != 25 || got[0] != "line 0" || got[24] != "line 24" {
		t.Errorf("paged %q", got)
	}
	tail := must[*sdk.GetLogEventsOutput](t)(a.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), Limit: aws.Int32(2),
		EndTime: aws.Int64(now.Add(5 * time.Second).UnixMilli())}))
	if len(tail.Events) != 2 || *tail.Events[1].Message != "line 4" {
		t.Errorf("the end is not exclusive: %+v", tail.Events)
	}
	_, err := a.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), NextToken: aws.String("junk")})
	a.refused(err, "InvalidParameterException", "The specified nextToken is invalid.")
	_, err = a.GetLogEvents(ctx, &sdk.GetLogEventsInput{LogStreamName: aws.String("s")})
	a.refused(err, "InvalidParameterException", "must be specified")
}

func TestFilterLogEvents(t *testing.T) {
	a, ctx := start(t), t.Context()
	a.group("g")
	now := time.Now().Truncate(time.Second)
	for i, name := range []string{"ecs/web/1", "ecs/web/2", "other"} {
		a.stream("g", name)
		for n := range 10 {
			level := []string{"INFO", "ERROR"}[n%2]
			a.put("g", name, input(now.Add(time.Duration(n*3+i)*time.Second), fmt.Sprintf("%s %d from %s", level, n, name)))
		}
	}
	// What a container printed need not be text.
	w, err := events.OpenWriter(a.logs.Dir("g", "binary"), events.WriterOptions{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(now.Add(time.Hour), []byte("ERROR \xff\xfe")), w.Close()); err != nil {
		t.Fatal(err)
	}
	filter := func(in sdk.FilterLogEventsInput) (out []types.FilteredLogEvent) {
		t.Helper()
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(4)
		seen := map[string]bool{}
		for p := sdk.NewFilterLogEventsPaginator(a, &in); p.HasMorePages(); {
			for _, e := range must[*sdk.FilterLogEventsOutput](t)(p.NextPage(ctx)).Events {
				if seen[*e.EventId] || len(*e.EventId) != 56 {
					t.Errorf("event id %s", *e.EventId)
				}
				seen[*e.EventId] = true
				if n := len(out); n > 0 && *out[n-1].Timestamp > *e.Timestamp {
					t.Errorf("not in the order of time: %+v", e)
				}
				out = append(out, e)
			}
		}
		return out
	}
	if got := filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("ERROR")}); len(got) != 16 || *got[15].Message != "ERROR \uFFFD" {
		t.Errorf("%d errors", len(got))
	}
	if got := filter(sdk.FilterLogEventsInput{FilterPattern: aws.String("ERROR"), LogStreamNamePrefix: aws.String("ecs/")}); len(got) != 10 {
		t.Errorf("%d errors of ecs/", len(got))
	}
	end := now.Add(4 * time.Second).UnixMilli()
	got := filter(sdk.FilterLogEventsInput{LogStreamNames: []string{"ecs/web/2", "other"}, StartTime: aws.Int64(now.Add(2 * time.Second).UnixMilli()), EndTime: &end})
	if len(got) != 2 || *got[0].LogStreamName != "other" || *got[1].Timestamp != end {
		t.Errorf("the end is not inclusive: %+v", got)
	}
	for _, c := range []struct {
		in            sdk.FilterLogEventsInput
		code, message string
	}{
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("no")}, "ResourceNotFoundException", "The specified log group does not exist."},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"no"}}, "ResourceNotFoundException", "The specified log stream does not exist."},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: aws.String("a:b")}, "InvalidParameterException", "Invalid filter pattern: Invalid character(s) in term ':'"},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"other"}, LogStreamNamePrefix: aws.String("o")}, "InvalidParameterException", "mutually exclusive"},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), LogGroupIdentifier: aws.String("g")}, "InvalidParameterException", "mutually exclusive"},
		{sdk.FilterLogEventsInput{LogGroupIdentifier: aws.String("arn:aws:logs:eu-west-1:123456789012:log-group:g")}, "ResourceNotFoundException", "The specified log group does not exist."},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), Limit: aws.Int32(10_001)}, "InvalidParameterException", "less than or equal to 10000"},
		{sdk.FilterLogEventsInput{LogGroupName: aws.String("g"), NextToken: aws.String("x")}, "InvalidParameterException", "nextToken"},
	} {
		_, err := a.FilterLogEvents(ctx, &c.in)
		a.refused(err, c.code, c.message)
	}
}

func TestTags(t *testing.T) {
	a, ctx := start(t), t.Context()
	a.group("g")
	arn := "arn:aws:logs:us-east-1:123456789012:log-group:g"
	must[*sdk.TagResourceOutput](t)(a.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"a": "1", "b": "2"}}))
	must[*sdk.UntagResourceOutput](t)(a.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a"}}))
	must[*sdk.TagLogGroupOutput](t)(a.TagLogGroup(ctx, &sdk.TagLogGroupInput{LogGroupName: aws.String("g"), Tags: map[string]string{"c": "3", "d": "4"}})) //nolint:staticcheck // the old operation is what is tested
	must[*sdk.UntagLogGroupOutput](t)(a.UntagLogGroup(ctx, &sdk.UntagLogGroupInput{LogGroupName: aws.String("g"), Tags: []string{"d"}}))                   //nolint:staticcheck // as above
	tags := must[*sdk.ListTagsForResourceOutput](t)(a.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &arn})).Tags
	old := must[*sdk.ListTagsLogGroupOutput](t)(a.ListTagsLogGroup(ctx, &sdk.ListTagsLogGroupInput{LogGroupName: aws.String("g")})).Tags //nolint:staticcheck // as above
	if fmt.Sprint(tags) != "map[b:2 c:3]" || fmt.Sprint(old) != fmt.Sprint(tags) {
		t.Errorf("tags %v and %v", tags, old)
	}
	many := map[string]string{}
	for i := range 49 {
		many[fmt.Sprint("k", i)] = ""
	}
	_, err := a.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &arn, Tags: many})
	a.refused(err, "TooManyTagsException", "50")
	_, err = a.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: aws.String(arn + "x")})
	a.refused(err, "ResourceNotFoundException", "does not exist")
}

// TestCLI runs the guide's command with the aws command line.
func TestCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			t.Fatal("needs the aws command")
		}
		t.Skip("needs the aws command")
	}
	a := start(t)
	a.group("/ecs/web-service")
	a.stream("/ecs/web-service", "ecs/web-container/1")
	now := time.Now()
	a.put("/ecs/web-service", "ecs/web-container/1", input(now, `10.0.1.7 - - "HEAD / HTTP/1.1" 200`), input(now, "ERROR boom"))
	run := func(args ...string) (string, error) {
		cmd := exec.Command("aws", append([]string{"--endpoint-url", a.url, "--region", "us-east-1", "--output", "text"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for _, c := range []struct {
		pattern, query, want string
	}{
		{"ERROR", "events[].message", "ERROR boom"},
		{`"HEAD / HTTP"`, "length(events)", "1"},
		{`"nothing of the kind"`, "length(events)", "0"},
	} {
		out, err := run("logs", "filter-log-events", "--log-group-name", "/ecs/web-service", "--start-time", "1640995200000", "--filter-pattern", c.pattern, "--query", c.query)
		if err != nil || out != c.want {
			t.Errorf("%s: %q %v", c.pattern, out, err)
		}
	}
	out, err := run("logs", "filter-log-events", "--log-group-name", "/nobody", "--filter-pattern", "ERROR")
	if err == nil || !strings.Contains(out, "(ResourceNotFoundException) when calling the FilterLogEvents operation: The specified log group does not exist.") {
		t.Errorf("unknown group: %q %v", out, err)
	}
}
