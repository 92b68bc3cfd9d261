package dataplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// recordName is the file in RunDir that names the process. The process writes it
// itself, so that none that serves is ever without one.
const recordName = "dataplane.json"

// record identifies a process: pids are used again, pid and start time are not.
type record struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // clock ticks after boot (proc(5), field 22)
	Socket    string `json:"socket"`
	Protocol  int    `json:"protocol"`
}

// readRecord returns the record, or nil when there is none.
func readRecord(dir string) (*record, error) {
	b, err := os.ReadFile(filepath.Join(dir, recordName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", recordName, err)
	}
	return r, nil
}

func (r record) write(dir string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, recordName), append(b, '\n'))
}
