package cloudwatch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"seamark/internal/api/cloudwatch"
	"seamark/internal/telemetry/metrics"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// api is CloudWatch on a loopback port, and a client of it.
type api struct {
	*sdk.Client
	url     string
	metrics *metrics.Store
	t       *testing.T
}

func start(t *testing.T) api {
	t.Helper()
	m, err := metrics.Open(filepath.Join(t.TempDir(), "metrics.db"), metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	scope := world.Scope{Region: "us-east-1", Account: "123456789012"}
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: scope.Region, Account: scope.Account})
	mux.Add(cloudwatch.NewService(cloudwatch.New(cloudwatch.Config{Metrics: m, Scope: scope}).Operations()))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client := sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: scope.Region, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	})
	return api{Client: client, url: server.URL, metrics: m, t: t}
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

func (a api) put(data ...types.MetricDatum) error {
	_, err := a.PutMetricData(a.t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: data})
	return err
}

func datum(at time.Time, v float64) types.MetricDatum {
	return types.MetricDatum{MetricName: aws.String("Latency"), Timestamp: &at, Value: &v, Unit: types.StandardUnitMilliseconds,
		Dimensions: []types.Dimension{{Name: aws.String("Service"), Value: aws.String("web")}}}
}

func statistics(from, until time.Time, period int32) *sdk.GetMetricStatisticsInput {
	return &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("App"), MetricName: aws.String("Latency"),
		Dimensions: []types.Dimension{{Name: aws.String("Service"), Value: aws.String("web")}},
		StartTime:  &from, EndTime: &until, Period: &period,
		Statistics: []types.Statistic{types.StatisticSum, types.StatisticSampleCount, types.StatisticAverage, types.StatisticMinimum, types.StatisticMaximum},
	}
}

func TestPutMetricData_Rules(t *testing.T) {
	a := start(t)
	now := time.Now()
	with := func(f func(d *types.MetricDatum)) types.MetricDatum {
		d := datum(now, 1)
		f(&d)
		return d
	}
	for _, c := range []struct {
		d             types.MetricDatum
		code, message string
	}{
		{datum(now.Add(-15*24*time.Hour), 1), "InvalidParameterValueException", "MetricData.member.1.Timestamp must specify a time no more than two weeks in the past"},
		{datum(now.Add(3*time.Hour), 1), "InvalidParameterValueException", "two hours in the future"},
		{datum(now, math.NaN()), "InvalidParameterValueException", "The value NaN for parameter MetricData.member.1.Value is invalid."},
		{datum(now, math.Inf(1)), "InvalidParameterValueException", "is invalid"},
		{datum(now, math.Ldexp(1, 361)), "InvalidParameterValueException", "is invalid"},
		{with(func(d *types.MetricDatum) { d.Value = nil }), "MissingRequiredParameterException", "At least one of the parameters"},
		{with(func(d *types.MetricDatum) { d.Values = []float64{1} }), "InvalidParameterCombinationException", "Value and MetricData.member.1.Values are mutually exclusive"},
		{with(func(d *types.MetricDatum) { d.Value, d.Values, d.Counts = nil, []float64{1, 2}, []float64{1} }), "InvalidParameterValueException", "of the same size"},
		{with(func(d *types.MetricDatum) { d.Value, d.Values = nil, make([]float64, 151) }), "InvalidParameterValueException", "greater than 150"},
		{with(func(d *types.MetricDatum) { d.StorageResolution = aws.Int32(5) }), "InvalidParameterValueException", "must be 1 or 60"},
		{with(func(d *types.MetricDatum) { d.Dimensions = append(d.Dimensions, d.Dimensions...) }), "InvalidParameterValueException", "twice"},
		{with(func(d *types.MetricDatum) {
			d.Value, d.StatisticValues = nil, &types.StatisticSet{SampleCount: aws.Float64(2), Sum: aws.Float64(3), Minimum: aws.Float64(2), Maximum: aws.Float64(1)}
		}), "InvalidParameterValueException", "Maximum must be greater"},
	} {
		a.refused(a.put(datum(now, 1), c.d), code(c.code), strings.ReplaceAll(c.message, "member.1.", "member.2."))
	}
	_, err := a.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("AWS/ECS"), MetricData: []types.MetricDatum{datum(now, 1)}})
	a.refused(err, code("InvalidParameterValueException"), "The value AWS/ECS for parameter Namespace is invalid.")
	_, err = a.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: make([]types.MetricDatum, 0)})
	a.refused(err, code("MissingRequiredParameterException"), "MetricData is required")
	if got := a.metrics.List(metrics.Filter{}); len(got) != 0 {
		t.Errorf("refused requests recorded %v", got)
	}
}

// code is how the SDK shows a modelled exception: by the query code that
// x-amzn-query-error carries.
func code(exception string) string {
	return map[string]string{
		"InvalidParameterValueException":       "InvalidParameterValue",
		"InvalidParameterCombinationException": "InvalidParameterCombination",
		"MissingRequiredParameterException":    "MissingParameter",
	}[exception]
}

func TestGetMetricStatistics(t *testing.T) {
	a, ctx := start(t), t.Context()
	base := time.Now().Add(-2 * time.Hour).Truncate(time.Hour)
	set := types.MetricDatum{MetricName: aws.String("Latency"), Timestamp: aws.Time(base.Add(5 * time.Minute)), Unit: types.StandardUnitMilliseconds,
		Dimensions:      []types.Dimension{{Name: aws.String("Service"), Value: aws.String("web")}},
		StatisticValues: &types.StatisticSet{SampleCount: aws.Float64(4), Sum: aws.Float64(40), Minimum: aws.Float64(5), Maximum: aws.Float64(20)}}
	weighed := datum(base.Add(10*time.Minute), 0)
	weighed.Value, weighed.Values, weighed.Counts = nil, []float64{1, 100}, []float64{99, 1}
	if err := a.put(datum(base, 1), datum(base.Add(4*time.Minute), 3), set, weighed); err != nil {
		t.Fatal(err)
	}
	in := statistics(base.Add(30*time.Second), base.Add(15*time.Minute), 300)
	out := must[*sdk.GetMetricStatisticsOutput](t)(a.GetMetricStatistics(ctx, in))
	got := map[time.Duration]types.Datapoint{}
	for _, d := range out.Datapoints {
		got[d.Timestamp.Sub(base)] = d
	}
	if *out.Label != "Latency" || len(got) != 3 {
		t.Fatalf("label %s, datapoints %+v", *out.Label, out.Datapoints)
	}
	first, second := got[0], got[5*time.Minute]
	if *first.Sum != 4 || *first.SampleCount != 2 || *first.Average != 2 || *first.Minimum != 1 || *first.Maximum != 3 || first.Unit != types.StandardUnitMilliseconds {
		t.Errorf("first %+v", first)
	}
	if *second.Sum != 40 || *second.SampleCount != 4 || *second.Average != 10 {
		t.Errorf("second %+v", second)
	}
	in.Statistics, in.ExtendedStatistics = nil, []string{"p50", "p99.9"}
	out = must[*sdk.GetMetricStatisticsOutput](t)(a.GetMetricStatistics(ctx, in))
	if len(out.Datapoints) != 2 { // none of the statistic set
		t.Fatalf("percentiles %+v", out.Datapoints)
	}
	if d := out.Datapoints[1].ExtendedStatistics; d["p50"] != 1 || d["p99.9"] != 100 {
		t.Errorf("percentiles %v", d)
	}

	for name, change := range map[string]func(in *sdk.GetMetricStatisticsInput){
		"another unit":      func(in *sdk.GetMetricStatisticsInput) { in.Unit = types.StandardUnitBytes },
		"part of the dims":  func(in *sdk.GetMetricStatisticsInput) { in.Dimensions = nil },
		"unknown namespace": func(in *sdk.GetMetricStatisticsInput) { in.Namespace = aws.String("Nobody") },
		"long ago, minutes": func(in *sdk.GetMetricStatisticsInput) {
			in.StartTime, in.EndTime = aws.Time(base.Add(-16*24*time.Hour)), aws.Time(base.Add(-16*24*time.Hour+time.Hour))
			in.Period = aws.Int32(60)
		},
		"2024": func(in *sdk.GetMetricStatisticsInput) {
			from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
			in.StartTime, in.EndTime, in.Period = &from, aws.Time(from.Add(24*time.Hour)), aws.Int32(3600)
		},
	} {
		in := statistics(base, base.Add(15*time.Minute), 300)
		change(in)
		if out := must[*sdk.GetMetricStatisticsOutput](t)(a.GetMetricStatistics(ctx, in)); len(out.Datapoints) != 0 || *out.Label != "Latency" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	for _, c := range []struct {
		change        func(in *sdk.GetMetricStatisticsInput)
		code, message string
	}{
		{func(in *sdk.GetMetricStatisticsInput) { in.Statistics = nil }, "MissingRequiredParameterException", "Statistics and ExtendedStatistics"},
		{func(in *sdk.GetMetricStatisticsInput) { in.ExtendedStatistics = []string{"p1"} }, "InvalidParameterCombinationException", "mutually exclusive"},
		{func(in *sdk.GetMetricStatisticsInput) { in.Statistics, in.ExtendedStatistics = nil, []string{"p101"} }, "InvalidParameterValueException", "p101"},
		{func(in *sdk.GetMetricStatisticsInput) { in.EndTime = in.StartTime }, "InvalidParameterValueException", "The parameter StartTime must be less than the parameter EndTime."},
		{func(in *sdk.GetMetricStatisticsInput) { in.Period = aws.Int32(90) }, "InvalidParameterValueException", "multiple of 60"},
		{func(in *sdk.GetMetricStatisticsInput) {
			in.StartTime, in.Period = aws.Time(in.EndTime.Add(-48*time.Hour)), aws.Int32(60)
		}, "InvalidParameterCombinationException", "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440."},
	} {
		in := statistics(base, base.Add(15*time.Minute), 300)
		c.change(in)
		_, err := a.GetMetricStatistics(ctx, in)
		a.refused(err, code(c.code), c.message)
	}
}

func TestGetMetricStatistics_HighResolution(t *testing.T) {
	a, ctx := start(t), t.Context()
	base := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	d, e := datum(base.Add(3*time.Second), 1), datum(base.Add(17*time.Second), 2)
	d.StorageResolution, e.StorageResolution = aws.Int32(1), aws.Int32(1)
	if err := a.put(d, e); err != nil {
		t.Fatal(err)
	}
	out := must[*sdk.GetMetricStatisticsOutput](t)(a.GetMetricStatistics(ctx, statistics(base.Add(2*time.Second), base.Add(time.Minute), 10)))
	if len(out.Datapoints) != 2 || !out.Datapoints[0].Timestamp.Equal(base) || !out.Datapoints[1].Timestamp.Equal(base.Add(10*time.Second)) {
		t.Errorf("datapoints %+v", out.Datapoints)
	}
}

func TestGetMetricData(t *testing.T) {
	a, ctx := start(t), t.Context()
	base := time.Now().Add(-time.Hour).Truncate(5 * time.Minute)
	var data []types.MetricDatum
	for i := range 10 {
		data = append(data, datum(base.Add(time.Duration(i)*time.Minute), float64(i)))
	}
	other := datum(base, 100)
	other.Unit = types.StandardUnitSeconds
	if err := a.put(append(data, other)...); err != nil {
		t.Fatal(err)
	}
	query := func(id, stat string, period int32) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{Stat: &stat, Period: &period, Metric: &types.Metric{
			Namespace: aws.String("App"), MetricName: aws.String("Latency"), Dimensions: []types.Dimension{{Name: aws.String("Service"), Value: aws.String("web")}}}}}
	}
	hidden := query("h", "Sum", 60)
	hidden.ReturnData = aws.Bool(false)
	labelled := query("b", "p100", 60)
	labelled.Label, labelled.MetricStat.Unit = aws.String("most"), types.StandardUnitMilliseconds
	in := func(queries ...types.MetricDataQuery) *sdk.GetMetricDataInput {
		return &sdk.GetMetricDataInput{StartTime: aws.Time(base.Add(time.Minute)), EndTime: aws.Time(base.Add(10 * time.Minute)), MetricDataQueries: queries}
	}
	out := must[*sdk.GetMetricDataOutput](t)(a.GetMetricData(ctx, in(query("a", "Sum", 300), hidden, labelled)))
	if len(out.MetricDataResults) != 2 || out.NextToken != nil {
		t.Fatalf("results %+v", out.MetricDataResults)
	}
	sum, most := out.MetricDataResults[0], out.MetricDataResults[1]
	if *sum.Id != "a" || *sum.Label != "Latency" || fmt.Sprint(sum.Values) != "[35 110]" || !sum.Timestamps[0].Equal(base.Add(5*time.Minute)) || sum.StatusCode != types.StatusCodeComplete {
		t.Errorf("sum %+v", sum)
	}
	if *most.Label != "most" || fmt.Sprint(most.Values) != "[9 8 7 6 5 4 3 2 1]" {
		t.Errorf("most %+v", most)
	}
	paged := in(query("a", "Sum", 300), labelled)
	paged.MaxDatapoints, paged.ScanBy = aws.Int32(3), types.ScanByTimestampAscending
	values := map[string][]float64{}
	for p := sdk.NewGetMetricDataPaginator(a, paged); p.HasMorePages(); {
		n := 0
		for _, r := range must[*sdk.GetMetricDataOutput](t)(p.NextPage(ctx)).MetricDataResults {
			values[*r.Id] = append(values[*r.Id], r.Values...)
			n += len(r.Values)
		}
		if n > 3 {
			t.Errorf("%d values on a page", n)
		}
	}
	if fmt.Sprint(values) != "map[a:[110 35] b:[1 2 3 4 5 6 7 8 9]]" {
		t.Errorf("paged %v", values)
	}
	expression := types.MetricDataQuery{Id: aws.String("e"), Expression: aws.String("a*2")}
	for _, c := range []struct {
		in      *sdk.GetMetricDataInput
		message string
	}{
		{in(expression), "expressions are not built"},
		{in(query("A", "Sum", 60)), "expected pattern"},
		{in(query("a", "Sum", 60), query("a", "Sum", 60)), "not unique"},
		{in(query("a", "TM(1:2)", 60)), "not supported"},
		{in(hidden), "ReturnData"},
		{in(types.MetricDataQuery{Id: aws.String("a")}), "must be specified"},
		{in(), "MetricDataQueries"},
	} {
		if c.in.MetricDataQueries == nil {
			c.in.MetricDataQueries = []types.MetricDataQuery{}
		}
		_, err := a.GetMetricData(ctx, c.in)
		a.refused(err, "ValidationError", c.message)
	}
	bad := in(query("a", "Sum", 60))
	bad.NextToken = aws.String("x")
	_, err := a.GetMetricData(ctx, bad)
	a.refused(err, "InvalidNextToken", "NextToken")
}

func TestListMetrics(t *testing.T) {
	a, ctx := start(t), t.Context()
	now := time.Now()
	var data []types.MetricDatum
	for i := range 900 { // large enough to be sent compressed
		d := datum(now, 1)
		d.MetricName = aws.String(fmt.Sprintf("m%04d", i))
		data = append(data, d)
	}
	old := datum(now.Add(-4*time.Hour), 1)
	old.MetricName, old.Dimensions = aws.String("old"), nil
	if err := a.put(append(data, old)...); err != nil {
		t.Fatal(err)
	}
	list := func(in *sdk.ListMetricsInput) (names []string) {
		for p := sdk.NewListMetricsPaginator(a, in); p.HasMorePages(); {
			for _, m := range must[*sdk.ListMetricsOutput](t)(p.NextPage(ctx)).Metrics {
				names = append(names, *m.MetricName)
			}
		}
		return names
	}
	if got := list(&sdk.ListMetricsInput{}); len(got) != 901 || got[0] != "m0000" || got[900] != "old" {
		t.Errorf("%d metrics", len(got))
	}
	if got := list(&sdk.ListMetricsInput{RecentlyActive: types.RecentlyActivePt3h}); len(got) != 900 {
		t.Errorf("%d recent metrics", len(got))
	}
	if got := list(&sdk.ListMetricsInput{Namespace: aws.String("App"), MetricName: aws.String("m0007"), Dimensions: []types.DimensionFilter{{Name: aws.String("Service")}}}); len(got) != 1 {
		t.Errorf("filtered %v", got)
	}
	if got := list(&sdk.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("Service"), Value: aws.String("db")}}}); len(got) != 0 {
		t.Errorf("filtered %v", got)
	}
	_, err := a.ListMetrics(ctx, &sdk.ListMetricsInput{NextToken: aws.String("!")})
	a.refused(err, code("InvalidParameterValueException"), "NextToken")
	_, err = a.ListDashboards(ctx, &sdk.ListDashboardsInput{})
	var fault smithy.APIError
	if !errors.As(err, &fault) || !strings.Contains(fault.ErrorMessage(), "ListDashboards") {
		t.Errorf("an operation that is not built: %v", err)
	}
}

// TestQueryProtocol sends what SDKs before JSON and CBOR send.
func TestQueryProtocol(t *testing.T) {
	a := start(t)
	post := func(form url.Values) (int, string) {
		form.Set("Version", "2010-08-01")
		r, err := http.PostForm(a.url, form)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	status, body := post(url.Values{"Action": {"PutMetricData"}, "Namespace": {"Q"}, "MetricData.member.1.MetricName": {"m"}, "MetricData.member.1.Value": {"2.5"}})
	if status != 200 {
		t.Fatalf("put: %d %s", status, body)
	}
	now := time.Now().UTC()
	status, body = post(url.Values{
		"Action": {"GetMetricStatistics"}, "Namespace": {"Q"}, "MetricName": {"m"}, "Period": {"60"}, "Statistics.member.1": {"Sum"},
		"StartTime": {now.Add(-time.Minute).Format(time.RFC3339)}, "EndTime": {now.Add(time.Minute).Format(time.RFC3339)},
	})
	if status != 200 || !strings.Contains(body, "<Sum>2.5</Sum>") {
		t.Errorf("get: %d %s", status, body)
	}
	status, body = post(url.Values{"Action": {"PutMetricData"}, "Namespace": {"AWS/x"}, "MetricData.member.1.MetricName": {"m"}, "MetricData.member.1.Value": {"1"}})
	if status != 400 || !strings.Contains(body, "<Code>InvalidParameterValue</Code>") {
		t.Errorf("refused: %d %s", status, body)
	}
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
	a.metrics.Record(metrics.Datum{Namespace: "AWS/Route53Resolver", Name: "QueryCount", Unit: "Count",
		Dimensions: metrics.Dimensions{{Name: "VPC", Value: "vpc-12345678"}}, Time: time.Now(), Stat: metrics.Value(42)})
	run := func(from, until, query string) (string, error) {
		cmd := exec.Command("aws", "--endpoint-url", a.url, "--region", "us-east-1", "--output", "text", "cloudwatch", "get-metric-statistics",
			"--namespace", "AWS/Route53Resolver", "--metric-name", "QueryCount", "--dimensions", "Name=VPC,Value=vpc-12345678",
			"--start-time", from, "--end-time", until, "--period", "3600", "--statistics", "Sum", "--query", query)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	now := time.Now().UTC()
	if out, err := run(now.Add(-time.Hour).Format(time.RFC3339), now.Add(2*time.Minute).Format(time.RFC3339), "sum(Datapoints[].Sum)"); err != nil || out != "42.0" {
		t.Errorf("this hour: %q %v", out, err)
	}
	if out, err := run("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "length(Datapoints)"); err != nil || out != "0" {
		t.Errorf("2024: %q %v", out, err)
	}
	if out, err := run("2024-01-02T00:00:00Z", "2024-01-01T00:00:00Z", "x"); err == nil || !strings.Contains(out, "(InvalidParameterValue) when calling the GetMetricStatistics operation: The parameter StartTime must be less") {
		t.Errorf("backwards: %q %v", out, err)
	}
}
