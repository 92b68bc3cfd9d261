//go:build linux

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// load is what dnsperf says of one run.
type load struct {
	completed, lost   int64
	perSecond         float64
	latency           time.Duration // average
	request, response int           // average sizes in octets
	rcodes            map[string]float64
}

// patterns of dnsperf's report.
var (
	reCompleted = regexp.MustCompile(`(?m)^\s*Queries completed:\s+(\d+)`)
	reLost      = regexp.MustCompile(`(?m)^\s*Queries lost:\s+(\d+)`)
	reRate      = regexp.MustCompile(`(?m)^\s*Queries per second:\s+([\d.]+)`)
	reLatency   = regexp.MustCompile(`(?m)^\s*Average Latency \(s\):\s+([\d.]+)`)
	reSizes     = regexp.MustCompile(`(?m)^\s*Average packet size:\s+request (\d+), response (\d+)`)
	reCodes     = regexp.MustCompile(`(?m)^\s*Response codes:\s+(.*)$`)
	reCode      = regexp.MustCompile(`([A-Z]+) \d+ \(([\d.]+)%\)`)
)

// parseLoad reads dnsperf's report.
func parseLoad(text string) (load, error) {
	var l load
	var errs []error
	number := func(re *regexp.Regexp, group int) float64 {
		m := re.FindStringSubmatch(text)
		if m == nil {
			errs = append(errs, fmt.Errorf("dnsperf: no line matches %q", re))
			return 0
		}
		n, err := strconv.ParseFloat(m[group], 64)
		errs = append(errs, err)
		return n
	}
	l.completed, l.lost = int64(number(reCompleted, 1)), int64(number(reLost, 1))
	l.perSecond = number(reRate, 1)
	l.latency = time.Duration(number(reLatency, 1) * float64(time.Second))
	l.request, l.response = int(number(reSizes, 1)), int(number(reSizes, 2))
	l.rcodes = map[string]float64{}
	if m := reCodes.FindStringSubmatch(text); m != nil {
		for _, code := range reCode.FindAllStringSubmatch(m[1], -1) {
			share, err := strconv.ParseFloat(code[2], 64)
			errs = append(errs, err)
			l.rcodes[code[1]] = share
		}
	}
	if err := errors.Join(errs...); err != nil {
		return load{}, fmt.Errorf("%w\n%s", err, strings.TrimSpace(text))
	}
	return l, nil
}

// check fails for a run that says nothing: too much lost, or other answers
// than the query file asks for.
func (l load) check() error {
	const tolerance = 1 // percentage points: a run ends in the middle of the file
	nxdomain := float64(100 - percentHit - percentNone)
	switch {
	case l.completed == 0:
		return errors.New("no query was answered")
	case l.lost*100 > l.completed:
		return fmt.Errorf("%d queries lost, %d answered", l.lost, l.completed)
	case abs(l.rcodes["NXDOMAIN"]-nxdomain) > tolerance, abs(l.rcodes["NOERROR"]-(100-nxdomain)) > tolerance:
		return fmt.Errorf("response codes are %v", l.rcodes)
	}
	return nil
}

func abs(x float64) float64 { return max(x, -x) }
