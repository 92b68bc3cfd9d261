//go:build linux

package blackbox

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	sdtypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"seamark/internal/api/ec2"
)

// TestDualStack: a VPC that gets IPv6, and DHCP options, while it is in use. Tasks
// have an address of each family, answer at both, and are answered with both, by
// the resolver's IPv6 address, too.
func TestDualStack(t *testing.T) {
	s := start(t, options{})
	g := s.stage(stageOptions{})
	g.withIPv6()
	g.withDomain("corp.example.com")
	six := g.registryOf("six", sdtypes.RecordTypeA, sdtypes.RecordTypeAaaa)
	g.service("web", g.define("web", serving("hello")), 2, func(in *ecs.CreateServiceInput) {
		in.ServiceRegistries = []types.ServiceRegistry{{RegistryArn: &six}}
	})
	g.awaitStable("web")
	var want []string
	from := g.session(g.vpc)
	for _, task := range g.running("web") {
		shown := aws.ToString(task.Containers[0].NetworkInterfaces[0].Ipv6Address)
		a, err := netip.ParseAddr(shown)
		if err != nil {
			t.Fatalf("a task shows the IPv6 address %q", shown)
		}
		want = append(want, a.String())
		for _, at := range []netip.AddrPort{netip.AddrPortFrom(a, 8080), netip.AddrPortFrom(addressOf(task), 8080)} {
			w, err := from.connect(at)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := w.get("/"); err != nil || !strings.HasPrefix(body, "hello ") {
				t.Errorf("%s says %q, %v", at, body, err)
			}
			if err := w.conn.Close(); err != nil {
				t.Error(err)
			}
		}
		g.searches(task, "search corp.example.com\nnameserver 10.0.0.2\n")
	}
	slices.Sort(want)
	for _, how := range [][]string{{"@fd00:ec2::253"}, {"@fd00:ec2::253", "+tcp"}, {"@10.0.0.2"}} {
		g.eventually(fmt.Sprintf("dig %s answers the tasks", how), func() error {
			out, code := g.seamark("in", append([]string{g.vpc, "--", "dig", "+short", "+tries=1", "+time=2", "six.myapp.local", "AAAA"}, how...)...)
			got := strings.Fields(out)
			if slices.Sort(got); code != 0 || !slices.Equal(got, want) {
				return fmt.Errorf("exit code %d, %v, want %v", code, got, want)
			}
			return nil
		})
	}
	if out, _ := g.seamark("in", g.vpc, "--", "cat", "/etc/resolv.conf"); !strings.Contains(out, "search corp.example.com\n") {
		t.Errorf("resolv.conf of a session: %q", out)
	}
}

// withIPv6 gives the VPC and its subnets a block, and lets TCP in from everywhere.
func (g *stage) withIPv6() {
	g.t.Helper()
	var vpc ec2.AssociateVpcCidrBlockOutput
	err := g.ec2("AssociateVpcCidrBlock", &ec2.AssociateVpcCidrBlockInput{VpcId: &g.vpc, AmazonProvidedIpv6CidrBlock: aws.Bool(true)}, &vpc)
	if err != nil {
		g.t.Fatal(err)
	}
	block := netip.MustParsePrefix(*vpc.Ipv6CidrBlockAssociation.Ipv6CidrBlock).Addr().As16()
	for i, id := range g.subnets {
		block[7] = byte(i + 1)
		in := &ec2.AssociateSubnetCidrBlockInput{SubnetId: &id, Ipv6CidrBlock: aws.String(netip.PrefixFrom(netip.AddrFrom16(block), 64).String())}
		if err := g.ec2("AssociateSubnetCidrBlock", in, &ec2.AssociateSubnetCidrBlockOutput{}); err != nil {
			g.t.Fatal(err)
		}
	}
	allow := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &g.group, IpPermissions: []ec2.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(0), ToPort: aws.Int32(65535), Ipv6Ranges: []ec2.Ipv6Range{{CidrIpv6: aws.String("::/0")}}},
	}}
	if err := g.ec2("AuthorizeSecurityGroupIngress", allow, &ec2.AuthorizeSecurityGroupIngressOutput{}); err != nil {
		g.t.Fatal(err)
	}
}

// withDomain gives the VPC DHCP options with that domain.
func (g *stage) withDomain(name string) {
	g.t.Helper()
	var made ec2.CreateDhcpOptionsOutput
	err := g.ec2("CreateDhcpOptions", &ec2.CreateDhcpOptionsInput{DhcpConfigurations: []ec2.NewDhcpConfiguration{
		{Key: aws.String("domain-name"), Values: []string{name}}, {Key: aws.String("domain-name-servers"), Values: []string{"AmazonProvidedDNS"}},
	}}, &made)
	if err == nil {
		err = g.ec2("AssociateDhcpOptions", &ec2.AssociateDhcpOptionsInput{VpcId: &g.vpc, DhcpOptionsId: made.DhcpOptions.DhcpOptionsId}, &ec2.AssociateDhcpOptionsOutput{})
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// registryOf makes a Cloud Map service with records of those types and returns its ARN.
func (g *stage) registryOf(name string, kinds ...sdtypes.RecordType) string {
	g.t.Helper()
	config := &sdtypes.DnsConfig{}
	for _, kind := range kinds {
		config.DnsRecords = append(config.DnsRecords, sdtypes.DnsRecord{Type: kind, TTL: aws.Int64(1)})
	}
	made, err := g.discovery().CreateService(context.Background(), &servicediscovery.CreateServiceInput{Name: &name, NamespaceId: &g.namespace, DnsConfig: config})
	if err != nil {
		g.t.Fatal(err)
	}
	return *made.Service.Arn
}

// searches compares the resolv.conf of a task's first process.
func (g *stage) searches(task types.Task, want string) {
	g.t.Helper()
	err := errors.New("status does not know its process")
	for _, known := range g.status().Tasks {
		if strings.HasSuffix(*task.TaskArn, string(known.ID)) && len(known.PIDs) > 0 {
			var b []byte
			b, err = os.ReadFile(filepath.Join("/proc", fmt.Sprint(known.PIDs[0]), "root/etc/resolv.conf"))
			if err == nil && string(b) != want {
				err = fmt.Errorf("it says %q", b)
			}
		}
	}
	if err != nil {
		g.t.Errorf("resolv.conf of task %s: %v", *task.TaskArn, err)
	}
}
