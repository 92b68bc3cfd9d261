//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// series is one measurement, repeated.
type series struct {
	name  string
	goal  time.Duration // of the median; 0: none
	times []time.Duration
}

func (s *series) add(d time.Duration) { s.times = append(s.times, d) }

// at is the value that a share of the times does not exceed.
func (s *series) at(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s.times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// report collects everything.
type report struct {
	machine machine
	runs    int
	all     []*series
	memory  []memory
}

func (r *report) series(name string, goal time.Duration) *series {
	s := &series{name: name, goal: goal}
	r.all = append(r.all, s)
	return s
}

// markdown is the report as docs/benchmarks.md shows it.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on: %s.\nLoad averages before: %s; after: %s.\n\n", r.machine, r.machine.loadBefore, r.machine.loadAfter)
	fmt.Fprintln(&b, "| what | runs | min | median | p99 | max | goal for the median | met |")
	fmt.Fprintln(&b, "|---|---:|---:|---:|---:|---:|---:|---|")
	for _, s := range r.all {
		if len(s.times) == 0 {
			continue
		}
		goal, met := "", ""
		if s.goal > 0 {
			goal, met = "≤ "+short(s.goal), verdict(s.at(0.5) <= s.goal)
		}
		fmt.Fprintf(&b, "| %s | %d | %s | **%s** | %s | %s | %s | %s |\n",
			s.name, len(s.times), short(s.at(0)), short(s.at(0.5)), short(s.at(0.99)), short(s.at(1)), goal, met)
	}
	for _, m := range r.memory {
		m.table(&b)
	}
	return b.String()
}

func (m memory) table(b *strings.Builder) {
	fmt.Fprintf(b, "\nResident memory %s, %s after the last change:\n\n", m.when, settle)
	fmt.Fprintln(b, "| process | number | RSS | PSS | written by it alone |")
	fmt.Fprintln(b, "|---|---:|---:|---:|---:|")
	var sum process
	for _, p := range m.processes {
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s |\n", p.kind, p.count, megabytes(p.rss), megabytes(p.pss), megabytes(p.dirty))
		sum.add(p)
	}
	fmt.Fprintf(b, "| **all** | %d | %s | **%s** | %s |\n", sum.count, megabytes(sum.rss), megabytes(sum.pss), megabytes(sum.dirty))
	if m.goal {
		fmt.Fprintf(b, "\nGoal: the sum of RSS ≤ %s: %s.\n", megabytes(goalMemory), verdict(sum.rss <= goalMemory))
	}
}

func verdict(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// short prints three digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
}

// The section of the document that -write replaces.
const (
	sectionStart = "<!-- bench-guide: written by bench/guide -write -->\n"
	sectionEnd   = "<!-- bench-guide: end -->\n"
)

// replaceSection puts text between the marks of the document.
func replaceSection(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(b, []byte(sectionStart))
	_, tail, ok2 := bytes.Cut(rest, []byte(sectionEnd))
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", path, strings.TrimSpace(sectionStart), strings.TrimSpace(sectionEnd))
	}
	out := slices.Concat(head, []byte(sectionStart+"\n"+text+"\n"+sectionEnd), tail)
	return os.WriteFile(path, out, 0o644)
}
