package zone

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"seamark/internal/world"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// vpc, namespace, service and instance put objects into a world that belong to
// each other by name.
func vpc(w *world.World, id string) *world.VPC {
	v := &world.VPC{ID: world.VPCID(id), CIDR: netip.MustParsePrefix("10.0.0.0/16"), EnableDNSSupport: true}
	w.Put(v)
	return v
}

func namespace(w *world.World, name string, vpcs ...string) {
	z := &world.HostedZone{ID: world.HostedZoneID("Z" + name), Name: name + ".", Private: true, Namespace: world.NamespaceID("ns-" + name), SOATTL: 15}
	for _, v := range vpcs {
		z.VPCs = append(z.VPCs, world.VPCID(v))
	}
	w.Put(z)
	w.Put(&world.Namespace{ID: z.Namespace, Name: name, Type: "DNS_PRIVATE", VPC: z.VPCs[0], HostedZone: z.ID, SOATTL: 15})
}

// service makes one with the given record types, "WEIGHTED" among them for
// that policy and "health" for custom health.
func service(w *world.World, ns, name string, options ...string) world.DiscoveryServiceID {
	s := &world.DiscoveryService{ID: world.DiscoveryServiceID("srv-" + ns + "-" + name), Namespace: world.NamespaceID("ns-" + ns), Name: name, RoutingPolicy: "MULTIVALUE"}
	for _, o := range options {
		switch o {
		case "WEIGHTED":
			s.RoutingPolicy = o
		case "health":
			s.CustomHealth = true
		default:
			s.Records = append(s.Records, world.DNSRecord{Type: o, TTL: 10})
		}
	}
	w.Put(s)
	return s.ID
}

func instance4(w *world.World, s world.DiscoveryServiceID, id, address string, health ...world.HealthStatus) {
	i := &world.DiscoveryInstance{Service: s, ID: id, Health: world.Healthy, WasHealthy: true,
		Attributes: map[string]string{"AWS_INSTANCE_IPV4": address, "AWS_INSTANCE_PORT": "8080"}}
	for _, h := range health {
		i.Health = h
	}
	w.Put(i)
}

// unborn is an instance that was never healthy.
func unborn(w *world.World, s world.DiscoveryServiceID, id, address string) {
	w.Put(&world.DiscoveryInstance{Service: s, ID: id, Health: world.Unhealthy,
		Attributes: map[string]string{"AWS_INSTANCE_IPV4": address, "AWS_INSTANCE_PORT": "8080"}})
}

// render writes a table the way a zone file looks.
func render(v VPC) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s enabled=%v hostnames=%v cidr=%s domain=%s\n", v.ID, v.Enabled, v.Hostnames, v.CIDR, v.Domain)
	for _, z := range v.Zones {
		fmt.Fprintf(&b, "\nzone %s %s\nSOA %d %s\nNS %d %v\n", z.ID, z.Origin, z.SOA.TTL, z.SOA, z.NSTTL, z.NS)
		b.WriteString(printNames(z.Names))
	}
	return b.String()
}

func printNames(names []Name) string {
	var b strings.Builder
	for _, n := range names {
		for _, s := range n.Sets {
			line := func(text string, ttl uint32) {
				fmt.Fprintf(&b, "%s %d %d %s %s", n.Owner, ttl, s.Type, [...]string{"simple", "multi", "weighted", "choose"}[s.Policy], text)
				if n.Source != "" {
					fmt.Fprintf(&b, " ; %s", n.Source)
				}
				b.WriteByte('\n')
			}
			for _, r := range s.Records {
				line(r, s.TTL)
			}
			if s.Alias != "" {
				line("alias "+s.Alias, s.TTL)
			}
			for _, c := range s.Choices {
				line(fmt.Sprintf("%d: %s%s", c.Weight, strings.Join(c.Records, " | "), c.Alias), c.TTL)
			}
		}
		if len(n.Sets) == 0 {
			fmt.Fprintf(&b, "%s exists\n", n.Owner)
		}
	}
	return b.String()
}

func options() Options { return Options{Fidelity: world.Relaxed, Region: "us-east-1", Public: true} }

func TestCompile_Golden(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	vpc(&w, "vpc-2").EnableDNSSupport = false
	namespace(&w, "myapp.local", "vpc-1", "vpc-2")
	namespace(&w, "Second_NS", "vpc-2")
	web := service(&w, "myapp.local", "Web", "A", "AAAA")
	instance4(&w, web, "i2", "10.0.1.11")
	instance4(&w, web, "i1", "10.0.1.10")
	instance4(&w, web, "twice", "10.0.1.10")
	api := service(&w, "myapp.local", "_api._tcp", "SRV", "A")
	instance4(&w, api, "Task/1", "10.0.2.1")
	instance4(&w, api, "a.b", "10.0.2.2")
	instance4(&w, api, "a..b", "10.0.2.3")
	one := service(&w, "myapp.local", "one", "CNAME", "WEIGHTED")
	w.Put(&world.DiscoveryInstance{Service: one, ID: "i1", Attributes: map[string]string{"AWS_INSTANCE_CNAME": "Db.Example.com"}, Health: world.Healthy})
	service(&w, "myapp.local", "empty", "A")
	service(&w, "myapp.local", "api-only")
	w.Put(&world.HostedZone{ID: "Zplain", Name: "corp.example.", Private: true, VPCs: []world.VPCID{"vpc-1"}, SOATTL: 900})
	for _, r := range []world.RecordSet{
		{Name: "corp.example.", Type: "MX", TTL: 300, Values: []string{"10 mail.corp.example."}},
		{Name: `\052.apps.corp.example.`, Type: "A", TTL: 60, Values: []string{"10.0.9.9"}},
		{Name: "txt.corp.example.", Type: "TXT", TTL: 60, Values: []string{`"b"`, `"a"`}},
		{Name: "corp.example.", Type: "SOA", TTL: 42, Values: []string{"ns.corp.example. me.corp.example. 7 1 2 3 4"}},
		{Name: "outside.example.", Type: "A", TTL: 60, Values: []string{"10.0.9.8"}},
		{Name: "notcorp.example.", Type: "A", TTL: 60, Values: []string{"10.0.9.8"}},
		{Name: "x.corp.example.", Type: "WKS", TTL: 60, Values: []string{"?"}},
	} {
		r.Zone = "Zplain"
		w.Put(&r)
	}
	w.Put(&world.HostedZone{ID: "Zpublic", Name: "public.example.", SOATTL: 900})
	w.Put(&world.RecordSet{Zone: "Zpublic", Name: "www.public.example.", Type: "A", TTL: 60, Values: []string{"192.0.2.1"}})

	var got strings.Builder
	for _, id := range []world.VPCID{"vpc-1", "vpc-2", PublicID} {
		v, ok := Compile(w, id, options())
		if !ok {
			t.Fatalf("no %s", id)
		}
		got.WriteString(render(v) + "\n")
	}
	golden(t, "compile.golden", got.String())
	if _, ok := Compile(w, "vpc-3", options()); ok {
		t.Error("compiled a VPC that does not exist")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
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
		t.Errorf("%s differs; run with -update and look at the change. Got:\n%s", path, got)
	}
}

func TestHealth(t *testing.T) {
	const healthy, unhealthy = world.Healthy, world.Unhealthy
	for _, c := range []struct {
		name         string
		options      []string
		build        func(w *world.World, s world.DiscoveryServiceID)
		relaxed, aws string // records of the service's name
	}{
		{"healthy ones only", []string{"A", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			instance4(w, s, "a", "10.0.0.1", healthy)
			instance4(w, s, "b", "10.0.0.2", unhealthy)
		}, "10.0.0.1", "10.0.0.1"},
		{"none healthy: all", []string{"A", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			instance4(w, s, "a", "10.0.0.1", unhealthy)
			instance4(w, s, "b", "10.0.0.2", unhealthy)
		}, "10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"},
		{"none healthy, weighted: all", []string{"A", "health", "WEIGHTED"}, func(w *world.World, s world.DiscoveryServiceID) {
			instance4(w, s, "a", "10.0.0.1", unhealthy)
			instance4(w, s, "b", "10.0.0.1", unhealthy)
		}, "10.0.0.1 10.0.0.1", "10.0.0.1 10.0.0.1"},
		{"never healthy beside one that was", []string{"A", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			instance4(w, s, "a", "10.0.0.1", unhealthy)
			unborn(w, s, "b", "10.0.0.2")
		}, "10.0.0.1", "10.0.0.1 10.0.0.2"},
		{"never healthy alone", []string{"A", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			unborn(w, s, "b", "10.0.0.2")
		}, "", "10.0.0.2"},
		{"never healthy alone, SRV", []string{"SRV", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			unborn(w, s, "b", "10.0.0.2")
		}, "", "1 1 8080 b.web.z."},
		{"no health check", []string{"A"}, func(w *world.World, s world.DiscoveryServiceID) {
			unborn(w, s, "a", "10.0.0.1")
			instance4(w, s, "b", "10.0.0.2", world.HealthUnknown)
		}, "10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"},
		{"unhealthy but the only one with an address", []string{"AAAA", "A", "health"}, func(w *world.World, s world.DiscoveryServiceID) {
			instance4(w, s, "a", "10.0.0.1", unhealthy)
			instance4(w, s, "b", "", healthy)
		}, "10.0.0.1", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := world.New()
			vpc(&w, "vpc-1")
			namespace(&w, "z", "vpc-1")
			s := service(&w, "z", "web", c.options...)
			c.build(&w, s)
			for f, want := range map[world.Fidelity]string{world.Relaxed: c.relaxed, world.AWS: c.aws} {
				names := CompileService(w, s, Options{Fidelity: f})
				var got []string
				for _, n := range names {
					if n.Owner == "web.z." {
						got = append(got, n.Sets[0].Records...)
					}
				}
				if strings.Join(got, " ") != want {
					t.Errorf("%s: %q, want %q", f, got, want)
				}
				if want == "" && len(names) > 0 {
					t.Errorf("%s: nothing to answer, but names %v: not NXDOMAIN", f, names)
				}
			}
		})
	}
}

func TestHostnamesInAWSFidelity(t *testing.T) {
	w := world.New()
	v := *vpc(&w, "vpc-1")
	namespace(&w, "z", "vpc-1")
	o := Options{Fidelity: world.AWS, Region: "eu-west-1"}
	off, _ := Compile(w, "vpc-1", o)
	before := w
	v.EnableDNSHostnames = true
	w.Put(&v)
	on, _ := Compile(w, "vpc-1", o)
	if len(off.Zones) != 0 || off.Hostnames || len(on.Zones) != 1 || !on.Hostnames || on.Domain != "eu-west-1.compute.internal" {
		t.Errorf("off: %+v\non: %+v", off, on)
	}
	c := Changed(before, w, []world.Ref{{Kind: world.KindVPC, Key: "vpc-1"}}, o)
	if !reflect.DeepEqual(c, Changes{Set: []VPC{on}}) {
		t.Errorf("change: %+v", c)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"": ".", ".": ".", "A.B": "a.b.", "a.b.": "a.b.",
		`\052.x.`: "*.x.", "*.x": "*.x.", `a\056b.c`: `a\.b.c.`, `a\.b.c`: `a\.b.c.`,
		"a b": `a\ b.`, `a\012b`: `a\010b.`, `q"(;)@`: `q\"\(\;\)\@.`,
		strings.Repeat("x", 63): strings.Repeat("x", 63) + ".",
		"a..b":                  "", ".a": "", strings.Repeat("x", 64): "", strings.Repeat("abcdefg.", 32): "",
	} {
		got, ok := canonical(in)
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("canonical(%q) = %q, want %q", in, got, want)
		}
		if !ok {
			continue
		}
		l, _ := labels(in)
		if again, ok := parsed(got); !ok || !slices.Equal(l, again) {
			t.Errorf("parsed(%q) = %q, want %q", got, again, l)
		}
	}
	for _, c := range []struct {
		name, origin string
		want         bool
	}{
		{"a.b.", "b.", true}, {"b.", "b.", true}, {"ab.", "b.", false}, {"x.", ".", true},
		{`a\.b.`, "b.", false}, {`a\\.b.`, "b.", true}, {"b.", "a.b.", false},
	} {
		if got := inside(c.name, c.origin); got != c.want {
			t.Errorf("inside(%q, %q) = %v", c.name, c.origin, got)
		}
	}
	for in, want := range map[string]string{"i-1": "i-1.", "Task/1": "task/1.", "a.b": "a.b.", "a@b": `a\@b.`, "": "", ".": "", "a.": "", "a..b": "", strings.Repeat("x", 64): ""} {
		got, ok := InstanceName(in)
		if ok != (want != "") || got != want {
			t.Errorf("InstanceName(%q) = %q, %v", in, got, ok)
		}
	}
}

// An alias of a load balancer is drawn among the others of its service, with the
// same weight, and answers both kinds of addresses.
func TestAliasInstances(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	namespace(&w, "z", "vpc-1")
	s := service(&w, "z", "web", "WEIGHTED", "A", "AAAA", "health")
	alias := func(id, name string, health world.HealthStatus) {
		w.Put(&world.DiscoveryInstance{Service: s, ID: id, Health: health, WasHealthy: true, Attributes: map[string]string{"AWS_ALIAS_DNS_NAME": name}})
	}
	alias("b", "LB-1.elb.example.", world.Healthy)
	alias("c", "lb-2.elb.example", world.Unhealthy)
	instance4(&w, s, "a", "10.0.0.1")
	sets := func() []Set {
		names := CompileService(w, s, options())
		if len(names) != 1 || names[0].Owner != "web.z." {
			t.Fatalf("names %+v", names)
		}
		return names[0].Sets
	}
	lb1, lb2 := Choice{Weight: 1, Alias: "lb-1.elb.example."}, Choice{Weight: 1, Alias: "lb-2.elb.example."}
	want := []Set{
		{Type: TypeA, TTL: 10, Policy: Choose, Choices: []Choice{{Weight: 1, TTL: 10, Records: []string{"10.0.0.1"}}, lb1}},
		{Type: TypeAAAA, TTL: 10, Policy: Choose, Choices: []Choice{lb1}},
	}
	if got := sets(); !slices.EqualFunc(got, want, Set.equal) {
		t.Errorf("one alias is healthy:\n got %+v\nwant %+v", got, want)
	}
	// None is healthy: all are answered.
	alias("b", "lb-1.elb.example", world.Unhealthy)
	instance4(&w, s, "a", "10.0.0.1", world.Unhealthy)
	want[0].Choices = append(want[0].Choices, lb2)
	want[1].Choices = append(want[1].Choices, lb2)
	if got := sets(); !slices.EqualFunc(got, want, Set.equal) {
		t.Errorf("none is healthy:\n got %+v\nwant %+v", got, want)
	}
}

func TestMerge_Choices(t *testing.T) {
	part := func(sets ...Set) Name { return Name{Sets: sets} }
	choice := func(records ...string) Choice { return Choice{Weight: 1, TTL: 10, Records: records} }
	alias := Choice{Weight: 1, Alias: "lb."}
	chosen := Set{Type: TypeA, TTL: 10, Policy: Choose, Choices: []Choice{alias, choice("10.0.0.9")}}
	for name, c := range map[string]struct {
		other Set
		want  []Choice
	}{
		"weighted":   {Set{Type: TypeA, TTL: 10, Policy: Weighted, Records: []string{"10.0.0.1", "10.0.0.2"}}, []Choice{choice("10.0.0.1"), choice("10.0.0.2"), choice("10.0.0.9"), alias}},
		"multivalue": {Set{Type: TypeA, TTL: 10, Policy: MultiValue, Records: []string{"10.0.0.2", "10.0.0.1"}}, []Choice{choice("10.0.0.1", "10.0.0.2"), choice("10.0.0.9"), alias}},
		"alias":      {Set{Type: TypeA, Alias: "a."}, []Choice{choice("10.0.0.9"), {Weight: 1, Alias: "a."}, alias}},
	} {
		for _, parts := range [][]Name{{part(c.other), part(chosen)}, {part(chosen), part(c.other)}} {
			got := Merge(parts)
			if len(got) != 1 || got[0].Policy != Choose || !slices.EqualFunc(got[0].Choices, c.want, Choice.equal) {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	}
}

// Two sources about one name are both answered, and one that leaves takes only
// its own.
func TestSourcesShareAnOwner(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	namespace(&w, "z", "vpc-1")
	srv := service(&w, "z", "web", "SRV")
	dotted := service(&w, "z", "i1.web", "A")
	instance4(&w, srv, "i1", "10.0.0.1")
	instance4(&w, dotted, "x", "10.0.0.2")
	v, _ := Compile(w, "vpc-1", options())
	var parts []Name
	for _, n := range v.Zones[0].Names {
		if n.Owner == "i1.web.z." {
			parts = append(parts, n)
		}
	}
	if len(parts) != 2 || !slices.Equal(Merge(parts)[0].Records, []string{"10.0.0.1", "10.0.0.2"}) {
		t.Errorf("parts %v", parts)
	}
}
