package sigv4

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// signature is what a request says of its own signature.
type signature struct {
	Scope
	headers   []string // signed header names, as listed
	list      string   // the same, joined by ";"
	sum       []byte
	at        time.Time
	token     string
	presigned bool
	expires   time.Duration
}

// ScopeOf reads the credential scope without any check, so that a dispatcher
// can tell services apart.
func ScopeOf(r *http.Request) (Scope, bool) {
	credential, ok := "", false
	if auth := r.Header.Get("Authorization"); auth != "" {
		if _, rest, found := strings.Cut(auth, "Credential="); found {
			credential, ok = rest, true
			if i := strings.IndexAny(rest, ", "); i >= 0 {
				credential = rest[:i]
			}
		}
	} else if strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		credential, ok = r.URL.Query().Get("X-Amz-Credential"), true
	}
	if !ok {
		return Scope{}, false
	}
	return splitScope(credential)
}

// splitScope reads AKID/20240101/us-east-1/ecs/aws4_request. The key id itself
// never holds a slash.
func splitScope(s string) (Scope, bool) {
	p := strings.Split(s, "/")
	if len(p) != 5 || p[4] != terminator || p[0] == "" {
		return Scope{}, false
	}
	return Scope{AccessKeyID: p[0], Date: p[1], Region: p[2], Service: p[3]}, true
}

func parse(r *http.Request) (signature, error) {
	if auth := r.Header["Authorization"]; len(auth) > 0 {
		if len(auth) > 1 {
			return signature{}, refuse(Malformed, "The request has more than one Authorization header.")
		}
		return parseHeader(r, auth[0])
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") || strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm=") {
		return parsePresigned(r)
	}
	return signature{}, refuse(Missing, "Missing Authentication Token")
}

func parseHeader(r *http.Request, auth string) (signature, error) {
	rest, ok := strings.CutPrefix(auth, algorithm)
	if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '\t') {
		return signature{}, refuse(Malformed, "Authorization header requires existence of the algorithm %s.", algorithm)
	}
	var s signature
	var credential, sum string
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Credential":
			credential = value
		case "SignedHeaders":
			s.list = value
		case "Signature":
			sum = value
		}
	}
	for _, need := range [...]struct{ name, value string }{{"Credential", credential}, {"Signature", sum}, {"SignedHeaders", s.list}} {
		if need.value == "" {
			return signature{}, refuse(Malformed, "Authorization header requires '%s' parameter.", need.name)
		}
	}
	stamp := r.Header.Get("X-Amz-Date")
	if stamp == "" {
		stamp = r.Header.Get("Date")
	}
	s.token = r.Header.Get("X-Amz-Security-Token")
	return s, s.complete(credential, sum, stamp)
}

func parsePresigned(r *http.Request) (signature, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return signature{}, refuse(Malformed, "AWS query-string parameters are malformed.")
	}
	for _, name := range [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if len(q[name]) != 1 || q.Get(name) == "" {
			return signature{}, refuse(Malformed, "AWS query-string parameters must include '%s'. Re-examine the query-string parameters.", name)
		}
	}
	if q.Get("X-Amz-Algorithm") != algorithm {
		return signature{}, refuse(Malformed, "X-Amz-Algorithm must be %s.", algorithm)
	}
	s := signature{presigned: true, list: q.Get("X-Amz-SignedHeaders"), token: q.Get("X-Amz-Security-Token"), expires: 15 * time.Minute}
	if v := q.Get("X-Amz-Expires"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || time.Duration(n)*time.Second > maxExpires {
			return signature{}, refuse(Malformed, "X-Amz-Expires must be a number of seconds that is at most 604800.")
		}
		s.expires = time.Duration(n) * time.Second
	}
	return s, s.complete(q.Get("X-Amz-Credential"), q.Get("X-Amz-Signature"), q.Get("X-Amz-Date"))
}

// complete fills in and checks the parts that both forms share.
func (s *signature) complete(credential, sum, stamp string) error {
	scope, ok := splitScope(credential)
	if !ok {
		return refuse(Malformed, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request, got '%s'", credential)
	}
	s.Scope = scope
	s.headers = strings.Split(s.list, ";")
	var err error
	if s.sum, err = hex.DecodeString(sum); err != nil || len(s.sum) != 32 {
		return mismatch()
	}
	if stamp == "" {
		return refuse(Malformed, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	for _, layout := range [...]string{timeFormat, time.RFC1123, time.RFC3339} {
		if t, err := time.Parse(layout, stamp); err == nil {
			s.at = t.UTC()
			return nil
		}
	}
	return refuse(Malformed, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", stamp)
}
