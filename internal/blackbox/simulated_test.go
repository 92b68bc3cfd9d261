//go:build linux

package blackbox

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/miekg/dns"
)

// TestSimulated is for those without root: the same APIs and planners, tasks
// that only say that they run, and each VPC's DNS on a port of loopback.
func TestSimulated(t *testing.T) {
	s := start(t, options{user: nobody, flags: []string{"--runtime", "simulated"}})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 3)
	g.awaitStable("web")
	other := s.makeVPC("10.0.0.0/16")

	st := s.status()
	if st.Runtime != "simulated" || st.Engine != nil || len(st.Tasks) != 3 {
		t.Errorf("status: %+v", st)
	}
	want := addressesOf(g.running("web"))
	s.eventually("DNS answers on loopback", func() error { return s.resolves(g.vpc, dns.RcodeSuccess, want) })
	s.eventually("the other VPC has a resolver, too", func() error { return s.resolves(other, dns.RcodeNameError, nil) })
	if registered, err := g.discovered(); err != nil || !slices.Equal(registered, want) {
		t.Errorf("registered: %v, %v, want %v", registered, err, want)
	}

	// The same with the CLI.
	out, code := output(t, s.aws("servicediscovery", "discover-instances", "--namespace-name", "myapp.local", "--service-name", "web", "--query", "length(Instances)"))
	if (code != 0 || strings.TrimSpace(out) != "3") && !prefixed(out) {
		t.Errorf("discover-instances: exit code %d, %s", code, out)
	}
	if out, code := s.seamark("status"); code != 0 || !strings.Contains(out, "simulated") || !strings.Contains(out, g.vpc+" at [127.0.0.1:") {
		t.Errorf("status: exit code %d\n%s", code, out)
	}
	g.setCount("web", 1)
	g.awaitStable("web")
	last := g.running("web")
	want = addressesOf(last)
	s.eventually("one task is answered", func() error { return s.resolves(g.vpc, dns.RcodeSuccess, want) })

	// What was wished is there after a crash, and comes true again.
	s.kill()
	s.up()
	// The simulated task ended with the process.
	s.eventually("another task is answered after a restart", func() error {
		tasks, err := g.tasks("web")
		if err != nil {
			return err
		}
		tasks = slices.DeleteFunc(tasks, func(t types.Task) bool { return *t.LastStatus != "RUNNING" })
		if len(tasks) != 1 || *tasks[0].TaskArn == *last[0].TaskArn {
			return fmt.Errorf("%d tasks run", len(tasks))
		}
		return s.resolves(g.vpc, dns.RcodeSuccess, addressesOf(tasks))
	})
}

// TestSimulatedResolver: without networks, inbound endpoints listen on ports of
// loopback that status tells, and outbound ones ask from the host.
func TestSimulatedResolver(t *testing.T) {
	s := start(t, options{user: nobody, flags: []string{"--runtime", "simulated"}})
	g := &resolving{stage: s.stage(stageOptions{})}
	g.endpoint = g.makeGroup("endpoint", "")
	seen := make(chan string, 64)
	target := corporateServer(t, seen)
	in := g.makeEndpoint("INBOUND")
	g.forwardTo(g.makeEndpoint("OUTBOUND"), target)

	listening := func() []netip.AddrPort {
		for _, r := range s.status().Resolvers {
			for _, e := range r.Inbound {
				if string(r.VPC) == g.vpc && string(e.ID) == in {
					return e.Bound
				}
			}
		}
		return nil
	}
	var at []netip.AddrPort
	s.eventually("both addresses listen", func() error {
		if at = listening(); len(at) != 2 || at[0] == at[1] {
			return fmt.Errorf("%v", at)
		}
		return nil
	})
	if out, code := s.seamark("status"); code != 0 || !strings.Contains(out, in+" at ["+at[0].String()) {
		t.Errorf("status: exit code %d\n%s", code, out)
	}
	asks := func(at netip.AddrPort, network, name, want string) {
		t.Helper()
		m, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), at.String())
		if err != nil || len(addresses(m)) != 1 || addresses(m)[0].String() != want {
			t.Errorf("%s of %s over %s: %v, %v; expected %s", name, at, network, m, err, want)
		}
	}
	for i, a := range at {
		for _, network := range []string{"udp", "tcp"} {
			asks(a, network, "ip-10-0-1-10.ec2.internal.", "10.0.1.10")
			asks(a, network, fmt.Sprintf("%s%d.corp.example.", network, i), "203.0.113.7")
		}
	}
	if name := <-seen; !strings.HasSuffix(name, "corp.example.") {
		t.Errorf("the name server was asked for %s", name)
	}
	g.resolver("DeleteResolverEndpoint", doc{"ResolverEndpointId": in})
	s.eventually("nobody listens any more", func() error {
		if at := listening(); len(at) > 0 {
			return fmt.Errorf("%v", at)
		}
		return nil
	})
}

// corporateServer answers every A query on loopback, and tells for what.
func corporateServer(t *testing.T, seen chan<- string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0") //nolint:noctx // closed by the server
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		select {
		case seen <- strings.ToLower(m.Question[0].Name):
		default:
		}
		r := new(dns.Msg).SetReply(m)
		if m.Question[0].Qtype == dns.TypeA {
			r.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(203, 0, 113, 7)}}
		}
		_ = w.WriteMsg(r) // who does not hear asks again
	})}
	ready := make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() {
		if err := errors.Join(server.Shutdown(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// resolves asks a VPC's resolver, where status says it is, for web.myapp.local.
func (s *server) resolves(vpc string, rcode int, want []netip.Addr) error {
	for _, r := range s.status().Resolvers {
		if string(r.VPC) != vpc || len(r.Bound) == 0 {
			continue
		}
		answer, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(webName, dns.TypeA), r.Bound[0].String())
		if err != nil {
			return err
		}
		if got := addresses(answer); answer.Rcode != rcode || !slices.Equal(got, want) {
			return fmt.Errorf("%s, %v, want %v", dns.RcodeToString[answer.Rcode], got, want)
		}
		return nil
	}
	return fmt.Errorf("no resolver of %s", vpc)
}
