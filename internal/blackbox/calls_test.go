//go:build linux

package blackbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"seamark/internal/api/ec2"
	"seamark/internal/caller"
	"seamark/internal/driver/network/netns"
)

// rollouts is a service of four tasks that is deployed and made smaller while
// clients call it.
type rollouts struct {
	fidelity  string
	ttl       int64
	deploys   int
	scaleIns  int
	requests  int // per second, over both clients
	durations []time.Duration
	results   map[string]caller.Result
}

// The two ways of calling, each with half of the requests.
const (
	ownConnections  = "a connection for each request"
	keptConnections = "kept connections"
)

// TestCallsDuringDeployment: a client that obeys TTLs loses no request to a
// deployment or to fewer tasks, whether it keeps connections or not.
func TestCallsDuringDeployment(t *testing.T) {
	r := rollouts{fidelity: "relaxed", ttl: 2, deploys: 1, scaleIns: 1, requests: 200}
	r.run(t)
	for name, result := range r.results {
		t.Logf("%s: %d requests to %d addresses, %d queries in %v", name, result.Requests, len(result.Targets), result.Queries, result.Lasted.Round(time.Millisecond))
		for _, f := range result.Failures {
			t.Errorf("%s: %v", name, f)
		}
		if result.Requests < 200 || len(result.Targets) < 8 {
			t.Errorf("%s: too few requests or addresses: %v", name, result.Targets)
		}
	}
}

// TestBenchRollout is the long form, for bench/rollout. SEAMARK_BENCH_ROLLOUT is
// how many deployments, and as many scale-ins, there are in relaxed and in aws
// fidelity, for example "20 3". It prints a table.
func TestBenchRollout(t *testing.T) {
	var relaxed, aws int
	if _, err := fmt.Sscan(os.Getenv("SEAMARK_BENCH_ROLLOUT"), &relaxed, &aws); err != nil {
		t.Skip("for bench/rollout")
	}
	fmt.Println("| fidelity | deployments | scale-ins | client with | requests | failed | a deployment takes (median) |")
	fmt.Println("|---|---:|---:|---|---:|---:|---:|")
	for _, r := range []rollouts{
		{fidelity: "relaxed", ttl: 5, deploys: relaxed, scaleIns: relaxed, requests: 200},
		{fidelity: "aws", ttl: 5, deploys: aws, scaleIns: aws, requests: 200},
	} {
		if r.deploys > 0 {
			t.Run(r.fidelity, func(t *testing.T) {
				r.run(t)
				r.print(t)
			})
		}
	}
}

func (r *rollouts) print(t *testing.T) {
	slices.Sort(r.durations)
	median := r.durations[len(r.durations)/2].Round(10 * time.Millisecond)
	for _, name := range []string{ownConnections, keptConnections} {
		result := r.results[name]
		fmt.Printf("| %s | %d | %d | %s | %d | **%d** | %v |\n", r.fidelity, r.deploys, r.scaleIns, name, result.Requests, len(result.Failures), median)
		for i, f := range result.Failures {
			if i < 20 {
				t.Logf("%s: %v", name, f)
			}
		}
	}
}

// run deploys back to back, then takes two of the four tasks away and brings
// them back.
func (r *rollouts) run(t *testing.T) {
	s := start(t, options{flags: []string{"--fidelity", r.fidelity}})
	g := s.stage(stageOptions{ttl: r.ttl})
	hostnames := &ec2.ModifyVpcAttributeInput{VpcId: &g.vpc, EnableDnsHostnames: &ec2.AttributeBooleanValue{Value: new(true)}}
	if err := g.ec2("ModifyVpcAttribute", hostnames, &ec2.ModifyVpcAttributeOutput{}); err != nil {
		t.Fatal(err)
	}
	revisions := []string{g.define("web", serving("one")), g.define("web", serving("two"))}
	const count = 4
	g.service("web", revisions[0], count)
	g.settled(count)
	from := s.session(g.vpc)
	s.answered(from, webName, count)
	own, kept := from.call(r.requests/2, false), from.call(r.requests/2, true)
	for i := range r.deploys {
		began := time.Now()
		g.deploy("web", revisions[(i+1)%2])
		g.settled(count)
		r.durations = append(r.durations, time.Since(began))
	}
	for i := range r.scaleIns {
		g.setCount("web", 2)
		g.settled(2)
		if i < r.scaleIns-1 {
			g.setCount("web", count)
			g.settled(count)
		}
	}
	lasts(t, time.Duration(r.ttl+1)*time.Second) // until what was answered last is not valid any more
	r.results = map[string]caller.Result{ownConnections: own.Stop(), keptConnections: kept.Stop()}
}

// settled waits until the service has that many tasks and no other runs.
func (g *stage) settled(count int) {
	g.t.Helper()
	eventually(g.t, "the service is stable", 3*patience, func() error { return g.stable("web") })
	eventually(g.t, "no other task runs", patience, func() error {
		var others []string
		for _, task := range g.status().Tasks {
			if task.Service == "web" {
				others = append(others, string(task.ID))
			}
		}
		if len(others) != count {
			return fmt.Errorf("%d tasks run: %s", len(others), strings.Join(others, " "))
		}
		return nil
	})
}

// call starts a client of web.myapp.local inside the VPC.
func (p place) call(rate int, pooled bool) *caller.Caller {
	return caller.Start(caller.Options{
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return netns.Dial(ctx, p.path, network, address)
		},
		Resolver: p.resolver, Name: webName, Port: 8080, Rate: rate, Pooled: pooled, Timeout: patience,
	})
}
