package cloudwatch

import (
	"strconv"
	"strings"
	"time"

	"seamark/internal/telemetry/metrics"
)

const (
	day = 24 * time.Hour
	// Where the finest buckets end (User Guide, "Metrics retention").
	highResAge = 3 * time.Hour
	minuteAge  = 15 * day
	fiveAge    = 63 * day
)

// roundStart cuts a start time to the buckets that are kept for its age, and
// for periods below a minute to those periods (API reference,
// GetMetricStatistics, StartTime).
func roundStart(start, now time.Time, period time.Duration) time.Time {
	step := time.Minute
	switch age := now.Sub(start); {
	case age > fiveAge:
		step = time.Hour
	case age > minuteAge:
		step = 5 * time.Minute
	case period < time.Minute:
		step = period
	}
	return start.Truncate(step)
}

// kept reports whether data of that age exist for a period. Where they do not,
// the answer has no data points (API reference, Period).
func kept(start, now time.Time, period time.Duration) bool {
	switch age := now.Sub(start); {
	case age > fiveAge:
		return period%time.Hour == 0
	case age > minuteAge:
		return period%(5*time.Minute) == 0
	case age > highResAge:
		return period%time.Minute == 0
	}
	return true
}

// checkPeriod refuses periods that no metric has.
func checkPeriod(at string, seconds int32) error {
	switch seconds {
	case 1, 5, 10, 20, 30:
		return nil
	}
	if seconds < 60 || seconds%60 != 0 {
		return badValue("The parameter %s must be 1, 5, 10, 20, 30 or a multiple of 60.", at)
	}
	return nil
}

// percentile reads p50, p99.9 and the like.
func percentile(stat string) (float64, bool) {
	digits, ok := strings.CutPrefix(stat, "p")
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	p, err := strconv.ParseFloat(digits, 64)
	return p, err == nil && p >= 0 && p <= 100
}

// statistic takes one statistic out of a Stat; ok is false where the data do
// not have it.
func statistic(name string, st metrics.Stat) (v float64, ok bool) {
	switch name {
	case StatisticSampleCount:
		return st.Count, true
	case StatisticAverage:
		return st.Average(), true
	case StatisticSum:
		return st.Sum, true
	case StatisticMinimum:
		return st.Min, true
	case StatisticMaximum:
		return st.Max, true
	}
	if p, ok := percentile(name); ok {
		return st.Percentile(p)
	}
	return 0, false
}

// isStatistic reports whether statistic knows that name.
func isStatistic(name string) bool {
	_, known := statistic(name, metrics.Value(0))
	return known
}
