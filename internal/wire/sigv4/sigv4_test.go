package sigv4

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

var signedAt = time.Date(2024, 1, 31, 10, 0, 0, 0, time.UTC)

type keys map[string]Credential

func (k keys) Lookup(_ context.Context, id string) (Credential, bool) {
	c, ok := k[id]
	return c, ok
}

func verifierAt(now time.Time, more ...Credential) *Verifier {
	k := keys{keyID: {Secret: secret}}
	for _, c := range more {
		k[keyID] = c
	}
	return New(Config{Keys: k, Now: func() time.Time { return now }})
}

// parseRequest reads a request as a server gets it.
func parseRequest(t *testing.T, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(raw, "\n", "\r\n"))))
	if err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	return r
}

func verify(v *Verifier, r *http.Request, body string, want Expect) error {
	q, err := v.Begin(r, want)
	if err != nil {
		return err
	}
	return q.Finish(sha256.Sum256([]byte(body)))
}

func auth(region, service, headers, sum string) string {
	return "Authorization: AWS4-HMAC-SHA256 Credential=" + keyID + "/20240131/" + region + "/" + service +
		"/aws4_request, SignedHeaders=" + headers + ", Signature=" + sum + "\n"
}

const (
	ecsBody = `{"clusterName":"demo"}`
	ecsSum  = "e75bbcc67b3dd3b276fc02d7b6531ff17a87994f1dd476f7e05e2d14ec2fbd6c"
	ecsHead = "content-type;host;x-amz-date;x-amz-target"
)

func ecsRequest(sum string) string {
	return "POST / HTTP/1.1\nHost: 127.0.0.1:4566\nContent-Type: application/x-amz-json-1.1\n" +
		"X-Amz-Target: AmazonEC2ContainerServiceV20141113.CreateCluster\nX-Amz-Date: 20240131T100000Z\n" +
		auth("eu-west-1", "ecs", ecsHead, sum) + "Content-Length: 22\n\n" + ecsBody
}

func ecsExpect() Expect { return Expect{Service: "ecs", Regions: []string{"eu-west-1"}} }

// TestVerify_vectors holds signatures that botocore 1.43.11 made.
func TestVerify_vectors(t *testing.T) {
	r53 := Expect{Service: "route53", Regions: []string{"eu-west-1", "us-east-1"}}
	for name, c := range map[string]struct {
		raw, body, token string
		want             Expect
	}{
		"json": {raw: ecsRequest(ecsSum), body: ecsBody, want: ecsExpect()},
		"query string and session": {token: "session-token", want: r53, raw: "GET /2013-04-01/hostedzonesbyvpc?vpcid=vpc-1&vpcregion=eu-west-1&nexttoken=a%2Bb%20c%2F%3D HTTP/1.1\n" +
			"Host: localhost:4566\nX-Amz-Date: 20240131T100000Z\nX-Amz-Security-Token: session-token\n" +
			auth("us-east-1", "route53", "host;x-amz-date;x-amz-security-token", "06bd5d5850a26d6630d02f8788cc70c6e580edd2e216669961e0432b95d5ec39") + "\n"},
		"double-encoded path": {want: r53, raw: "GET /2013-04-01/hostedzone/%2Fhosted%20zone%2FZ1/rrset HTTP/1.1\nHost: localhost:4566\nX-Amz-Date: 20240131T100000Z\n" +
			auth("us-east-1", "route53", "host;x-amz-date", "37786c83e2dba7a11b3184cb1d95f25198c3fe487264ea164debad2c24d12516") + "\n"},
		"normalised path": {want: r53, raw: "GET /a//b/./c HTTP/1.1\nHost: localhost:4566\nX-Amz-Date: 20240131T100000Z\n" +
			auth("us-east-1", "route53", "host;x-amz-date", "ab6a65ba679c0eddc5ba8e7eefd325e2ad5340477c8930b56d81abebd2498079") + "\n"},
		"presigned": {token: "tok/en+=", want: Expect{Service: "sts", Regions: []string{"eu-west-1"}}, raw: "GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256" +
			"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20240131%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20240131T100000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host" +
			"&X-Amz-Security-Token=tok%2Fen%2B%3D&X-Amz-Signature=8a917c74a3da1ed25ac1cc065c14be8fcdb7499d4ba6832c2385854a7d4ba22b HTTP/1.1\nHost: localhost:4566\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			v := verifierAt(signedAt.Add(time.Minute), Credential{Secret: secret, SessionToken: c.token})
			if err := verify(v, parseRequest(t, c.raw), c.body, c.want); err != nil {
				t.Errorf("refused: %v", err)
			}
			if err := verify(v, parseRequest(t, c.raw), c.body+" ", c.want); reason(err) != Mismatch {
				t.Errorf("another body: %v", err)
			}
		})
	}
}

// TestVerify_publishedVector is the worked example of AWS's documentation
// ("Create a signed AWS API request": IAM ListUsers of 2015-08-30).
func TestVerify_publishedVector(t *testing.T) {
	raw := "GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\nHost: iam.amazonaws.com\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\nX-Amz-Date: 20150830T123600Z\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\n\n"
	v := New(Config{
		Keys: keys{"AKIDEXAMPLE": {Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}},
		Now:  func() time.Time { return time.Date(2015, 8, 30, 12, 38, 0, 0, time.UTC) },
	})
	if err := verify(v, parseRequest(t, raw), "", Expect{Service: "iam", Regions: []string{"us-east-1"}}); err != nil {
		t.Error(err)
	}
}

func reason(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return 0
}

// TestVerify_goSDKSigner signs with the SDK, whose signer differs from
// botocore's: it signs Content-Length and does not normalise paths.
func TestVerify_goSDKSigner(t *testing.T) {
	for _, target := range []string{"/", "/2013-04-01/tags/hostedzone/Z%2F1", "/x?b=2&a=1&a=0&empty=&sp=a+b&plus=%2B&utf=%C3%A9", "/a//b", "/a%20b/~c*d", "/(x),y;z=1@2"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost:4566"+target, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/xml")
		req.Header.Add("X-Amz-Meta-A", "  two   spaces ")
		req.Header.Add("X-Amz-Meta-A", "second")
		sum := sha256.Sum256([]byte("body"))
		err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, req, hexHash(sum), "route53", "us-east-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		var raw strings.Builder
		if err := req.Write(&raw); err != nil { // the bytes a server reads
			t.Fatal(err)
		}
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw.String())))
		if err != nil {
			t.Fatal(err)
		}
		if err := verify(verifierAt(signedAt), got, "body", Expect{Service: "route53", Regions: []string{"us-east-1"}}); err != nil {
			t.Errorf("%s: %v\n%s", target, err, raw.String())
		}
	}
}

func TestVerify_refusals(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(ecsRequest(ecsSum), old, new, 1) }
	noAuth := func() string {
		a, b, _ := strings.Cut(ecsRequest(ecsSum), "Authorization")
		_, b, _ = strings.Cut(b, "\n")
		return a + b
	}
	expired := Credential{Secret: secret, Expires: signedAt}
	for name, c := range map[string]struct {
		raw  string
		now  time.Time
		cred Credential
		want Expect
		why  Reason
		text string
	}{
		"unsigned":         {raw: noAuth(), why: Missing, text: "Missing Authentication Token"},
		"other algorithm":  {raw: replace("AWS4-HMAC-SHA256", "AWS2"), why: Malformed, text: "algorithm AWS4-HMAC-SHA256"},
		"no signature":     {raw: replace("Signature=", "Sig="), why: Malformed, text: "Authorization header requires 'Signature' parameter."},
		"no headers":       {raw: replace("SignedHeaders=", "Sig="), why: Malformed, text: "requires 'SignedHeaders'"},
		"short scope":      {raw: replace("/aws4_request", ""), why: Malformed, text: "exactly 5 slash-delimited"},
		"no date":          {raw: replace("X-Amz-Date: 20240131T100000Z\n", ""), why: Malformed, text: "'X-Amz-Date' or a 'Date'"},
		"bad date":         {raw: replace("20240131T100000Z", "yesterday"), why: Malformed, text: "ISO-8601"},
		"two headers":      {raw: replace("Content-Length", "Authorization: AWS4-HMAC-SHA256 x\nContent-Length"), why: Malformed, text: "more than one"},
		"host unsigned":    {raw: replace("content-type;host;", "content-type;"), why: Malformed, text: "must be a 'SignedHeader'"},
		"target unsigned":  {raw: replace(";x-amz-target", ""), why: Mismatch, text: "not signed: x-amz-target"},
		"unknown key":      {raw: replace(keyID, "AKIANOBODY"), why: UnknownKey, text: "The security token included in the request is invalid."},
		"wrong signature":  {raw: ecsRequest(strings.Repeat("0", 64)), why: Mismatch, text: "Check your AWS Secret Access Key and signing method."},
		"not hex":          {raw: ecsRequest("zz"), why: Mismatch, text: "does not match"},
		"other secret":     {raw: ecsRequest(ecsSum), cred: Credential{Secret: "other"}, why: Mismatch, text: "does not match"},
		"changed header":   {raw: replace("CreateCluster", "DeleteCluster"), why: Mismatch, text: "does not match"},
		"changed path":     {raw: replace("POST /", "POST /x"), why: Mismatch, text: "does not match"},
		"changed host":     {raw: replace("127.0.0.1:4566", "127.0.0.1:4567"), why: Mismatch, text: "does not match"},
		"stated hash":      {raw: replace("Content-Length", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD\nContent-Length"), why: Mismatch, text: "not signed"},
		"token missing":    {raw: ecsRequest(ecsSum), cred: Credential{Secret: secret, SessionToken: "t"}, why: UnknownKey, text: "is invalid"},
		"token expired":    {raw: ecsRequest(ecsSum), cred: expired, why: TokenExpired, text: "The security token included in the request is expired"},
		"other region":     {raw: ecsRequest(ecsSum), want: Expect{Service: "ecs", Regions: []string{"us-east-1"}}, why: WrongScope, text: "Credential should be scoped to a valid region."},
		"other service":    {raw: ecsRequest(ecsSum), want: Expect{Service: "logs", Regions: []string{"eu-west-1"}}, why: WrongScope, text: "Credential should be scoped to correct service: 'logs'."},
		"scope's date":     {raw: replace("/20240131/", "/20240130/"), why: Mismatch, text: "'20240130' != '20240131', from '20240131T100000Z'"},
		"too old":          {raw: ecsRequest(ecsSum), now: signedAt.Add(5*time.Minute + time.Second), why: Expired, text: "Signature expired: 20240131T100000Z is now earlier than 20240131T100001Z (20240131T100501Z - 5 min.)"},
		"from the future":  {raw: ecsRequest(ecsSum), now: signedAt.Add(-5*time.Minute - time.Second), why: NotYet, text: "Signature not yet current: 20240131T100000Z is still later than 20240131T095959Z (20240131T095459Z + 5 min.)"},
		"just old enough":  {raw: ecsRequest(ecsSum), now: signedAt.Add(5 * time.Minute)},
		"just new enough":  {raw: ecsRequest(ecsSum), now: signedAt.Add(-5 * time.Minute)},
		"spaces folded":    {raw: replace("X-Amz-Target: A", "X-Amz-Target:    A")},
		"chunked":          {raw: replace("Content-Length: 22\n", "Transfer-Encoding: chunked\n")},
		"absolute request": {raw: replace("POST /", "POST http://127.0.0.1:4566/")},
	} {
		t.Run(name, func(t *testing.T) {
			now, cred, want := c.now, c.cred, c.want
			if now.IsZero() {
				now = signedAt
			}
			if cred.Secret == "" {
				cred.Secret = secret
			}
			if want.Service == "" {
				want = ecsExpect()
			}
			err := verify(verifierAt(now, cred), parseRequest(t, c.raw), ecsBody, want)
			if c.why == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if reason(err) != c.why || !strings.Contains(err.Error(), c.text) {
				t.Errorf("reason %d: %v; want %d: %s", reason(err), err, c.why, c.text)
			}
		})
	}
}

func TestVerify_presigned(t *testing.T) {
	sign := func(t *testing.T, expires string) *http.Request {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15"+expires, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		empty := sha256.Sum256(nil)
		uri, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}, req, hexHash(empty), "sts", "eu-west-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		return parseRequest(t, "GET "+strings.TrimPrefix(uri, "http://localhost:4566")+" HTTP/1.1\nHost: localhost:4566\n\n")
	}
	want := Expect{Service: "sts", Regions: []string{"eu-west-1"}}
	for name, c := range map[string]struct {
		expires string
		after   time.Duration
		why     Reason
	}{
		"within":          {"&X-Amz-Expires=3600", time.Hour, 0},
		"over":            {"&X-Amz-Expires=3600", time.Hour + time.Second, Expired},
		"default life":    {"", 15 * time.Minute, 0},
		"default over":    {"", 15*time.Minute + time.Second, Expired},
		"longer than 7 d": {"&X-Amz-Expires=604801", 0, Malformed},
		"negative":        {"&X-Amz-Expires=-1", 0, Malformed},
		"future":          {"&X-Amz-Expires=60", -6 * time.Minute, NotYet},
	} {
		t.Run(name, func(t *testing.T) {
			if err := verify(verifierAt(signedAt.Add(c.after)), sign(t, c.expires), "", want); reason(err) != c.why || (err != nil && c.why == 0) {
				t.Errorf("got %v, want reason %d", err, c.why)
			}
		})
	}
	r := sign(t, "")
	r.URL.RawQuery += "&Extra=1"
	if err := verify(verifierAt(signedAt), r, "", want); reason(err) != Mismatch {
		t.Errorf("a parameter was added: %v", err)
	}
}

func TestKeyCache_boundAndSecret(t *testing.T) {
	var c keyCache
	s := Scope{AccessKeyID: keyID, Date: "20240131", Region: "eu-west-1", Service: "ecs"}
	a, b := c.get("one", s), c.get("two", s)
	if string(a) == string(b) || string(a) != string(c.get("one", s)) {
		t.Error("keys of two secrets are mixed up")
	}
	for i := range maxCachedKeys + 10 {
		c.get(strings.Repeat("x", i%100)+time.Duration(i).String(), s)
	}
	if len(c.keys) > maxCachedKeys {
		t.Errorf("%d keys cached", len(c.keys))
	}
}

// FuzzVerify feeds hostile headers and query strings; nothing may panic or be
// accepted.
func FuzzVerify(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential="+keyID+"/20240131/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature="+ecsSum, "20240131T100000Z", "/?a=b")
	f.Add("AWS4-HMAC-SHA256 ", "", "/%2f?X-Amz-Signature=1&X-Amz-Algorithm=AWS4-HMAC-SHA256")
	v := verifierAt(signedAt)
	f.Fuzz(func(t *testing.T, authorization, date, uri string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + uri + " HTTP/1.1\r\nHost: h\r\n\r\n")))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		if verify(v, r, "", ecsExpect()) == nil {
			t.Errorf("accepted %q %q %q", authorization, date, uri)
		}
		r.Header.Del("Authorization")
		if verify(v, r, "", ecsExpect()) == nil {
			t.Errorf("accepted %q", uri)
		}
		ScopeOf(r)
	})
}

func BenchmarkVerify(b *testing.B) {
	v := verifierAt(signedAt)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(ecsRequest(ecsSum), "\n", "\r\n"))))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := verify(v, r, ecsBody, ecsExpect()); err != nil {
			b.Fatal(err)
		}
	}
}
