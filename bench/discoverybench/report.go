//go:build linux

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"seamark/bench/rig"
)

// rate is one kind of request, in rounds.
type rate struct {
	name   string
	goal   float64 // per second, of the median; 0: none
	rounds []round
	absent string // why there are none
}

// report collects everything.
type report struct {
	rates  []*rate
	fresh  []*rig.Series
	memory []rig.Memory
	ready  []*rig.Series
	probes *probes
	kills  kills
}

func (r *report) rate(name string, goal float64) *rate {
	one := &rate{name: name, goal: goal}
	r.rates = append(r.rates, one)
	return one
}

// markdown is the report as docs/benchmarks.md shows it.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString(rig.Table(r.fresh))
	b.WriteString("\n| requests | rounds | least | median per second | most | goal | met | CPU µs each: control plane | data plane | client |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---|---:|---:|---:|\n")
	for _, one := range r.rates {
		b.WriteString(one.markdown())
	}
	for _, m := range r.memory {
		b.WriteString(m.Markdown())
	}
	b.WriteString("\n" + rig.Table(r.ready))
	b.WriteString(r.probes.markdown())
	b.WriteString(r.kills.markdown())
	return b.String()
}

func (r *rate) markdown() string {
	if len(r.rounds) == 0 {
		return fmt.Sprintf("| %s | 0 | | %s | | | | | | |\n", r.name, r.absent)
	}
	sorted := slices.SortedFunc(slices.Values(r.rounds), func(a, b round) int { return cmp.Compare(a.perSecond(), b.perSecond()) })
	median := sorted[len(sorted)/2]
	goal, met := "", ""
	if r.goal > 0 {
		goal, met = fmt.Sprintf("≥ %.0f", r.goal), rig.Verdict(median.perSecond() >= r.goal)
	}
	return fmt.Sprintf("| %s | %d | %.0f | **%.0f** | %.0f | %s | %s | %s | %s | %s |\n", r.name, len(sorted), sorted[0].perSecond(),
		median.perSecond(), sorted[len(sorted)-1].perSecond(), goal, met, r.each("control plane"), r.each("data plane"), r.each("client"))
}

// each is the processor time of one kind of process for each request, over all rounds.
func (r *rate) each(kind string) string {
	var used time.Duration
	requests := 0
	for _, one := range r.rounds {
		used += one.cpu[kind]
		requests += one.requests
	}
	return fmt.Sprintf("%.0f", float64(used.Microseconds())/float64(requests))
}
