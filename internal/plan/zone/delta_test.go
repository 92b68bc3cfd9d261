package zone

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"seamark/internal/world"
)

// apply is what Changes mean.
func apply(tables map[world.VPCID]VPC, c Changes) {
	for _, id := range c.Removed {
		delete(tables, id)
	}
	for _, v := range c.Set {
		tables[v.ID] = v
	}
	for _, d := range c.Deltas {
		v := tables[d.VPC]
		if d.Head != nil {
			h, ok := d.Head.Complete(v.Head)
			if !ok {
				panic(fmt.Sprintf("%v does not complete", d.Head))
			}
			v.Head = h
		}
		zones := map[world.HostedZoneID]Zone{}
		for _, z := range v.Zones {
			zones[z.ID] = z
		}
		for _, z := range d.Zones {
			if z.Removed {
				delete(zones, z.ID)
				continue
			}
			zones[z.ID] = applyZone(zones[z.ID], z)
		}
		v.Zones = slices.SortedFunc(maps.Values(zones), func(a, b Zone) int { return cmp.Compare(a.ID, b.ID) })
		tables[d.VPC] = v
	}
}

func applyZone(z Zone, d ZoneDelta) Zone {
	if d.Head != nil {
		z.ZoneHead = *d.Head
	}
	names := map[NameKey]Name{}
	for _, n := range z.Names {
		names[n.NameKey] = n
	}
	for _, k := range d.Drop {
		if _, ok := names[k]; !ok {
			panic(fmt.Sprintf("%v is dropped but was never there", k))
		}
		delete(names, k)
	}
	for _, n := range d.Put {
		names[n.NameKey] = n
	}
	z.Names = slices.Collect(maps.Values(names))
	sortNames(z.Names)
	return z
}

// scene draws objects out of so few names that they meet each other.
type scene struct {
	w       world.World
	touched []world.Ref
}

func (s *scene) put(o world.Object) {
	s.w.Put(o)
	s.touched = append(s.touched, world.RefOf(o))
}

func (s *scene) remove(k world.Kind, key string) {
	s.w.Delete(k, key)
	s.touched = append(s.touched, world.Ref{Kind: k, Key: key})
}

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

func some[T any](t *rapid.T, from ...T) []T {
	var out []T
	for _, x := range from {
		if rapid.Bool().Draw(t, "some") {
			out = append(out, x)
		}
	}
	return out
}

func (s *scene) step(t *rapid.T) {
	vpcID := pick[world.VPCID](t, "vpc-1", "vpc-2")
	ns := pick(t, "a", "b")
	srv := pick(t, "web", "Web", "x.web", "api")
	serviceID := world.DiscoveryServiceID("srv-" + ns + "-" + srv)
	switch rapid.IntRange(0, 18).Draw(t, "step") {
	case 0:
		v := &world.VPC{ID: vpcID, EnableDNSSupport: rapid.Bool().Draw(t, "support"), EnableDNSHostnames: rapid.Bool().Draw(t, "hostnames")}
		s.put(v)
	case 1:
		s.remove(world.KindVPC, string(vpcID))
	case 2:
		s.put(&world.HostedZone{ID: world.HostedZoneID("Z" + ns), Name: pick(t, "a.", "b.a."), Private: rapid.Bool().Draw(t, "private"),
			Namespace: pick[world.NamespaceID](t, "", "ns-a", "ns-b"), VPCs: some[world.VPCID](t, "vpc-1", "vpc-2"), SOATTL: pick[int64](t, 15, 60)})
	case 3:
		s.remove(world.KindHostedZone, "Z"+ns)
	case 4:
		s.put(&world.Namespace{ID: world.NamespaceID("ns-" + ns), HostedZone: pick[world.HostedZoneID](t, "Za", "Zb"), SOATTL: pick[int64](t, 15, 60)})
	case 5:
		s.put(&world.DiscoveryService{ID: serviceID, Namespace: world.NamespaceID("ns-" + ns), Name: srv, RoutingPolicy: pick(t, "MULTIVALUE", "WEIGHTED"),
			CustomHealth: rapid.Bool().Draw(t, "health"), Records: some(t, world.DNSRecord{Type: "A", TTL: 5}, world.DNSRecord{Type: "SRV", TTL: 6}), InstancesRevision: rapid.Int64Range(0, 1).Draw(t, "revision")})
	case 6:
		s.remove(world.KindDiscoveryService, string(serviceID))
	case 7:
		s.remove(world.KindDiscoveryInstance, string(serviceID)+"/"+pick(t, "x", "X", "y"))
	case 8, 9, 10:
		s.put(recordSet(t, world.HostedZoneID("Z"+ns)))
	case 11:
		s.remove(world.KindRecordSet, recordSet(t, world.HostedZoneID("Z"+ns)).Key())
	case 12:
		id := pick[world.HealthCheckID](t, "h1", "h2")
		s.put(&world.DNSHealthCheck{ID: id, Observed: world.HealthCheckObservation{Status: pick(t, world.Healthy, world.Unhealthy)},
			Spec: world.HealthCheckSpec{Type: "TCP", Inverted: rapid.Bool().Draw(t, "inverted")}})
		if rapid.Bool().Draw(t, "calculated") {
			s.put(&world.DNSHealthCheck{ID: "over", Spec: world.HealthCheckSpec{Type: "CALCULATED", Children: some[world.HealthCheckID](t, "h1", "h2"), HealthThreshold: 1}})
		}
	case 13:
		s.remove(world.KindHealthCheck, pick(t, "h1", "h2", "over"))
	case 15:
		s.policy(t, vpcID, pick(t, "1", "2"))
	case 16:
		s.firewall(t, vpcID, pick(t, "1", "2"))
	case 17:
		s.remove(pick(t, world.KindResolverRule, world.KindResolverRuleAssociation, world.KindFirewallDomainList, world.KindFirewallRuleGroup,
			world.KindFirewallAssociation, world.KindQueryLogAssociation), pick(t, "1", "2"))
	case 18:
		s.remove(world.KindResolverConfig, string(vpcID))
	default:
		s.put(&world.DiscoveryInstance{Service: serviceID, ID: pick(t, "x", "X", "y"), Health: pick(t, world.Healthy, world.Unhealthy), WasHealthy: rapid.Bool().Draw(t, "was"),
			Attributes: map[string]string{"AWS_INSTANCE_IPV4": pick(t, "10.0.0.1", "10.0.0.2"), "AWS_INSTANCE_PORT": pick(t, "80", "81")}})
	}
}

// recordSet draws one of few names, types and identifiers. Each name has one
// policy, as the API keeps it.
func recordSet(t *rapid.T, zone world.HostedZoneID) *world.RecordSet {
	name := pick(t, "a.", "b.a.", "web.a.", "y.b.a.", `\052.a.`)
	r := &world.RecordSet{Zone: zone, Name: name, Type: pick(t, "A", "A", "TXT", "NS", "SOA"), TTL: pick[int64](t, 5, 6), Values: []string{pick(t, "10.9.0.1", "10.9.0.2")}}
	if r.Type == "SOA" {
		r.Values = []string{pick(t, "ns. me. 1 2 3 4 5", "ns. me. 2 2 3 4 5")}
	}
	if r.Type != "A" {
		return r
	}
	r.SetIdentifier = pick(t, "one", "two")
	r.HealthCheck = pick[world.HealthCheckID](t, "", "h1", "h2", "over")
	switch name {
	case "a.":
		r.Weight = new(pick[int64](t, 0, 1, 255))
	case "b.a.":
		r.MultiValue = true
	case "web.a.":
		r.Failover = map[string]string{"one": "PRIMARY", "two": "SECONDARY"}[r.SetIdentifier]
	case "y.b.a.":
		r.Location = &world.GeoLocation{Country: pick(t, "US", "DE", "*")}
	default:
		r.Region = pick(t, "us-east-1", "eu-west-1")
	}
	if !r.MultiValue && rapid.Bool().Draw(t, "alias") {
		r.Values = nil
		r.Alias = &world.AliasTarget{Zone: pick[world.HostedZoneID](t, "Za", "Zb", "ZELB"), Name: pick(t, "a.", "b.a.", "web.a."), EvaluateHealth: rapid.Bool().Draw(t, "evaluate")}
	}
	return r
}

// policy puts a rule, its association, a query log or a configuration.
func (s *scene) policy(t *rapid.T, vpc world.VPCID, id string) {
	switch rapid.IntRange(0, 3).Draw(t, "policy") {
	case 0:
		s.put(&world.ResolverRule{ID: world.ResolverRuleID(id), Type: pick(t, world.ForwardRule, world.SystemRule), Domain: pick(t, "a.", "B.a.", "Corp.Example.", ".", "a..b."),
			Endpoint: pick[world.ResolverEndpointID](t, "rslvr-out-1", "rslvr-out-2"), Targets: some(t, netip.MustParseAddrPort("10.0.0.9:53"), netip.MustParseAddrPort("10.0.0.8:5353"))})
	case 1:
		s.put(&world.ResolverRuleAssociation{ID: id, Rule: pick[world.ResolverRuleID](t, "1", "2"), VPC: vpc})
	case 2:
		s.put(&world.QueryLogAssociation{ID: id, Config: "c", VPC: vpc})
	default:
		s.put(&world.ResolverConfig{VPC: vpc, NoReverse: rapid.Bool().Draw(t, "reverse")})
	}
}

// firewall puts a domain list, a rule group or its association.
func (s *scene) firewall(t *rapid.T, vpc world.VPCID, id string) {
	switch rapid.IntRange(0, 2).Draw(t, "firewall") {
	case 0:
		s.put(&world.FirewallDomainList{ID: world.FirewallDomainListID(id), Domains: some(t, "*.bad.example.", "bad.example.", "worse.example.")})
	case 1:
		rule := func(priority int32) world.FirewallRule {
			return world.FirewallRule{List: pick[world.FirewallDomainListID](t, "1", "2"), Priority: priority, Action: pick(t, "ALLOW", "ALERT", "BLOCK"),
				Qtype: pick(t, "", "AAAA", "TYPE65535", "nonsense"), BlockResponse: pick(t, "NODATA", "OVERRIDE"), OverrideDomain: pick(t, "Safe.example.", ".."), OverrideTTL: 7}
		}
		s.put(&world.FirewallRuleGroup{ID: world.FirewallRuleGroupID(id), Rules: some(t, rule(1), rule(2))})
	default:
		s.put(&world.FirewallAssociation{ID: id, Group: pick[world.FirewallRuleGroupID](t, "1", "2"), VPC: vpc, Priority: pick[int32](t, 101, 102)})
	}
}

// Applying what Changed says to the tables of one world gives those of the next.
func TestChanged_IncrementalEqualsFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Fidelity: pick(t, world.Relaxed, world.AWS), Region: "us-east-1", Public: rapid.Bool().Draw(t, "public")}
		s := scene{w: world.New()}
		tables := map[world.VPCID]VPC{}
		if v, ok := Compile(s.w, PublicID, o); ok {
			tables[PublicID] = v
		}
		before := s.w
		for range rapid.IntRange(1, 30).Draw(t, "rounds") {
			s.touched = nil
			for range rapid.IntRange(1, 6).Draw(t, "steps") {
				s.step(t)
			}
			c := Changed(before, s.w, s.touched, o)
			checkDeltas(t, before, s.w, c, o)
			apply(tables, c)
			full := map[world.VPCID]VPC{}
			for v := range s.w.VPCs.All() {
				full[v.ID], _ = Compile(s.w, v.ID, o)
			}
			if v, ok := Compile(s.w, PublicID, o); ok {
				full[PublicID] = v
			}
			if d := gocmp.Diff(full, tables, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}, netip.AddrPort{})); d != "" {
				t.Fatalf("touched %v\nchanges %+v\nfull against incremental:\n%s", s.touched, c, d)
			}
			if again := Changed(s.w, s.w, s.touched, o); !again.Empty() {
				t.Fatalf("nothing changed, but %+v", again)
			}
			before = s.w
		}
	})
}

// checkDeltas compares the names that deltas put and drop with how the whole tables
// differ: nothing is in them that is the same.
func checkDeltas(t *rapid.T, before, after world.World, c Changes, o Options) {
	t.Helper()
	got := map[[2]string]ZoneDelta{}
	for _, d := range c.Deltas {
		for _, z := range d.Zones {
			got[[2]string{string(d.VPC), string(z.ID)}] = z
		}
	}
	for _, id := range []world.VPCID{"vpc-1", "vpc-2", PublicID} {
		was, had := Compile(before, id, o)
		is, has := Compile(after, id, o)
		if !had || !has || slices.ContainsFunc(c.Set, func(v VPC) bool { return v.ID == id }) {
			continue
		}
		for _, old := range was.Zones {
			at := slices.IndexFunc(is.Zones, func(z Zone) bool { return z.ID == old.ID })
			if at < 0 {
				continue
			}
			d := got[[2]string{string(id), string(old.ID)}]
			if put, drop := Diff(old.Names, is.Zones[at].Names); !gocmp.Equal(put, d.Put, cmpopts.EquateEmpty()) || !slices.Equal(drop, d.Drop) {
				t.Fatalf("%s, zone %s: put %v and drop %v, but the tables differ in %v and %v", id, old.ID, d.Put, d.Drop, put, drop)
			}
		}
	}
}

// instanceOf draws an instance of few that meet each other in names and records.
func instanceOf(t *rapid.T, service world.DiscoveryServiceID, ids ...string) *world.DiscoveryInstance {
	i := &world.DiscoveryInstance{Service: service, ID: pick(t, ids...), Health: pick(t, world.Healthy, world.Unhealthy, world.HealthUnknown),
		WasHealthy: rapid.Bool().Draw(t, "was"), Attributes: map[string]string{}}
	for _, a := range some(t, [][2]string{
		{"AWS_INSTANCE_IPV4", pick(t, "10.0.0.1", "10.0.0.2", "10.0.0.10", "nonsense")},
		{"AWS_INSTANCE_IPV6", pick(t, "fd00::1", "FD00:0::2", "fe80::1%eth0")},
		{"AWS_INSTANCE_PORT", pick(t, "80", "080", "8080", "70000")},
		{"AWS_INSTANCE_CNAME", pick(t, "x.example.com", "Y.example.com.", "..")},
		{"AWS_ALIAS_DNS_NAME", pick(t, "", "", "", "lb.example.com")},
	}...) {
		i.Attributes[a[0]] = a[1]
	}
	if rapid.IntRange(0, 3).Draw(t, "ports") == 0 {
		i.Ports = []world.NamedPort{{Name: pick(t, "http", "HTTP"), Protocol: "tcp", Port: pick[int32](t, 80, 81)}}
	}
	return i
}

// What is done instance by instance comes to the same as compiling the service
// before and after, with as few and as many changes as there may be at once.
func TestChanged_ServiceEqualsFull(t *testing.T) {
	ids := []string{"x", "X", "y", "x.y", "x.Y.", "_http._tcp", "a b", `a\b`, "\u212a", "k", strings.Repeat("l", 63), strings.Repeat("m.", 31) + "m"}
	for n := range fewInstances * 2 {
		ids = append(ids, fmt.Sprintf("i-%d", n))
	}
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Fidelity: pick(t, world.Relaxed, world.AWS), Region: "us-east-1"}
		s := scene{w: world.New()}
		v := vpc(&s.w, "vpc-1")
		v.EnableDNSHostnames = true
		namespace(&s.w, pick(t, "a", "A.Example.", strings.Repeat("label.", 25)+"com"), "vpc-1")
		var ns world.NamespaceID
		for n := range s.w.Namespaces.All() {
			ns = n.ID
		}
		service := func() *world.DiscoveryService {
			ds := &world.DiscoveryService{ID: "srv", Namespace: ns, Name: pick(t, "web", "web", "Web", "w.b", "w b"), RoutingPolicy: pick(t, "MULTIVALUE", "WEIGHTED"),
				CustomHealth: rapid.Bool().Draw(t, "health"), Tags: world.Tags{}}
			ds.Records = some(t, world.DNSRecord{Type: "A", TTL: 5}, world.DNSRecord{Type: "AAAA", TTL: 6}, world.DNSRecord{Type: "SRV", TTL: 7},
				world.DNSRecord{Type: "CNAME", TTL: 8}, world.DNSRecord{Type: "A", TTL: 4}, world.DNSRecord{Type: "SRV", TTL: 3})
			if rapid.IntRange(0, 3).Draw(t, "named") == 0 {
				ds.Tags["seamark:port-names"] = "true"
			}
			if rapid.Bool().Draw(t, "all") {
				ds.Tags["seamark:answers"] = "all"
			}
			return ds
		}
		s.put(service())
		for range rapid.IntRange(0, 40).Draw(t, "instances") {
			s.put(instanceOf(t, "srv", ids...))
		}
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			before := s.w
			s.touched = nil
			for range pick(t, 1, 1, 2, 3, fewInstances, fewInstances*3) {
				switch rapid.IntRange(0, 9).Draw(t, "change") {
				case 0, 1, 2:
					s.remove(world.KindDiscoveryInstance, "srv/"+pick(t, ids...))
				case 3:
					again := *s.w.DiscoveryServices.Get("srv") // counted, as RegisterInstance does
					again.InstancesRevision++
					s.put(&again)
				case 4:
					if rapid.IntRange(0, 4).Draw(t, "updated") == 0 {
						s.put(service())
					}
				default:
					s.put(instanceOf(t, "srv", ids...))
				}
			}
			put, drop := Diff(CompileService(before, "srv", o), CompileService(s.w, "srv", o))
			var d ZoneDelta
			for _, delta := range Changed(before, s.w, s.touched, o).Deltas {
				d = delta.Zones[0]
			}
			if !gocmp.Equal(put, d.Put, cmpopts.EquateEmpty()) || !slices.Equal(drop, d.Drop) {
				t.Fatalf("touched %v: put %v and drop %v, but the service differs in %v and %v", s.touched, d.Put, d.Drop, put, drop)
			}
		}
	})
}

// The order in which objects were put does not show.
func TestCompile_Deterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scene{w: world.New()}
		for range 40 {
			s.step(t)
		}
		var objects []world.Object
		for _, k := range world.Kinds() {
			objects = slices.AppendSeq(objects, s.w.All(k))
		}
		shuffled := world.New()
		for _, o := range rapid.Permutation(objects).Draw(t, "order") {
			shuffled.Put(o)
		}
		for v := range s.w.VPCs.All() {
			a, _ := Compile(s.w, v.ID, options())
			b, _ := Compile(shuffled, v.ID, options())
			if render(a) != render(b) {
				t.Fatalf("%s\nagainst\n%s", render(a), render(b))
			}
		}
	})
}

// A firewall's domains are sent when they are new or changed, once, and not with
// everything else that a head has.
func TestChanged_sendsDomainsOnce(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	w.Put(&world.FirewallDomainList{ID: "big", Domains: slices.Repeat([]string{"bad.example."}, 1000)})
	w.Put(&world.FirewallDomainList{ID: "small", Domains: []string{"worse.example."}})
	rules := []world.FirewallRule{{List: "big", Priority: 1, Action: "BLOCK"}, {List: "big", Priority: 2, Action: "ALERT", Qtype: "A"}, {List: "small", Priority: 3, Action: "BLOCK"}}
	w.Put(&world.FirewallRuleGroup{ID: "g", Rules: rules})
	sent := func(o world.Object) (domains []int) {
		t.Helper()
		before := w
		w.Put(o)
		c := Changed(before, w, []world.Ref{world.RefOf(o)}, options())
		if len(c.Deltas) != 1 || c.Deltas[0].Head == nil {
			t.Fatalf("%s: %+v", o.Key(), c)
		}
		for _, r := range c.Deltas[0].Head.Firewall {
			domains = append(domains, len(r.Domains))
		}
		was, _ := Compile(before, "vpc-1", options())
		is, _ := Compile(w, "vpc-1", options())
		if whole, ok := c.Deltas[0].Head.Complete(was.Head); !ok || !gocmp.Equal(whole, is.Head, cmpopts.EquateComparable(netip.Prefix{}, netip.AddrPort{})) {
			t.Errorf("%s: completed to %+v, %v", o.Key(), whole, ok)
		}
		return domains
	}
	for _, c := range []struct {
		what string
		put  world.Object
		want []int
	}{
		{"all new", &world.FirewallAssociation{ID: "a", Group: "g", VPC: "vpc-1"}, []int{1000, 0, 1}},
		{"another part of the head", &world.ResolverConfig{VPC: "vpc-1", NoReverse: true}, []int{0, 0, 0}},
		{"one rule less", &world.FirewallRuleGroup{ID: "g", Rules: rules[1:]}, []int{0, 0}},
		{"one list", &world.FirewallDomainList{ID: "small", Domains: []string{"worse.example.", "worst.example."}}, []int{0, 2}},
		{"a rule again", &world.FirewallRuleGroup{ID: "g", Rules: rules}, []int{0, 0, 0}},
	} {
		if got := sent(c.put); !slices.Equal(got, c.want) {
			t.Errorf("%s: domains %v were sent, expected %v", c.what, got, c.want)
		}
	}
	if _, ok := (Head{Firewall: []FirewallRule{{List: "big", Known: true}}}).Complete(Head{}); ok {
		t.Error("domains that nobody has were found")
	}
}

// One instance more costs what its service costs, however large the zone is.
func BenchmarkChanged(b *testing.B) {
	for _, c := range []struct {
		services, instances int
		records             []string
	}{
		{10, 10, []string{"A"}},
		{1000, 10, []string{"A"}},
		{1000, 20, []string{"A"}},
		{10, 1000, []string{"A"}},
		{1000, 20, []string{"A", "SRV"}},
		{10, 1000, []string{"A", "SRV"}},
	} {
		b.Run(fmt.Sprintf("services=%d/instances=%d/%s", c.services, c.instances, strings.Join(c.records, "+")), func(b *testing.B) {
			w := world.New()
			vpc(&w, "vpc-1")
			namespace(&w, "z", "vpc-1")
			for i := range c.services {
				id := service(&w, "z", fmt.Sprintf("s%d", i), append(c.records, "health")...)
				for j := range c.instances {
					instance4(&w, id, fmt.Sprintf("i%d", j*7919%c.instances), fmt.Sprintf("10.%d.%d.%d", i%250, j/250, j%250))
				}
			}
			before := w
			instance4(&w, "srv-z-s5", "new", "10.255.99.1")
			counted := *w.DiscoveryServices.Get("srv-z-s5") // as RegisterInstance does
			counted.InstancesRevision++
			w.Put(&counted)
			touched := []world.Ref{{Kind: world.KindDiscoveryInstance, Key: "srv-z-s5/new"}, {Kind: world.KindDiscoveryService, Key: "srv-z-s5"}}
			b.ReportAllocs()
			for b.Loop() {
				if c := Changed(before, w, touched, options()); len(c.Deltas) != 1 {
					b.Fatal(c)
				}
			}
		})
	}
}

// A rule that comes, changes its domain and goes takes the public zones at and
// below it out of its VPC's table, and gives them back.
func TestChanged_ruleHidesPublicZone(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	vpc(&w, "vpc-2")
	w.Put(&world.HostedZone{ID: "Z1", Name: "sub.example.com."})
	w.Put(&world.ResolverRule{ID: "r", Type: world.ForwardRule, Domain: "example.com."})
	for _, c := range []struct {
		what    string
		do      func(w *world.World) world.Ref
		removed bool
	}{
		{"associated", func(w *world.World) world.Ref {
			a := &world.ResolverRuleAssociation{ID: "a", Rule: "r", VPC: "vpc-1"}
			w.Put(a)
			return world.RefOf(a)
		}, true},
		{"for another domain", func(w *world.World) world.Ref {
			w.Put(&world.ResolverRule{ID: "r", Type: world.ForwardRule, Domain: "example.net."})
			return world.Ref{Kind: world.KindResolverRule, Key: "r"}
		}, false},
		{"as before", func(w *world.World) world.Ref {
			w.Put(&world.ResolverRule{ID: "r", Type: world.ForwardRule, Domain: "example.com."})
			return world.Ref{Kind: world.KindResolverRule, Key: "r"}
		}, true},
		{"disassociated", func(w *world.World) world.Ref {
			w.Delete(world.KindResolverRuleAssociation, "a")
			return world.Ref{Kind: world.KindResolverRuleAssociation, Key: "a"}
		}, false},
	} {
		before := w
		touched := c.do(&w)
		got := Changed(before, w, []world.Ref{touched}, options())
		if len(got.Deltas) != 1 || got.Deltas[0].VPC != "vpc-1" || len(got.Deltas[0].Zones) != 1 || got.Deltas[0].Zones[0].Removed != c.removed {
			t.Errorf("%s: %+v", c.what, got)
		}
	}
}
