// Package sigv4 verifies AWS Signature Version 4 on incoming requests, in the
// Authorization header and as presigned query parameters.
//
// Verification has two halves, so that an unsigned or stale request is refused
// before its body is read: Verifier.Begin looks at the headers, the clock, the
// key and the scope; Request.Finish compares the signature once the body's
// hash is known.
//
// Source: IAM User Guide, "AWS Signature Version 4 for API requests" (canonical
// request, string to sign, five minutes of clock skew) and "Troubleshoot
// Signature Version 4" (message texts).
package sigv4

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
	// maxExpires is the longest life of a presigned request.
	maxExpires = 7 * 24 * time.Hour
	// DefaultSkew is how far a request's time may be from the server's.
	DefaultSkew = 5 * time.Minute
)

// Credential is what a server knows of an access key.
type Credential struct {
	Secret       string
	SessionToken string // of temporary credentials; requests must carry it
	PrincipalARN string
	UserID       string
	Account      string
	Expires      time.Time // zero: never
}

// Keys finds credentials. It is called once per request and must be quick.
type Keys interface {
	Lookup(ctx context.Context, accessKeyID string) (Credential, bool)
}

// Reason classifies a refusal; protocols give it different codes.
type Reason int

// The reasons for refusing a request.
const (
	Missing      Reason = iota + 1 // no signature at all
	Malformed                      // a signature that cannot be read
	UnknownKey                     // no such access key, or a wrong session token
	Mismatch                       // the signature is not the one computed
	Expired                        // older than the skew allows, or presigned and over
	NotYet                         // from the future
	TokenExpired                   // temporary credentials are over
	WrongScope                     // signed for another region or service
)

// Error is a refusal with the text that AWS gives.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Message: fmt.Sprintf(format, args...)}
}

// Scope is the credential scope of a signature.
type Scope struct {
	AccessKeyID string
	Date        string // 20240101
	Region      string
	Service     string // signing name
}

// Config configures a Verifier.
type Config struct {
	Keys Keys             // required
	Now  func() time.Time // nil: time.Now
	Skew time.Duration    // 0: DefaultSkew
}

// Verifier checks signatures. It is safe for concurrent use.
type Verifier struct {
	keys  Keys
	now   func() time.Time
	skew  time.Duration
	cache keyCache
}

// New returns a Verifier.
func New(c Config) *Verifier {
	v := &Verifier{keys: c.Keys, now: c.Now, skew: c.Skew}
	if v.now == nil {
		v.now = time.Now
	}
	if v.skew == 0 {
		v.skew = DefaultSkew
	}
	return v
}

// Request is a request whose headers are in order and whose signature is still
// to be compared.
type Request struct {
	Scope
	Credential Credential
	v          *Verifier
	r          *http.Request
	sig        signature
}

// Expect is the scope that the server wants: one of Regions and Service.
type Expect struct {
	Service string
	Regions []string
}

// Begin checks everything but the signature itself.
func (v *Verifier) Begin(r *http.Request, want Expect) (*Request, error) {
	sig, err := parse(r)
	if err != nil {
		return nil, err
	}
	if err := v.checkTime(sig); err != nil {
		return nil, err
	}
	if err := checkSigned(r, sig); err != nil {
		return nil, err
	}
	cred, ok := v.keys.Lookup(r.Context(), sig.AccessKeyID)
	if !ok || subtle.ConstantTimeCompare([]byte(cred.SessionToken), []byte(sig.token)) != 1 {
		return nil, refuse(UnknownKey, "The security token included in the request is invalid.")
	}
	if !cred.Expires.IsZero() && !v.now().Before(cred.Expires) {
		return nil, refuse(TokenExpired, "The security token included in the request is expired")
	}
	if !slices.Contains(want.Regions, sig.Region) {
		return nil, refuse(WrongScope, "Credential should be scoped to a valid region. ")
	}
	if sig.Service != want.Service {
		return nil, refuse(WrongScope, "Credential should be scoped to correct service: '%s'. ", want.Service)
	}
	return &Request{Scope: sig.Scope, Credential: cred, v: v, r: r, sig: sig}, nil
}

// Finish compares the signature; bodyHash is the SHA-256 of the body as sent.
func (q *Request) Finish(bodyHash [32]byte) error {
	payload := hexHash(bodyHash)
	// A client that states the hash signs the statement; it must be true.
	// UNSIGNED-PAYLOAD and streaming forms exist for S3 only.
	if stated := q.r.Header.Get("X-Amz-Content-Sha256"); stated != "" && !strings.EqualFold(stated, payload) {
		return mismatch()
	}
	key := q.v.cache.get(q.Credential.Secret, q.Scope)
	if q.equal(key, canonical(q.r, q.sig, rawPath(q.r), payload)) {
		return nil
	}
	// Some clients normalise the path before signing (botocore), some do not
	// (the Go SDK). They differ only for paths with dots or empty segments.
	if clean := normalPath(rawPath(q.r)); clean != rawPath(q.r) && q.equal(key, canonical(q.r, q.sig, clean, payload)) {
		return nil
	}
	return mismatch()
}

func (q *Request) equal(key, canonicalRequest []byte) bool {
	return subtle.ConstantTimeCompare(q.sig.sum, sign(key, q.sig, canonicalRequest)) == 1
}

func mismatch() error {
	return refuse(Mismatch, "The request signature we calculated does not match the signature you provided. "+
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

// checkTime compares the request's time with the clock, and the scope's date
// with the request's time.
func (v *Verifier) checkTime(s signature) error {
	now, minutes := v.now().UTC(), int(v.skew/time.Minute)
	var day [len(dateFormat)]byte
	if s.Date != string(s.at.AppendFormat(day[:0], dateFormat)) {
		return refuse(Mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			s.Date, s.at.Format(dateFormat), stamp(s.at))
	}
	if limit := now.Add(v.skew); s.at.After(limit) {
		return refuse(NotYet, "Signature not yet current: %s is still later than %s (%s + %d min.)", stamp(s.at), stamp(limit), stamp(now), minutes)
	}
	if s.presigned {
		if end := s.at.Add(s.expires); now.After(end) {
			return refuse(Expired, "Signature expired: %s is now earlier than %s (%s - %d min.)", stamp(end), stamp(now), stamp(now), 0)
		}
		return nil
	}
	if limit := now.Add(-v.skew); s.at.Before(limit) {
		return refuse(Expired, "Signature expired: %s is now earlier than %s (%s - %d min.)", stamp(s.at), stamp(limit), stamp(now), minutes)
	}
	return nil
}

func stamp(t time.Time) string { return t.Format(timeFormat) }

// checkSigned refuses requests whose meaning somebody could change without
// breaking the signature: the host and every x-amz header must be signed.
func checkSigned(r *http.Request, s signature) error {
	if !slices.Contains(s.headers, "host") {
		return refuse(Malformed, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	var unsigned []string
	for name := range r.Header {
		if len(name) < 6 || !strings.EqualFold(name[:6], "x-amz-") {
			continue
		}
		if low := strings.ToLower(name); !slices.Contains(s.headers, low) {
			unsigned = append(unsigned, low)
		}
	}
	if len(unsigned) > 0 {
		slices.Sort(unsigned)
		return refuse(Mismatch, "There were headers present in the request which were not signed: %s", strings.Join(unsigned, ", "))
	}
	return nil
}
