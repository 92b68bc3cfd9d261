package servicediscovery

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// What every test's world has: two VPCs.
const (
	vpcA = "vpc-0000000000000000a"
	vpcB = "vpc-0000000000000000b"
)

// harness is the API over a world in memory, called by its protocol.
type harness struct {
	*testing.T
	changes *change.Runner
	server  *Server
	url     string
	applied atomic.Int64 // what the resolver is said to serve; -1: everything
}

func newHarness(t *testing.T) *harness { return harnessOf(t, world.Relaxed) }

func harnessOf(t *testing.T, f world.Fidelity) *harness { return harnessWith(t, f, Config{}) }

// harnessWith has the API configured as in c.
func harnessWith(t *testing.T, f world.Fidelity, c Config) *harness {
	t.Helper()
	h := &harness{T: t, changes: apitest.Runner(t, f)}
	h.applied.Store(-1)
	h.changes.Applied = func() int64 {
		if n := h.applied.Load(); n >= 0 {
			return n
		}
		return h.changes.Store.View().Revision
	}
	c.Changes, c.Scope = h.changes, apitest.Scope()
	h.server = New(c)
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: apitest.Region, Account: apitest.Account})
	mux.Add(NewService(h.server.Operations()))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	h.change(func(d *plan.Draft) {
		for _, id := range []world.VPCID{vpcA, vpcB} {
			d.Put(&world.VPC{ID: id, CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true})
		}
	})
	return h
}

func (h *harness) change(f func(d *plan.Draft)) {
	h.Helper()
	apitest.Change(h, h.changes, f)
}

func (h *harness) post(op, body string) (int, []byte) {
	h.Helper()
	req, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.url, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "Route53AutoNaming_v20170314."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.Fatal(err)
	}
	return res.StatusCode, b
}

// do sends an operation that must succeed, and decodes the answer.
func (h *harness) do(op, body string) reply {
	h.Helper()
	status, b := h.post(op, body)
	if status != http.StatusOK {
		h.Fatalf("%s %s: %d %s", op, body, status, b)
	}
	r := reply{t: h.T, raw: string(b)}
	if err := json.Unmarshal(b, &r.v); err != nil {
		h.Fatalf("%s: %v in %s", op, err, b)
	}
	return r
}

// fails sends an operation that must be refused with that exception, whose
// members beside __type are want, and must change nothing. Of the message only the
// start is compared.
func (h *harness) fails(op, body, code, message string, members ...string) {
	h.Helper()
	before := h.changes.View().Revision
	status, b := h.post(op, body)
	var e map[string]string
	if err := json.Unmarshal(b, &e); err != nil {
		h.Fatalf("%s: %v in %s", op, err, b)
	}
	if status != http.StatusBadRequest || e["__type"] != code || !strings.HasPrefix(e["Message"], message) {
		h.Errorf("%s %.300s:\n got %d %s: %s\nwant 400 %s: %s", op, body, status, e["__type"], e["Message"], code, message)
	}
	for i := 0; i < len(members); i += 2 {
		if e[members[i]] != members[i+1] {
			h.Errorf("%s: %s is %q, expected %q", op, members[i], e[members[i]], members[i+1])
		}
	}
	if after := h.changes.View().Revision; after != before {
		h.Errorf("%s was refused but wrote revision %d", op, after)
	}
}

// reply is a decoded answer.
type reply struct {
	t   *testing.T
	raw string
	v   any
}

// at walks down by member names and list indexes: "Namespace", "Id".
func (r reply) at(path ...any) any {
	r.t.Helper()
	v := r.v
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				r.t.Fatalf("%v: no object at %q in %s", path, p, r.raw)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				r.t.Fatalf("%v: no element %d in %s", path, p, r.raw)
			}
			v = l[p]
		}
	}
	return v
}

// want compares what is at path with JSON.
func (r reply) want(want string, path ...any) {
	r.t.Helper()
	b, err := json.Marshal(r.at(path...))
	if err != nil {
		r.t.Fatal(err)
	}
	if string(b) != want {
		r.t.Errorf("%v is %s, want %s", path, b, want)
	}
}

func (r reply) text(path ...any) string {
	r.t.Helper()
	s, ok := r.at(path...).(string)
	if !ok {
		r.t.Fatalf("%v is no text in %s", path, r.raw)
	}
	return s
}

// list is the texts of one member of every element of a list.
func (r reply) list(name, member string) []string {
	r.t.Helper()
	elements, ok := r.at(name).([]any)
	if !ok {
		r.t.Fatalf("no list %q in %s", name, r.raw)
	}
	var out []string
	for i := range elements {
		out = append(out, r.text(name, i, member))
	}
	return out
}

// namespace makes a private namespace in a VPC and returns its id.
func (h *harness) namespace(name, vpc string) string {
	h.Helper()
	op := h.do("CreatePrivateDnsNamespace", `{"Name":"`+name+`","Vpc":"`+vpc+`"}`).text("OperationId")
	return h.do("GetOperation", `{"OperationId":"`+op+`"}`).text("Operation", "Targets", "NAMESPACE")
}

// httpNamespace makes an HTTP namespace and returns its id.
func (h *harness) httpNamespace(name string) string {
	h.Helper()
	op := h.do("CreateHttpNamespace", `{"Name":"`+name+`"}`).text("OperationId")
	return h.do("GetOperation", `{"OperationId":"`+op+`"}`).text("Operation", "Targets", "NAMESPACE")
}

// publicNamespace makes a public namespace and returns its id.
func (h *harness) publicNamespace(name string) string {
	h.Helper()
	op := h.do("CreatePublicDnsNamespace", `{"Name":"`+name+`"}`).text("OperationId")
	return h.do("GetOperation", `{"OperationId":"`+op+`"}`).text("Operation", "Targets", "NAMESPACE")
}

// service makes a service and returns its id; rest is more members.
func (h *harness) service(namespace, name, rest string) string {
	h.Helper()
	return h.do("CreateService", `{"Name":"`+name+`","NamespaceId":"`+namespace+`"`+rest+`}`).text("Service", "Id")
}

// register registers an instance with attributes and returns the operation.
func (h *harness) register(service, id, attributes string) string {
	h.Helper()
	return h.do("RegisterInstance", registering(service, id, attributes)).text("OperationId")
}

// registering is a request to register an instance.
func registering(service, id, attributes string) string {
	return `{"ServiceId":"` + service + `","InstanceId":"` + id + `","Attributes":{` + attributes + `}}`
}

const (
	dnsA      = `,"DnsConfig":{"DnsRecords":[{"Type":"A","TTL":60}]}`
	custom    = `,"HealthCheckCustomConfig":{"FailureThreshold":1}`
	arnPrefix = "arn:aws:servicediscovery:us-east-1:123456789012:"
)
