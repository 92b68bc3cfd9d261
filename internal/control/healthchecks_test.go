package control

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seamark/internal/change"
	"seamark/internal/healthcheck"
	"seamark/internal/plan"
	"seamark/internal/store/mem"
	"seamark/internal/world"
)

// A health check connects, and what it sees is in the world once the threshold
// is reached: in virtual time.
func TestHealthChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mem.New(mem.Options{})
		changes := &change.Runner{Store: s}
		var down atomic.Bool
		dial := func(_ context.Context, vpc world.VPCID, _, address string) (net.Conn, error) {
			if vpc != "" || address != "192.0.2.1:8080" {
				t.Errorf("dialled %s from %q", address, vpc)
			}
			if down.Load() {
				return nil, errors.New("nobody is there")
			}
			mine, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return mine, nil
		}
		put := func(o world.Object) {
			t.Helper()
			if _, _, err := changes.Do(t.Context(), func(d *plan.Draft) error { d.Put(o); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		spec := world.HealthCheckSpec{Type: "TCP", IPAddress: "192.0.2.1", Port: 8080, RequestInterval: 10, FailureThreshold: 3}
		put(&world.DNSHealthCheck{ID: "h", Spec: spec})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		h := NewHealthChecks(changes, healthcheck.Options{Dial: dial, Logger: slog.New(slog.DiscardHandler)})
		go func() { ended <- h.Run(ctx) }()
		status := func(after time.Duration, want world.HealthStatus) {
			t.Helper()
			<-time.After(after)
			synctest.Wait()
			if got := s.View().HealthChecks.Get("h").Observed; got.Status != want || want != "" && got.Text == "" {
				t.Errorf("observed %+v, expected %s", got, want)
			}
		}
		status(11*time.Second, world.Healthy)
		down.Store(true)
		status(11*time.Second, world.Healthy) // one or two failures decide nothing
		status(30*time.Second, world.Unhealthy)
		if s.View().Passes("h") {
			t.Error("an unhealthy check passes")
		}
		down.Store(false)
		status(40*time.Second, world.Healthy)
		// One that is disabled is left alone.
		disabled := *s.View().HealthChecks.Get("h")
		disabled.Spec.Disabled = true
		put(&disabled)
		down.Store(true)
		status(time.Minute, world.Healthy)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
