package etcd

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seamark/internal/store"
	"seamark/internal/world"
)

// register writes what RegisterInstance writes: the instance, the next revision of
// its service's instances, and the operation; and with the first one the service.
func register(s store.Store, n, services int) error {
	_, err := s.Update(context.Background(), func(tx *store.Tx) error {
		id := world.DiscoveryServiceID(fmt.Sprintf("srv-%016x", n%services))
		service := tx.World.DiscoveryServices.Get(string(id))
		if service == nil {
			service = &world.DiscoveryService{ID: id, Namespace: "ns-0123456789abcdef", Name: fmt.Sprint("service-", n%services), Type: "DNS_HTTP", RoutingPolicy: "MULTIVALUE", CreatedAt: tx.Now}
			tx.Put(service)
		}
		tx.Put(&world.InstancesRevision{Service: id, Count: tx.World.InstancesRevision(service) + 1})
		operation := world.OperationID(fmt.Sprintf("%032x", n))
		instance := &world.DiscoveryInstance{
			Service: id, ID: fmt.Sprintf("%032x", n), Health: "HEALTHY", WasHealthy: true, Operation: operation, CreatedAt: tx.Now,
			Attributes: map[string]string{
				"AWS_INSTANCE_IPV4":          fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255),
				"AWS_INSTANCE_PORT":          "8080",
				"AWS_INIT_HEALTH_STATUS":     "HEALTHY",
				"AVAILABILITY_ZONE":          "us-east-1a",
				"REGION":                     "us-east-1",
				"ECS_CLUSTER_NAME":           "production",
				"ECS_SERVICE_NAME":           fmt.Sprint("service-", n%services),
				"ECS_TASK_DEFINITION_FAMILY": "web",
			},
		}
		tx.Put(instance)
		tx.Put(&world.Operation{ID: operation, Type: "REGISTER_INSTANCE", Revision: tx.Revision(), CreatedAt: tx.Now,
			Targets: map[string]string{"SERVICE": string(id), "INSTANCE": instance.ID}})
		return nil
	})
	return err
}

// registerMany registers instances with 32 callers and returns the latencies.
func registerMany(tb testing.TB, s store.Store, from, to, services int) []time.Duration {
	tb.Helper()
	took := make([]time.Duration, to-from)
	var next atomic.Int64
	next.Store(int64(from))
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= to {
					return
				}
				start := time.Now()
				if err := register(s, n, services); err != nil {
					tb.Error(err)
					return
				}
				took[n-from] = time.Since(start)
			}
		})
	}
	callers.Wait()
	slices.Sort(took)
	return took
}

func BenchmarkUpdate(b *testing.B) {
	s := openDir(b, b.TempDir())
	defer s.Close()
	var took []time.Duration
	n := 0
	for b.Loop() {
		start := time.Now()
		if err := register(s, n, 5000); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
		n++
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkBulk is 10,000 registrations by 32 callers.
func BenchmarkBulk(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := openDir(b, b.TempDir())
		b.StartTimer()
		start := time.Now()
		took := registerMany(b, s, 0, 10_000, 100)
		b.ReportMetric(10_000/time.Since(start).Seconds(), "registrations/s")
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// reloadInstances is how many instances BenchmarkReload loads, in 5,000
// services, with an operation for each.
const reloadInstances = 100_000

// BenchmarkReload is the start of a process on the state that a killed one left.
func BenchmarkReload(b *testing.B) {
	dir := b.TempDir()
	b.Logf("%s", child(b, "register", dir))
	var ready, resident float64
	n := 0
	for b.Loop() {
		var instances int
		var ms, kb float64
		out := child(b, "load", dir)
		if _, err := fmt.Sscan(out, &instances, &ms, &kb); err != nil || instances != reloadInstances {
			b.Fatalf("child says %q: %v", out, err)
		}
		ready, resident, n = ready+ms, resident+kb, n+1
	}
	b.ReportMetric(ready/float64(n), "ms-to-ready")
	b.ReportMetric(resident/float64(n)/1024, "MiB-resident")
}

func child(b *testing.B, mode, dir string) string {
	b.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "STORE_TEST_CHILD="+mode, "STORE_TEST_DIR="+dir)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		b.Fatalf("%s: %v", mode, err)
	}
	return string(out)
}

// registerAndDie fills a directory and ends without closing the store.
func registerAndDie(dir string) {
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var next atomic.Int64
	var callers sync.WaitGroup
	start := time.Now()
	for range 32 {
		callers.Go(func() {
			for n := next.Add(1) - 1; n < reloadInstances; n = next.Add(1) - 1 {
				if err := register(s, int(n), 5000); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
			}
		})
	}
	callers.Wait()
	fmt.Printf("%.0f registrations/s\n", reloadInstances/time.Since(start).Seconds())
	os.Exit(0)
}

// loadAndTell opens a directory and prints instances, milliseconds and resident
// KiB after the garbage of the start is gone.
func loadAndTell(dir string) {
	start := time.Now()
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet()})
	took := time.Since(start)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	debug.FreeOSMemory()
	var kb int
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	fmt.Println(s.View().DiscoveryInstances.Len(), took.Milliseconds(), kb)
	os.Exit(0)
}
