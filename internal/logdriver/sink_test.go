package logdriver

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// shimArgs does what containerd's shim does with the URI of a logger
// (process.NewBinaryCmd of containerd 2.4).
func shimArgs(t *testing.T, uri string) []string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	var args []string
	for k, vs := range u.Query() {
		args = append(args, k, vs[0])
	}
	return args
}

// disk is an appender with room for some lines.
type disk struct {
	room  int
	lines []string
}

var errFull = errors.New("disk is full")

func (d *disk) Append(_ time.Time, line []byte) error {
	if d.room == 0 {
		return errFull
	}
	d.room--
	d.lines = append(d.lines, string(line))
	return nil
}

func (d *disk) Close() error { return nil }

func TestSink_CountsWhatADiskDoesNotTake(t *testing.T) {
	now := time.Unix(1000, 0)
	d := &disk{room: 2}
	s := &sink{now: func() time.Time { return now }, open: func() (appender, error) { return d, nil }}
	for _, l := range []string{"1", "2", "3", "4"} {
		s.line([]byte(l))
	}
	d.room = 10
	s.line([]byte("5")) // within the pause after the failure
	now = now.Add(pause)
	s.line([]byte("6"))
	s.line([]byte("7"))
	want := "1|2|[seamark] 3 lines were dropped here: disk is full|6|7"
	if got := strings.Join(d.lines, "|"); got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestSink_OpensLaterWhatCouldNotBeOpened(t *testing.T) {
	now := time.Unix(1000, 0)
	d, ready := &disk{room: 10}, false
	s := &sink{now: func() time.Time { return now }, open: func() (appender, error) {
		if !ready {
			return nil, errFull
		}
		return d, nil
	}}
	s.line([]byte("1"))
	if err := s.close(); !errors.Is(err, errFull) {
		t.Errorf("nothing was kept, and close says %v", err)
	}
	ready, now = true, now.Add(pause)
	s.line([]byte("2"))
	if got := strings.Join(d.lines, "|"); got != "[seamark] 1 lines were dropped here: disk is full|2" {
		t.Errorf("kept %q", got)
	}
}
