// Package probe says what a health check by HTTP, HTTPS or TCP is and what its
// outcomes mean, by the rules of Route 53, whose checks Cloud Map uses too
// (Route 53 developer guide, "How Amazon Route 53 determines whether a health
// check is healthy"). It is pure; internal/healthcheck does the checking.
package probe

import (
	"net/netip"
	"time"

	"seamark/internal/world"
)

// The types of checks, as Route 53 spells them.
const (
	HTTP           = "HTTP"
	HTTPS          = "HTTPS"
	HTTPStrMatch   = "HTTP_STR_MATCH"
	HTTPSStrMatch  = "HTTPS_STR_MATCH"
	TCP            = "TCP"
	LongInterval   = 30 * time.Second // and the only one of Cloud Map's checks
	ShortInterval  = 10 * time.Second
	UsualThreshold = 3
)

// Target is what to check, how, and from where. It is comparable: a target that
// differs is another one, whose outcomes are counted anew.
type Target struct {
	Type string
	// VPC is where the check comes from; empty: from this host, as Route 53's
	// checkers come from the internet.
	VPC world.VPCID
	// Address is whom to connect to. When it is not valid, the IPv4 addresses of
	// Host are looked up before each check.
	Address netip.Addr
	Port    uint16
	// Host is the Host header and, with SNI, the name in the TLS handshake. Empty:
	// the address.
	Host   string
	Path   string // with the first slash, and a query if any
	Search string // must be in the first 5,120 bytes of the body (…_STR_MATCH)
	SNI    bool
	// Interval is the time between two checks, Threshold the number of outcomes in
	// a row that change the status.
	Interval  time.Duration
	Threshold int
}

// Secure says whether the check speaks TLS.
func (t Target) Secure() bool { return t.Type == HTTPS || t.Type == HTTPSStrMatch }

// Streak is what is remembered of a target between two checks.
type Streak struct {
	// Status is UNKNOWN until there was enough to decide. Route 53 treats such an
	// endpoint as healthy.
	Status         world.HealthStatus
	Passed, Failed int // in a row; one of them is 0
}

// After is the streak after one more check. A status changes when threshold
// outcomes in a row say so; a first success settles what was unknown, since it
// was treated as healthy already.
func (s Streak) After(passed bool, threshold int) Streak {
	if passed {
		s.Passed, s.Failed = s.Passed+1, 0
	} else {
		s.Passed, s.Failed = 0, s.Failed+1
	}
	switch {
	case s.Passed >= threshold, passed && s.Status == world.HealthUnknown:
		s.Status = world.Healthy
	case s.Failed >= threshold:
		s.Status = world.Unhealthy
	}
	return s
}
