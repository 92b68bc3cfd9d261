package logs

import (
	"context"
	"strings"
	"time"

	events "seamark/internal/telemetry/logs"
	"seamark/internal/telemetry/pattern"
	"seamark/internal/world"
)

func (s *Server) getLogEvents(ctx context.Context, in *GetLogEventsInput) (*GetLogEventsOutput, error) {
	g, err := s.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	p, err := s.cfg.Logs.Get(ctx, events.GetQuery{
		Group: g.Name, Stream: *in.LogStreamName,
		Range:    span(g, in.StartTime, in.EndTime, 0),
		FromHead: val(in.StartFromHead),
		Limit:    int(val(in.Limit)),
		Token:    val(in.NextToken),
	})
	if err != nil {
		return nil, eventError(err)
	}
	out := &GetLogEventsOutput{Events: []OutputLogEvent{}, NextForwardToken: &p.Forward, NextBackwardToken: &p.Backward}
	for _, e := range p.Events {
		out.Events = append(out.Events, OutputLogEvent{
			Timestamp:     new(e.Time.UnixMilli()),
			IngestionTime: new(e.Ingested.UnixMilli()),
			Message:       new(text(e.Message)),
		})
	}
	return out, nil
}

func (s *Server) filterLogEvents(ctx context.Context, in *FilterLogEventsInput) (*FilterLogEventsOutput, error) {
	g, err := s.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	matches, err := pattern.Compile(val(in.FilterPattern))
	if err != nil {
		return nil, invalid(err.Error())
	}
	q := events.FilterQuery{
		Group: g.Name, Streams: in.LogStreamNames, Prefix: val(in.LogStreamNamePrefix),
		Range: span(g, in.StartTime, in.EndTime, 1),
		Limit: int(val(in.Limit)),
		Token: val(in.NextToken),
	}
	if !matches.All() {
		q.Match = matches.Match
	}
	p, err := s.cfg.Logs.Filter(ctx, q)
	if err != nil {
		return nil, eventError(err)
	}
	out := &FilterLogEventsOutput{Events: []FilteredLogEvent{}, SearchedLogStreams: []SearchedLogStream{}}
	for _, e := range p.Events {
		out.Events = append(out.Events, FilteredLogEvent{
			EventId:       new(e.ID),
			LogStreamName: new(e.Stream),
			Timestamp:     new(e.Time.UnixMilli()),
			IngestionTime: new(e.Ingested.UnixMilli()),
			Message:       new(text(e.Message)),
		})
	}
	if p.Next != "" {
		out.NextToken = &p.Next
	}
	return out, nil
}

// span is what a request asks for, without what is expired. beyond is 1 where
// the end itself belongs to the span.
func span(g *world.LogGroup, start, end *int64, beyond int64) events.Range {
	r := events.Range{From: max(val(start), oldest(g, time.Now()).UnixMilli())}
	if end != nil {
		// A range's zero end means none, and an end in the far future too.
		if r.Until = *end + beyond; r.Until <= 0 {
			r.Until = -1
		}
	}
	return r
}

// text makes a message fit for JSON: containers print what they like.
func text(message string) string { return strings.ToValidUTF8(message, "\uFFFD") }
