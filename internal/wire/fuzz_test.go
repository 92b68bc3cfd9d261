package wire_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"seamark/internal/wire"
)

// Each target decodes hostile input into the operations that between them use
// every kind of member. Nothing may panic; what was accepted must come out of
// the encoder and be accepted again.

func operations(tb testing.TB, service string, names ...string) (*wire.Service, []*wire.Operation) {
	tb.Helper()
	s := emptyServices()[service]
	var ops []*wire.Operation
	for _, n := range names {
		op, ok := s.Operation(n)
		if !ok {
			tb.Fatalf("%s has no %s", service, n)
		}
		ops = append(ops, op)
	}
	return s, ops
}

func FuzzDecodeJSON(f *testing.F) {
	ecsService, ecsOps := operations(f, "ecs", "CreateService", "RegisterTaskDefinition")
	ssmService, ssmOps := operations(f, "ssm", "GetOpsSummary", "PutInventory") // recursive, nested maps
	for _, seed := range []string{
		`{}`, `{"serviceName":"a","desiredCount":2,"tags":[{"key":"k","value":"v"}]}`, `{"a":"\ud83d\ude00\u0000","b":[1e400,-0.5]}`,
		`{"Aggregators":[{"Aggregators":[{"Values":{"a":"b"}}]}]}`, `{"Items":[{"Content":[{"a":"b"}]}]}`, `[`, "{\"\xff\":1}",
		`{"deploymentConfiguration":{"lifecycleHooks":[{"hookDetails":{"a":[1]}}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, c := range []struct {
			s   *wire.Service
			ops []*wire.Operation
		}{{ecsService, ecsOps}, {ssmService, ssmOps}} {
			for _, op := range c.ops {
				in := op.NewInput()
				if wire.DecodeJSONInput(c.s, op, body, in) != nil {
					continue
				}
				if len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
					t.Fatalf("accepted broken JSON %q", body)
				}
				once := wire.EncodeJSON(c.s, in)
				again := op.NewInput()
				if err := wire.DecodeJSONInput(c.s, op, once, again); err != nil {
					t.Fatalf("%s: own output refused: %v in %s", op.Name, err, once)
				}
				if twice := wire.EncodeJSON(c.s, again); !bytes.Equal(once, twice) {
					t.Fatalf("%s: %s became %s", op.Name, once, twice)
				}
				_ = wire.Validate(c.s, in) // any answer will do, a panic will not
			}
		}
	})
}

func FuzzDecodeCBOR(f *testing.F) {
	s, ops := operations(f, "cloudwatch", "PutMetricData", "PutMetricAlarm", "GetMetricStatistics")
	f.Add([]byte("\xa0"))
	f.Add([]byte("\xa1\x69Namespace\x61x"))
	f.Add([]byte("\xbf\x6aMetricData\x9f\xbf\x69Timestamp\xc1\xfb\x41\xd9\x54\xfc\x40\x00\x00\x00\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range ops {
			in := op.NewInput()
			if wire.DecodeCBOR(body, in) != nil {
				continue
			}
			out, err := wire.EncodeCBOR(in)
			if err != nil {
				t.Fatalf("%s: %v", op.Name, err)
			}
			if err := wire.DecodeCBOR(out, op.NewInput()); err != nil {
				t.Fatalf("%s: own output refused: %v in %x", op.Name, err, out)
			}
			_ = wire.Validate(s, in) // any answer will do, a panic will not
		}
	})
}

func fuzzForm(f *testing.F, s *wire.Service, ops []*wire.Operation) {
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		for _, op := range ops {
			in := op.NewInput()
			if wire.DecodeForm(s, op, form, in) != nil {
				continue
			}
			values, err := wire.EncodeQuery(s, op, in)
			if err != nil {
				t.Fatal(err)
			}
			if err := wire.DecodeForm(s, op, values, op.NewInput()); err != nil {
				t.Fatalf("%s: own output refused: %v in %v", op.Name, err, values)
			}
			_ = wire.Validate(s, in) // any answer will do, a panic will not
		}
	})
}

func FuzzDecodeQuery(f *testing.F) {
	s, ops := operations(f, "elbv2", "CreateListener", "CreateTargetGroup", "SetSubnets")
	f.Add("Name=a&Port=80&Tags.member.1.Key=a&Matcher.HttpCode=200")
	f.Add("DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.key=a&DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.value=b")
	f.Add("Subnets=&Subnets.member.99999999999999999999=1&a..b=1&.=2")
	fuzzForm(f, s, ops)
}

func FuzzDecodeEC2(f *testing.F) {
	s, ops := operations(f, "ec2", "RunInstances", "CreateFlowLogs", "AuthorizeSecurityGroupIngress")
	f.Add("ImageId=ami-1&MinCount=1&MaxCount=1&UserData=IyE=&NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress=10.0.0.1")
	f.Add("GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0")
	fuzzForm(f, s, ops)
}

func FuzzDecodeREST(f *testing.F) {
	s, ops := operations(f, "route53", "ChangeResourceRecordSets", "CreateHostedZone", "CreateHealthCheck", "ListHostedZonesByVPC")
	f.Add("/2013-04-01/hostedzone/Z1/rrset?maxitems=1", []byte(`<a><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a</Name><TTL>5</TTL><ResourceRecords><ResourceRecord><Value>1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></a>`))
	f.Add("/%2F/../x", []byte(`<?xml version="1.0"?><!DOCTYPE a []><a>&lt;</a>`))
	f.Add("", []byte("<a><HostedZoneConfig><PrivateZone> true</PrivateZone></HostedZoneConfig>"))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		u, err := url.Parse(path)
		if err != nil {
			return
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			wire.Match(s, method, u.EscapedPath())
		}
		for _, op := range ops {
			in := op.NewInput()
			if wire.DecodeREST(s, map[string]string{"Id": path}, u.Query(), http.Header{}, body, in) != nil {
				continue
			}
			out := append(append([]byte("<r>"), wire.EncodeXMLBody(s, in)...), "</r>"...)
			if err := wire.DecodeREST(s, nil, nil, http.Header{}, out, op.NewInput()); err != nil {
				t.Fatalf("%s: own output refused: %v in %s", op.Name, err, out)
			}
			_ = wire.Validate(s, in) // any answer will do, a panic will not
		}
	})
}

// FuzzMux sends whole requests: the answer is always an answer.
func FuzzMux(f *testing.F) {
	logger := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // the log line is made as well
	m := wire.NewMux(wire.Config{Logger: logger, Region: testRegion, Account: testAccount, MaxBody: 1 << 16})
	(&echo{}).add(m)
	f.Add("POST", "/", ecsV+"CreateCluster", "", "", `{"clusterName":"a"}`)
	f.Add("POST", "/", "", formType, "", ec2Form+"CreateVpc&CidrBlock=10.0.0.0/16")
	f.Add("POST", cborPath+"PutMetricData", "", "", "gzip", "\xa0")
	f.Add("GET", "/2013-04-01/hostedzonesbyvpc?vpcid=a&vpcregion=b", "", "", "", "")
	f.Fuzz(func(t *testing.T, method, uri, target, contentType, encoding, body string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil || strings.ContainsAny(method, " \r\n") {
			return
		}
		r := &http.Request{Method: method, URL: u, RequestURI: uri, Host: "h", Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
		for k, v := range map[string]string{"X-Amz-Target": target, "Content-Type": contentType, "Content-Encoding": encoding} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		known500 := strings.Contains(target, "ListTasks") || strings.Contains(target, "ListClusters") // the echo's defects
		if w.Code < 200 || (w.Code >= 500 && !known500) || w.Header().Get("x-amzn-RequestId") == "" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
