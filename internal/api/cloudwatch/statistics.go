package cloudwatch

import (
	"context"
	"strconv"
	"time"

	"seamark/internal/telemetry/metrics"
	"seamark/internal/wire"
)

// maxDatapoints is how many data points one GetMetricStatistics may ask for.
const maxDatapoints = 1440

func (s *Server) getMetricStatistics(_ context.Context, in *GetMetricStatisticsInput) (*GetMetricStatisticsOutput, error) {
	if err := checkStatistics(in); err != nil {
		return nil, err
	}
	now, period := time.Now(), time.Duration(*in.Period)*time.Second
	start, end := roundStart(in.StartTime.Time, now, period), in.EndTime.Time
	out := &GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []Datapoint{}}
	if !kept(start, now, period) {
		return out, nil
	}
	points, err := s.cfg.Metrics.Query(metrics.Query{
		Metric: metricOf(in.Namespace, in.MetricName, in.Dimensions), Unit: val(in.Unit),
		Start: start, End: wholeSecond(end), Period: period,
	})
	if err != nil {
		return nil, err
	}
	for _, p := range points {
		if d, ok := datapoint(in, p); ok {
			out.Datapoints = append(out.Datapoints, d)
		}
	}
	return out, nil
}

// wholeSecond is the first whole second at or after t: an exclusive end.
func wholeSecond(t time.Time) time.Time {
	if cut := t.Truncate(time.Second); cut.Before(t) {
		return cut.Add(time.Second)
	}
	return t
}

func checkStatistics(in *GetMetricStatisticsInput) error {
	switch {
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	case len(in.Statistics) > 0 && len(in.ExtendedStatistics) > 0:
		return badCombination("The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both.")
	case !in.StartTime.Before(in.EndTime.Time):
		return badValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	if err := checkPeriod("Period", *in.Period); err != nil {
		return err
	}
	for _, name := range in.ExtendedStatistics {
		if _, ok := percentile(name); !ok {
			return badValue("The value %s for parameter ExtendedStatistics is not supported: only percentiles are, such as p99.9.", name)
		}
	}
	span, period := in.EndTime.Unix()-in.StartTime.Unix(), int64(*in.Period)
	if n := (span + period - 1) / period; n > maxDatapoints {
		return badCombination("You have requested up to %s datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", thousands(n))
	}
	return nil
}

// thousands writes 12345 as 12,345.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// datapoint shows what was asked for of one period; false: nothing of it is
// known, as with percentiles of statistic sets.
func datapoint(in *GetMetricStatisticsInput, p metrics.Point) (Datapoint, bool) {
	d := Datapoint{Timestamp: wire.At(p.Time), Unit: new(p.Unit)}
	found := false
	for _, name := range in.Statistics {
		v, ok := statistic(name, p.Stat)
		found = found || ok
		switch name {
		case StatisticSampleCount:
			d.SampleCount = &v
		case StatisticAverage:
			d.Average = &v
		case StatisticSum:
			d.Sum = &v
		case StatisticMinimum:
			d.Minimum = &v
		case StatisticMaximum:
			d.Maximum = &v
		}
	}
	for _, name := range in.ExtendedStatistics {
		v, ok := statistic(name, p.Stat)
		if !ok {
			continue
		}
		if d.ExtendedStatistics == nil {
			d.ExtendedStatistics = map[string]float64{}
		}
		d.ExtendedStatistics[name], found = v, true
	}
	return d, found
}
