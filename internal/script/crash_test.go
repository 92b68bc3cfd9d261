package script

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"seamark/internal/world"
)

// TestCrashPoints kills Seamark after a random number of commits of a rolling
// deployment, often again while it recovers, and lets the next one go on. It
// has to converge, without a task too many, and clients have to be served all
// the time: the data plane and the containers live on.
func TestCrashPoints(t *testing.T) {
	seeds := 50
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { crash(t, rand.New(rand.NewPCG(1, uint64(seed)))) })
		})
	}
}

const rolledTasks = 4

func crash(t *testing.T, r *rand.Rand) {
	h := newHost(t, t.TempDir())
	defer h.close()
	h.up()
	synctest.Wait()
	vpc := h.rolled(r.IntN(2) == 0)
	time.Sleep(time.Minute)
	synctest.Wait()
	watch := &watcher{host: h, vpc: world.VPCID(vpc)}
	h.plane.changed = watch.look

	h.must("ecs", "register-task-definition", definition(2, r.IntN(2) == 0))
	h.must("ecs", "update-service", map[string]any{"cluster": "c", "service": "web", "taskDefinition": "web"})
	kills := 0
	for range 1 + r.IntN(4) {
		reached := h.killAfter(1 + r.IntN(40))
		limit := time.NewTimer(time.Duration(r.IntN(20_000)) * time.Millisecond)
		select {
		case <-reached:
		case <-limit.C: // or at a moment of no commit
		}
		limit.Stop()
		h.kill()
		kills++
		watch.look()
		time.Sleep(time.Duration(r.IntN(3)) * time.Second)
		h.up()
		synctest.Wait()
	}
	for range 120 {
		time.Sleep(time.Second)
		synctest.Wait()
		watch.look()
	}
	h.checkRolled(kills, watch)
}

// rolled makes a service of revision 1 and returns its VPC.
func (h *host) rolled(checked bool) string {
	text := func(answer []byte, path string) string {
		h.Helper()
		v, err := member(answer, path)
		if err != nil {
			h.Fatal(err)
		}
		return v
	}
	vpc := text(h.must("ec2", "create-vpc", map[string]any{"CidrBlock": "10.0.0.0/16"}), "Vpc.VpcId")
	var subnets []string
	for n, zone := range []string{"us-east-1a", "us-east-1b"} {
		answer := h.must("ec2", "create-subnet", map[string]any{"VpcId": vpc, "CidrBlock": fmt.Sprintf("10.0.%d.0/24", n+1), "AvailabilityZone": zone})
		subnets = append(subnets, text(answer, "Subnet.SubnetId"))
	}
	h.must("ecs", "create-cluster", map[string]any{"clusterName": "c"})
	op := text(h.must("servicediscovery", "create-private-dns-namespace", map[string]any{"Name": "myapp.local", "Vpc": vpc}), "OperationId")
	ns := text(h.must("servicediscovery", "get-operation", map[string]any{"OperationId": op}), "Operation.Targets.NAMESPACE")
	arn := text(h.must("servicediscovery", "create-service", map[string]any{
		"Name": "web", "NamespaceId": ns, "HealthCheckCustomConfig": map[string]any{"FailureThreshold": 1},
		"DnsConfig": map[string]any{"DnsRecords": []any{map[string]any{"Type": "A", "TTL": 5}}},
	}), "Service.Arn")
	h.must("ecs", "register-task-definition", definition(1, checked))
	h.must("ecs", "create-service", map[string]any{
		"cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": rolledTasks, "launchType": "FARGATE",
		"networkConfiguration": map[string]any{"awsvpcConfiguration": map[string]any{"subnets": subnets}},
		"serviceRegistries":    []any{map[string]any{"registryArn": arn}},
	})
	return vpc
}

func definition(revision int, checked bool) map[string]any {
	app := map[string]any{"name": "app", "image": fmt.Sprintf("web:%d", revision)}
	if checked {
		app["healthCheck"] = map[string]any{"command": []string{"CMD", "true"}, "interval": 5}
	}
	return map[string]any{
		"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": []string{"FARGATE"}, "cpu": "256", "memory": "512",
		"containerDefinitions": []any{app},
	}
}

func (h *host) must(service, command string, input map[string]any) []byte {
	h.Helper()
	answer, err := h.call(service, command, input)
	if err != nil {
		h.Fatalf("%s %s: %v", service, command, err)
	}
	return answer
}

// watcher asks as a client does: how many of the addresses that DNS names
// belong to a container that runs?
type watcher struct {
	host *host
	vpc  world.VPCID

	mu     sync.Mutex
	looks  int
	served int // the fewest seen
	report []string
}

func (w *watcher) look() {
	answer, err := w.host.plane.dig(w.vpc, "web.myapp.local", dns.TypeA)
	if err != nil {
		w.host.Errorf("dig: %v", err)
		return
	}
	running := w.host.runningAddresses()
	w.mu.Lock()
	defer w.mu.Unlock()
	served := 0
	for line := range strings.Lines(answer) {
		fields := strings.Fields(line)
		if a, err := netip.ParseAddr(fields[len(fields)-1]); err == nil && running[a] {
			served++
		}
	}
	if w.looks == 0 || served < w.served {
		w.served = served
	}
	w.looks++
	if served < rolledTasks {
		w.report = append(w.report, fmt.Sprintf("%d served at %s: %s", served, time.Now(), answer))
	}
}

// runningAddresses are those of tasks of which a container runs.
func (h *host) runningAddresses() map[netip.Addr]bool {
	state := h.machine.String()
	addresses := map[netip.Addr]bool{}
	for t := range h.latest().Tasks.All() {
		for _, c := range t.Observed.Containers {
			if _, line, ok := strings.Cut(state, c.RuntimeID+" "); ok {
				line, _, _ = strings.Cut(line, "\n")
				addresses[t.Address] = addresses[t.Address] || strings.Contains(line, " running ")
			}
		}
	}
	return addresses
}

// checkRolled: revision 2 runs as often as it should and nothing else does.
func (h *host) checkRolled(kills int, w *watcher) {
	h.Helper()
	svc := h.view().Services.Get(world.ServiceKey("c", "web"))
	p := svc.Primary()
	if len(svc.Deployments) != 1 || p.TaskDefinition.Revision != 2 || p.RolloutState != "COMPLETED" || p.RunningCount != rolledTasks {
		h.Errorf("after %d kills: %+v\n%s", kills, svc.Deployments, h.shorten(h.tasks(nil, false)))
	}
	if got := h.shorten(h.containers(false)); strings.Count(got, "\n") != rolledTasks || strings.Count(got, "/app running") != rolledTasks {
		h.Errorf("containers after %d kills:\n%s", kills, got)
	}
	if n := h.view().NetworkInterfaces.Len(); n != rolledTasks {
		h.Errorf("%d interfaces", n)
	}
	if w.looks < 10 || w.served < rolledTasks {
		h.Errorf("of %d looks, the worst found %d served\n%s", w.looks, w.served, strings.Join(w.report, "\n"))
	}
}
