//go:build linux

package engine

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLog is the size from which the log is set aside at the next start. At
// level warn containerd hardly writes.
const maxLog = 8 << 20

func (e *Engine) logFile() string { return filepath.Join(e.opts.DataDir, "containerd.log") }

func (e *Engine) openLog() (*os.File, error) {
	info, err := os.Stat(e.logFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && info.Size() > maxLog {
		if err := os.Rename(e.logFile(), e.logFile()+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(e.logFile(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// lastLog returns the end of the log for an error message.
func (e *Engine) lastLog() string {
	f, err := os.Open(e.logFile())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	const most = 2 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
