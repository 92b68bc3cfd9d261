package logs

import (
	"context"
	"errors"

	"seamark/internal/store"
	events "seamark/internal/telemetry/logs"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what a Server needs.
type Config struct {
	Store store.Store   // required; holds the groups
	Logs  *events.Store // required; holds streams and events
	Scope world.Scope   // required
}

// Server answers the operations of CloudWatch Logs. A group is an object of
// the world; its streams and their events are files. It may be used from any
// goroutine.
type Server struct{ cfg Config }

// New returns a Server.
func New(c Config) *Server { return &Server{c} }

// Operations lists the operations that are built.
func (s *Server) Operations() Operations {
	return Operations{
		CreateLogGroup:        s.createLogGroup,
		DeleteLogGroup:        s.deleteLogGroup,
		DescribeLogGroups:     s.describeLogGroups,
		PutRetentionPolicy:    s.putRetentionPolicy,
		DeleteRetentionPolicy: s.deleteRetentionPolicy,

		CreateLogStream:    s.createLogStream,
		DeleteLogStream:    s.deleteLogStream,
		DescribeLogStreams: s.describeLogStreams,

		PutLogEvents:    s.putLogEvents,
		GetLogEvents:    s.getLogEvents,
		FilterLogEvents: s.filterLogEvents,

		TagResource:         s.tagResource,
		UntagResource:       s.untagResource,
		ListTagsForResource: s.listTagsForResource,
		TagLogGroup:         s.tagLogGroup,
		UntagLogGroup:       s.untagLogGroup,
		ListTagsLogGroup:    s.listTagsLogGroup,
	}
}

// The texts are those that AWS answers with.
func errNoGroup() *wire.Error {
	return ErrResourceNotFoundException("The specified log group does not exist.")
}

func errNoStream() *wire.Error {
	return ErrResourceNotFoundException("The specified log stream does not exist.")
}

func invalid(text string) *wire.Error { return ErrInvalidParameterException(text) }

// group returns a group of the present world.
func (s *Server) group(name string) (*world.LogGroup, error) {
	if g := s.cfg.Store.View().LogGroups.Get(name); g != nil {
		return g, nil
	}
	return nil, errNoGroup()
}

// change commits a changed copy of a group.
func (s *Server) change(ctx context.Context, name string, f func(g *world.LogGroup) error) error {
	return s.update(ctx, func(tx *store.Tx) error {
		old := tx.World.LogGroups.Get(name)
		if old == nil {
			return errNoGroup()
		}
		next := *old
		if err := f(&next); err != nil {
			return err
		}
		tx.Put(&next)
		return nil
	})
}

func (s *Server) update(ctx context.Context, f func(tx *store.Tx) error) error {
	_, err := s.cfg.Store.Update(ctx, f)
	for _, refused := range []error{store.ErrNoSpace, store.ErrUnavailable, store.ErrFenced, store.ErrClosed} {
		if errors.Is(err, refused) {
			return ErrServiceUnavailableException(err.Error())
		}
	}
	return err
}

// eventError says in AWS's terms what the store of events refused. Anything
// else stays what it is: a failure that only the log tells about.
func eventError(err error) error {
	switch {
	case errors.Is(err, events.ErrNoStream):
		return errNoStream()
	case errors.Is(err, events.ErrStreamExists):
		return ErrResourceAlreadyExistsException("The specified log stream already exists")
	case errors.Is(err, events.ErrBadToken):
		return invalid("The specified nextToken is invalid.")
	case errors.Is(err, events.ErrFull):
		return ErrServiceUnavailableException("The disk has no room for log events.")
	}
	return err
}

// val is what p points to, or the zero value.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
