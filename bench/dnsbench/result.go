//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// result is all rounds of one server.
type result struct {
	name    string
	records int
	inC     bool
	// One value for each round.
	cpu       []float64 // µs of the server for each query
	client    []float64 // µs of dnsperf for each query
	perSecond []float64
	perCPU    []float64 // queries for each second of the server's CPU time
	lost      int64
	response  int // average octets
}

func (r *result) add(one run) {
	n := one.load.completed
	r.cpu = append(r.cpu, micros(one.server.total(), n))
	r.client = append(r.client, micros(one.client, n))
	r.perSecond = append(r.perSecond, one.load.perSecond)
	r.perCPU = append(r.perCPU, float64(n)/one.server.total().Seconds())
	r.lost += one.load.lost
	r.response = one.load.response
}

func (r *result) last() float64 { return r.cpu[len(r.cpu)-1] }

// median is the middle of values, of which there is at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// spread is the least and the largest value.
func spread(values []float64, format string) string {
	return fmt.Sprintf(format+" – "+format, slices.Min(values), slices.Max(values))
}

// Goals: Seamark's CPU per query against the best server in C, and its queries
// per CPU second against CoreDNS's.
const (
	goalBest    = 1.15
	goalCoreDNS = 3.5
)

// ratios are what the goals are about, each the median of the rounds' ratios: a
// moment at which the machine was slow concerns both of a pair.
type ratios struct {
	best    string  // the best server in C
	toBest  float64 // Seamark's CPU per query against its
	coreDNS float64 // Seamark's queries per CPU second against CoreDNS's; 0: it is absent
}

// compareAt compares Seamark with the others that answer with so many records.
func compareAt(all []*result, records int) (ratios, bool) {
	var own, best, core *result
	for _, r := range all {
		switch {
		case r.name == "Seamark":
			own = r
		case r.records != records:
		case r.inC && (best == nil || median(r.cpu) < median(best.cpu)):
			best = r
		case r.name == "CoreDNS":
			core = r
		}
	}
	if own == nil || best == nil {
		return ratios{}, false
	}
	out := ratios{best: best.name, toBest: median(quotients(own.cpu, best.cpu))}
	if core != nil {
		out.coreDNS = median(quotients(own.perCPU, core.perCPU))
	}
	return out, true
}

func quotients(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] / b[i]
	}
	return out
}

// table is the comparison as docs/benchmarks.md shows it.
func table(all []*result) string {
	own := 0.0
	for _, r := range all {
		if r.name == "Seamark" {
			own = median(r.cpu)
		}
	}
	var b strings.Builder
	fmt.Fprintln(&b, "| server | A records in an answer | octets, average | CPU per query | spread | Seamark's / its | queries per CPU second | queries/s | spread | dnsperf's CPU per query | lost |")
	fmt.Fprintln(&b, "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | **%.2f µs** | %s | %.2f | %.0f | %.0f | %s | %.2f µs | %d |\n",
			r.name, r.records, r.response, median(r.cpu), spread(r.cpu, "%.2f"), own/median(r.cpu), median(r.perCPU),
			median(r.perSecond), spread(r.perSecond, "%.0f"), median(r.client), r.lost)
	}
	return b.String()
}
