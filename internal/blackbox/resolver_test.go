//go:build linux

package blackbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"

	"seamark/internal/admin"
	"seamark/internal/api/ec2"
	"seamark/internal/driver/network/netns"
)

// doc is a request's or an answer's JSON.
type doc = map[string]any

// resolver calls an operation of Route 53 Resolver.
func (s *server) resolver(op string, in doc) doc {
	s.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.client.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Route53Resolver."+op)
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), s.credentials(), req, hex.EncodeToString(sum[:]), "route53resolver", region, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	out := doc{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %v %v", op, res.Status, err, out)
	}
	return out
}

// until waits until an operation shows a resource with that status.
func (s *server) until(status, op string, in doc, member string) {
	s.t.Helper()
	s.eventually(member+" is "+status, func() error {
		if got := s.resolver(op, in)[member].(doc)["Status"]; got != status {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
}

// resolving is a VPC whose resolver has to do with others: a name server in it,
// and endpoints that let in the members of one group alone.
type resolving struct {
	*stage
	clients  string // group that may ask the inbound endpoint
	endpoint string // group of the endpoints
	client   place
}

// TestResolver forwards a domain to a name server inside the VPC, is asked by an
// inbound endpoint, logs queries, and blocks some.
func TestResolver(t *testing.T) {
	s := start(t, options{})
	g := &resolving{stage: s.stage(stageOptions{})}
	g.clients, g.endpoint = g.makeGroup("clients", ""), g.makeGroup("endpoint", "")
	all := "-1"
	allow := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &g.endpoint, IpPermissions: []ec2.IpPermission{{IpProtocol: &all, UserIdGroupPairs: []ec2.UserIdGroupPair{{GroupId: &g.clients}}}}}
	if err := g.ec2("AuthorizeSecurityGroupIngress", allow, &ec2.AuthorizeSecurityGroupIngressOutput{}); err != nil {
		t.Fatal(err)
	}
	g.client = g.session(g.vpc, g.clients)
	g.logQueries()
	out := g.makeEndpoint("OUTBOUND")
	g.forwardTo(out, netip.AddrPortFrom(g.nameServer(), 53))
	t.Run("forwarded", func(t *testing.T) { g.resolves(t, g.client, "host.corp.example.", "203.0.113.7") })
	t.Run("before public zones", func(t *testing.T) { g.beforePublic(t) })
	in := g.makeEndpoint("INBOUND")
	t.Run("inbound", func(t *testing.T) { g.inbound(t, in) })
	t.Run("firewall", func(t *testing.T) { g.firewall(t) })
	t.Run("query log", func(t *testing.T) { g.logged(t, in) })
	t.Run("without a control plane", func(t *testing.T) { g.goesOn(t, in) })
	t.Run("deleted", func(t *testing.T) { g.deleted(t, in) })
}

func (g *resolving) logQueries() {
	g.t.Helper()
	group := "/dns/queries"
	if _, err := g.logs().CreateLogGroup(context.Background(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
		g.t.Fatal(err)
	}
	id := g.resolver("CreateResolverQueryLogConfig", doc{"Name": "queries", "CreatorRequestId": "1", "DestinationArn": "arn:aws:logs:" + region + ":123456789012:log-group:" + group})["ResolverQueryLogConfig"].(doc)["Id"]
	a := g.resolver("AssociateResolverQueryLogConfig", doc{"ResolverQueryLogConfigId": id, "ResourceId": g.vpc})["ResolverQueryLogConfigAssociation"].(doc)["Id"]
	g.until("ACTIVE", "GetResolverQueryLogConfigAssociation", doc{"ResolverQueryLogConfigAssociationId": a}, "ResolverQueryLogConfigAssociation")
}

// makeEndpoint makes an endpoint in both subnets and waits until it works.
func (g *resolving) makeEndpoint(direction string) (id string) {
	g.t.Helper()
	id = g.resolver("CreateResolverEndpoint", doc{
		"CreatorRequestId": direction, "Direction": direction, "SecurityGroupIds": []string{g.endpoint},
		"IpAddresses": []doc{{"SubnetId": g.subnets[0]}, {"SubnetId": g.subnets[1]}},
	})["ResolverEndpoint"].(doc)["Id"].(string)
	g.until("OPERATIONAL", "GetResolverEndpoint", doc{"ResolverEndpointId": id}, "ResolverEndpoint")
	return id
}

// nameServer answers for corp.example inside the VPC, to members of the group
// of the endpoints.
func (g *resolving) nameServer() netip.Addr {
	g.t.Helper()
	group := g.makeGroup("server", "")
	all := "-1"
	allow := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []ec2.IpPermission{{IpProtocol: &all, UserIdGroupPairs: []ec2.UserIdGroupPair{{GroupId: &g.endpoint}}}}}
	if err := g.ec2("AuthorizeSecurityGroupIngress", allow, &ec2.AuthorizeSecurityGroupIngressOutput{}); err != nil {
		g.t.Fatal(err)
	}
	opened, end, err := admin.NewClient(g.adminSocket()).OpenSession(context.Background(), admin.SessionRequest{Target: g.vpc, SecurityGroups: []string{group}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.sessions++
	conn, err := netns.ListenPacket(opened.Namespace, "udp", netip.AddrPortFrom(opened.Address, 53).String())
	if err != nil {
		g.t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		r := new(dns.Msg).SetReply(m)
		if m.Question[0].Qtype == dns.TypeA {
			r.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: []byte{203, 0, 113, 7}}}
		}
		_ = w.WriteMsg(r) // who does not hear asks again
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	g.t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(), <-ended); err != nil {
			g.t.Error(err)
		}
		_ = end() // the server may have been killed meanwhile
	})
	return opened.Address
}

func (g *resolving) forwardTo(endpoint string, target netip.AddrPort) {
	g.t.Helper()
	rule := g.resolver("CreateResolverRule", doc{"CreatorRequestId": "1", "RuleType": "FORWARD", "DomainName": "corp.example", "ResolverEndpointId": endpoint,
		"TargetIps": []doc{{"Ip": target.Addr().String(), "Port": target.Port()}}})["ResolverRule"].(doc)["Id"]
	a := g.resolver("AssociateResolverRule", doc{"ResolverRuleId": rule, "VPCId": g.vpc})["ResolverRuleAssociation"].(doc)["Id"]
	g.until("COMPLETE", "GetResolverRuleAssociation", doc{"ResolverRuleAssociationId": a}, "ResolverRuleAssociation")
}

// beforePublic: the rule's targets are asked, also for what is in a public zone
// below the rule's domain.
func (g *resolving) beforePublic(t *testing.T) {
	out, err := g.route53().CreateHostedZone(context.Background(), &route53.CreateHostedZoneInput{Name: aws.String("host.corp.example"), CallerReference: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	zone := strings.TrimPrefix(*out.HostedZone.Id, "/hostedzone/")
	g.change(zone, r53.ChangeActionCreate, recordSet("host.corp.example", "A", "192.0.2.1"))
	g.resolves(t, g.client, "host.corp.example.", "203.0.113.7")
	other := g.makeVPC("10.1.0.0/16") // has no rule
	g.makeSubnet(other, "10.1.1.0/24", region+"a")
	g.resolves(t, g.session(other), "host.corp.example.", "192.0.2.1")
}

func (g *resolving) resolves(t *testing.T, from place, name, want string) {
	t.Helper()
	got, err := from.lookup(name)
	if err != nil || !slices.Equal(got, []netip.Addr{netip.MustParseAddr(want)}) {
		t.Errorf("%s is %v, %v; expected %s", name, got, err, want)
	}
}

// addresses are where an endpoint answers.
func (g *resolving) addresses(endpoint string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range g.resolver("ListResolverEndpointIpAddresses", doc{"ResolverEndpointId": endpoint})["IpAddresses"].([]any) {
		out = append(out, netip.AddrPortFrom(netip.MustParseAddr(a.(doc)["Ip"].(string)), 53))
	}
	return out
}

// inbound: members of the group are answered by each of the addresses, others
// are not heard.
func (g *resolving) inbound(t *testing.T, endpoint string) {
	all := g.addresses(endpoint)
	for _, at := range all {
		g.resolves(t, place{g.client.path, at}, "ip-10-0-1-10.ec2.internal.", "10.0.1.10")
		g.resolves(t, place{g.client.path, at}, "host.corp.example.", "203.0.113.7")
	}
	if m, err := (place{g.session(g.vpc, g.group).path, all[0]}).ask("ip-10-0-1-10.ec2.internal."); err == nil {
		t.Errorf("%s answered somebody whom its group does not let in:\n%v", all[0], m)
	}
}

func (g *resolving) firewall(t *testing.T) {
	list := g.resolver("CreateFirewallDomainList", doc{"Name": "bad", "CreatorRequestId": "1"})["FirewallDomainList"].(doc)["Id"]
	g.resolver("UpdateFirewallDomains", doc{"FirewallDomainListId": list, "Operation": "ADD", "Domains": []string{"*.bad.corp.example"}})
	group := g.resolver("CreateFirewallRuleGroup", doc{"Name": "group", "CreatorRequestId": "1"})["FirewallRuleGroup"].(doc)["Id"]
	g.resolver("CreateFirewallRule", doc{"CreatorRequestId": "1", "FirewallRuleGroupId": group, "FirewallDomainListId": list, "Priority": 1, "Name": "block", "Action": "BLOCK", "BlockResponse": "NXDOMAIN"})
	a := g.resolver("AssociateFirewallRuleGroup", doc{"CreatorRequestId": "1", "FirewallRuleGroupId": group, "VpcId": g.vpc, "Priority": 101, "Name": "a"})["FirewallRuleGroupAssociation"].(doc)["Id"]
	g.until("COMPLETE", "GetFirewallRuleGroupAssociation", doc{"FirewallRuleGroupAssociationId": a}, "FirewallRuleGroupAssociation")
	if m, err := g.client.ask("x.bad.corp.example."); err != nil || m.Rcode != dns.RcodeNameError {
		t.Errorf("x.bad.corp.example is %v, %v; expected NXDOMAIN", m, err)
	}
	g.resolves(t, g.client, "good.corp.example.", "203.0.113.7")
}

// logged: the lines of what was asked above are in the log group.
func (g *resolving) logged(t *testing.T, in string) {
	for _, parts := range [][]string{
		{`"query_name":"host.corp.example."`, `"rcode":"NOERROR","answers":[{"Rdata":"203.0.113.7","Type":"A","Class":"IN"}]`, `"transport":"UDP","srcids":{}`},
		{`"query_name":"ip-10-0-1-10.ec2.internal."`, `"srcids":{"resolver_endpoint":"` + in + `","resolver_network_interface":"rni-`},
		{`"query_name":"x.bad.corp.example."`, `"rcode":"NXDOMAIN"`, `"firewall_rule_action":"BLOCK"`},
	} {
		g.eventually("a line with "+parts[0], func() error {
			out, err := g.logs().FilterLogEvents(context.Background(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/dns/queries"), LogStreamNames: []string{g.vpc + "_123456789012"}})
			if err != nil {
				return err
			}
			for _, e := range out.Events {
				if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(*e.Message, p) }) {
					return nil
				}
			}
			return fmt.Errorf("%d lines without it", len(out.Events))
		})
	}
}

// goesOn: killing the control plane costs no answer of an endpoint, and the next
// one finds it at work.
func (g *resolving) goesOn(t *testing.T, in string) {
	at := g.addresses(in)
	g.kill()
	for _, a := range at {
		g.resolves(t, place{g.client.path, a}, "host.corp.example.", "203.0.113.7")
	}
	g.up()
	if got := g.resolver("GetResolverEndpoint", doc{"ResolverEndpointId": in})["ResolverEndpoint"].(doc)["Status"]; got != "OPERATIONAL" {
		t.Errorf("the endpoint is %v", got)
	}
}

// deleted: an endpoint's interfaces belong to Resolver, and go with it.
func (g *resolving) deleted(t *testing.T, in string) {
	managed := func() int {
		name := "requester-managed"
		var out ec2.DescribeNetworkInterfacesOutput
		if err := g.ec2("DescribeNetworkInterfaces", &ec2.DescribeNetworkInterfacesInput{Filters: []ec2.Filter{{Name: &name, Values: []string{"true"}}}}, &out); err != nil {
			t.Fatal(err)
		}
		return len(out.NetworkInterfaces)
	}
	if err := g.ec2("DeleteSubnet", &ec2.DeleteSubnetInput{SubnetId: &g.subnets[0]}, &ec2.DeleteSubnetOutput{}); code(err) != "DependencyViolation" || managed() != 4 {
		t.Errorf("a subnet of endpoints: %v; %d interfaces", err, managed())
	}
	g.resolver("DeleteResolverEndpoint", doc{"ResolverEndpointId": in})
	if n := managed(); n != 2 {
		t.Errorf("%d interfaces are left", n)
	}
}
