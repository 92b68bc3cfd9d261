package route53resolver

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// doc is a request's or an answer's JSON.
type doc = map[string]any

// site is the API over a world with two VPCs, each with two subnets and a group.
type site struct {
	*testing.T
	changes *change.Runner
	url     string
	applied int64 // the revision that DNS answers by; -1: always the newest
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, changes: apitest.Runner(t, world.Relaxed), applied: -1}
	s.changes.Applied = func() int64 {
		if s.applied < 0 {
			return s.changes.View().Revision
		}
		return s.applied
	}
	apitest.Change(t, s.changes, func(d *plan.Draft) {
		for n, cidr := range map[string]string{"1": "10.0.0.0/16", "2": "10.1.0.0/16"} {
			p := netip.MustParsePrefix(cidr)
			d.Put(&world.VPC{ID: world.VPCID("vpc-" + n), CIDR: p, EnableDNSSupport: true})
			d.Put(&world.SecurityGroup{ID: world.SecurityGroupID("sg-" + n), VPC: world.VPCID("vpc-" + n), Name: "dns"})
			for _, zone := range []string{"a", "b"} {
				a := p.Addr().As4()
				a[2] = zone[0] - 'a' + 1
				d.Put(&world.Subnet{ID: world.SubnetID("subnet-" + n + zone), VPC: world.VPCID("vpc-" + n), CIDR: netip.PrefixFrom(netip.AddrFrom4(a), 24), AvailabilityZone: "us-east-1" + zone})
			}
		}
		d.Put(&world.LogGroup{Name: "/dns"})
	})
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: apitest.Region, Account: apitest.Account})
	mux.Add(s.service())
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *site) service() *wire.Service {
	return NewService(New(Config{Changes: s.changes, Scope: apitest.Scope()}).Operations())
}

// post sends an operation and returns the decoded answer.
func (s *site) post(op string, body any) (int, doc) {
	s.Helper()
	text, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			s.Fatal(err)
		}
		text = string(b)
	}
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url, strings.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "Route53Resolver."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	out := doc{}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&out); err != nil {
		s.Fatalf("%v in %s", err, b)
	}
	return res.StatusCode, out
}

// call is post of what must succeed. The answer is the member of that name, or
// all of it.
func (s *site) call(op string, body any, member ...string) doc {
	s.Helper()
	status, out := s.post(op, body)
	if status != 200 {
		s.Fatalf("%s %v: %d %v", op, body, status, out)
	}
	for _, m := range member {
		out, _ = out[m].(doc)
	}
	return out
}

// list is the ids, or another member, of what an operation lists.
func (s *site) list(op string, body any, member, id string) []string {
	s.Helper()
	out := []string{}
	items, ok := s.call(op, body)[member].([]any)
	if !ok {
		s.Fatalf("%s lists no %s", op, member)
	}
	for _, item := range items {
		if text, ok := item.(string); ok {
			out = append(out, text)
			continue
		}
		text, _ := item.(doc)[id].(string)
		out = append(out, text)
	}
	return out
}

// refusal is a request and the error that it gets.
type refusal struct {
	op, body, code, message string
}

// refused sends requests that must be refused and change nothing.
func (s *site) refused(all ...refusal) {
	s.Helper()
	before := s.changes.View().Revision
	for _, r := range all {
		status, out := s.post(r.op, r.body)
		message, _ := out["Message"].(string)
		if message == "" {
			message, _ = out["message"].(string)
		}
		if status != 400 || out["__type"] != r.code || !strings.Contains(message, r.message) {
			s.Errorf("%s %s\n got %d %v\nwant %s: %s", r.op, r.body, status, out, r.code, r.message)
		}
		if now := s.changes.View().Revision; now != before {
			s.Fatalf("%s %s was refused, but is revision %d", r.op, r.body, now)
		}
	}
}

// endpoint makes an endpoint with two addresses in vpc-1.
func (s *site) endpoint(name, direction string) string {
	s.Helper()
	return s.call("CreateResolverEndpoint", doc{
		"CreatorRequestId": name, "Name": name, "Direction": direction, "SecurityGroupIds": []string{"sg-1"},
		"IpAddresses": []doc{{"SubnetId": "subnet-1a"}, {"SubnetId": "subnet-1b"}},
	}, "ResolverEndpoint")["Id"].(string)
}

// forward makes a rule that forwards a domain.
func (s *site) forward(domain, endpoint string) string {
	s.Helper()
	return s.call("CreateResolverRule", doc{
		"CreatorRequestId": domain, "Name": "rule", "RuleType": "FORWARD", "DomainName": domain, "ResolverEndpointId": endpoint,
		"TargetIps": []doc{{"Ip": "10.0.1.99"}, {"Ip": "10.0.1.98", "Port": 5353}},
	}, "ResolverRule")["Id"].(string)
}

// members compares some members of an answer.
func (s *site) members(got doc, want doc) {
	s.Helper()
	for k, v := range want {
		if g, err := json.Marshal(got[k]); err != nil || string(g) != mustJSON(s, v) {
			s.Errorf("%s: %s, expected %s", k, g, mustJSON(s, v))
		}
	}
}

// edited is a request with some members, given as JSON, set; null takes one away.
func (s *site) edited(base doc, more string) string {
	s.Helper()
	var changes doc
	if err := json.Unmarshal([]byte("{"+more+"}"), &changes); err != nil {
		s.Fatal(err)
	}
	out := maps.Clone(base)
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return mustJSON(s, out)
}

func mustJSON(s *site, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}
