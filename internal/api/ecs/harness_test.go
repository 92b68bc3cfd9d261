package ecs

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/plan/deploy"
	"seamark/internal/plan/task"
	"seamark/internal/store/mem"
	"seamark/internal/wire"
	"seamark/internal/world"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What every test's world has: a VPC with two subnets and one of two usable
// addresses fewer than anybody needs, another VPC, groups, and a namespace with
// services of each kind.
const (
	subnetA, subnetB  = "subnet-0000000000000000a", "subnet-0000000000000000b"
	subnetTiny        = "subnet-0000000000000000c"
	subnetOther       = "subnet-0000000000000000d"
	subnetDual        = "subnet-0000000000000000e" // with IPv6
	groupWeb          = "sg-0000000000000000a"
	groupOther        = "sg-0000000000000000d"
	registryPrefix    = "arn:aws:servicediscovery:us-east-1:123456789012:service/"
	registryA         = registryPrefix + "srv-a"
	registrySRV       = registryPrefix + "srv-srv"
	registryBoth      = registryPrefix + "srv-both"
	registryCNAME     = registryPrefix + "srv-cname"
	registryAAAA      = registryPrefix + "srv-aaaa"
	registryHosts     = registryPrefix + "srv-hosts" // with the extension for addresses of hosts
	clusterARNPrefix  = "arn:aws:ecs:us-east-1:123456789012:cluster/"
	taskARNPrefix     = "arn:aws:ecs:us-east-1:123456789012:task/"
	serviceARNPrefix  = "arn:aws:ecs:us-east-1:123456789012:service/"
	definitionARNBase = "arn:aws:ecs:us-east-1:123456789012:task-definition/"
	awsvpcBoth        = `"networkConfiguration":{"awsvpcConfiguration":{"subnets":["` + subnetA + `","` + subnetB + `"],"securityGroups":["` + groupWeb + `"]}}`
)

func testScope() world.Scope { return world.Scope{Region: "us-east-1", Account: "123456789012"} }

// harness is the API over a store in memory, with the planners and a node that
// does at once whatever it should, each only when told to.
type harness struct {
	*testing.T
	changes *change.Runner
	server  *Server
	url     string
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	st := mem.New(mem.Options{})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &harness{T: t, changes: &change.Runner{Store: st, Scope: testScope(), Fidelity: world.Relaxed}}
	h.server = New(Config{Changes: h.changes, Scope: testScope()})
	h.server.architecture = "x86_64"
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: "us-east-1", Account: "123456789012"})
	mux.Add(NewService(h.server.Operations()))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	h.change(seed)
	return h
}

func (h *harness) change(f func(d *plan.Draft)) {
	h.Helper()
	if _, _, err := h.changes.Do(h.Context(), func(d *plan.Draft) error { f(d); return nil }); err != nil {
		h.Fatal(err)
	}
}

func seed(d *plan.Draft) {
	for _, v := range []string{"a", "d"} {
		vpc, group := world.VPCID("vpc-0000000000000000"+v), world.SecurityGroupID("sg-default"+v)
		d.Put(&world.VPC{ID: vpc, CIDR: netip.MustParsePrefix("10.0.0.0/16"), DefaultSecurityGroup: group})
		d.Put(&world.SecurityGroup{ID: group, VPC: vpc, Name: "default"})
		d.Put(&world.SecurityGroup{ID: world.SecurityGroupID("sg-0000000000000000" + v), VPC: vpc, Name: "web"})
	}
	for id, s := range map[string][3]string{
		subnetA: {"a", "10.0.1.0/24", "us-east-1a"}, subnetB: {"a", "10.0.2.0/24", "us-east-1b"},
		subnetTiny: {"a", "10.0.3.0/28", "us-east-1a"}, subnetOther: {"d", "10.0.1.0/24", "us-east-1a"},
	} {
		d.Put(&world.Subnet{ID: world.SubnetID(id), VPC: world.VPCID("vpc-0000000000000000" + s[0]), CIDR: netip.MustParsePrefix(s[1]), AvailabilityZone: s[2]})
	}
	d.Put(&world.Subnet{
		ID: subnetDual, VPC: "vpc-0000000000000000a", CIDR: netip.MustParsePrefix("10.0.5.0/24"), AvailabilityZone: "us-east-1a",
		IPv6: netip.MustParsePrefix("fd5e:a:0:5::/64"),
	})
	d.Put(&world.Namespace{ID: "ns-1", Name: "myapp.local", Type: "DNS_PRIVATE"})
	for id, types := range map[string][]string{"srv-a": {"A"}, "srv-srv": {"SRV"}, "srv-both": {"A", "SRV"}, "srv-cname": {"CNAME"}, "srv-aaaa": {"AAAA"}, "srv-hosts": {"A", "SRV"}} {
		ds := &world.DiscoveryService{ID: world.DiscoveryServiceID(id), Namespace: "ns-1", Name: id, CustomHealth: true}
		if id == "srv-hosts" {
			ds.Tags = world.Tags{"seamark:host-addresses": "true"}
		}
		for _, kind := range types {
			ds.Records = append(ds.Records, world.DNSRecord{Type: kind, TTL: 60})
		}
		d.Put(ds)
	}
}

// post sends an operation and returns what came back.
func (h *harness) post(op, body string) (int, []byte) {
	h.Helper()
	req, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.url, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerServiceV20141113."+op)
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
	r := reply{t: h.T, raw: b}
	if err := json.Unmarshal(b, &r.v); err != nil {
		h.Fatal(err)
	}
	return r
}

// fails sends an operation that must be refused with that exception and
// message, and must change nothing.
func (h *harness) fails(op, body, code, message string) {
	h.Helper()
	before := h.changes.View().Revision
	status, b := h.post(op, body)
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		h.Fatalf("%s: %v in %s", op, err, b)
	}
	if status != http.StatusBadRequest || e.Type != code || e.Message != message {
		h.Errorf("%s %.300s:\n got %d %s: %s\nwant 400 %s: %s", op, body, status, e.Type, e.Message, code, message)
	}
	if after := h.changes.View().Revision; after != before {
		h.Errorf("%s was refused but wrote revision %d", op, after)
	}
}

// reply is a decoded answer.
type reply struct {
	t   *testing.T
	raw []byte
	v   any
}

// at walks down by member names and list indexes: "services", 0, "status".
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

// settle lets planners and node act until nothing changes any more.
func (h *harness) settle() {
	h.Helper()
	for range 50 {
		before := h.changes.View().Revision
		h.plan()
		h.node(obey)
		if h.changes.View().Revision == before {
			return
		}
	}
	h.Fatal("the world does not come to rest")
}

// plan runs the planners once.
func (h *harness) plan() {
	h.Helper()
	w := h.changes.View()
	for svc := range w.Services.All() {
		if _, err := h.changes.Plan(h.Context(), func(d *plan.Draft) { deploy.Plan(d, svc.Key()) }); err != nil {
			h.Fatal(err)
		}
	}
	for t := range h.changes.View().Tasks.All() {
		if _, err := h.changes.Plan(h.Context(), func(d *plan.Draft) { task.Plan(d, t.ID) }); err != nil {
			h.Fatal(err)
		}
	}
}

// node lets f change what the node saw of each task.
func (h *harness) node(f func(d *plan.Draft, t *world.Task)) {
	h.Helper()
	h.change(func(d *plan.Draft) {
		for t := range d.World.Tasks.All() {
			next := *t
			next.Observed.Containers = append([]world.ContainerObserved{}, t.Observed.Containers...)
			f(d, &next)
			if fmt.Sprintf("%+v", next.Observed) != fmt.Sprintf("%+v", t.Observed) {
				d.Put(&next)
			}
		}
	})
}

// age makes it look as if tasks had started earlier.
func (h *harness) age(by time.Duration) {
	h.Helper()
	h.change(func(d *plan.Draft) {
		for t := range d.World.Tasks.All() {
			next := *t
			next.StartedAt = t.StartedAt.Add(-by)
			d.Put(&next)
		}
	})
}

// obey does what the task's state asks for.
func obey(d *plan.Draft, t *world.Task) {
	switch t.LastStatus {
	case world.TaskProvisioning:
		t.Observed.Attached, t.Observed.ConnectivityAt = true, d.Now
	case world.TaskPending:
		t.Observed.PullStartedAt, t.Observed.PullStoppedAt, t.Observed.Started, t.Observed.Listens = d.Now, d.Now, true, true
		for i := range t.Observed.Containers {
			c := &t.Observed.Containers[i]
			c.LastStatus, c.ImageDigest, c.PID, c.StartedAt = "RUNNING", "sha256:"+strings.Repeat("ab", 32), 100+i, d.Now
		}
	case world.TaskStopping:
		if t.Observed.ExecutionStoppedAt.IsZero() {
			t.Observed.ExecutionStoppedAt = d.Now
		}
		for i := range t.Observed.Containers {
			c := &t.Observed.Containers[i]
			c.LastStatus, c.ExitCode, c.PID = "STOPPED", new(int32(143)), 0
		}
	case world.TaskDeprovisioning:
		t.Observed.Released = true
	}
}

// golden compares an answer, with what differs from run to run replaced, to a file.
func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	got := indented.String() + "\n"
	for _, r := range [][2]string{
		{`ecs-svc/\d{19}`, "ecs-svc/1234567890123456789"},
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "01234567-89ab-4cde-8f01-23456789abcd"},
		{`\b[0-9a-f]{32}-\d{10}`, strings.Repeat("0", 32) + "-1234567890"},
		{`(/|\(task )[0-9a-f]{32}`, "${1}" + strings.Repeat("0", 32)},
		{`eni-[0-9a-f]{17}`, "eni-01234567890abcdef"},
		{`0a(:[0-9a-f]{2}){5}`, "0a:00:00:00:00:01"},
		{`("[a-zA-Z]+At": )[0-9.]+`, "${1}1700000000"},
	} {
		got = regexp.MustCompile(r[0]).ReplaceAllString(got, r[1])
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

// fargate registers the family "web" for Fargate with one container, "app",
// that listens on port 80; extra are more members.
func (h *harness) fargate(family, extra string) {
	h.Helper()
	h.do("RegisterTaskDefinition", `{"family":"`+family+`","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":"512",`+
		extra+`"containerDefinitions":[{"name":"app","image":"nginx:latest","portMappings":[{"containerPort":80}]}]}`)
}
