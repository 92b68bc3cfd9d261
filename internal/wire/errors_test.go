package wire_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"seamark/internal/wire"
)

const (
	jsonType = "application/x-amz-json-1.1"
	formType = "application/x-www-form-urlencoded"
	ecsV     = "AmazonEC2ContainerServiceV20141113."
	cwV      = "GraniteServiceVersion20100801"
	cborPath = "/service/" + cwV + "/operation/"
	ec2Form  = "Version=2016-11-15&Action="
	stsForm  = "Version=2011-06-15&Action="
	elbForm  = "Version=2015-12-01&Action="
)

// TestErrors_envelopes compares every envelope byte for byte, save the
// request id.
func TestErrors_envelopes(t *testing.T) {
	s := newTestServer(t, unsigned)
	const ns = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string
	}{
		{"json modelled", "POST", "/", `{"services":["a"]}`, []string{"X-Amz-Target", ecsV + "DescribeServices"}, 400,
			`{"__type":"ClusterNotFoundException","message":"Cluster not found."}`},
		{"json with fields", "POST", "/", `{"name":"a","vpc":"v","Name":"myapp","Vpc":"vpc-1"}`, []string{"X-Amz-Target", "Route53AutoNaming_v20170314.CreatePrivateDnsNamespace"}, 400,
			`{"__type":"NamespaceAlreadyExists","Message":"it exists","CreatorRequestId":"r-1","NamespaceId":"ns-1"}`},
		{"json not built", "POST", "/", `{}`, []string{"X-Amz-Target", ecsV + "CreateService"}, 400,
			`{"__type":"UnknownOperationException","message":"The action CreateService is not built in Seamark yet."}`},
		{"json unknown operation", "POST", "/", `{}`, []string{"X-Amz-Target", ecsV + "MakeCoffee"}, 400,
			`{"__type":"UnknownOperationException","message":"The action MakeCoffee is not valid for this web service."}`},
		{"json unknown target", "POST", "/", `{}`, []string{"X-Amz-Target", "DynamoDB_20120810.ListTables"}, 404,
			`{"__type":"UnknownOperationException","message":"Seamark does not serve the target DynamoDB_20120810.ListTables."}`},
		{"json internal", "POST", "/", `{}`, []string{"X-Amz-Target", ecsV + "ListTasks"}, 500,
			`{"__type":"ServerException","message":"An internal error has occurred."}`},
		{"json panic", "POST", "/", `{}`, []string{"X-Amz-Target", ecsV + "ListClusters"}, 500,
			`{"__type":"ServerException","message":"An internal error has occurred."}`},
		{"json required", "POST", "/", `{}`, []string{"X-Amz-Target", ecsV + "DescribeServices"}, 400,
			`{"__type":"InvalidParameterException","message":"1 validation error detected: Value null at 'services' failed to satisfy constraint: Member must not be null"}`},
		{"query modelled", "POST", "/", elbForm + "DescribeTargetHealth&TargetGroupArn=a", []string{"Content-Type", formType}, 400,
			ns + `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>TargetGroupNotFound</Code><Message>One or more target groups not found</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"query not built", "POST", "/", stsForm + "AssumeRole", []string{"Content-Type", formType}, 400,
			ns + `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>The action AssumeRole is not built in Seamark yet.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"query unknown", "POST", "/", stsForm + "MakeCoffee", []string{"Content-Type", formType}, 400,
			ns + `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation MakeCoffee for version 2011-06-15</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"ec2 by id", "POST", "/", ec2Form + "DescribeVpcs&VpcId.1=vpc-<0>", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID 'vpc-&lt;0&gt;' does not exist</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 not built, with shapes", "POST", "/", ec2Form + "CreateSubnet", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidAction</Code><Message>The action CreateSubnet is not built in Seamark yet.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 not built, by name only", "POST", "/", ec2Form + "CreateTransitGateway", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidAction</Code><Message>The action CreateTransitGateway is not built in Seamark yet.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 unknown", "POST", "/", ec2Form + "MakeCoffee", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidAction</Code><Message>The action MakeCoffee is not valid for this web service.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 missing", "POST", "/", ec2Form + "DeleteVpc", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>MissingParameter</Code><Message>The request must contain the parameter VpcId</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 enum", "POST", "/", ec2Form + "CreateVpc&InstanceTenancy=shared", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>Value (shared) for parameter instanceTenancy is invalid. Expecting one of: default, dedicated, host.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 type", "POST", "/", ec2Form + "DescribeVpcs&MaxResults=many", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>Value (many) for parameter maxResults is invalid. The value must be an integer.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 unknown parameter", "POST", "/", ec2Form + "DescribeVpcs&Filter.1.Nme=x", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>UnknownParameter</Code><Message>The parameter Filter.1.Nme is not recognized</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 list without numbers", "POST", "/", ec2Form + "DescribeVpcs&VpcId=vpc-1", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>Value (vpc-1) for parameter vpcId is invalid. The value must be a numbered list: VpcId.1=value.</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 list with a name", "POST", "/", ec2Form + "DescribeVpcs&VpcId.one=vpc-1", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>UnknownParameter</Code><Message>The parameter VpcId.one is not recognized</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"ec2 no action", "POST", "/", "Version=2016-11-15", []string{"Content-Type", formType}, 400,
			ns + `<Response><Errors><Error><Code>MissingAction</Code><Message>The request must contain the parameter Action</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		{"rest modelled", "POST", "/2013-04-01/hostedzone/Z1/rrset/", `<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>a</Name><Type>A</Type></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`, nil, 400,
			ns + `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>InvalidChangeBatch</Code><Message>bad batch</Message><messages><message>one</message><message>two</message></messages></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"rest not built", "GET", "/2013-04-01/hostedzonecount", "", nil, 404,
			ns + `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>The action GetHostedZoneCount is not built in Seamark yet.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"rest unknown", "PATCH", "/2013-04-01/coffee", "", nil, 404,
			ns + `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>The action PATCH /2013-04-01/coffee is not valid for this web service.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"nothing known", "GET", "/robots.txt", "", nil, 404,
			ns + `<ErrorResponse><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>Seamark does not serve this request.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"cloudwatch json", "POST", "/", `{"DashboardNames":["x"]}`, []string{"X-Amz-Target", cwV + ".DeleteDashboards"}, 404,
			`{"__type":"DashboardNotFoundError","message":"no such dashboard"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, body := s.send(t, c.method, c.path, c.body, c.header...)
			id := resp.Header.Get("x-amzn-RequestId")
			if len(id) != 36 {
				t.Errorf("request id %q", id)
			}
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := strings.Replace(body, id, "ID", 1); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if resp.Header.Get("Date") == "" {
				t.Error("no Date header")
			}
		})
	}
}

func TestErrors_queryCompatible(t *testing.T) {
	s := newTestServer(t, unsigned)
	resp, _ := s.send(t, "POST", "/", `{"DashboardNames":["x"]}`, "X-Amz-Target", cwV+".DeleteDashboards", "X-Amzn-Query-Mode", "true")
	if got := resp.Header.Get("x-amzn-query-error"); got != "ResourceNotFound;Sender" {
		t.Errorf("x-amzn-query-error %q", got)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		t.Errorf("content type %q", got)
	}
	in, err := cbor.Marshal(map[string]any{"DashboardNames": []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	resp, body := s.send(t, "POST", cborPath+"DeleteDashboards", string(in), "Smithy-Protocol", "rpc-v2-cbor", "Content-Type", "application/cbor")
	var out map[string]string
	if err := cbor.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	if out["__type"] != "DashboardNotFoundError" || out["message"] != "no such dashboard" || resp.StatusCode != 404 ||
		resp.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" || resp.Header.Get("x-amzn-query-error") != "ResourceNotFound;Sender" {
		t.Errorf("%d %v %v", resp.StatusCode, out, resp.Header)
	}
	_, body = s.send(t, "POST", "/", "Version=2010-08-01&Action=DeleteDashboards&DashboardNames.member.1=x", "Content-Type", formType)
	if !strings.Contains(body, "<Code>ResourceNotFound</Code>") {
		t.Errorf("query: %s", body)
	}
}

// TestErrors_malformed sends what is not the protocol; every answer is a 400
// with a code, and the server lives.
func TestErrors_malformed(t *testing.T) {
	s := newTestServer(t, unsigned)
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	jsonCase := func(body string) []string { return []string{"/", body, "X-Amz-Target", ecsV + "CreateCluster"} }
	rest := func(body string) []string { return []string{"/2013-04-01/hostedzone", body} }
	for name, c := range map[string]struct {
		req  []string
		code string
	}{
		"json cut":             {jsonCase(`{"clusterName":"a`), "SerializationException"},
		"json garbage":         {jsonCase("\x00\xff"), "SerializationException"},
		"json trailing":        {jsonCase(`{} x`), "SerializationException"},
		"json list":            {jsonCase(`[]`), "SerializationException"},
		"json bad utf-8":       {jsonCase("{\"clusterName\":\"\xff\"}"), "SerializationException"},
		"json number":          {jsonCase(`{"clusterName":5}`), "NUMBER_VALUE can not be converted to a String"},
		"json object":          {jsonCase(`{"clusterName":{}}`), "Start of structure or map found where not expected."},
		"json null element":    {jsonCase(`{"tags":[null]}`), "SerializationException"},
		"json deep unknown":    {jsonCase(`{"x":` + deep("[", "]", 10000) + `}`), "nested too deeply"},
		"json deep list":       {jsonCase(deep(`{"tags":[`, `]}`, 10000)), "SerializationException"},
		"json bad gzip":        {append(jsonCase(`{}`), "Content-Encoding", "gzip"), "SerializationException"},
		"json unknown coding":  {append(jsonCase(`{}`), "Content-Encoding", "br"), "SerializationException"},
		"query bad escape":     {[]string{"/", stsForm + "GetCallerIdentity&x=%zz", "Content-Type", formType}, "MalformedQueryString"},
		"query bad integer":    {[]string{"/", elbForm + "CreateTargetGroup&Name=a&Port=eighty", "Content-Type", formType}, "MalformedInput"},
		"query deep key":       {[]string{"/", elbForm + "CreateTargetGroup&" + strings.Repeat("a.", 10000) + "=1", "Content-Type", formType}, "MalformedQueryString"},
		"query value as tree":  {[]string{"/", elbForm + "CreateTargetGroup&Name.1.x=1", "Content-Type", formType}, "MalformedInput"},
		"ec2 bad escape":       {[]string{"/", ec2Form + "DescribeVpcs&x=%", "Content-Type", formType}, "MalformedQueryString"},
		"rest cut":             {rest(`<CreateHostedZoneRequest><Name>a`), "MalformedInput"},
		"rest garbage":         {rest(`hello`), "MalformedInput"},
		"rest mismatched":      {rest(`<a><b></a></b>`), "MalformedInput"},
		"rest doctype":         {rest(`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`), "MalformedInput"},
		"rest entity":          {rest(`<CreateHostedZoneRequest><Name>&x;</Name></CreateHostedZoneRequest>`), "MalformedInput"},
		"rest bad boolean":     {rest(`<r><HostedZoneConfig><PrivateZone>maybe</PrivateZone></HostedZoneConfig></r>`), "MalformedInput"},
		"rest deep":            {rest(deep("<a>", "</a>", 10000)), "InvalidInput"}, // skipped as unknown, then required members are missing
		"rest trailing":        {rest(`<a></a><b></b>`), "MalformedInput"},
		"cbor garbage":         {[]string{cborPath + "PutMetricData", "\xff\xff", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
		"cbor list":            {[]string{cborPath + "PutMetricData", "\x80", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
		"cbor cut":             {[]string{cborPath + "PutMetricData", "\xa1\x69Names", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
		"cbor type":            {[]string{cborPath + "PutMetricData", "\xa1\x69Namespace\x05", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
		"cbor deep":            {[]string{cborPath + "PutMetricData", "\xa1\x61x" + strings.Repeat("\x81", 10000) + "\x01", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
		"cbor huge array head": {[]string{cborPath + "PutMetricData", "\xa1\x6aMetricData\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "Smithy-Protocol", "rpc-v2-cbor"}, "SerializationException"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.send(t, "POST", c.req[0], c.req[1], c.req[2:]...)
			if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, c.code) {
				t.Errorf("%d %s, want 400 with %q", resp.StatusCode, body, c.code)
			}
		})
	}
}

func TestErrors_bodySize(t *testing.T) {
	s := newTestServer(t, func(c *wire.Config) { c.Verifier, c.MaxBody = nil, 1<<20 })
	t.Run("declared", func(t *testing.T) {
		for _, c := range []struct {
			code   string
			header []string
		}{
			{"RequestEntityTooLargeException", []string{"X-Amz-Target", ecsV + "CreateCluster"}},
			{"RequestEntityTooLarge", []string{"Content-Type", formType}},
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.header); i += 2 {
				req.Header.Set(c.header[i], c.header[i+1])
			}
			// A body of 100 MB that is never sent: the answer comes anyway.
			block := make(chan struct{})
			defer close(block)
			req.Body, req.ContentLength = blocked{block}, 100<<20
			resp, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var b bytes.Buffer
			if _, err := b.ReadFrom(resp.Body); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(b.String(), c.code) {
				t.Errorf("%d %s", resp.StatusCode, b.String())
			}
		}
	})
	t.Run("compressed", func(t *testing.T) {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(bytes.Repeat([]byte(" "), 8<<20)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		resp, body := s.send(t, "POST", "/", z.String(), "X-Amz-Target", ecsV+"CreateCluster", "Content-Encoding", "gzip")
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
	t.Run("limit itself", func(t *testing.T) {
		pad := strings.Repeat(" ", 1<<20-len(`{}`))
		if resp, body := s.send(t, "POST", "/", "{"+pad+"}", "X-Amz-Target", ecsV+"CreateCluster"); resp.StatusCode != 200 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		if resp, body := s.send(t, "POST", "/", "{ "+pad+"}", "X-Amz-Target", ecsV+"CreateCluster"); resp.StatusCode != 413 {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
}

// blocked is a body that never delivers.
type blocked struct{ until chan struct{} }

func (b blocked) Read([]byte) (int, error) { <-b.until; return 0, http.ErrBodyReadAfterClose }
func (blocked) Close() error               { return nil }

func TestMux_customRoutes(t *testing.T) {
	s := newTestServer(t, nil)
	s.mux.Handle("GET /_seamark/health", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(map[string]string{"status": "ok"}); err != nil {
			t.Error(err)
		}
	}))
	if resp, body := s.send(t, "GET", "/_seamark/health", ""); resp.StatusCode != 200 || !strings.Contains(body, "ok") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := s.send(t, "POST", "/", "{}", "X-Amz-Target", ecsV+"CreateCluster"); resp.StatusCode != 400 || !strings.Contains(body, "MissingAuthenticationTokenException") {
		t.Errorf("unsigned call: %d %s", resp.StatusCode, body)
	}
}
