//go:build linux

package rig

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Series is one measurement, repeated.
type Series struct {
	Name string
	// Goal of the median and Tail of the 99th percentile; 0: none.
	Goal, Tail time.Duration
	Times      []time.Duration
}

// Add notes one time.
func (s *Series) Add(d time.Duration) { s.Times = append(s.Times, d) }

// At is the value that a share of the times does not exceed.
func (s *Series) At(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s.Times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// Table is series as a table; those without a time are left out.
func Table(all []*Series) string {
	var b strings.Builder
	fmt.Fprintln(&b, "| what | runs | min | median | p99 | max | goal | met |")
	fmt.Fprintln(&b, "|---|---:|---:|---:|---:|---:|---:|---|")
	for _, s := range all {
		if len(s.Times) == 0 {
			continue
		}
		goal, met := s.verdict()
		fmt.Fprintf(&b, "| %s | %d | %s | **%s** | %s | %s | %s | %s |\n",
			s.Name, len(s.Times), Short(s.At(0)), Short(s.At(0.5)), Short(s.At(0.99)), Short(s.At(1)), goal, met)
	}
	return b.String()
}

// verdict is the series' goals and whether they are met.
func (s *Series) verdict() (goal, met string) {
	ok := true
	var goals []string
	for _, g := range []struct {
		what      string
		goal, has time.Duration
	}{{"median", s.Goal, s.At(0.5)}, {"p99", s.Tail, s.At(0.99)}} {
		if g.goal > 0 {
			goals = append(goals, g.what+" ≤ "+Short(g.goal))
			ok = ok && g.has <= g.goal
		}
	}
	if len(goals) == 0 {
		return "", ""
	}
	return strings.Join(goals, ", "), Verdict(ok)
}

// Verdict says whether a goal was met.
func Verdict(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

// Megabytes prints a number of bytes.
func Megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// Short prints three digits.
func Short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
}

// replaceSection puts text between the marks that a benchmark of this name has
// in the document.
func replaceSection(path, name, text string) error {
	start := "<!-- bench-" + name + ": written by bench/" + name + " -write -->\n"
	end := "<!-- bench-" + name + ": end -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(b, []byte(start))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", path, strings.TrimSpace(start), strings.TrimSpace(end))
	}
	return os.WriteFile(path, slices.Concat(head, []byte(start+"\n"+text+"\n"+end), tail), 0o644)
}
