//go:build linux

package blackbox

import (
	"fmt"
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
