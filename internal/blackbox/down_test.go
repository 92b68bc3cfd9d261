//go:build linux

package blackbox

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seamark/internal/api/ec2"
)

// TestDown looks at the machine before a Seamark runs, while it runs a service,
// an instance and two VPCs, and after it was taken down.
func TestDown(t *testing.T) {
	before := hostNetwork(t)
	s := start(t, options{images: built(t, "images/out", "make images")})
	g := s.stage(stageOptions{})
	g.service("web", g.define("web", serving("hello")), 3)
	other := s.makeVPC("10.0.0.0/16")
	s.makeSubnet(other, "10.0.1.0/24", "us-east-1a")
	g.runInstance()
	g.awaitStable("web")
	s.answered(s.session(g.vpc), webName, 3)

	if diff := cmp.Diff(before, hostNetwork(t)); diff != "" {
		t.Errorf("while Seamark runs, the host's own network is another one (-before +while):\n%s", diff)
	}
	namespaces := s.namespaces()
	counts := map[string]int{"namespaces": len(namespaces), "processes": len(s.processes()), "processes in its cgroups": len(s.inCgroup()), "traces": len(s.traces())}
	t.Logf("while it runs: %v", counts)
	for what, n := range counts {
		if n < 4 {
			t.Errorf("only %d %s are seen while it runs: the comparison is worth nothing", n, what)
		}
	}
	s.down()
	s.nothingLeft(namespaces)
	if diff := cmp.Diff(before, hostNetwork(t)); diff != "" {
		t.Errorf("after down, the host's own network is another one (-before +after):\n%s", diff)
	}
	s.down() // once more does no harm
	if out, code := s.seamark("status"); code != 1 || !strings.Contains(out, "no Seamark runs with data directory") {
		t.Errorf("status after down: exit code %d\n%s", code, out)
	}

	// What it remembers starts again.
	s.up()
	g.awaitStable("web")
	s.answered(s.session(g.vpc), webName, 3)
}

// runInstance starts an instance and waits until it runs.
func (g *stage) runInstance() string {
	g.t.Helper()
	one, ami := int32(1), "ami-0abcdef1234567890"
	var out ec2.RunInstancesOutput
	in := &ec2.RunInstancesInput{ImageId: &ami, MinCount: &one, MaxCount: &one, SubnetId: &g.subnets[0], SecurityGroupIds: []string{g.group}}
	if err := g.ec2("RunInstances", in, &out); err != nil {
		g.t.Fatal(err)
	}
	id := *out.Instances[0].InstanceId
	g.eventually("the instance runs", func() error {
		var out ec2.DescribeInstancesOutput
		if err := g.ec2("DescribeInstances", &ec2.DescribeInstancesInput{InstanceIds: []string{id}}, &out); err != nil {
			return err
		}
		if state := *out.Reservations[0].Instances[0].State.Name; state != "running" {
			return fmt.Errorf("it is %s", state)
		}
		return nil
	})
	return id
}

// hostNetwork is the host's own network: links, addresses, routes, rules,
// packet filter and settings.
func hostNetwork(t testing.TB) map[string][]string {
	t.Helper()
	seen := map[string][]string{}
	for what, command := range map[string][]string{
		"links":     {"ip", "-o", "link"},
		"addresses": {"ip", "-o", "addr"},
		"routes":    {"ip", "-o", "route", "show", "table", "all"},
		"routes6":   {"ip", "-6", "-o", "route", "show", "table", "all"},
		"rules":     {"ip", "-o", "rule"},
		"named":     {"ip", "netns", "list"},
		"nftables":  {"nft", "list", "ruleset"},
	} {
		path, err := exec.LookPath(command[0])
		if err != nil {
			missing(t, err.Error())
		}
		out, code := output(t, exec.Command(path, command[1:]...))
		if code != 0 {
			t.Fatalf("%v: %s", command, out)
		}
		seen[what] = slices.Sorted(strings.Lines(withoutTimes(out)))
	}
	for _, setting := range []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv4/conf/all/proxy_arp", "net/ipv4/conf/all/rp_filter", "net/ipv4/ip_unprivileged_port_start", "net/ipv6/conf/all/forwarding"} {
		if b, err := os.ReadFile("/proc/sys/" + setting); err == nil { // not every kernel has all
			seen[setting] = []string{string(b)}
		}
	}
	return seen
}

// withoutTimes leaves out what changes by itself.
func withoutTimes(s string) string {
	return regexp.MustCompile(`(valid_lft|preferred_lft|expires) \S+`).ReplaceAllString(s, "")
}
