//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53 "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
)

// TestPublicDNS: the public zones, as a name server answers them to dig.
func TestPublicDNS(t *testing.T) {
	port := freePort(t)
	p := &public{server: start(t, options{flags: []string{"--public-dns", port.String()}}), at: port}
	p.refused("before there is a zone", "example.com SOA")
	p.makeZone()
	t.Run("answers", p.answers)
	t.Run("Cloud Map", p.cloudMap)
	t.Run("changes", p.changes)
	t.Run("without a control plane", p.goesOn)
	t.Run("deleted", p.deleted)
}

// public is a server with a public zone.
type public struct {
	*server
	at   netip.AddrPort // where public zones are answered
	zone string
}

// freePort is an address of loopback that was free a moment ago for UDP and TCP.
func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := l.Addr().(*net.TCPAddr).AddrPort()
		u, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
		l.Close()
		if err == nil {
			u.Close()
			return at
		}
	}
	t.Fatal("no port is free for UDP and TCP")
	return netip.AddrPort{}
}

func (s *server) route53() *route53.Client { return route53.NewFromConfig(s.config()) }

// recordSet is a simple record set; "alias ZONE NAME" as its only value makes an
// alias.
func recordSet(name, typ string, values ...string) *r53.ResourceRecordSet {
	r := &r53.ResourceRecordSet{Name: &name, Type: r53.RRType(typ)}
	if f := strings.Fields(values[0]); f[0] == "alias" {
		r.AliasTarget = &r53.AliasTarget{HostedZoneId: &f[1], DNSName: &f[2], EvaluateTargetHealth: slices.Contains(f, "healthy")}
		return r
	}
	r.TTL = aws.Int64(60)
	for _, v := range values {
		r.ResourceRecords = append(r.ResourceRecords, r53.ResourceRecord{Value: aws.String(v)})
	}
	return r
}

// change makes one change batch, all with the same action.
func (s *server) change(zone string, action r53.ChangeAction, sets ...*r53.ResourceRecordSet) {
	s.t.Helper()
	batch := new(r53.ChangeBatch)
	for _, r := range sets {
		batch.Changes = append(batch.Changes, r53.Change{Action: action, ResourceRecordSet: r})
	}
	out, err := s.route53().ChangeResourceRecordSets(context.Background(), &route53.ChangeResourceRecordSetsInput{HostedZoneId: &zone, ChangeBatch: batch})
	if err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the change is INSYNC", func() error {
		c, err := s.route53().GetChange(context.Background(), &route53.GetChangeInput{Id: out.ChangeInfo.Id})
		if err == nil && c.ChangeInfo.Status != r53.ChangeStatusInsync {
			err = fmt.Errorf("%s", c.ChangeInfo.Status)
		}
		return err
	})
}

// cli runs the AWS CLI and returns what it prints.
func (s *server) cli(args ...string) string {
	s.t.Helper()
	out, code := output(s.t, s.aws(args...))
	if code != 0 {
		s.t.Fatalf("aws %v: exit code %d\n%s", args, code, out)
	}
	return strings.TrimSpace(out)
}

func (p *public) makeZone() {
	p.t.Helper()
	p.zone = strings.TrimPrefix(p.cli("route53", "create-hosted-zone", "--name", "example.com", "--caller-reference", "1", "--query", "HostedZone.Id", "--output", "text"), "/hostedzone/")
	p.cli("route53", "change-resource-record-sets", "--hosted-zone-id", p.zone, "--change-batch",
		`{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"txt.example.com","Type":"TXT","TTL":60,"ResourceRecords":[{"Value":"\"\\101 ex\\344mple\""}]}}]}`)
	long := `"` + strings.Repeat("x", 200) + `"`
	p.change(p.zone, r53.ChangeActionCreate,
		recordSet("www.example.com", "A", "192.0.2.1", "192.0.2.2"), recordSet("c1.example.com", "CNAME", "www.example.com"), recordSet("c2.example.com", "CNAME", "c1.example.com"),
		recordSet("out.example.com", "CNAME", "www.elsewhere.test"), recordSet("*.wild.example.com", "A", "192.0.2.9"), recordSet("deep.er.example.com", "A", "192.0.2.8"),
		recordSet("alias.example.com", "A", "alias "+p.zone+" www.example.com"), recordSet("example.com", "A", "alias "+p.zone+" www.example.com"),
		recordSet("sub.example.com", "NS", "ns1.sub.example.com", "ns.elsewhere.test"), recordSet("ns1.sub.example.com", "A", "192.0.2.53"),
		recordSet("big.example.com", "TXT", long+" "+long+" "+long+" "+long),
	)
}

// answer is what dig prints, without the parts that vary.
type answer struct {
	status   string
	flags    []string
	sections map[string][]string // ANSWER, AUTHORITY, ADDITIONAL: records, sorted
}

func (a answer) String() string { return fmt.Sprint(a.status, " ", a.flags, " ", a.sections) }

// dig asks the server of the public zones.
func (p *public) dig(line string) (answer, error) {
	path, err := exec.LookPath("dig")
	if err != nil {
		missing(p.t, "dig is not installed (make deps)")
	}
	args := append([]string{"@" + p.at.Addr().String(), "-p", strconv.Itoa(int(p.at.Port())), "+tries=1", "+time=5", "+nocookie", "+norecurse"}, strings.Fields(line)...)
	out, code := output(p.t, exec.Command(path, args...))
	a := answer{sections: map[string][]string{}}
	if code != 0 {
		return a, fmt.Errorf("dig %s: exit code %d\n%s", line, code, out)
	}
	section := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, ";; ->>HEADER<<-"):
			_, rest, _ := strings.Cut(line, "status: ")
			a.status, _, _ = strings.Cut(rest, ",")
		case strings.HasPrefix(line, ";; flags:"):
			flags, _, _ := strings.Cut(strings.TrimPrefix(line, ";; flags:"), ";")
			a.flags = strings.Fields(flags)
		case strings.HasSuffix(line, " SECTION:"):
			section = strings.Fields(line)[1]
		case line != "" && line[0] != ';':
			a.sections[section] = append(a.sections[section], strings.Join(strings.Fields(line), " "))
		}
	}
	for _, list := range a.sections {
		slices.Sort(list)
	}
	return a, nil
}

// says compares an answer with what is expected: the status, then the flags
// but for qr, then "|" and the records of each section.
func (p *public) says(line, want string) error {
	a, err := p.dig(line)
	if err != nil {
		return err
	}
	got := strings.Join(append([]string{a.status}, slices.DeleteFunc(a.flags, func(f string) bool { return f == "qr" })...), " ")
	for _, s := range []string{"ANSWER", "AUTHORITY", "ADDITIONAL"} {
		got += "|" + strings.Join(a.sections[s], ", ")
	}
	if got != want {
		return fmt.Errorf("dig %s:\ngot  %s\nwant %s", line, got, want)
	}
	return nil
}

func (p *public) refused(when, line string) {
	p.t.Helper()
	p.eventually(when+" REFUSED", func() error { return p.says(line, "REFUSED|||") })
}

const (
	publicSOA = "example.com. 900 IN SOA ns-2048.awsdns-64.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
	twoWWW    = "www.example.com. 60 IN A 192.0.2.1, www.example.com. 60 IN A 192.0.2.2"
)

func (p *public) answers(t *testing.T) {
	for line, want := range map[string]string{
		"www.example.com A":            "NOERROR aa|" + twoWWW + "||",
		"www.example.com A +tcp":       "NOERROR aa|" + twoWWW + "||",
		"www.example.com A +recurse":   "NOERROR aa rd|" + twoWWW + "||",
		"example.com SOA":              "NOERROR aa|" + publicSOA + "||",
		"none.example.com A":           "NXDOMAIN aa||" + publicSOA + "|",
		"www.example.com AAAA":         "NOERROR aa||" + publicSOA + "|",
		"er.example.com A":             "NOERROR aa||" + publicSOA + "|",
		"c2.example.com A":             "NOERROR aa|c1.example.com. 60 IN CNAME www.example.com., c2.example.com. 60 IN CNAME c1.example.com., " + twoWWW + "||",
		"out.example.com A":            "NOERROR aa|out.example.com. 60 IN CNAME www.elsewhere.test.||",
		"any.thing.wild.example.com A": "NOERROR aa|any.thing.wild.example.com. 60 IN A 192.0.2.9||",
		"any.wild.example.com TXT":     "NOERROR aa||" + publicSOA + "|",
		"alias.example.com A":          "NOERROR aa|alias.example.com. 60 IN A 192.0.2.1, alias.example.com. 60 IN A 192.0.2.2||",
		"example.com A":                "NOERROR aa|example.com. 60 IN A 192.0.2.1, example.com. 60 IN A 192.0.2.2||",
		"txt.example.com TXT":          `NOERROR aa|txt.example.com. 60 IN TXT "A ex\228mple"||`,
		"x.sub.example.com A":          "NOERROR||sub.example.com. 60 IN NS ns.elsewhere.test., sub.example.com. 60 IN NS ns1.sub.example.com.|ns1.sub.example.com. 60 IN A 192.0.2.53",
		"sub.example.com NS":           "NOERROR||sub.example.com. 60 IN NS ns.elsewhere.test., sub.example.com. 60 IN NS ns1.sub.example.com.|ns1.sub.example.com. 60 IN A 192.0.2.53",
		"www.elsewhere.test A":         "REFUSED|||",
		"com SOA":                      "REFUSED|||",
		"web.myapp.local A +recurse":   "REFUSED rd|||",
	} {
		if err := p.says(line, want); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct{ how, flag string }{{"+ignore +noedns", "tc"}, {"+noedns", ""}, {"+tcp", ""}} {
		a, err := p.dig("big.example.com TXT " + c.how)
		if err != nil || slices.Contains(a.flags, "tc") != (c.flag == "tc") || len(a.sections["ANSWER"]) == 0 != (c.flag == "tc") {
			t.Errorf("big.example.com TXT %s: %v, %v", c.how, a, err)
		}
	}
}

// cloudMap: an instance of a public namespace.
func (p *public) cloudMap(t *testing.T) {
	ctx := context.Background()
	made, err := p.discovery().CreatePublicDnsNamespace(ctx, &servicediscovery.CreatePublicDnsNamespaceInput{Name: aws.String("apps.example.net")})
	if err != nil {
		t.Fatal(err)
	}
	var namespace string
	p.eventually("the namespace is there", func() error {
		op, err := p.discovery().GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: made.OperationId})
		if err == nil && op.Operation.Status != sdtypes.OperationStatusSuccess {
			err = fmt.Errorf("%s", op.Operation.Status)
		}
		if err == nil {
			namespace = op.Operation.Targets["NAMESPACE"]
		}
		return err
	})
	service, err := p.discovery().CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: aws.String("web"), NamespaceId: &namespace,
		DnsConfig: &sdtypes.DnsConfig{RoutingPolicy: sdtypes.RoutingPolicyMultivalue, DnsRecords: []sdtypes.DnsRecord{{Type: "A", TTL: aws.Int64(10)}, {Type: "SRV", TTL: aws.Int64(10)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.discovery().RegisterInstance(ctx, &servicediscovery.RegisterInstanceInput{
		ServiceId: service.Service.Id, InstanceId: aws.String("i1"), Attributes: map[string]string{"AWS_INSTANCE_IPV4": "192.0.2.80", "AWS_INSTANCE_PORT": "80"},
	}); err != nil {
		t.Fatal(err)
	}
	p.eventually("the instance is answered", func() error {
		return p.says("web.apps.example.net A", "NOERROR aa|web.apps.example.net. 10 IN A 192.0.2.80||")
	})
	if err := p.says("web.apps.example.net SRV", "NOERROR aa|web.apps.example.net. 10 IN SRV 1 1 80 i1.web.apps.example.net.||"); err != nil {
		t.Error(err)
	}
	if _, err := p.discovery().DeregisterInstance(ctx, &servicediscovery.DeregisterInstanceInput{ServiceId: service.Service.Id, InstanceId: aws.String("i1")}); err != nil {
		t.Fatal(err)
	}
	p.eventually("the instance is gone", func() error {
		a, err := p.dig("web.apps.example.net A")
		if err == nil && len(a.sections["ANSWER"]) > 0 {
			err = fmt.Errorf("%v", a)
		}
		return err
	})
}

// changes: a change that is INSYNC is answered.
func (p *public) changes(t *testing.T) {
	p.change(p.zone, r53.ChangeActionUpsert, recordSet("www.example.com", "A", "192.0.2.3"), recordSet("new.example.com", "A", "192.0.2.4"))
	for line, want := range map[string]string{
		"www.example.com A": "NOERROR aa|www.example.com. 60 IN A 192.0.2.3||", "alias.example.com A": "NOERROR aa|alias.example.com. 60 IN A 192.0.2.3||",
		"new.example.com A": "NOERROR aa|new.example.com. 60 IN A 192.0.2.4||",
	} {
		if err := p.says(line, want); err != nil {
			t.Error(err)
		}
	}
	p.change(p.zone, r53.ChangeActionDelete, recordSet("new.example.com", "A", "192.0.2.4"))
	if err := p.says("new.example.com A", "NXDOMAIN aa||"+publicSOA+"|"); err != nil {
		t.Error(err)
	}
}

// goesOn: nothing that was answered is lost with the control plane, and the next
// one goes on changing it.
func (p *public) goesOn(t *testing.T) {
	const was = "NOERROR aa|www.example.com. 60 IN A 192.0.2.3||"
	for _, when := range []struct {
		name string
		do   func()
	}{{"killed", p.kill}, {"up again", func() { p.up() }}} {
		when.do()
		for _, how := range []string{"", " +tcp"} {
			if err := p.says("www.example.com A"+how, was); err != nil {
				t.Errorf("%s: %v", when.name, err)
			}
		}
	}
	p.change(p.zone, r53.ChangeActionUpsert, recordSet("www.example.com", "A", "192.0.2.5"))
	if err := p.says("www.example.com A", "NOERROR aa|www.example.com. 60 IN A 192.0.2.5||"); err != nil {
		t.Error(err)
	}
}

// deleted: what is no zone any more is refused.
func (p *public) deleted(t *testing.T) {
	ctx := context.Background()
	all, err := p.route53().ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: &p.zone})
	if err != nil {
		t.Fatal(err)
	}
	var sets []*r53.ResourceRecordSet
	for _, r := range all.ResourceRecordSets {
		if *r.Name != "example.com." || r.Type == r53.RRTypeA {
			sets = append(sets, &r)
		}
	}
	p.change(p.zone, r53.ChangeActionDelete, sets...)
	if err := p.says("www.example.com A", "NXDOMAIN aa||"+publicSOA+"|"); err != nil {
		t.Error(err)
	}
	if _, err := p.route53().DeleteHostedZone(ctx, &route53.DeleteHostedZoneInput{Id: &p.zone}); err != nil {
		t.Fatal(err)
	}
	p.refused("after the zone", "www.example.com A")
}
