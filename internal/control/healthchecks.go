package control

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"seamark/internal/change"
	"seamark/internal/healthcheck"
	"seamark/internal/plan"
	"seamark/internal/plan/probe"
	"seamark/internal/store"
	"seamark/internal/world"
)

// HealthChecks runs Route 53's health checks. It is the one writer of what they
// observe.
type HealthChecks struct {
	changes *change.Runner
	prober  *healthcheck.Prober
}

// NewHealthChecks returns checks that do nothing until Run. They never connect
// from a VPC.
func NewHealthChecks(changes *change.Runner, o healthcheck.Options) *HealthChecks {
	h := &HealthChecks{changes: changes}
	o.Source = h
	h.prober = healthcheck.New("health checks", o)
	return h
}

// Run checks until ctx ends.
func (h *HealthChecks) Run(ctx context.Context) error {
	cancel := h.changes.Store.Subscribe(func(c store.Commit) {
		for _, change := range c.Changes {
			if change.Kind == world.KindHealthCheck {
				h.prober.Enqueue(change.Key)
			}
		}
	})
	defer cancel()
	for c := range h.changes.View().HealthChecks.All() {
		h.prober.Resume(c.Key(), time.Now())
	}
	return h.prober.Run(ctx)
}

// Target implements healthcheck.Source. A disabled check and one that counts
// others have nothing to connect to.
func (h *HealthChecks) Target(key string) (t probe.Target, known world.HealthStatus, ok bool) {
	c := h.changes.View().HealthChecks.Get(key)
	if c == nil {
		return probe.Target{}, "", false
	}
	t, ok = targetOf(c.Spec)
	known = c.Observed.Status
	if known == "" {
		known = world.HealthUnknown
	}
	return t, known, ok
}

func targetOf(s world.HealthCheckSpec) (t probe.Target, ok bool) {
	if s.Disabled || s.Type == "CALCULATED" {
		return probe.Target{}, false
	}
	t = probe.Target{
		Type: s.Type, Port: uint16(s.Port), Host: s.DomainName, Path: s.ResourcePath, Search: s.SearchString, SNI: s.EnableSNI,
		Interval: time.Duration(s.RequestInterval) * time.Second, Threshold: int(s.FailureThreshold),
	}
	if !strings.HasPrefix(t.Path, "/") {
		t.Path = "/" + t.Path
	}
	if s.IPAddress != "" {
		var err error
		if t.Address, err = netip.ParseAddr(s.IPAddress); err != nil {
			return probe.Target{}, false
		}
	}
	return t, true
}

// Report implements healthcheck.Source.
func (h *HealthChecks) Report(ctx context.Context, key string, t probe.Target, status world.HealthStatus) error {
	seen, _ := h.prober.Last(key)
	_, _, err := h.changes.Do(ctx, func(d *plan.Draft) error {
		c := d.World.HealthChecks.Get(key)
		if c == nil {
			return nil
		}
		if now, ok := targetOf(c.Spec); !ok || now != t {
			return nil
		}
		next := *c
		next.Observed = world.HealthCheckObservation{Status: status, Text: seen.Text, At: seen.At}
		d.Put(&next)
		return nil
	})
	return err
}
