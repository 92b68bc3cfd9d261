package zone

import (
	"slices"
	"strings"
	"testing"

	"seamark/internal/world"
)

func tagged(w *world.World, id world.DiscoveryServiceID, tags world.Tags) {
	s := *w.DiscoveryServices.Get(string(id))
	s.Tags = tags
	w.Put(&s)
}

func withPorts(w *world.World, s world.DiscoveryServiceID, id string, ports ...world.NamedPort) {
	i := *w.Instance(s, id)
	i.Ports = ports
	w.Put(&i)
}

// TestCompileService_portNames: names of ports below the service, healthy ones
// only, with the addresses that they lead to; none without the tag.
func TestCompileService_portNames(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	namespace(&w, "myapp.local", "vpc-1")
	id := service(&w, "myapp.local", "web", "A", "health")
	instance4(&w, id, "one", "10.0.0.4")
	instance4(&w, id, "two", "10.0.0.5", world.Unhealthy)
	instance4(&w, id, "other", "10.0.0.6")
	web := world.NamedPort{Name: "http", Protocol: "tcp", Port: 8080}
	for _, i := range []string{"one", "two"} {
		withPorts(&w, id, i, web, world.NamedPort{Name: "too-long-" + strings.Repeat("x", 60), Protocol: "tcp", Port: 1}, world.NamedPort{Name: "a.b", Protocol: "tcp", Port: 1})
	}
	plain := printNames(CompileService(w, id, Options{}))
	if strings.Contains(plain, "_tcp") {
		t.Errorf("without the tag:\n%s", plain)
	}
	tagged(&w, id, world.Tags{"seamark:port-names": "true"})
	want := strings.Join([]string{
		"_http._tcp.web.myapp.local. 10 33 multi 1 1 8080 one.web.myapp.local. ; srv-myapp.local-web",
		"one.web.myapp.local. 10 1 simple 10.0.0.4 ; srv-myapp.local-web",
		"two.web.myapp.local. 10 1 simple 10.0.0.5 ; srv-myapp.local-web",
		"web.myapp.local. 10 1 multi 10.0.0.4 ; srv-myapp.local-web",
		"web.myapp.local. 10 1 multi 10.0.0.6 ; srv-myapp.local-web", "",
	}, "\n")
	if got := printNames(CompileService(w, id, Options{})); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestCompileService_portNamesOfSRV: the service's own SRV records bring the
// addresses; they are not there twice.
func TestCompileService_portNamesOfSRV(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	namespace(&w, "myapp.local", "vpc-1")
	id := service(&w, "myapp.local", "web", "SRV")
	instance4(&w, id, "one", "10.0.0.4")
	withPorts(&w, id, "one", world.NamedPort{Name: "http", Protocol: "tcp", Port: 8081})
	tagged(&w, id, world.Tags{"seamark:port-names": "true"})
	names := CompileService(w, id, Options{})
	if len(names) != 3 || names[0].Owner != "_http._tcp.web.myapp.local." || names[0].Sets[0].Records[0] != "1 1 8081 one.web.myapp.local." || len(names[1].Sets[0].Records) != 1 {
		t.Errorf("names:\n%s", printNames(names))
	}
}

func TestCompileService_allAnswers(t *testing.T) {
	w := world.New()
	vpc(&w, "vpc-1")
	namespace(&w, "myapp.local", "vpc-1")
	id := service(&w, "myapp.local", "web", "A")
	for i := range 20 {
		instance4(&w, id, string(rune('a'+i)), "10.0.0."+string(rune('1'+i%9))+string(rune('0'+i/9)))
	}
	set := func() Set { return CompileService(w, id, Options{})[0].Sets[0] }
	if s := set(); s.Policy != MultiValue || len(s.Records) != 20 {
		t.Errorf("without the tag: %+v", s)
	}
	tagged(&w, id, world.Tags{"seamark:answers": "all"})
	if s := set(); s.Policy != Simple || !slices.IsSorted(s.Records) || len(s.Records) != 20 {
		t.Errorf("with the tag: %+v", s)
	}
	weighted := service(&w, "myapp.local", "one", "A", "WEIGHTED")
	instance4(&w, weighted, "a", "10.0.0.4")
	tagged(&w, weighted, world.Tags{"seamark:answers": "all"})
	if s := CompileService(w, weighted, Options{})[0].Sets[0]; s.Policy != Weighted {
		t.Errorf("a weighted set: %+v", s)
	}
}
