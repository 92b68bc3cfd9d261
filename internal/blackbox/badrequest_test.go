//go:build linux

package blackbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// raw is a request as no SDK would send it.
type raw struct {
	service, method, path string
	headers               map[string]string
	body                  string
	at                    time.Time // of the signature; zero: now
	secret                string    // "": the right one
	unsigned              bool
}

// protocols are one request of each, that would make something if it were right.
func protocols() map[string]raw {
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	return map[string]raw{
		"JSON 1.1": {service: "ecs", body: `{"clusterName":"bad"}`, headers: map[string]string{
			"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.CreateCluster"}},
		"query": {service: "sts", headers: form, body: "Action=GetCallerIdentity&Version=2011-06-15"},
		"EC2":   {service: "ec2", headers: form, body: "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.9.0.0/16"},
		"CBOR": {service: "monitoring", path: "/service/GraniteServiceVersion20100801/operation/PutMetricData", body: "\xa0",
			headers: map[string]string{"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}},
		"REST-XML": {service: "route53", path: "/2013-04-01/hostedzone", method: http.MethodGet, headers: map[string]string{"Content-Type": "text/xml"}},
	}
}

// send sends it and returns the status and the body of the answer.
func (s *server) send(r raw) (int, string, error) {
	method, path := http.MethodPost, "/"
	if r.method != "" {
		method = r.method
	}
	if r.path != "" {
		path = r.path
	}
	req, err := http.NewRequest(method, s.client.Endpoint+path, strings.NewReader(r.body))
	if err != nil {
		return 0, "", err
	}
	for k, v := range r.headers {
		req.Header.Set(k, v)
	}
	if !r.unsigned {
		at, keys := r.at, s.credentials()
		if at.IsZero() {
			at = time.Now()
		}
		if r.secret != "" {
			keys.SecretAccessKey = r.secret
		}
		hash := sha256.Sum256([]byte(r.body))
		if err := v4.NewSigner().SignHTTP(context.Background(), keys, req, hex.EncodeToString(hash[:]), r.service, region, at); err != nil {
			return 0, "", err
		}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), errors.Join(err, resp.Body.Close())
}

// refuses sends it and expects an error that names a code.
func (b *bad) refuses(t *testing.T, what string, r raw, want string) {
	t.Helper()
	status, body, err := b.send(r)
	if err != nil || status < 400 || status > 499 || !contains(body, want) {
		t.Errorf("%s: HTTP %d, %v, want %s\n%s", what, status, err, want, body)
	}
}

// badBodies: what is not what the protocol says.
func badBodies(t *testing.T, b *bad) {
	with := func(protocol, body string, change ...func(*raw)) raw {
		r := protocols()[protocol]
		r.body = body
		for _, c := range change {
			c(&r)
		}
		return r
	}
	target := func(v string) func(*raw) { return func(r *raw) { r.headers["X-Amz-Target"] = v } }
	path := func(v string) func(*raw) { return func(r *raw) { r.path, r.method = v, http.MethodPost } }
	for _, c := range []struct {
		what string
		r    raw
		want string
	}{
		{"half of a JSON text", with("JSON 1.1", `{"clusterName":"ba`), "SerializationException"},
		{"JSON that is a list", with("JSON 1.1", `[]`), "SerializationException"},
		{"JSON of another type", with("JSON 1.1", `{"clusterName":{"a":1}}`), "SerializationException"},
		{"JSON too deep", with("JSON 1.1", `{"tags":`+strings.Repeat("[", 100000)), "SerializationException"},
		{"JSON that is no UTF-8", with("JSON 1.1", "{\"clusterName\":\"\xff\xfe\"}"), "Exception"},
		{"an operation that AWS has not", with("JSON 1.1", `{}`, target("AmazonEC2ContainerServiceV20141113.MakeCoffee")), "UnknownOperationException"},
		{"a service that AWS has not", with("JSON 1.1", `{}`, target("Coffee_20260101.Make")), "UnknownOperationException"},
		{"no operation", with("JSON 1.1", `{}`, target("")), "Exception"},
		{"a form without action", with("query", "Version=2011-06-15"), "MissingAction"},
		{"a form that is none", with("query", "Action=GetCallerIdentity&Version=2011-06-15&%zz=1"), "MalformedQueryString"},
		{"a form of another action", with("query", "Action=MakeCoffee&Version=2011-06-15"), "InvalidAction"},
		{"EC2 without action", with("EC2", "CidrBlock=10.9.0.0/16"), "MissingAction"},
		{"EC2 with a word for a number", with("EC2", "Action=RunInstances&Version=2016-11-15&ImageId=ami-0abcdef1234567890&MinCount=one&MaxCount=1"), "<Code>"},
		{"CBOR that ends early", with("CBOR", "\xbf\x69Namespace"), "SerializationException"},
		{"CBOR that is a number", with("CBOR", "\x01"), "SerializationException"},
		{"CBOR of another type", with("CBOR", "\xa1\x69Namespace\x01"), "SerializationException"},
		{"half of an XML text", with("REST-XML", "<CreateHostedZoneRequest><Name>a", path("/2013-04-01/hostedzone")), "<Code>"},
		{"XML with an entity", with("REST-XML", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><CreateHostedZoneRequest><Name>&b;</Name></CreateHostedZoneRequest>`, path("/2013-04-01/hostedzone")), "<Code>"},
		{"a path that AWS has not", with("REST-XML", "", path("/2013-04-01/coffee")), "<Code>"},
	} {
		b.refuses(t, c.what, c.r, c.want)
	}
}

// badSignatures: each protocol without one, with a wrong one and with an old one.
func badSignatures(t *testing.T, b *bad) {
	want := map[string][3]string{
		"JSON 1.1": {"MissingAuthenticationTokenException", "InvalidSignatureException", "InvalidSignatureException"},
		"CBOR":     {"MissingAuthenticationTokenException", "InvalidSignatureException", "InvalidSignatureException"},
		"query":    {"MissingAuthenticationToken", "SignatureDoesNotMatch", "SignatureDoesNotMatch"},
		"REST-XML": {"MissingAuthenticationToken", "SignatureDoesNotMatch", "SignatureDoesNotMatch"},
		"EC2":      {"MissingAuthenticationToken", "AuthFailure", "RequestExpired"},
	}
	for protocol, r := range protocols() {
		unsigned, wrong, stale := r, r, r
		unsigned.unsigned, wrong.secret, stale.at = true, "wrong", time.Now().Add(-20*time.Minute)
		b.refuses(t, protocol+", unsigned", unsigned, want[protocol][0])
		b.refuses(t, protocol+", wrongly signed", wrong, want[protocol][1])
		b.refuses(t, protocol+", stale", stale, want[protocol][2])
	}
}

// badLength: a body of 100 MB, that says so and that does not, is not kept.
func badLength(t *testing.T, b *bad) {
	before := residentMemory(t, b.cmd.Process.Pid)
	const length = 100 << 20
	for name, announced := range map[string]bool{"announced": true, "chunked": false} {
		body := io.LimitReader(spaces{}, length)
		req, err := http.NewRequest(http.MethodPost, b.client.Endpoint+"/", body)
		if err != nil {
			t.Fatal(err)
		}
		if announced {
			req.ContentLength = length
		}
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.CreateCluster")
		if err := v4.NewSigner().SignHTTP(context.Background(), b.credentials(), req, strings.Repeat("0", 64), "ecs", region, time.Now()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp, err := b.http.Do(req)
		if err != nil {
			// The server may close the connection while the client still sends.
			if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%s: %v", name, err)
			}
			t.Logf("%s: the connection was closed after %v", name, time.Since(began).Round(time.Millisecond))
			continue
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(text, []byte("RequestEntityTooLarge")) {
			t.Errorf("%s: HTTP %d\n%s", name, resp.StatusCode, text)
		}
	}
	after := residentMemory(t, b.cmd.Process.Pid)
	t.Logf("resident memory of the control plane: %d MB before, %d MB after two bodies of 100 MB", before>>20, after>>20)
	if after > before+64<<20 {
		t.Errorf("resident memory went from %d to %d MB", before>>20, after>>20)
	}
}

// spaces are a JSON text that never begins.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// residentMemory of a process, in bytes.
func residentMemory(t *testing.T, pid int) int {
	t.Helper()
	for line := range strings.Lines(read(t, fmt.Sprintf("/proc/%d/status", pid))) {
		var kb int
		if n, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil && n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
