//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
)

// TestHealthChecks: Cloud Map's health checks really connect. In an HTTP
// namespace they come from this host, which they may reach only where it was
// allowed; in a private one from inside the VPC, past the security groups.
func TestHealthChecks(t *testing.T) {
	s := start(t, options{flags: []string{"--private-health-checks", "--allow-outbound", "127.0.0.1/32"}})
	t.Run("FromTheHost", func(t *testing.T) { checksFromHost(t, s) })
	t.Run("InsideTheVPC", func(t *testing.T) { checksInsideVPC(t, s) })
}

func checksFromHost(t *testing.T, s *server) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(web.Close)
	at := netip.MustParseAddrPort(web.Listener.Addr().String())
	made, err := s.discovery().CreateHttpNamespace(context.Background(), &servicediscovery.CreateHttpNamespaceInput{Name: aws.String("http")})
	if err != nil {
		t.Fatal(err)
	}
	op, err := s.discovery().GetOperation(context.Background(), &servicediscovery.GetOperationInput{OperationId: made.OperationId})
	if err != nil {
		t.Fatal(err)
	}
	namespace := op.Operation.Targets["NAMESPACE"]
	good := s.checkedService(t, namespace, "good", nil, "/health")
	bad := s.checkedService(t, namespace, "bad", nil, "/")
	s.registerAt(t, good, "web", at)
	s.registerAt(t, good, "closed", closedPort(t))
	s.registerAt(t, good, "refused", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), at.Port()))
	s.registerAt(t, bad, "web", at)
	s.eventually("the checks have run", func() error {
		return s.healthIs(good, map[string]string{"web": "HEALTHY", "closed": "UNHEALTHY", "refused": "UNHEALTHY"})
	})
	s.eventually("a 503 is unhealthy", func() error { return s.healthIs(bad, map[string]string{"web": "UNHEALTHY"}) })
	web.Close()
	s.eventually("the server is gone", func() error {
		return s.healthIs(good, map[string]string{"web": "UNHEALTHY", "closed": "UNHEALTHY", "refused": "UNHEALTHY"})
	})
}

func checksInsideVPC(t *testing.T, s *server) {
	g := s.stage(stageOptions{})
	g.withIPv6()
	g.group = g.makeGroup("closed", "") // lets nobody in
	g.service("web", g.define("web", serving("hello")), 1)
	g.awaitStable("web")
	task := netip.AddrPortFrom(addressesOf(g.running("web"))[0], 8080)
	records := &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeA, TTL: aws.Int64(1)}}}
	id := s.checkedService(t, g.namespace, "checked", records, "/")
	s.registerAt(t, id, "task", task)
	s.registerAt(t, id, "closed", netip.AddrPortFrom(task.Addr(), 8081))
	s.registerAt(t, id, "nobody", netip.MustParseAddrPort("10.0.1.250:8080"))
	s.eventually("the checks have run", func() error {
		return s.healthIs(id, map[string]string{"task": "HEALTHY", "closed": "UNHEALTHY", "nobody": "UNHEALTHY"})
	})
	p := s.session(g.vpc)
	s.eventually("DNS answers what is healthy", func() error {
		got, err := p.lookup("checked.myapp.local.")
		if err == nil && !slices.Equal(got, []netip.Addr{task.Addr()}) {
			err = fmt.Errorf("%v", got)
		}
		return err
	})
	six, err := netip.ParseAddr(aws.ToString(g.running("web")[0].Containers[0].NetworkInterfaces[0].Ipv6Address))
	if err != nil {
		t.Fatal(err)
	}
	checksOverIPv6(t, g, netip.AddrPortFrom(six, 8080))
}

// checksOverIPv6: the VPC's router connects to IPv6 addresses, too.
func checksOverIPv6(t *testing.T, g *stage, task netip.AddrPort) {
	records := &types.DnsConfig{DnsRecords: []types.DnsRecord{{Type: types.RecordTypeAaaa, TTL: aws.Int64(1)}}}
	id := g.checkedService(t, g.namespace, "six", records, "/")
	g.registerAt(t, id, "task", task)
	g.registerAt(t, id, "closed", netip.AddrPortFrom(task.Addr(), 8081))
	nobody := task.Addr().As16()
	nobody[15] ^= 0xff
	g.registerAt(t, id, "nobody", netip.AddrPortFrom(netip.AddrFrom16(nobody), 8080))
	g.eventually("the checks have run over IPv6", func() error {
		return g.healthIs(id, map[string]string{"task": "HEALTHY", "closed": "UNHEALTHY", "nobody": "UNHEALTHY"})
	})
	g.eventually("DNS answers the IPv6 address that is healthy", func() error {
		out, code := g.seamark("in", g.vpc, "--", "dig", "+short", "+tries=1", "+time=2", "six.myapp.local", "AAAA")
		if code != 0 || strings.TrimSpace(out) != task.Addr().String() {
			return fmt.Errorf("exit code %d, %s", code, out)
		}
		return nil
	})
}

// closedPort is where nobody listens.
func closedPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// checkedService makes a service whose instances are checked by HTTP, and which
// one outcome decides.
func (s *server) checkedService(t *testing.T, namespace, name string, records *types.DnsConfig, path string) string {
	t.Helper()
	made, err := s.discovery().CreateService(context.Background(), &servicediscovery.CreateServiceInput{
		Name: &name, NamespaceId: &namespace, DnsConfig: records,
		HealthCheckConfig: &types.HealthCheckConfig{Type: types.HealthCheckTypeHttp, ResourcePath: &path, FailureThreshold: aws.Int32(1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *made.Service.Id
}

func (s *server) registerAt(t *testing.T, service, id string, at netip.AddrPort) {
	t.Helper()
	attribute := "AWS_INSTANCE_IPV4"
	if at.Addr().Is6() {
		attribute = "AWS_INSTANCE_IPV6"
	}
	if _, err := s.discovery().RegisterInstance(context.Background(), &servicediscovery.RegisterInstanceInput{
		ServiceId: &service, InstanceId: &id, Attributes: map[string]string{attribute: at.Addr().String(), "AWS_INSTANCE_PORT": strconv.Itoa(int(at.Port()))},
	}); err != nil {
		t.Fatal(err)
	}
}

func (s *server) healthIs(service string, want map[string]string) error {
	out, err := s.discovery().GetInstancesHealthStatus(context.Background(), &servicediscovery.GetInstancesHealthStatusInput{ServiceId: &service})
	if err != nil {
		return err
	}
	for id, status := range want {
		if string(out.Status[id]) != status {
			return fmt.Errorf("%s is %s", id, out.Status[id])
		}
	}
	return nil
}
