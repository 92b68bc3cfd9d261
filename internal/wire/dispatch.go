package wire

import (
	"net/http"
	"net/url"
	"strings"

	"seamark/internal/wire/sigv4"
)

// target is what a request is for, as far as its headers tell.
type target struct {
	proto   Protocol
	service *Service          // nil: no service answers
	name    string            // operation; empty for forms until the body is read
	labels  map[string]string // rest-xml
	form    bool              // the operation is in the body or query string
}

// dispatch reads the protocol and service of a request from its headers and
// path. A target without a service still has the protocol that its error must
// be written in.
func (m *Mux) dispatch(r *http.Request) target {
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		prefix, name, _ := strings.Cut(t, ".")
		return target{proto: JSON, service: m.supporting(m.byTarget[prefix], JSON), name: name}
	}
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" || strings.HasPrefix(r.URL.Path, "/service/") {
		service, name := cborPath(r.URL.Path)
		return target{proto: CBOR, service: m.supporting(m.byTarget[service], CBOR), name: name}
	}
	scope, signed := sigv4.ScopeOf(r)
	if isForm(r) {
		return m.formTarget(r, scope, signed)
	}
	t := target{proto: RESTXML, name: r.Method + " " + r.URL.Path}
	if signed {
		t.service = m.supporting(m.byName[scope.Service], RESTXML)
	} else {
		t.service = m.restByPath(r.URL.EscapedPath())
	}
	if t.service == nil {
		return t
	}
	if op, labels := t.service.match(r.Method, r.URL.EscapedPath()); op != nil {
		t.name, t.labels = op.Name, labels
	}
	return t
}

// supporting returns s if it speaks p.
func (m *Mux) supporting(s *Service, p Protocol) *Service {
	if s == nil || !s.speaks(p) {
		return nil
	}
	return s
}

// cborPath reads /service/GraniteServiceVersion20100801/operation/ListMetrics;
// clients may put a path of their own before it.
func cborPath(path string) (service, operation string) {
	p := strings.Split(path, "/")
	if n := len(p); n >= 4 && p[n-4] == "service" && p[n-2] == "operation" {
		return p[n-3], p[n-1]
	}
	return "", path
}

// isForm recognises query requests: a form body, or an Action in the URL.
func isForm(r *http.Request) bool {
	ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.EqualFold(strings.TrimSpace(ct), "application/x-www-form-urlencoded") {
		return true
	}
	return strings.Contains(r.URL.RawQuery, "Action=") && r.URL.Query().Has("Action")
}

func (m *Mux) formTarget(r *http.Request, scope sigv4.Scope, signed bool) target {
	t := target{proto: Query, form: true}
	s := m.byName[scope.Service]
	if !signed {
		s = m.byAPI[r.URL.Query().Get("Version")]
		if s == nil && m.cfg.Verifier == nil {
			return t // found by Version once the body is read
		}
		if s == nil {
			s = m.unsignedService()
		}
	}
	if s != nil && s.speaks(EC2) {
		t.proto = EC2
	}
	t.service = m.supporting(s, t.proto)
	return t
}

// unsignedService is the one service that takes unsigned forms (STS).
func (m *Mux) unsignedService() *Service {
	for _, s := range m.byAPI {
		if s.allowsUnsigned() {
			return s
		}
	}
	return nil
}

func (s *Service) allowsUnsigned() bool {
	for _, op := range s.ops {
		if op.NoAuth {
			return true
		}
	}
	return false
}

func (m *Mux) restByPath(path string) *Service {
	for _, s := range m.rest {
		if s.owns(path) {
			return s
		}
	}
	return nil
}

// formValues joins the URL's and the body's parameters.
func formValues(r *http.Request, body []byte) (url.Values, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil || r.URL.RawQuery == "" {
		return values, err
	}
	inURL, err := url.ParseQuery(r.URL.RawQuery)
	for k, v := range inURL {
		if _, inBody := values[k]; !inBody {
			values[k] = v
		}
	}
	return values, err
}
