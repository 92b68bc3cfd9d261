package wire_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/fxamacker/cbor/v2"

	"seamark/internal/api/cloudwatch"
	"seamark/internal/api/ec2"
	"seamark/internal/api/ecs"
	"seamark/internal/wire"
	"seamark/internal/wire/client"
)

func TestSuccess_bodies(t *testing.T) {
	s := newTestServer(t, unsigned)
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for name, c := range map[string]struct {
		req    []string
		status int
		want   string
	}{
		"json": {[]string{"/", `{"clusterName":"a\u00e9","ClusterName":"b","unknown":[{"x":1}],"tags":null}`, "X-Amz-Target", ecsV + "CreateCluster"}, 200,
			`{"cluster":{"clusterName":"aé","settings":[],"status":"ACTIVE"}}`},
		"json times and failures": {[]string{"/", `{"tasks":["x"]}`, "X-Amz-Target", ecsV + "DescribeTasks"}, 200,
			`{"failures":[],"tasks":[{"cpu":"256","createdAt":1700000000.123,"version":3}]}`},
		"json without output": {[]string{"/", `{"Namespace":"N"}`, "X-Amz-Target", cwV + ".PutMetricData"}, 200, `{}`},
		"query": {[]string{"/", stsForm + "GetCallerIdentity", "Content-Type", formType + "; charset=utf-8"}, 200,
			head + `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId></UserId><Account>123456789012</Account><Arn></Arn></GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>`},
		"query without output": {[]string{"/", "Version=2010-08-01&Action=PutMetricData&Namespace=N&MetricData.member.1.MetricName=M", "Content-Type", formType}, 200,
			head + `<PutMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></PutMetricDataResponse>`},
		"ec2": {[]string{"/", ec2Form + "CreateVpc&CidrBlock=10.0.0.0/16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=%3Cb%3E", "Content-Type", formType}, 200,
			head + `<CreateVpcResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId><vpc><cidrBlock>10.0.0.0/16</cidrBlock><isDefault>false</isDefault><tagSet><item><key>a</key><value>&lt;b&gt;</value></item></tagSet><vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>`},
		"ec2 empty list": {[]string{"/", ec2Form + "DescribeVpcs&Filter.7.Name=x&Filter.7.Value.2=b&Filter.7.Value.1=a", "Content-Type", formType}, 200,
			head + `<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId><vpcSet></vpcSet></DescribeVpcsResponse>`},
		"ec2 without output": {[]string{"/", ec2Form + "DeleteVpc&VpcId=vpc-1", "Content-Type", formType}, 200,
			head + `<DeleteVpcResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId><return>true</return></DeleteVpcResponse>`},
		"rest": {[]string{"/2013-04-01/hostedzone", `<?xml version="1.0"?><!-- c --><CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>a.b</Name><CallerReference>r</CallerReference><Extra><x/></Extra></CreateHostedZoneRequest>`}, 201,
			head + `<CreateHostedZoneResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2023-11-14T22:13:20.123Z</SubmittedAt></ChangeInfo><HostedZone><CallerReference>r</CallerReference><Id>/hostedzone/Z1</Id><Name>a.b</Name><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone></CreateHostedZoneResponse>`},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, "POST", c.req[0], c.req[1], c.req[2:]...)
			body = strings.Replace(body, resp.Header.Get("x-amzn-RequestId"), "ID", 1)
			if name == "query" { // members are sorted by name
				if resp.StatusCode != 200 || !strings.Contains(body, "<GetCallerIdentityResult><Account>123456789012</Account>") || !strings.HasSuffix(body, "<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>") {
					t.Errorf("got %s", body)
				}
				return
			}
			if resp.StatusCode != c.status || body != c.want {
				t.Errorf("%d\ngot  %s\nwant %s", resp.StatusCode, body, c.want)
			}
		})
	}
	resp, _ := s.send(t, "POST", "/2013-04-01/hostedzone", `<r><Name>a</Name><CallerReference>r</CallerReference></r>`)
	if got := resp.Header.Get("Location"); got != "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1" {
		t.Errorf("Location %q", got)
	}
}

// TestSuccess_cloudwatchThreeProtocols sends the same datum in each way.
func TestSuccess_cloudwatchThreeProtocols(t *testing.T) {
	s := newTestServer(t, unsigned)
	inCBOR, err := cbor.Marshal(map[string]any{"Namespace": "N", "MetricData": []any{map[string]any{
		"MetricName": "M", "Value": 2, "Timestamp": cbor.Tag{Number: 1, Content: 1700000000.25}, "Dimensions": []any{map[string]any{"Name": "a", "Value": "b"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	const inJSON = `{"Namespace":"N","MetricData":[{"MetricName":"M","Value":2,"Timestamp":1700000000.25,"Dimensions":[{"Name":"a","Value":"b"}]}]}`
	if _, err := z.Write([]byte(inJSON)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, req := range map[string][]string{
		"cbor":      {cborPath + "PutMetricData", string(inCBOR), "Smithy-Protocol", "rpc-v2-cbor"},
		"json":      {"/", inJSON, "X-Amz-Target", cwV + ".PutMetricData"},
		"json gzip": {"/", zipped.String(), "X-Amz-Target", cwV + ".PutMetricData", "Content-Encoding", "gzip"},
		"query": {"/", "Version=2010-08-01&Action=PutMetricData&Namespace=N&MetricData.member.1.MetricName=M&MetricData.member.1.Value=2" +
			"&MetricData.member.1.Timestamp=2023-11-14T22:13:20.250Z&MetricData.member.1.Dimensions.member.1.Name=a&MetricData.member.1.Dimensions.member.1.Value=b", "Content-Type", formType},
	} {
		resp, body := s.send(t, "POST", req[0], req[1], req[2:]...)
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			continue
		}
		last, _ := s.seen()
		d := last.(*cloudwatch.PutMetricDataInput).MetricData[0]
		if *d.MetricName != "M" || *d.Value != 2 || d.Timestamp.UnixMilli() != 1700000000250 || *d.Dimensions[0].Value != "b" {
			t.Errorf("%s: decoded %+v", name, d)
		}
	}
}

// TestSuccess_document keeps a document member's JSON as it came.
func TestSuccess_document(t *testing.T) {
	in := new(ecs.CreateServiceInput)
	s := emptyServices()["ecs"]
	op, _ := s.Operation("CreateService")
	body := `{"serviceName":"w","deploymentConfiguration":{"lifecycleHooks":[{"hookDetails":{"a":[1,{"b":null}]}}]}}`
	if err := wire.DecodeJSONInput(s, op, []byte(body), in); err != nil {
		t.Fatal(err)
	}
	if got := string(in.DeploymentConfiguration.LifecycleHooks[0].HookDetails); got != `{"a":[1,{"b":null}]}` {
		t.Errorf("document %s", got)
	}
	out := wire.EncodeJSON(s, in)
	if !json.Valid(out) || !strings.Contains(string(out), `"hookDetails":{"a":[1,{"b":null}]}`) {
		t.Errorf("encoded %s", out)
	}
}

func TestClient_ec2(t *testing.T) {
	s := newTestServer(t, nil)
	svc := emptyServices()["ec2"]
	at := client.Endpoint{URL: s.URL, Region: testRegion, HTTP: s.Client()}
	creds := aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}
	in := &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: []ec2.TagSpecification{{ResourceType: aws.String("vpc"), Tags: []ec2.Tag{{Key: aws.String("Name"), Value: aws.String("a & b")}}}}}
	var out ec2.CreateVpcOutput
	if err := client.Do(t.Context(), at, creds, svc, "CreateVpc", in, &out); err != nil {
		t.Fatal(err)
	}
	if *out.Vpc.VpcId != "vpc-1" || *out.Vpc.Tags[0].Value != "a & b" || *out.Vpc.IsDefault {
		t.Errorf("vpc %+v", out.Vpc)
	}
	err := client.Do(t.Context(), at, creds, svc, "DescribeVpcs", &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-9"}}, new(ec2.DescribeVpcsOutput))
	var fault *wire.Error
	if !errors.As(err, &fault) || fault.Code != "InvalidVpcID.NotFound" || fault.Status != 400 || fault.Message != "The vpc ID 'vpc-9' does not exist" {
		t.Errorf("error %v", err)
	}
	var vpcs ec2.DescribeVpcsOutput
	if err := client.Do(t.Context(), at, creds, svc, "DescribeVpcs", &ec2.DescribeVpcsInput{}, &vpcs); err != nil || vpcs.Vpcs == nil || len(vpcs.Vpcs) != 0 {
		t.Errorf("%+v, %v", vpcs, err)
	}
	if err := client.Do(t.Context(), at, creds, svc, "DeleteVpc", &ec2.DeleteVpcInput{VpcId: aws.String("vpc-1")}, new(ec2.DeleteVpcOutput)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"wrong input":  client.Do(t.Context(), at, creds, svc, "DeleteVpc", &ec2.CreateVpcInput{}, new(ec2.DeleteVpcOutput)),
		"wrong output": client.Do(t.Context(), at, creds, svc, "DeleteVpc", &ec2.DeleteVpcInput{VpcId: aws.String("v")}, new(ec2.CreateVpcOutput)),
		"no operation": client.Do(t.Context(), at, creds, svc, "MakeCoffee", &ec2.DeleteVpcInput{}, new(ec2.DeleteVpcOutput)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTime_formats(t *testing.T) {
	for in, want := range map[string]int64{
		`1700000000`: 1700000000000, `1700000000.5`: 1700000000500, `1.7e9`: 1700000000000, `"2023-11-14T22:13:20Z"`: 1700000000000,
		`"2023-11-14T23:13:20.123+01:00"`: 1700000000123, `-1`: -1000, `0`: 0,
	} {
		var got wire.Time
		if err := json.Unmarshal([]byte(in), &got); err != nil || got.UnixMilli() != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{`"tomorrow"`, `1e300`, `true`, `{}`} {
		var got wire.Time
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s: accepted as %v", in, got)
		}
	}
	for ms, want := range map[int64]string{1700000000000: "1700000000", 1700000000120: "1700000000.12", 1700000000003: "1700000000.003", -1500: "-1.5", 0: "0"} {
		b, err := json.Marshal(wire.At(time.UnixMilli(ms)))
		if err != nil || string(b) != want {
			t.Errorf("%d: %s, %v, want %s", ms, b, err, want)
		}
	}
}
