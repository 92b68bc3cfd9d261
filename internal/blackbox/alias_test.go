//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/miekg/dns"
)

// TestAliases: aliases of a private zone, from the API of Route 53 to an answer
// inside the VPC, and as what they lead to fails, is deleted and comes back; and
// an instance of Cloud Map's that is an alias.
func TestAliases(t *testing.T) {
	s := start(t, options{flags: []string{"--allow-outbound", "127.0.0.1/32"}})
	a := &aliases{stage: s.stage(stageOptions{})}
	a.client = a.session(a.vpc)
	listener, err := net.Listen("tcp4", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	a.makeZone(a.makeCheck(listener))
	a.answer("alias.corp.local.", "192.0.2.2")
	a.answer("corp.local.", "192.0.2.2")
	a.answer("far.corp.local.", "192.0.2.2")
	a.cloudMap(t)
	a.eventually("the check has passed", func() error { return a.passes("Success") })
	a.answer("failover.corp.local.", "192.0.2.1")
	a.answer("weighted.corp.local.", "192.0.2.1")

	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	a.answer("failover.corp.local.", "192.0.2.2")
	a.answer("weighted.corp.local.", "192.0.2.2")
	a.answer("checked.corp.local.", "192.0.2.1") // where all are unhealthy, all count

	a.kill()
	a.answer("failover.corp.local.", "192.0.2.2")
	a.up()
	a.client = a.session(a.vpc)
	a.change(a.zone, r53.ChangeActionDelete, recordSet("plain.corp.local", "A", "192.0.2.2"))
	a.answer("alias.corp.local.") // NODATA: the alias is there, its target is not
	a.answer("lb.myapp.local.")
	a.change(a.zone, r53.ChangeActionCreate, recordSet("plain.corp.local", "A", "192.0.2.7"))
	a.answer("alias.corp.local.", "192.0.2.7")
	a.answer("lb.myapp.local.", "192.0.2.7")
}

// aliases is a stage with a private zone.
type aliases struct {
	*stage
	client place
	zone   string
	check  string
}

// makeCheck makes a health check of a listener on this host.
func (a *aliases) makeCheck(l net.Listener) string {
	a.t.Helper()
	at := netip.MustParseAddrPort(l.Addr().String())
	out, err := a.route53().CreateHealthCheck(context.Background(), &route53.CreateHealthCheckInput{CallerReference: aws.String("1"), HealthCheckConfig: &r53.HealthCheckConfig{
		Type: r53.HealthCheckTypeTcp, IPAddress: aws.String(at.Addr().String()), Port: aws.Int32(int32(at.Port())), RequestInterval: aws.Int32(10), FailureThreshold: aws.Int32(1),
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	a.check = *out.HealthCheck.Id
	return a.check
}

func (a *aliases) passes(want string) error {
	out, err := a.route53().GetHealthCheckStatus(context.Background(), &route53.GetHealthCheckStatusInput{HealthCheckId: &a.check})
	if err == nil && (len(out.HealthCheckObservations) == 0 || !strings.HasPrefix(*out.HealthCheckObservations[0].StatusReport.Status, want)) {
		err = fmt.Errorf("%+v", out.HealthCheckObservations)
	}
	return err
}

// makeZone has a plain and a checked name, and aliases of them: simple ones, one
// of an alias, and by failover and weight those that evaluate the target's health.
func (a *aliases) makeZone(check string) {
	a.t.Helper()
	out, err := a.route53().CreateHostedZone(context.Background(), &route53.CreateHostedZoneInput{Name: aws.String("corp.local"), CallerReference: aws.String("1"), VPC: &r53.VPC{VPCId: &a.vpc, VPCRegion: region}})
	if err != nil {
		a.t.Fatal(err)
	}
	a.zone = strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
	routed := func(id string, r *r53.ResourceRecordSet, by func(*r53.ResourceRecordSet)) *r53.ResourceRecordSet {
		r.SetIdentifier = &id
		by(r)
		return r
	}
	weight := func(n int64) func(*r53.ResourceRecordSet) {
		return func(r *r53.ResourceRecordSet) { r.Weight = &n }
	}
	failover := func(role r53.ResourceRecordSetFailover) func(*r53.ResourceRecordSet) {
		return func(r *r53.ResourceRecordSet) { r.Failover = role }
	}
	checked := routed("one", recordSet("checked.corp.local", "A", "192.0.2.1"), weight(1))
	checked.HealthCheckId = &check
	to := func(name string) string { return "alias " + a.zone + " " + name + ".corp.local healthy" }
	a.change(a.zone, r53.ChangeActionCreate,
		recordSet("plain.corp.local", "A", "192.0.2.2"), checked,
		recordSet("alias.corp.local", "A", to("plain")), recordSet("corp.local", "A", to("plain")), recordSet("far.corp.local", "A", to("alias")),
		routed("p", recordSet("failover.corp.local", "A", to("checked")), failover(r53.ResourceRecordSetFailoverPrimary)),
		routed("s", recordSet("failover.corp.local", "A", to("plain")), failover(r53.ResourceRecordSetFailoverSecondary)),
		routed("1", recordSet("weighted.corp.local", "A", to("checked")), weight(200)),
		routed("2", recordSet("weighted.corp.local", "A", to("plain")), weight(0)),
	)
}

// cloudMap: an instance that is the alias of a name.
func (a *aliases) cloudMap(t *testing.T) {
	t.Helper()
	made, err := a.discovery().CreateService(context.Background(), &servicediscovery.CreateServiceInput{
		Name: aws.String("lb"), NamespaceId: &a.namespace,
		DnsConfig: &sdtypes.DnsConfig{RoutingPolicy: sdtypes.RoutingPolicyWeighted, DnsRecords: []sdtypes.DnsRecord{{Type: sdtypes.RecordTypeA, TTL: aws.Int64(1)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.discovery().RegisterInstance(context.Background(), &servicediscovery.RegisterInstanceInput{
		ServiceId: made.Service.Id, InstanceId: aws.String("lb"), Attributes: map[string]string{"AWS_ALIAS_DNS_NAME": "plain.corp.local"},
	}); err != nil {
		t.Fatal(err)
	}
	a.answer("lb.myapp.local.", "192.0.2.2")
}

// answer waits until a name has these addresses, under its own name and without
// any CNAME; none: NODATA.
func (a *aliases) answer(name string, want ...string) {
	a.t.Helper()
	a.eventually(name+" is "+strings.Join(want, ", "), func() error {
		m, err := a.client.ask(name)
		if err != nil {
			return err
		}
		var got []string
		for _, rr := range m.Answer {
			address, ok := rr.(*dns.A)
			if !ok || rr.Header().Name != name {
				return fmt.Errorf("answer %v", rr)
			}
			got = append(got, address.A.String())
		}
		slices.Sort(got)
		if m.Rcode != dns.RcodeSuccess || !slices.Equal(got, want) {
			return fmt.Errorf("%s %v", dns.RcodeToString[m.Rcode], got)
		}
		return nil
	})
}
