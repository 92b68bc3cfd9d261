//go:build linux

package main

import (
	"context"
	"strings"
	"time"

	"seamark/bench/rig"
)

// goalMemory is the goal for Seamark's own processes, idle: the sum of RSS in bytes, the strictest reading.
const goalMemory = 180_000_000

// report collects everything.
type report struct {
	all    []*rig.Series
	memory []rig.Memory
}

func (r *report) series(name string, goal time.Duration) *rig.Series {
	s := &rig.Series{Name: name, Goal: goal}
	r.all = append(r.all, s)
	return s
}

// memoryOf reads the memory of the instance's processes; the first look is the
// one with a goal.
func (r *report) memoryOf(ctx context.Context, s *rig.Instance, when string) error {
	var goal int64
	if len(r.memory) == 0 {
		goal = goalMemory
	}
	m, err := s.Memory(ctx, when, goal)
	r.memory = append(r.memory, m)
	return err
}

// markdown is the report as docs/benchmarks.md shows it.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(rig.Table(r.all))
	for _, m := range r.memory {
		b.WriteString(m.Markdown())
	}
	return b.String()
}
