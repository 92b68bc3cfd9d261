package cloudwatch

import (
	"fmt"

	"seamark/internal/telemetry/metrics"
	"seamark/internal/world"
)

// Config is what a Server needs.
type Config struct {
	Metrics *metrics.Store // required
	Scope   world.Scope
}

// Server answers the operations of CloudWatch metrics over the metrics that
// were put and those that Seamark publishes itself. It may be used from any
// goroutine.
type Server struct{ cfg Config }

// New returns a Server.
func New(c Config) *Server { return &Server{c} }

// Operations lists the operations that are built.
func (s *Server) Operations() Operations {
	return Operations{
		PutMetricData:       s.putMetricData,
		GetMetricData:       s.getMetricData,
		GetMetricStatistics: s.getMetricStatistics,
		ListMetrics:         s.listMetrics,
	}
}

func badValue(format string, args ...any) error {
	return ErrInvalidParameterValueException(fmt.Sprintf(format, args...))
}

func badCombination(format string, args ...any) error {
	return ErrInvalidParameterCombinationException(fmt.Sprintf(format, args...))
}

func missing(format string, args ...any) error {
	return ErrMissingRequiredParameterException(fmt.Sprintf(format, args...))
}

// metricOf is the metric that a request names.
func metricOf(namespace, name *string, dims []Dimension) metrics.Metric {
	m := metrics.Metric{Namespace: val(namespace), Name: val(name)}
	for _, d := range dims {
		m.Dimensions = append(m.Dimensions, metrics.Dimension{Name: *d.Name, Value: *d.Value})
	}
	return m
}

// val is what p points to, or the zero value.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
