package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdksts "github.com/aws/aws-sdk-go-v2/service/sts"
)

// signing says how a test request is signed.
type signing struct {
	key, secret, token, service, region string
	at                                  time.Time
	after                               func(*http.Request) // changes what was signed
}

// protocolRequest is one harmless request of a protocol.
type protocolRequest struct {
	method, path, body, service, region string
	header                              []string
}

func protocolRequests() map[string]protocolRequest {
	return map[string]protocolRequest{
		"json":  {"POST", "/", `{}`, "ecs", testRegion, []string{"X-Amz-Target", ecsV + "CreateCluster"}},
		"cbor":  {"POST", cborPath + "PutMetricData", "\xa0", "monitoring", testRegion, []string{"Smithy-Protocol", "rpc-v2-cbor"}},
		"query": {"POST", "/", stsForm + "GetCallerIdentity", "sts", testRegion, []string{"Content-Type", formType}},
		"ec2":   {"POST", "/", ec2Form + "DescribeVpcs", "ec2", testRegion, []string{"Content-Type", formType}},
		"rest":  {"GET", "/2013-04-01/hostedzonesbyvpc?vpcid=vpc-1&vpcregion=eu-west-1", "", "route53", "us-east-1", nil},
	}
}

func (s *testServer) signed(t *testing.T, p protocolRequest, change func(*signing)) (int, string) {
	t.Helper()
	sg := signing{key: testKey, secret: testSecret, service: p.service, region: p.region, at: time.Now()}
	if change != nil {
		change(&sg)
	}
	req, err := http.NewRequestWithContext(t.Context(), p.method, s.URL+p.path, bytes.NewBufferString(p.body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(p.header); i += 2 {
		req.Header.Set(p.header[i], p.header[i+1])
	}
	if sg.key != "" {
		sum := sha256.Sum256([]byte(p.body))
		creds := aws.Credentials{AccessKeyID: sg.key, SecretAccessKey: sg.secret, SessionToken: sg.token}
		if err := v4.NewSigner().SignHTTP(t.Context(), creds, req, hex.EncodeToString(sum[:]), sg.service, sg.region, sg.at); err != nil {
			t.Fatal(err)
		}
	}
	if sg.after != nil {
		sg.after(req)
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
	return resp.StatusCode, string(b)
}

// TestAuth_codes is the table of what each protocol answers to each failure.
func TestAuth_codes(t *testing.T) {
	s := newTestServer(t, nil)
	type answer struct {
		status int
		code   string
		text   string
	}
	const denied = "AWS was not able to validate the provided access credentials"
	for name, c := range map[string]struct {
		change            func(*signing)
		json, query, ec2  answer
		skipWrongPlaceFor string
	}{
		"valid": {nil, answer{200, "", ""}, answer{200, "", ""}, answer{200, "", ""}, ""},
		"unsigned": {func(g *signing) { g.key = "" },
			answer{400, "MissingAuthenticationTokenException", "Missing Authentication Token"}, answer{403, "MissingAuthenticationToken", "Missing Authentication Token"},
			answer{400, "MissingAuthenticationToken", "Request is missing Authentication Token"}, ""},
		"malformed": {func(g *signing) {
			g.after = func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "SignedHeaders", "Signed", 1))
			}
		},
			answer{400, "IncompleteSignatureException", "requires 'SignedHeaders' parameter"}, answer{400, "IncompleteSignature", "requires"}, answer{401, "AuthFailure", "requires"}, ""},
		"unknown key": {func(g *signing) { g.key = "AKIANOBODY" },
			answer{400, "UnrecognizedClientException", "The security token included in the request is invalid."}, answer{403, "InvalidClientTokenId", "is invalid"}, answer{401, "AuthFailure", denied}, ""},
		"wrong secret": {func(g *signing) { g.secret = "x" },
			answer{400, "InvalidSignatureException", "The request signature we calculated does not match"}, answer{403, "SignatureDoesNotMatch", "does not match"}, answer{401, "AuthFailure", denied}, ""},
		"stale": {func(g *signing) { g.at = g.at.Add(-6 * time.Minute) },
			answer{400, "InvalidSignatureException", "Signature expired: "}, answer{403, "SignatureDoesNotMatch", "Signature expired: "}, answer{400, "RequestExpired", "Request has expired."}, ""},
		"early": {func(g *signing) { g.at = g.at.Add(6 * time.Minute) },
			answer{400, "InvalidSignatureException", "Signature not yet current: "}, answer{403, "SignatureDoesNotMatch", "Signature not yet current: "}, answer{400, "RequestExpired", "Request has expired."}, ""},
		"expired session": {func(g *signing) { g.key, g.token = "ASIAEXPIRED", "session-token" },
			answer{400, "ExpiredTokenException", "is expired"}, answer{403, "ExpiredToken", "is expired"}, answer{400, "RequestExpired", "Request has expired."}, ""},
		"wrong region": {func(g *signing) { g.region = "ap-south-1" },
			answer{400, "InvalidSignatureException", "Credential should be scoped to a valid region."}, answer{403, "SignatureDoesNotMatch", "valid region"}, answer{401, "AuthFailure", denied}, ""},
	} {
		for proto, p := range protocolRequests() {
			t.Run(name+" "+proto, func(t *testing.T) {
				want := c.query
				switch proto {
				case "json", "cbor":
					want = c.json
				case "ec2":
					want = c.ec2
				}
				if proto == "ec2" && name == "unsigned" {
					p.path = "/?Version=2016-11-15" // an unsigned form says its service only so
				}
				if name == "valid" && proto == "cbor" {
					want = answer{400, "ValidationException", "'namespace'"} // reached validation
				}
				status, body := s.signed(t, p, c.change)
				if status != want.status || !strings.Contains(body, want.code) || !strings.Contains(body, want.text) {
					t.Errorf("%d %s, want %+v", status, body, want)
				}
			})
		}
	}
}

func TestAuth_wrongServiceScope(t *testing.T) {
	s := newTestServer(t, nil)
	for name, text := range map[string]string{"json": "correct service: 'ecs'", "cbor": "correct service: 'monitoring'"} {
		status, body := s.signed(t, protocolRequests()[name], func(g *signing) { g.service = "logs" })
		if status != 400 || !strings.Contains(body, text) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	// A form or REST request goes to the service that it is signed for.
	status, body := s.signed(t, protocolRequests()["query"], func(g *signing) { g.service = "elasticloadbalancing" })
	if status != 400 || !strings.Contains(body, "Could not find operation GetCallerIdentity for version 2015-12-01") {
		t.Errorf("query: %d %s", status, body)
	}
	status, body = s.signed(t, protocolRequests()["query"], func(g *signing) { g.service = "sqs" })
	if status != 404 || !strings.Contains(body, "Seamark does not serve the service sqs.") {
		t.Errorf("unknown service: %d %s", status, body)
	}
}

func TestAuth_globalServices(t *testing.T) {
	s := newTestServer(t, nil)
	for _, region := range []string{"us-east-1", testRegion} {
		for _, proto := range []string{"query", "rest"} {
			if status, body := s.signed(t, protocolRequests()[proto], func(g *signing) { g.region = region }); status != 200 {
				t.Errorf("%s in %s: %d %s", proto, region, status, body)
			}
		}
	}
}

// TestAuth_bodyIsSigned changes a body on its way.
func TestAuth_bodyIsSigned(t *testing.T) {
	s := newTestServer(t, nil)
	for proto, p := range protocolRequests() {
		if proto == "rest" {
			continue // a GET
		}
		status, body := s.signed(t, p, func(g *signing) {
			g.after = func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(p.body+"&")), int64(len(p.body)+1)
			}
		})
		if status != 400 && status != 403 && status != 401 {
			t.Errorf("%s: %d %s", proto, status, body)
		}
	}
	if last, _ := s.seen(); last != nil {
		t.Errorf("a handler was called with %+v", last)
	}
}

// TestAuth_presigned sends a URL that the SDK's presigner made, as a token of
// identity is passed around.
func TestAuth_presigned(t *testing.T) {
	s := newTestServer(t, nil)
	signed, err := sdksts.NewPresignClient(sdksts.NewFromConfig(s.awsConfig())).PresignGetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(signed.URL, s.URL)
	if resp, body := s.send(t, signed.Method, path, "", "Host", signed.SignedHeader.Get("Host")); resp.StatusCode != 200 || !strings.Contains(body, testARN) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := s.send(t, signed.Method, path+"0", "", "Host", signed.SignedHeader.Get("Host")); resp.StatusCode != 403 || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestAuth_unsignedOperation: AssumeRoleWithWebIdentity is authenticated by
// its token, not by a signature.
func TestAuth_unsignedOperation(t *testing.T) {
	s := newTestServer(t, nil)
	const ok = stsForm + "AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=web&WebIdentityToken=abcd"
	if resp, body := s.send(t, "POST", "/", ok, "Content-Type", formType); resp.StatusCode != 200 || !strings.Contains(body, "<Provider>test</Provider>") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := s.send(t, "POST", "/", stsForm+"GetCallerIdentity", "Content-Type", formType); resp.StatusCode != 403 || !strings.Contains(body, "MissingAuthenticationToken") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	big := ok + "&x=" + strings.Repeat("y", 100<<10)
	if resp, _ := s.send(t, "POST", "/", big, "Content-Type", formType); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("an unsigned body of 100 KiB: %d", resp.StatusCode)
	}
}
