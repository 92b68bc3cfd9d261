package cloudwatch

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"seamark/internal/telemetry/metrics"
	"seamark/internal/wire"
)

// Bounds of GetMetricData (API reference).
const (
	maxQueries       = 500
	maxDataPerAnswer = 100_800
)

func (s *Server) getMetricData(_ context.Context, in *GetMetricDataInput) (*GetMetricDataOutput, error) {
	if err := checkData(in); err != nil {
		return nil, err
	}
	pos, err := parsePosition(val(in.NextToken), len(in.MetricDataQueries))
	if err != nil {
		return nil, err
	}
	left := maxDataPerAnswer
	if in.MaxDatapoints != nil {
		left = int(*in.MaxDatapoints)
	}
	out := &GetMetricDataOutput{MetricDataResults: []MetricDataResult{}, Messages: []MessageData{}}
	now := time.Now()
	for ; pos.query < len(in.MetricDataQueries); pos = (position{query: pos.query + 1}) {
		q := in.MetricDataQueries[pos.query]
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		if left == 0 {
			out.NextToken = new(pos.token())
			return out, nil
		}
		r, err := s.result(in, q, now)
		if err != nil {
			return nil, err
		}
		n := len(r.Values)
		from := min(pos.offset, n)
		to := min(from+left, n)
		r.Values, r.Timestamps = r.Values[from:to], r.Timestamps[from:to]
		left -= to - from
		if to < n {
			r.StatusCode = new(StatusCodePartialData)
			out.NextToken = new(position{query: pos.query, offset: to}.token())
			out.MetricDataResults = append(out.MetricDataResults, r)
			return out, nil
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	return out, nil
}

// result is the whole series of one query in the order that was asked for.
func (s *Server) result(in *GetMetricDataInput, q MetricDataQuery, now time.Time) (MetricDataResult, error) {
	stat := q.MetricStat
	r := MetricDataResult{
		Id: q.Id, Label: q.Label, StatusCode: new(StatusCodeComplete),
		Timestamps: []wire.Time{}, Values: []float64{},
	}
	if r.Label == nil {
		r.Label = stat.Metric.MetricName
	}
	period := time.Duration(*stat.Period) * time.Second
	// Periods lie at multiples of their length here, not at the start time.
	start := roundStart(in.StartTime.Time, now, period).Truncate(period)
	if !kept(start, now, period) {
		return r, nil
	}
	points, err := s.cfg.Metrics.Query(metrics.Query{
		Metric: metricOf(stat.Metric.Namespace, stat.Metric.MetricName, stat.Metric.Dimensions), Unit: val(stat.Unit),
		Start: start, End: wholeSecond(in.EndTime.Time), Period: period,
	})
	if err != nil {
		return r, err
	}
	for _, p := range joinUnits(points) {
		if v, ok := statistic(*stat.Stat, p.Stat); ok {
			r.Values = append(r.Values, v)
			r.Timestamps = append(r.Timestamps, *wire.At(p.Time))
		}
	}
	if val(in.ScanBy) != ScanByTimestampAscending {
		slices.Reverse(r.Values)
		slices.Reverse(r.Timestamps)
	}
	return r, nil
}

// joinUnits merges points of one time: a result has no place for units.
func joinUnits(points []metrics.Point) []metrics.Point {
	var out []metrics.Point
	for _, p := range points {
		if n := len(out); n > 0 && out[n-1].Time.Equal(p.Time) {
			out[n-1].Stat = out[n-1].Stat.Merge(p.Stat)
		} else {
			out = append(out, p)
		}
	}
	return out
}

// refused is the error that GetMetricData has for queries that make no sense.
func refused(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}

func checkData(in *GetMetricDataInput) error {
	if !in.StartTime.Before(in.EndTime.Time) {
		return refused("The parameter StartTime must be less than the parameter EndTime.")
	}
	if n := len(in.MetricDataQueries); n == 0 || n > maxQueries {
		return refused("The collection MetricDataQueries must have between 1 and %d members.", maxQueries)
	}
	if m := in.MaxDatapoints; m != nil && (*m < 1 || *m > maxDataPerAnswer) {
		return refused("The parameter MaxDatapoints must be between 1 and %s.", thousands(maxDataPerAnswer))
	}
	ids, returned := map[string]bool{}, false
	name := regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)
	for i, q := range in.MetricDataQueries {
		at := fmt.Sprintf("MetricDataQueries.member.%d", i+1)
		if !name.MatchString(*q.Id) {
			return refused("The value %s for parameter %s.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", *q.Id, at)
		}
		if ids[*q.Id] {
			return refused("The values for parameter id in MetricDataQueries are not unique.")
		}
		ids[*q.Id] = true
		returned = returned || q.ReturnData == nil || *q.ReturnData
		if err := checkQuery(at, q); err != nil {
			return err
		}
	}
	if !returned {
		return refused("At least one of the MetricDataQueries must have ReturnData true.")
	}
	return nil
}

func checkQuery(at string, q MetricDataQuery) error {
	switch {
	case q.Expression != nil && q.MetricStat != nil:
		return refused("The parameters %s.Expression and %s.MetricStat are mutually exclusive and you have specified both.", at, at)
	case q.Expression != nil:
		return refused("%s.Expression: metric math and search expressions are not built in Seamark.", at)
	case q.MetricStat == nil:
		return refused("Either %s.MetricStat or %s.Expression must be specified.", at, at)
	}
	if m := q.MetricStat.Metric; m.Namespace == nil || m.MetricName == nil {
		return refused("%s.MetricStat.Metric must have a Namespace and a MetricName.", at)
	}
	if !isStatistic(*q.MetricStat.Stat) {
		return refused("The value %s for parameter %s.MetricStat.Stat is not supported.", *q.MetricStat.Stat, at)
	}
	return checkPeriod(at+".MetricStat.Period", *q.MetricStat.Period)
}

// position is where the next page of GetMetricData begins.
type position struct{ query, offset int }

func (p position) token() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "v1:%d:%d", p.query, p.offset))
}

func parsePosition(token string, queries int) (position, error) {
	var p position
	if token == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "v1:%d:%d", &p.query, &p.offset)
	}
	if err != nil || p.query < 0 || p.query >= queries || p.offset < 0 {
		return p, ErrInvalidNextToken("The specified NextToken is invalid.")
	}
	return p, nil
}
