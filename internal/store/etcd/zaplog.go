package etcd

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// zapLogger is a zap logger for etcd that writes to log, one step quieter than
// etcd would: its warnings are about clusters and slow disks.
//
// Where etcd would end the process or panic, halt is called and the goroutine
// stops. Without halt, the process ends as etcd wants.
func zapLogger(log *slog.Logger, halt *halt) *zap.Logger {
	var options []zap.Option
	if halt != nil {
		options = append(options, zap.WithFatalHook(halt), zap.WithPanicHook(halt))
	}
	return zap.New(slogCore{log.With("component", "etcd"), new(atomic.Pointer[zapcore.Entry])}, options...)
}

// slogCore is a zapcore.Core over slog. A message that etcd repeats is written
// once a second: at a start, one is repeated thousands of times.
type slogCore struct {
	log  *slog.Logger
	last *atomic.Pointer[zapcore.Entry]
}

func (c slogCore) Enabled(l zapcore.Level) bool {
	return l >= zapcore.WarnLevel && c.log.Enabled(context.Background(), quieter(l))
}

func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.log.With(attributes(fields)...), c.last}
}

func (c slogCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if last := c.last.Load(); last != nil && last.Message == e.Message && e.Time.Sub(last.Time) < time.Second {
		return nil
	}
	c.last.Store(&e)
	level := quieter(e.Level)
	if e.Message == harmless {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, e.Message, attributes(fields)...) //nolint:sloglint // the message is etcd's
	return nil
}

func (c slogCore) Sync() error { return nil }

// harmless is what every server logs as an error from its first start to its
// first snapshot.
const harmless = "failed to update storage version"

func quieter(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.DPanicLevel:
		return slog.LevelError
	case l >= zapcore.ErrorLevel:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

func attributes(fields []zapcore.Field) []any {
	values := zapcore.NewMapObjectEncoder()
	list := make([]any, 0, len(fields))
	for _, f := range fields {
		f.AddTo(values)
		list = append(list, slog.Any(f.Key, values.Fields[f.Key]))
	}
	return list
}

// halt is what happens instead of the end of the process.
type halt struct {
	health *health
	// closing lets the goroutines end that were stopped. Until then they hold
	// what they hold: the state of a server that wanted to die is not to be
	// touched.
	closing chan struct{}
}

func newHalt() *halt { return &halt{health: newHealth(), closing: make(chan struct{})} }

// OnWrite implements zapcore.CheckWriteHook.
func (h *halt) OnWrite(e *zapcore.CheckedEntry, fields []zapcore.Field) {
	var why strings.Builder
	why.WriteString(e.Message)
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			why.WriteString(": " + err.Error())
		}
	}
	h.health.fail(why.String())
	<-h.closing
	runtime.Goexit()
}
