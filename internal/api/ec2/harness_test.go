package ec2

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/api/apitest"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// harness is the API over a world in memory, called by its protocol.
type harness struct {
	*testing.T
	changes *change.Runner
	server  *Server
	service *wire.Service
	url     string
	console map[world.InstanceID]Console
}

func newHarness(t *testing.T) *harness { return harnessOf(t, world.Relaxed) }

func harnessOf(t *testing.T, f world.Fidelity) *harness {
	t.Helper()
	h := &harness{T: t, changes: apitest.Runner(t, f), console: map[world.InstanceID]Console{}}
	h.server = New(Config{Changes: h.changes, Scope: apitest.Scope(), Console: func(_ context.Context, id world.InstanceID) (Console, error) {
		c, ok := h.console[id]
		if !ok {
			return Console{}, errors.New("the console cannot be read")
		}
		return c, nil
	}})
	h.service = NewService(h.server.Operations())
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: apitest.Region, Account: apitest.Account})
	mux.Add(h.service)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

func (h *harness) change(f func(d *plan.Draft)) {
	h.Helper()
	apitest.Change(h, h.changes, f)
}

// post sends an operation with parameters, each "Name=value".
func (h *harness) post(op string, params []string) (int, []byte) {
	h.Helper()
	form := url.Values{"Action": {op}, "Version": {"2016-11-15"}}
	for _, p := range params {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			h.Fatalf("parameter %q has no value", p)
		}
		form.Set(name, value)
	}
	req, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.url, strings.NewReader(form.Encode()))
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
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
func do[O any](h *harness, op string, params ...string) *O {
	h.Helper()
	status, b := h.post(op, params)
	if status != http.StatusOK {
		h.Fatalf("%s %v: %d %s", op, params, status, b)
	}
	o, ok := h.service.Operation(op)
	if !ok {
		h.Fatalf("no operation %s", op)
	}
	out := new(O)
	if err := wire.DecodeQueryResponse(h.service, o, b, out); err != nil {
		h.Fatalf("%s: %v in %s", op, err, b)
	}
	return out
}

// fails sends an operation that must be refused with that code and a message
// that starts so, and must change nothing.
func (h *harness) fails(code, message, op string, params ...string) {
	h.Helper()
	before := h.changes.View().Revision
	status, b := h.post(op, params)
	e, err := wire.DecodeQueryError(status, b)
	if err != nil {
		h.Fatalf("%s %v: %d %v in %s", op, params, status, err, b)
	}
	want := http.StatusBadRequest
	if code == "DryRunOperation" {
		want = http.StatusPreconditionFailed
	}
	if status != want || e.Code != code || !strings.HasPrefix(e.Message, message) {
		h.Errorf("%s %v:\n got %d %s: %s\nwant %d %s: %s", op, params, status, e.Code, e.Message, want, code, message)
	}
	if after := h.changes.View().Revision; after != before {
		h.Errorf("%s was refused but wrote revision %d", op, after)
	}
}

func (h *harness) vpc(cidr string) string {
	h.Helper()
	return *do[CreateVpcOutput](h, "CreateVpc", "CidrBlock="+cidr).Vpc.VpcId
}

func (h *harness) subnet(vpc, cidr string) string {
	h.Helper()
	return *do[CreateSubnetOutput](h, "CreateSubnet", "VpcId="+vpc, "CidrBlock="+cidr).Subnet.SubnetId
}

func (h *harness) group(vpc, name string) string {
	h.Helper()
	return *do[CreateSecurityGroupOutput](h, "CreateSecurityGroup", "VpcId="+vpc, "GroupName="+name, "GroupDescription=test").GroupId
}

// same compares two lists as sets.
func (h *harness) same(what string, got []string, want ...string) {
	h.Helper()
	slices.Sort(got)
	want = slices.Clone(want)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		h.Errorf("%s: %v, expected %v", what, got, want)
	}
}

// texts are one member of every element.
func texts[T any](list []T, member func(T) *string) []string {
	var out []string
	for _, e := range list {
		out = append(out, *member(e))
	}
	return out
}

const dryRun = "DryRun=true"

// at is a time that consoles have.
func at() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// Ids that are well formed and name nothing.
const (
	noVPC       = "vpc-12345678"
	noSubnet    = "subnet-12345678"
	noGroup     = "sg-12345678"
	noInterface = "eni-12345678"
	noInstance  = "i-12345678"
)
