package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"seamark/internal/api/page"
	events "seamark/internal/telemetry/logs"
)

func (s *Server) createLogStream(_ context.Context, in *CreateLogStreamInput) (*CreateLogStreamOutput, error) {
	if _, err := s.group(*in.LogGroupName); err != nil {
		return nil, err
	}
	if err := s.cfg.Logs.CreateStream(*in.LogGroupName, *in.LogStreamName); err != nil {
		return nil, eventError(err)
	}
	return &CreateLogStreamOutput{}, nil
}

func (s *Server) deleteLogStream(_ context.Context, in *DeleteLogStreamInput) (*DeleteLogStreamOutput, error) {
	if _, err := s.group(*in.LogGroupName); err != nil {
		return nil, err
	}
	if err := s.cfg.Logs.DeleteStream(*in.LogGroupName, *in.LogStreamName); err != nil {
		return nil, eventError(err)
	}
	return &DeleteLogStreamOutput{}, nil
}

func (s *Server) describeLogStreams(_ context.Context, in *DescribeLogStreamsInput) (*DescribeLogStreamsOutput, error) {
	g, err := s.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	byTime := val(in.OrderBy) == OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	listed, err := s.listStreams(g.Name, val(in.LogStreamNamePrefix), byTime, val(in.Descending))
	if err != nil {
		return nil, err
	}
	limit := defaultPage
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	streams, next, err := page.Cut(listed, func(l listedStream) string { return l.key }, val(in.NextToken), limit)
	if err != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	out := &DescribeLogStreamsOutput{LogStreams: []LogStream{}}
	for _, l := range streams {
		stats, err := s.cfg.Logs.Stats(g.Name, l.name)
		if errors.Is(err, events.ErrNoStream) {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, err
		}
		out.LogStreams = append(out.LogStreams, s.showStream(g.Name, stats))
	}
	if next != "" {
		out.NextToken = &next
	}
	return out, nil
}

// listedStream is a stream and its place in a listing.
type listedStream struct{ name, key string }

// listStreams returns a group's streams in the order that was asked for. Their
// keys ascend in every order, so that a page can begin behind one.
func (s *Server) listStreams(group, prefix string, byTime, descending bool) ([]listedStream, error) {
	names, err := s.cfg.Logs.Streams(group, prefix)
	if err != nil {
		return nil, err
	}
	var out []listedStream
	for _, name := range names {
		key := name
		if byTime {
			stats, err := s.cfg.Logs.Stats(group, name)
			if errors.Is(err, events.ErrNoStream) {
				continue // deleted since it was listed
			}
			if err != nil {
				return nil, err
			}
			last := int64(0)
			if stats.Events > 0 {
				last = stats.Last.UnixMilli()
			}
			key = fmt.Sprintf("%013d/%s", last, name)
		}
		if descending {
			key = mirror(key)
		}
		out = append(out, listedStream{name: name, key: key})
	}
	slices.SortFunc(out, func(a, b listedStream) int { return strings.Compare(a.key, b.key) })
	return out, nil
}

// mirror maps strings to strings whose order is the reverse.
func mirror(s string) string {
	b := make([]byte, 0, len(s)+1)
	for i := range len(s) {
		b = append(b, ^s[i])
	}
	return string(append(b, 0xff))
}

func (s *Server) showStream(group string, st events.StreamStats) LogStream {
	shown := LogStream{
		Arn:           new(s.arn(group) + ":log-stream:" + st.Name),
		LogStreamName: new(st.Name),
		CreationTime:  new(st.CreatedAt.UnixMilli()),
		// Zero for every stream since 2019 (API reference, LogStream).
		StoredBytes: new(int64(0)),
	}
	if st.Events > 0 {
		shown.FirstEventTimestamp = new(st.First.UnixMilli())
		shown.LastEventTimestamp = new(st.Last.UnixMilli())
		shown.LastIngestionTime = new(st.LastIngested.UnixMilli())
		shown.UploadSequenceToken = new(sequenceToken(st.LastIngested))
	}
	return shown
}
