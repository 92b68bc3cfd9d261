package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"seamark/internal/telemetry/metrics"
)

// Bounds of PutMetricData (API reference).
const (
	maxData    = 1000
	maxValues  = 150
	maxBehind  = 14 * 24 * time.Hour
	maxAhead   = 2 * time.Hour
	awsPrefix  = "AWS/"
	everySec   = 1
	everyMin   = 60
	maxPowerOf = 360 // values lie between -2^360 and 2^360
)

// putMetricData records all of a request's data, or none when one is wrong.
func (s *Server) putMetricData(_ context.Context, in *PutMetricDataInput) (*PutMetricDataOutput, error) {
	if strings.HasPrefix(*in.Namespace, awsPrefix) {
		return nil, badValue("The value %s for parameter Namespace is invalid. Namespaces that begin with %s are reserved.", *in.Namespace, awsPrefix)
	}
	all := in.MetricData
	for _, e := range in.EntityMetricData {
		all = append(all, e.MetricData...)
	}
	switch {
	case len(all) == 0:
		return nil, missing("The parameter MetricData is required.")
	case len(all) > maxData:
		return nil, badValue("The collection MetricData must not have a size greater than %d.", maxData)
	}
	now := time.Now()
	var data []metrics.Datum
	for i, d := range all {
		read, err := readDatum(fmt.Sprintf("MetricData.member.%d", i+1), d, now)
		if err != nil {
			return nil, err
		}
		for n := range read {
			read[n].Namespace = *in.Namespace
		}
		data = append(data, read...)
	}
	for _, d := range data {
		s.cfg.Metrics.Record(d)
	}
	return &PutMetricDataOutput{}, nil
}

// readDatum makes one datum of a member, or one for each of its values.
func readDatum(at string, d MetricDatum, now time.Time) ([]metrics.Datum, error) {
	if err := checkDatum(at, d, now); err != nil {
		return nil, err
	}
	stat, err := readStat(at, d)
	if err != nil {
		return nil, err
	}
	m := metricOf(nil, d.MetricName, d.Dimensions)
	out := metrics.Datum{
		Name: m.Name, Dimensions: m.Dimensions, Unit: val(d.Unit), Time: now,
		Stat: stat, HighResolution: val(d.StorageResolution) == everySec,
	}
	if d.Timestamp != nil {
		out.Time = d.Timestamp.Time
	}
	return []metrics.Datum{out}, nil
}

func checkDatum(at string, d MetricDatum, now time.Time) error {
	names := map[string]bool{}
	for _, dim := range d.Dimensions {
		if names[*dim.Name] {
			return badValue("The parameter %s.Dimensions has the name %s twice.", at, *dim.Name)
		}
		names[*dim.Name] = true
	}
	if r := d.StorageResolution; r != nil && *r != everySec && *r != everyMin {
		return badValue("The value %d for parameter %s.StorageResolution is invalid. It must be 1 or 60.", *r, at)
	}
	if t := d.Timestamp; t != nil && (t.Before(now.Add(-maxBehind)) || t.After(now.Add(maxAhead))) {
		return badValue("The parameter %s.Timestamp must specify a time no more than two weeks in the past and no more than two hours in the future.", at)
	}
	return nil
}

// readStat reads the one of Value, StatisticValues and Values that is there.
func readStat(at string, d MetricDatum) (metrics.Stat, error) {
	switch {
	case d.Value != nil && d.StatisticValues != nil:
		return metrics.Stat{}, exclusive(at, "Value", "StatisticValues")
	case d.Value != nil && len(d.Values) > 0:
		return metrics.Stat{}, exclusive(at, "Value", "Values")
	case d.StatisticValues != nil && len(d.Values) > 0:
		return metrics.Stat{}, exclusive(at, "StatisticValues", "Values")
	case d.Value != nil:
		return metrics.Value(*d.Value), checkNumbers(at+".Value", *d.Value)
	case d.StatisticValues != nil:
		return readSet(at+".StatisticValues", *d.StatisticValues)
	case len(d.Values) > 0:
		return readValues(at, d.Values, d.Counts)
	}
	return metrics.Stat{}, missing("At least one of the parameters %s.Value, %s.Values and %s.StatisticValues must be specified.", at, at, at)
}

func exclusive(at, a, b string) error {
	return badCombination("The parameters %s.%s and %s.%s are mutually exclusive and you have specified both.", at, a, at, b)
}

func readSet(at string, v StatisticSet) (metrics.Stat, error) {
	count, sum, least, most := *v.SampleCount, *v.Sum, *v.Minimum, *v.Maximum
	if err := checkNumbers(at, count, sum, least, most); err != nil {
		return metrics.Stat{}, err
	}
	if count <= 0 {
		return metrics.Stat{}, badValue("The value %v for parameter %s.SampleCount is invalid. It must be greater than 0.", count, at)
	}
	if least > most {
		return metrics.Stat{}, badValue("The parameter %s.Maximum must be greater than or equal to %s.Minimum.", at, at)
	}
	return metrics.Set(count, sum, least, most), nil
}

func readValues(at string, values, counts []float64) (metrics.Stat, error) {
	var st metrics.Stat
	if len(values) > maxValues {
		return st, badValue("The collection %s.Values must not have a size greater than %d.", at, maxValues)
	}
	if counts != nil && len(counts) != len(values) {
		return st, badValue("The parameters %s.Values and %s.Counts must be of the same size.", at, at)
	}
	for i, v := range values {
		count := 1.0
		if counts != nil {
			count = counts[i]
		}
		if err := checkNumbers(at+".Values", v, count); err != nil {
			return st, err
		}
		if count <= 0 {
			return st, badValue("The value %v for parameter %s.Counts is invalid. It must be greater than 0.", count, at)
		}
		st = st.Merge(metrics.Weighted(v, count))
	}
	return st, nil
}

// checkNumbers refuses what no statistic can hold.
func checkNumbers(at string, numbers ...float64) error {
	for _, f := range numbers {
		if math.IsNaN(f) || math.Abs(f) > math.Ldexp(1, maxPowerOf) {
			return badValue("The value %v for parameter %s is invalid.", f, at)
		}
	}
	return nil
}
