package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"seamark/internal/api/apitest"
	"seamark/internal/plan"
	"seamark/internal/world"
)

const vpcID = "vpc-1"

// privateZones are those of the VPC, by their origins. Each has a file that BIND
// reads itself.
func privateZones() []string {
	return []string{"corp.test.", "lab.corp.test.", "far.test.", "0.10.in-addr.arpa.", "cloud.test."}
}

// publicZones are those of the account, by their origins.
func publicZones() []string { return []string{"public.test.", "child.public.test.", "other.test."} }

func zonePath(origin string) string {
	return filepath.Join("testdata", strings.TrimSuffix(origin, ".")+".zone")
}

// readZone parses a zone file, for its owner names and to fill the world.
func readZone(t testing.TB, path string) []dns.RR {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []dns.RR
	p := dns.NewZoneParser(f, "", path)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out = append(out, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// newWorld is a VPC with all private zones. What is not Cloud Map's is written
// through the API of Route 53, as users do.
func newWorld(t testing.TB) world.World {
	t.Helper()
	p := newPen(t)
	for _, origin := range privateZones() {
		if origin == "cloud.test." {
			apitest.Change(t, p.changes, func(d *plan.Draft) { putCloudMap(d) })
			continue
		}
		p.write(origin, vpcID)
	}
	return p.changes.View()
}

// newPublicWorld has all public zones, written through the API.
func newPublicWorld(t testing.TB) world.World {
	t.Helper()
	p := newPen(t)
	for _, origin := range publicZones() {
		p.write(origin, "")
	}
	return p.changes.View()
}

// octal turns the \ddd of zone files into the \ooo of Route 53.
func octal(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] != '\\':
			b.WriteByte(name[i])
		case i+3 < len(name) && isDigit(name[i+1]):
			c := (name[i+1]-'0')*100 + (name[i+2]-'0')*10 + name[i+3] - '0'
			b.Write([]byte{'\\', '0' + c>>6, '0' + c>>3&7, '0' + c&7})
			i += 3
		default:
			b.WriteString(name[i : i+2])
			i++
		}
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// putCloudMap makes the namespace that cloud.test.zone writes down: what Cloud
// Map makes of services and instances.
func putCloudMap(w *plan.Draft) {
	w.Put(&world.HostedZone{ID: "Zcloud", Name: "cloud.test.", Private: true, VPCs: []world.VPCID{vpcID}, Namespace: "ns-1", SOATTL: 15})
	w.Put(&world.Namespace{ID: "ns-1", Name: "cloud.test", Type: "DNS_PRIVATE", VPC: vpcID, HostedZone: "Zcloud", SOATTL: 15})
	service := func(name, routing string, types ...string) world.DiscoveryServiceID {
		s := &world.DiscoveryService{ID: world.DiscoveryServiceID("srv-" + name), Namespace: "ns-1", Name: name, RoutingPolicy: routing}
		for _, typ := range types {
			s.Records = append(s.Records, world.DNSRecord{Type: typ, TTL: 10})
		}
		w.Put(s)
		return s.ID
	}
	instance := func(s world.DiscoveryServiceID, id string, attributes ...string) {
		i := &world.DiscoveryInstance{Service: s, ID: id, Health: world.Healthy, WasHealthy: true, Attributes: map[string]string{}}
		for _, a := range attributes {
			key, value, _ := strings.Cut(a, "=")
			i.Attributes[key] = value
		}
		w.Put(i)
	}
	web := service("web", "MULTIVALUE", "A", "AAAA")
	instance(web, "i1", "AWS_INSTANCE_IPV4=10.0.6.1", "AWS_INSTANCE_IPV6=2001:db8:6::1")
	instance(web, "i2", "AWS_INSTANCE_IPV4=10.0.6.2", "AWS_INSTANCE_IPV6=2001:db8:6::2")
	api := service("_api._tcp", "MULTIVALUE", "SRV")
	instance(api, "i1", "AWS_INSTANCE_IPV4=10.0.6.3", "AWS_INSTANCE_PORT=8080")
	instance(api, "i2.b", "AWS_INSTANCE_IPV4=10.0.6.4", "AWS_INSTANCE_IPV6=2001:db8:6::4", "AWS_INSTANCE_PORT=8081")
	both := service("both", "MULTIVALUE", "A", "SRV")
	instance(both, "one", "AWS_INSTANCE_IPV4=10.0.6.5", "AWS_INSTANCE_PORT=80")
	cname := service("cname", "WEIGHTED", "CNAME")
	instance(cname, "one", "AWS_INSTANCE_CNAME=a.corp.test")
	service("empty", "MULTIVALUE", "A")
	many := service("many", "MULTIVALUE", "A")
	weighted := service("weighted", "WEIGHTED", "A")
	for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		instance(many, "m"+n, "AWS_INSTANCE_IPV4=10.0.7."+n)
		instance(weighted, "w"+n, "AWS_INSTANCE_IPV4=10.0.8."+n)
	}
}
