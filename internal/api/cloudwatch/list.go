package cloudwatch

import (
	"context"
	"strings"
	"time"

	"seamark/internal/api/page"
	"seamark/internal/telemetry/metrics"
)

const (
	listPage = 500
	// listAge is how long ListMetrics shows a metric after its last datum.
	listAge   = 14 * day
	recentAge = 3 * time.Hour
)

func (s *Server) listMetrics(_ context.Context, in *ListMetricsInput) (*ListMetricsOutput, error) {
	age := listAge
	if in.RecentlyActive != nil {
		age = recentAge
	}
	f := metrics.Filter{Namespace: val(in.Namespace), Name: val(in.MetricName), Since: time.Now().Add(-age)}
	for _, d := range in.Dimensions {
		f.Dimensions = append(f.Dimensions, metrics.Dimension{Name: *d.Name, Value: val(d.Value)})
	}
	found, next, err := page.Cut(s.cfg.Metrics.List(f), listKey, val(in.NextToken), listPage)
	if err != nil {
		return nil, badValue("The value %s for parameter NextToken is invalid.", *in.NextToken)
	}
	out := &ListMetricsOutput{Metrics: []Metric{}}
	for _, m := range found {
		out.Metrics = append(out.Metrics, showMetric(m))
	}
	if next != "" {
		out.NextToken = &next
	}
	return out, nil
}

// listKey orders metrics as metrics.Store.List does. The zero byte sorts before
// whatever a longer name goes on with.
func listKey(m metrics.Metric) string {
	parts := []string{m.Namespace, m.Name}
	for _, d := range m.Dimensions {
		parts = append(parts, d.Name, d.Value)
	}
	return strings.Join(parts, "\x00")
}

func showMetric(m metrics.Metric) Metric {
	shown := Metric{Namespace: &m.Namespace, MetricName: &m.Name, Dimensions: []Dimension{}}
	for _, d := range m.Dimensions {
		shown.Dimensions = append(shown.Dimensions, Dimension{Name: &d.Name, Value: &d.Value})
	}
	return shown
}
