package logdriver

import (
	"fmt"
	"time"
)

// appender is the side of logs.Writer that is used here.
type appender interface {
	Append(t time.Time, line []byte) error
	Close() error
}

// sink keeps lines, or counts them.
type sink struct {
	open    func() (appender, error)
	now     func() time.Time
	w       appender
	dropped int
	reason  error
	retry   time.Time // no line is tried before
}

// pause is how long nothing is tried after a failure, so that a container
// which writes a lot into a full disk costs little.
const pause = time.Second

// line keeps one line or counts it as dropped.
func (s *sink) line(text []byte) {
	now := s.now()
	if s.dropped > 0 && now.Before(s.retry) {
		s.dropped++
		return
	}
	if err := s.append(now, text); err != nil {
		s.dropped++
		s.reason, s.retry = err, now.Add(pause)
	}
}

func (s *sink) append(now time.Time, text []byte) error {
	if s.w == nil {
		w, err := s.open()
		if err != nil {
			return err
		}
		s.w = w
	}
	if err := s.note(now); err != nil {
		return err
	}
	return s.w.Append(now, text)
}

// note says, in the place of the gap, how many lines were dropped.
func (s *sink) note(now time.Time) error {
	if s.dropped == 0 {
		return nil
	}
	text := fmt.Sprintf("[seamark] %d lines were dropped here: %v", s.dropped, s.reason)
	if err := s.w.Append(now, []byte(text)); err != nil {
		return err
	}
	s.dropped = 0
	return nil
}

// close makes a last attempt at the note.
func (s *sink) close() error {
	if s.w == nil {
		return s.reason
	}
	err := s.note(s.now())
	if closeErr := s.w.Close(); err == nil {
		err = closeErr
	}
	return err
}
