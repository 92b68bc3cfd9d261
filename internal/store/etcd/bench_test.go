package etcd_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seamark/internal/store"
	"seamark/internal/store/etcd"
	"seamark/internal/world"
)

func open(tb testing.TB, dir string) store.Store {
	tb.Helper()
	s, err := etcd.Open(context.Background(), etcd.Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// register writes what RegisterInstance writes: the instance, its service with
// the next revision, and the operation.
func register(s store.Store, n, services int) error {
	_, err := s.Update(context.Background(), func(tx *store.Tx) error {
		id := world.DiscoveryServiceID(fmt.Sprintf("srv-%016x", n%services))
		service := world.DiscoveryService{ID: id, Namespace: "ns-0123456789abcdef", Name: fmt.Sprint("service-", n%services), Type: "DNS_HTTP", RoutingPolicy: "MULTIVALUE", CreatedAt: tx.Now}
		if old := tx.World.DiscoveryServices.Get(string(id)); old != nil {
			service = *old
		}
		service.InstancesRevision++
		tx.Put(&service)
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
	s := open(b, b.TempDir())
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
		s := open(b, b.TempDir())
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
