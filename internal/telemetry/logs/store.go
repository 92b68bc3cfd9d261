package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of the store.
var (
	ErrNoStream     = errors.New("log stream does not exist")
	ErrStreamExists = errors.New("log stream exists")
	ErrBadToken     = errors.New("page token is not one of ours")
)

// Options configure a Store.
type Options struct {
	// Writer bounds the streams that Put writes.
	Writer WriterOptions
	// MaxTotal bounds all streams together, at Sweep; 0: DefaultMaxTotal;
	// negative: no bound.
	MaxTotal int64
	// Logger hears of what cannot be returned; nil: nobody does.
	Logger *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// DefaultMaxTotal bounds all streams together where nothing else is asked.
const DefaultMaxTotal = 10 << 30

// Store reads and keeps all streams under one root. It is safe for concurrent
// use, also beside the Writers of other processes.
type Store struct {
	root  string
	opts  Options
	lanes []chan lane

	mu      sync.Mutex
	indexes map[string]map[int64]*index // by stream directory and segment
}

// lane serialises Put for the streams that share it and keeps the last
// stream's writer open.
type lane struct {
	dir string
	w   *Writer
}

// laneCount bounds the open files and the concurrency of Put.
const laneCount = 32

// trash holds what is being removed. No escaped name begins with a dot.
const trash = ".trash"

// Open opens the streams under root and makes the directory where it is
// missing.
func Open(root string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxTotal == 0 {
		o.MaxTotal = DefaultMaxTotal
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(root, trash)); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	s := &Store{root: root, opts: o, indexes: map[string]map[int64]*index{}}
	for range laneCount {
		c := make(chan lane, 1)
		c <- lane{}
		s.lanes = append(s.lanes, c)
	}
	return s, nil
}

// Close gives up the open segments, after the Puts under way.
func (s *Store) Close() error {
	var errs []error
	for _, c := range s.lanes {
		l := <-c
		if l.w != nil {
			errs = append(errs, l.w.Close())
		}
		c <- lane{}
	}
	return errors.Join(errs...)
}

// Dir is the directory of a stream's segments, for a Writer in another process.
func (s *Store) Dir(group, stream string) string { return StreamDir(s.root, group, stream) }

// CreateStream makes an empty stream.
func (s *Store) CreateStream(group, stream string) error {
	made, err := createStream(s.Dir(group, stream), s.opts.Now())
	if err != nil {
		return fullError(err)
	}
	if !made {
		return fmt.Errorf("stream %q of %q: %w", stream, group, ErrStreamExists)
	}
	return nil
}

// HasStream reports whether a stream exists.
func (s *Store) HasStream(group, stream string) (bool, error) {
	return isStream(s.Dir(group, stream))
}

func isStream(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, streamFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// need is an error unless the stream exists.
func (s *Store) need(group, stream string) error {
	ok, err := s.HasStream(group, stream)
	if err == nil && !ok {
		err = fmt.Errorf("stream %q of %q: %w", stream, group, ErrNoStream)
	}
	return err
}

// Streams returns the names of a group's streams that begin with prefix,
// sorted. A group that has no directory has none.
func (s *Store) Streams(group, prefix string) ([]string, error) {
	var names []string
	err := walkNames(groupDir(s.root, group), func(name, dir string) error {
		if !strings.HasPrefix(name, prefix) {
			return nil
		}
		ok, err := isStream(dir)
		if ok {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list streams of %q: %w", group, err)
	}
	slices.Sort(names)
	return names, nil
}

// walkNames calls f for every name under dir, in no order, joining those that
// are spread over several directories.
func walkNames(dir string, f func(name, dir string) error) error {
	return walkParts(dir, "", f)
}

func walkParts(dir, before string, f func(name, dir string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		at := filepath.Join(dir, e.Name())
		if part, more := strings.CutSuffix(e.Name(), continued); more {
			err = walkParts(at, before+part, f)
		} else if name, ok := unescape(before + e.Name()); ok {
			err = f(name, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteStream removes a stream and its events.
func (s *Store) DeleteStream(group, stream string) error {
	if err := s.need(group, stream); err != nil {
		return err
	}
	return s.remove(s.Dir(group, stream), groupDir(s.root, group))
}

// DeleteGroup removes all streams of a group. One without streams is no error.
func (s *Store) DeleteGroup(group string) error {
	return s.remove(groupDir(s.root, group), s.root)
}

// remove takes a directory away in one step and then empties it. A Writer that
// has a segment in it finds the stream deleted. Directories above it, up to
// top, go when they became empty.
func (s *Store) remove(dir, top string) error {
	bin := filepath.Join(s.root, trash)
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return fmt.Errorf("delete log events: %w", err)
	}
	into, err := os.MkdirTemp(bin, "")
	if err != nil {
		return fmt.Errorf("delete log events: %w", err)
	}
	err = os.Rename(dir, filepath.Join(into, "gone"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	s.forget(dir)
	if err = errors.Join(err, os.RemoveAll(into)); err != nil {
		return fmt.Errorf("delete log events: %w", err)
	}
	for up := filepath.Dir(dir); up != top && len(up) > len(top); up = filepath.Dir(up) {
		err := os.Remove(up)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			return nil // not empty, as other names begin with this part; or gone
		}
		if err != nil {
			return fmt.Errorf("delete log events: %w", err)
		}
	}
	return nil
}

// forget drops what is known of the segments under dir.
func (s *Store) forget(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.indexes {
		if at == dir || strings.HasPrefix(at, dir+string(filepath.Separator)) {
			delete(s.indexes, at)
		}
	}
}

// segments returns the current indexes of a stream's segments by number.
func (s *Store) segments(dir string) ([]*index, error) {
	files, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	known := s.indexes[dir]
	s.mu.Unlock()
	next := make(map[int64]*index, len(files))
	out := make([]*index, 0, len(files))
	for _, f := range files {
		x := known[f.number]
		if x == nil || x.end != f.size || !x.file.ModTime().Equal(f.mtime) {
			if x, err = refresh(dir, f.number, x); err != nil {
				return nil, err
			}
		}
		if x != nil {
			next[f.number] = x
			out = append(out, x)
		}
	}
	if len(next) > 0 {
		s.mu.Lock()
		s.indexes[dir] = next
		s.mu.Unlock()
	}
	return out, nil
}
